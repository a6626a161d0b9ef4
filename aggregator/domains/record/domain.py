"""The record of events, read."""

from aggregator.signals.domain import Domain

DOMAIN = Domain("record", routers=("aggregator.domains.record.api:router",))
