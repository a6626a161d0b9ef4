"""The audit: who changed or looked at what, when, why and from where."""

from aggregator.domains.audit import forgetting
from aggregator.retention.by_day import old_days
from aggregator.signals.declarations import Domain, Job, Retained

DOMAIN = Domain(
    "audit",
    routers=("aggregator.domains.audit.api:router",),
    jobs=(Job("log-audit-head", 3600, "aggregator.domains.audit.forgetting:logging_head"),),
    retained=(
        Retained(
            "audit", lambda periods: periods.audit, old_days(forgetting.SQL["old_days_of_audit"]), forgetting.drop_day
        ),
    ),
)
