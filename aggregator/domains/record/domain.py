"""The record of events: it is read, compressed, and its oldest days go."""

from aggregator.domains.record import days
from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Domain, Job, Retained

DOMAIN = Domain(
    "record",
    routers=("aggregator.domains.record.api:router",),
    jobs=(
        Job(
            "compress-days",
            3600,
            "aggregator.domains.record.days:compressing",
            patience_s=6 * 3600,
            settles_s=60,
            takes_long=True,
        ),
    ),
    retained=(
        Retained("events", lambda periods: periods.events, days.old_days, days.drop_day, days.newest_received),
        by_day("gaps", lambda periods: periods.events, days.SQL),
    ),
)
