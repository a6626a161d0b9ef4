"""Surveys."""

from aggregator.domains.surveys.surveys import wanted
from aggregator.signals.declarations import Domain, Job
from shared.desired import SURVEYS

DOMAIN = Domain(
    "surveys",
    sections={SURVEYS: wanted},
    routers=("aggregator.domains.surveys.api:router",),
    jobs=(Job("forget-surveys", 30, "aggregator.domains.surveys.surveys:forgetting"),),
)
