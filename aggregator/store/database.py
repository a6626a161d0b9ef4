"""Connections: how they are made, and what their failure is called."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from shared.errors import UnavailableError
from shared.telling import Complaint

log = logging.getLogger(__name__)

Row = DictRow
Connection = psycopg.Connection[DictRow]

_RETRY_S = 1.0
# An acknowledgement may follow only a commit that is on disk, whatever the server's default is; locks assume that each
# statement sees what was committed before it.
_OPTIONS = (
    "-c timezone=UTC -c synchronous_commit=on -c default_transaction_isolation=read\\ committed "
    "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=120000"
)


class Database:
    """Where the database is. Cheap to make; connects when asked."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def connect(self, name: str, *, autocommit: bool = False) -> Connection:
        """A connection of its own; `name` shows in pg_stat_activity.

        Raises:
            UnavailableError: the database does not answer or refuses.
        """
        try:
            return psycopg.connect(
                self.dsn,
                autocommit=autocommit,
                row_factory=dict_row,
                application_name=f"hawkline {name}",
                connect_timeout=5,
                options=_OPTIONS,
            )
        except psycopg.OperationalError as error:
            raise UnavailableError(
                f"database.dsn: the database does not answer ({first_line(error)}); start it or correct the address"
            ) from None

    def keep_serving(
        self,
        name: str,
        serve: Callable[[Connection], None],
        *,
        autocommit: bool = False,
        stopping: threading.Event | None = None,
    ) -> None:
        """Open a connection, serve with it, and when the database fails wait a little and open another.

        `serve` goes on until the database fails or `stopping` is set; what it had not committed is its own to do again.
        """
        stopping = stopping or threading.Event()
        away, failing = Complaint(log), Complaint(log)
        while not stopping.is_set():
            try:
                with self.connect(name, autocommit=autocommit) as connection:
                    away.over(f"{name}: the database answers again")
                    serve(connection)
            except UnavailableError as error:
                away.tell(f"{name}: {error}; trying again")
            except psycopg.Error as error:
                failing.tell(f"{name}: {first_line(error)}; trying again")
            stopping.wait(_RETRY_S)

    @contextmanager
    def pool(self, name: str, size: int) -> Iterator["Pool"]:
        """A pool for request handlers; connections are checked before use."""
        arguments: dict[str, Any] = {
            "row_factory": dict_row,
            "application_name": f"hawkline {name}",
            "connect_timeout": 5,
            "options": _OPTIONS,
        }
        with ConnectionPool(
            self.dsn,
            kwargs=arguments,
            min_size=1,
            max_size=size,
            timeout=5,
            open=True,
            check=ConnectionPool.check_connection,
            connection_class=psycopg.Connection[DictRow],
        ) as pool:
            yield pool


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name when it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


Pool = ConnectionPool[Connection]
