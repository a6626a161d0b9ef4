"""The tree of places that sites hang in."""

from aggregator.signals.declarations import Domain

DOMAIN = Domain("places", routers=("aggregator.domains.places.api:router",))
