"""What is known of the card that an outbox writes to: whether it takes what it is given, and if not, since when."""

import errno
import sqlite3
from dataclasses import dataclass

from shared.clock import Clock, to_ms
from shared.errors import HawklineError

HANGS_S = 5.0
"""A write that has not ended after so long counts as refused: the agent cannot know whether it ever does."""
_WORDS = {
    sqlite3.SQLITE_FULL: "no space is left on it",
    sqlite3.SQLITE_READONLY: "it is mounted read-only",
    sqlite3.SQLITE_IOERR: "input/output error",
    sqlite3.SQLITE_CANTOPEN: "its files cannot be opened",
}


class CardError(HawklineError):
    """The card takes no writes, and no number is left that was reserved on it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is written, in words, and since when (Unix milliseconds)."""

    reason: str
    since_ms: int


class Card:
    """Guarded by the outbox's lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: Refusal | None = None
        self._began: tuple[float, int] | None = None
        """When the write that is under way began, by both clocks."""

    @property
    def refusal(self) -> Refusal | None:
        """None while it takes what it is given."""
        if self._refused or self._began is None:
            return self._refused
        began_s, began_ms = self._began
        if self._clock.monotonic_s() - began_s < HANGS_S:
            return None
        return Refusal("the card does not answer: a write has not ended", began_ms)

    def begin(self) -> None:
        """A write begins."""
        self._began = self._clock.monotonic_s(), to_ms(self._clock.now_s())

    def took(self) -> bool:
        """The write is on the card; tells whether it had refused one before."""
        refused, self._began, self._refused = self._refused, None, None
        return refused is not None

    def refuse(self, error: sqlite3.Error) -> Refusal | None:
        """The write failed; returns the refusal where it is news."""
        known = self._refused
        since_ms = known.since_ms if known else to_ms(self._clock.now_s())
        self._refused = Refusal(f"the card refuses writes: {words_of(error)}", since_ms)
        self._began = None
        return self._refused if self._refused != known else None


def words_of(error: Exception) -> str:
    """What went wrong in words for people; SQLite keeps the system's own to itself."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _WORDS:
        return f"{_WORDS[code]} ({error})"
    return getattr(error, "strerror", None) or str(error)


def is_refusal(error: Exception) -> bool:
    """Whether it is the card that takes no writes, and not, say, a path that leads nowhere."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return is_full(error) or code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether it is the file itself that is no good any more."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: sqlite3.Error) -> bool:
    """Whether it was room that was missing."""
    code = getattr(error, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or "full" in str(error) or "No space" in str(error)
