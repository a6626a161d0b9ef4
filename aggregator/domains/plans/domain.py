"""Plans of sites; what of them the centre itself knows: the tree of places, and where sensors are."""

from aggregator.signals.declarations import Domain

DOMAIN = Domain("plans", routers=("aggregator.domains.plans.api:router",))
