"""The audit: who changed or looked at what, when, why and from where."""

from aggregator.domains.audit import forgetting, telling
from aggregator.retention.by_day import old_days
from aggregator.signals.declarations import Domain, Job, Retained

DOMAIN = Domain(
    "audit",
    routers=("aggregator.domains.audit.api:router",),
    jobs=(Job("tell-audit-head", telling.EVERY_S, "aggregator.domains.audit.telling:telling_heads"),),
    retained=(
        Retained(
            "audit", lambda periods: periods.audit, old_days(forgetting.SQL["old_days_of_audit"]), forgetting.drop_day
        ),
    ),
)
