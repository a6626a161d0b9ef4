"""People: what is forgotten of them, and their routes."""

from typing import TYPE_CHECKING

from aggregator.people.accounts import SQL
from aggregator.signals.declarations import Domain, Job
from aggregator.store.database import Connection

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn


def forgetting(_work: "JobContext") -> "Turn":
    """The job that forgets sessions that are long over, and browsers that were not seen for long."""

    def turn(connection: Connection) -> None:
        connection.execute(SQL["forget_sessions"])
        connection.execute(SQL["forget_browsers"])

    return turn


DOMAIN = Domain(
    "people",
    routers=("aggregator.domains.people.api:router",),
    jobs=(Job("forget-sessions", 3600, "aggregator.domains.people.domain:forgetting"),),
)
