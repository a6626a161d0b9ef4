"""How handlers get at connection and parts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import psycopg
from fastapi import Depends, HTTPException, Request
from psycopg_pool import PoolTimeout

from aggregator.store.database import Connection

if TYPE_CHECKING:
    from aggregator.api.app import Parts


def _parts(request: Request) -> "Parts":
    parts: Parts = request.app.state.parts
    return parts


def _connection(request: Request) -> Iterator[Connection]:
    """A pooled connection in a transaction, committed when the handler returns.

    Raises:
        HTTPException: 503 when the database does not answer.
    """
    try:
        with _parts(request).pool.connection() as connection:
            yield connection
    except (PoolTimeout, psycopg.OperationalError):
        raise HTTPException(503, "the database does not answer; try again") from None


PartsDependency = Annotated["Parts", Depends(_parts)]
ConnectionDependency = Annotated[Connection, Depends(_connection, scope="function")]
