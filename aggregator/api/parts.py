"""How handlers get at connection and parts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from aggregator.alerting.alerts import Publishing
from aggregator.api.streams import Streams
from aggregator.feed.hub import FeedHub
from aggregator.store.database import Connection, Pool
from aggregator.store.pictures import PictureStore
from aggregator.store.waker import Waker
from aggregator.upkeep.proof import Proven


@dataclass(frozen=True, slots=True)
class Parts:
    """What request handlers work with, in `app.state.parts`."""

    pool: Pool
    hub: FeedHub
    waker: Waker
    pictures: PictureStore
    publishing: Publishing
    proven: Proven
    streams: Streams = field(default_factory=Streams)


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _connection(request: Request) -> Iterator[Connection]:
    """A pooled connection in a transaction, committed when the handler returns."""
    with _parts(request).pool.connection() as connection:
        yield connection


PartsDependency = Annotated[Parts, Depends(_parts)]
ConnectionDependency = Annotated[Connection, Depends(_connection, scope="function")]


def _snapshot(connection: ConnectionDependency) -> Connection:
    """The same, in which all statements see one moment: for questions of several."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return connection


SnapshotDependency = Annotated[Connection, Depends(_snapshot)]
