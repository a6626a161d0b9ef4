"""For those who run a centre: health, readiness, metrics, dead letters."""

from aggregator.signals.domain import Domain

DOMAIN = Domain("operations", routers=("aggregator.domains.operations.api:router",))
