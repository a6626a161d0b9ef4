"""Forgets the entries of lists that have ended."""

from typing import TYPE_CHECKING

from aggregator.domains.lists.lists import end_entries
from aggregator.store.database import Connection

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn


def turns(_work: "JobContext") -> "Turn":
    """The job."""

    def turn(connection: Connection) -> None:
        end_entries(connection)

    return turn
