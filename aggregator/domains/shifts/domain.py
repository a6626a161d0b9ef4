"""Shifts: posts, who is on, what was handed over."""

from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Domain
from aggregator.store.queries import load_queries

SQL = load_queries(__package__)

DOMAIN = Domain(
    "shifts",
    routers=("aggregator.domains.shifts.api:router",),
    # As long as the audit: both tell who answered for what.
    retained=(by_day("shifts", lambda periods: periods.audit, SQL),),
)
