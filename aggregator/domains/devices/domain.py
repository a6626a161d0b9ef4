"""Who may come in: claims, certificates, revocation."""

from aggregator.signals.declarations import Domain

DOMAIN = Domain("devices", routers=("aggregator.domains.devices.api:router",))
