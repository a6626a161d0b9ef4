"""Alerts for programs elsewhere; one that no receiver takes is an alert here."""

from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Condition, Domain, Job
from aggregator.store import load_queries

SQL = load_queries(__package__)

DOMAIN = Domain(
    "webhooks",
    conditions=(Condition("webhook_gave_up", 2, "告警推送失败", "Alerts are not taken", clears_itself=True),),
    routers=("aggregator.domains.webhooks.api:router",),
    jobs=(
        Job("webhook", 0.5, "aggregator.domains.webhooks.sender:turns"),
        Job("forget-receivers", 60, "aggregator.domains.webhooks.sender:forgetting"),
    ),
    retained=(by_day("deliveries", lambda periods: periods.deliveries, SQL),),
)
