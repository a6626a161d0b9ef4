"""The audit: who changed or looked at what, when, why and from where."""

from aggregator.signals.domain import Domain

DOMAIN = Domain("audit", routers=("aggregator.domains.audit.api:router",))
