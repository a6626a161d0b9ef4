"""People: what is forgotten of them, and their routes."""

from typing import TYPE_CHECKING

from aggregator.people import sessions
from aggregator.signals.declarations import Domain, Job

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn


def forgetting(_work: "JobContext") -> "Turn":
    """The job that forgets sessions that are long over, and browsers that were not seen for long."""

    return sessions.forget


DOMAIN = Domain(
    "people",
    routers=(
        "aggregator.domains.people.own_api:router",
        "aggregator.domains.people.accounts_api:router",
        "aggregator.domains.people.grants_api:router",
        "aggregator.domains.people.keys_api:router",
    ),
    jobs=(Job("forget-sessions", 3600, "aggregator.domains.people.domain:forgetting"),),
)
