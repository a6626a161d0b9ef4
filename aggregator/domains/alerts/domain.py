"""Alerts as operators and programs see them: lists, acknowledgements, verdicts, maintenance."""

from aggregator.signals.domain import Domain

DOMAIN = Domain(
    "alerts",
    routers=("aggregator.domains.alerts.api:router", "aggregator.domains.alerts.maintenance_api:router"),
)
