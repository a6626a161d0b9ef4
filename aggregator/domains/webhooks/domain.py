"""Alerts for programs elsewhere; one that no receiver takes is an alert here."""

from aggregator.signals.domain import Condition, Domain

DOMAIN = Domain(
    "webhooks",
    conditions=(Condition("webhook_gave_up", 2, clears_itself=True),),
    routers=("aggregator.domains.webhooks.api:router",),
)
