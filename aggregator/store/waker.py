"""Tells other processes that there is something new, without slowing the commits that made it.

NOTIFY inside the ingest transaction serialises commits, so it has a connection of its own and is sent at most every
20 ms; who listens also polls, so a lost wake-up costs a fifth of a second, never an event.
"""

import threading
import time
from collections.abc import Iterator

from psycopg import sql

from aggregator.store.database import Connection, Database
from shared.threads import start_vital

INBOX = "hawkline_inbox"
FEED = "hawkline_feed"
_INTERVAL_S = 0.02
POLL_S = 0.2


class Waker:
    """Sends empty notifications on one channel."""

    def __init__(self, database: Database, channel: str) -> None:
        self._database, self._channel = database, channel
        self._wanted = threading.Event()
        start_vital(f"waker-{channel}", self._run)

    def wake(self) -> None:
        """Have the listeners look, soon."""
        self._wanted.set()

    def _run(self) -> None:
        self._database.keep_serving("waker", self._serve, autocommit=True)

    def _serve(self, connection: Connection) -> None:
        statement = sql.SQL("NOTIFY {}").format(sql.Identifier(self._channel))
        while True:
            self._wanted.wait()
            self._wanted.clear()
            connection.execute(statement)
            time.sleep(_INTERVAL_S)


def wakes(connection: Connection, channel: str) -> Iterator[None]:
    """Yield at once, then whenever another process woke the channel, and at least every 200 ms.

    Args:
        connection: in autocommit mode, used for nothing else.
    """
    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    while True:
        yield
        for _ in connection.notifies(timeout=POLL_S, stop_after=1):
            pass
