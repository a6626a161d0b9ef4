"""Connections: how they are made, and what their failure is called."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from aggregator.store import session_settings
from shared.errors import UnavailableError
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

Row = DictRow
Connection = psycopg.Connection[DictRow]

T = TypeVar("T")

_RETRY_S = 1.0
_TRIES = 4


class Database:
    """Where the database is. Cheap to make; connects when asked.

    Raises:
        ConfigError: `dsn` is no address.
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._dialled = session_settings.dialled(dsn)

    def connect(self, name: str, *, autocommit: bool = False, writes: bool = True, steady: bool = False) -> Connection:
        """A connection of its own; `name` shows in pg_stat_activity.

        Args:
            writes: whether it is going to write; a replica is refused then.
            steady: it does the same few statements all day; they are planned once.

        Raises:
            UnavailableError: the database does not answer or refuses.
            UnfitDatabaseError: it answers, but nothing can be kept there, or not as it is said.
        """
        connection = None
        try:
            connection = psycopg.connect(
                self._dialled.address, autocommit=autocommit, row_factory=dict_row, **_arguments(name)
            )
            session_settings.set_up(connection, self._dialled.options, writes=writes, steady=steady)
        except psycopg.OperationalError as error:
            _close(connection)
            raise UnavailableError(
                f"database.dsn: the database does not answer ({first_line(error)}); start it or correct the address"
            ) from None
        except BaseException:
            _close(connection)
            raise
        return connection

    def require_own_sessions(self) -> None:
        """See to it that a session is ours for as long as its connection: for settings, locks and LISTEN.

        Raises:
            UnfitDatabaseError: a pooler shares it among connections.
            UnavailableError: the database does not answer.
        """
        with (
            self.connect("sessions", autocommit=True, writes=False) as one,
            self.connect("sessions", autocommit=True, writes=False) as other,
        ):
            session_settings.require_unshared(one, other)

    def keep_serving(
        self,
        name: str,
        serve: Callable[[Connection], None],
        *,
        autocommit: bool = False,
        stopping: threading.Event | None = None,
        steady: bool = False,
    ) -> None:
        """Open a connection, serve with it, and when the database fails wait a little and open another.

        `serve` goes on until the database fails or `stopping` is set; what it had not committed is its own to do again.
        The other arguments are those of `connect`.
        """
        stopping = stopping or threading.Event()
        away, failing = TroubleLog(log), TroubleLog(log)
        while not stopping.is_set():
            try:
                with self.connect(name, autocommit=autocommit, steady=steady) as connection:
                    away.over(f"{name}: the database answers again")
                    serve(connection)
            except UnavailableError as error:
                away.tell(f"{name}: {error}; trying again")
            except psycopg.Error as error:
                failing.tell(f"{name}: {first_line(error)}; trying again")
            stopping.wait(_RETRY_S)

    @contextmanager
    def pool(self, name: str, size: int) -> Iterator["Pool"]:
        """A pool for request handlers: all its connections are made at once, so that no burst waits for that.

        The one that was given back last is given out first: of a few requests each finds a server process that has read
        the catalogue and planned the statements already. Each is checked before use, and what a request set on it is
        taken back. Where one is broken, so are the others, nearly always: the database was started anew. All are looked
        at then; one after another, with the pool's own pauses, would outlast the one who waits.
        """

        def check(connection: Connection) -> None:
            # Not by the pool's `reset`: with that each connection comes back by way of a worker thread, later.
            connection.isolation_level = connection.read_only = None
            try:
                ConnectionPool.check_connection(connection)
            except psycopg.OperationalError:
                pool.check()
                raise

        with _WarmestFirst(
            self._dialled.address,
            kwargs={"row_factory": dict_row, **_arguments(name)},
            configure=lambda connection: session_settings.set_up(connection, self._dialled.options),
            min_size=size,
            timeout=5,
            open=True,
            check=check,
            connection_class=psycopg.Connection[DictRow],
        ) as pool:
            yield pool


class _WarmestFirst(ConnectionPool[Connection]):
    """Last in, first out. psycopg's own pool goes round its connections, and has no setting for this."""

    def _get_ready_connection(self, timeout: float | None) -> Connection | None:
        self._pool.rotate(1)
        return super()._get_ready_connection(timeout)


def tried(transaction: Callable[[], T]) -> T:
    """Do a whole transaction, and up to three times again where the server undid it for another's sake.

    Locks are taken in one order everywhere, so that this need not happen; where one was forgotten it costs a moment and
    no box its message, no operator a click.

    Args:
        transaction: begins and ends it, and leaves nothing behind where it fails.

    Raises:
        psycopg.Error: of any other kind at once, of this kind when all tries were in vain.
    """
    for left in reversed(range(_TRIES)):
        try:
            return transaction()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
            if not left:
                raise
            log.warning("a transaction is done again: %s", first_line(error))
    raise AssertionError("unreachable")


def _arguments(name: str) -> dict[str, Any]:
    return {"application_name": f"hawkline {name}", "connect_timeout": 5, "client_encoding": session_settings.ENCODING}


def _close(connection: Connection | None) -> None:
    if connection is not None:
        connection.close()


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name when it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


Pool = ConnectionPool[Connection]
