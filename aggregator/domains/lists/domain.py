"""Lists of plates. What is over keeps no entry; the list itself stays for as long as the audit tells of it."""

from aggregator.domains.lists.lists import SQL
from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Domain, Job

DOMAIN = Domain(
    "lists",
    routers=("aggregator.domains.lists.api:router",),
    jobs=(Job("end-lists", 60, "aggregator.domains.lists.ending:turns", patience_s=3600),),
    retained=(by_day("lists", lambda periods: periods.audit, SQL),),
)
