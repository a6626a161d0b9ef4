"""Configurations of boxes."""

from aggregator.domains.configurations.configurations import wanted
from aggregator.signals.declarations import Domain
from shared.desired import CONFIGURATION

DOMAIN = Domain(
    "configurations",
    sections={CONFIGURATION: wanted},
    routers=("aggregator.domains.configurations.api:router",),
)
