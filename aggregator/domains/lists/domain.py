"""Lists of plates, on their way to the boxes, and their hits.

What is over keeps no entry; the list itself stays for as long as the audit tells of it.
"""

from aggregator.domains.lists.cordons import WAITS
from aggregator.domains.lists.hits import HIT, JUDGE
from aggregator.domains.lists.lists import SQL
from aggregator.domains.lists.watchlists import wanted
from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Domain, Job
from shared.desired import LISTS

DOMAIN = Domain(
    "lists",
    conditions=(HIT, WAITS),
    judges=(JUDGE,),
    sections={LISTS: wanted},
    routers=("aggregator.domains.lists.api:router", "aggregator.domains.lists.cordon_api:router"),
    jobs=(
        Job("end-lists", 60, "aggregator.domains.lists.ending:turns", patience_s=3600),
        Job("end-cordons", 1, "aggregator.domains.lists.cordon_ending:turns"),
        Job("send-lists", 0.5, "aggregator.domains.lists.watchlists:turns"),
    ),
    retained=(by_day("lists", lambda periods: periods.audit, SQL),),
)
