"""Acceptance of sites."""

from aggregator.signals.declarations import Domain

DOMAIN = Domain("acceptances", routers=("aggregator.domains.acceptances.api:router",))
