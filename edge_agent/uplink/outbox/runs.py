"""Numbers of camera workers' lives: reserved on disk beforehand, so that a card that refuses holds up no camera."""

import logging
import sqlite3
import threading

from edge_agent.uplink.outbox.store import OutboxFile, set_counter

log = logging.getLogger(__name__)

_BLOCK = 4096
_COUNTER = "run"


class Runs:
    """Gives each life of a camera worker a number, so that its track ids are unlike those before."""

    def __init__(self, file: OutboxFile) -> None:
        self._file = file
        self._newest = self._reserved_to = file.counter(_COUNTER) or 0
        self._lock = threading.Lock()

    def reserve(self, db: sqlite3.Connection) -> None:
        """Within a change: what follows may be used; an unclean end skips it."""
        self._reserved_to = self._newest + _BLOCK
        set_counter(db, _COUNTER, self._reserved_to)

    def note_clean_end(self, db: sqlite3.Connection) -> None:
        """Within a change: the next life of the box goes on here."""
        set_counter(db, _COUNTER, self._newest)

    def take(self) -> int:
        """The next number. It writes once in 4,096 times, and goes on where that fails: a camera matters more."""
        with self._lock:
            self._newest += 1
            if self._newest > self._reserved_to:
                try:
                    self._file.change(self.reserve)
                except sqlite3.Error as error:
                    log.error("%s: the number of a camera's start cannot be noted: %s", self._file.path, error)
            return self._newest
