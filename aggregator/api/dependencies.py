"""How handlers get at connection and parts."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from psycopg import IsolationLevel

from aggregator.alerting.alerts import Publishing
from aggregator.api.bodies import Bodies
from aggregator.api.pool_turns import Turns
from aggregator.api.streams import Streams
from aggregator.feed.hub import FeedHub
from aggregator.store.database import Connection, Pool, tried
from aggregator.store.pictures import PictureStore
from aggregator.store.waker import Waker

T = TypeVar("T")


class LatestProbe(Protocol):
    """Whether an alert has just gone the whole way."""

    def objection(self, connection: Connection) -> str | None:
        """Why none would; None where one did."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What request handlers work with, in `app.state.parts`.

    Attributes:
        rights_changed: lets nobody go on with rights that were remembered.
        turns: of the pool; each request takes one connection at most, and only when it is its turn.
    """

    pool: Pool
    turns: Turns
    hub: FeedHub
    waker: Waker
    pictures: PictureStore
    publishing: Publishing
    proven: LatestProbe
    rights_changed: Callable[[], None]
    streams: Streams = field(default_factory=Streams)
    bodies: Bodies = field(default_factory=Bodies)

    async def on_connection(self, work: Callable[[Connection], T]) -> T:
        """Do some work on a thread, in a transaction that is committed when it returns."""

        def run() -> T:
            with self.pool.connection() as connection:
                return work(connection)

        async with self.turns.one():
            return await run_in_threadpool(tried, run)

    async def on_snapshot(self, work: Callable[[Connection], T]) -> T:
        """The same for questions of several statements, which all see one moment, and change nothing."""

        def run(connection: Connection) -> T:
            _see_one_moment(connection)
            return work(connection)

        return await self.on_connection(run)


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsDependency = Annotated[Parts, Depends(_parts)]


async def _connection(parts: PartsDependency) -> AsyncIterator[Connection]:
    """The one pooled connection of a request, in a transaction that is committed when the handler returns."""
    async with parts.turns.one(), contextmanager_in_threadpool(parts.pool.connection()) as connection:
        yield connection


ConnectionDependency = Annotated[Connection, Depends(_connection, scope="function")]


async def _snapshot(connection: ConnectionDependency) -> Connection:
    """The same, in which all statements see one moment: for questions of several. The pool takes the settings back."""
    _see_one_moment(connection)
    return connection


def _see_one_moment(connection: Connection) -> None:
    connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True


SnapshotDependency = Annotated[Connection, Depends(_snapshot)]
