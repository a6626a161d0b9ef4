"""Whether anything speaks against deleting: a clock a year ahead must not empty the record."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries(__package__)

_SILENCE = timedelta(days=2)
_JUMP_S = 600.0
_AT_ONCE = 2

Clocks = tuple[Callable[[], float], Callable[[], float]]
"""Our wall clock (Unix, seconds), and one that is never set."""


def objection(days: Sequence[date], now: datetime, newest: datetime | None, jump_s: float) -> str | None:
    """Why these days must not be deleted now, if anything speaks against it.

    Args:
        days: what would go.
        now: by our wall clock, which may be wrong.
        newest: when the newest news of them came.
        jump_s: by how much the wall clock was set since this was looked at last.
    """
    if abs(jump_s) > _JUMP_S:
        return f"the clock was set by {jump_s:.0f} s"
    if newest is None or abs(now - newest) > _SILENCE:
        return f"the newest news came at {newest}, and it is {now:%Y-%m-%d %H:%M} now: is the clock right?"
    if len(days) > _AT_ONCE:
        return f"{len(days)} days would go at once ({days[0]} to {days[-1]})"
    return None


def newest_heartbeat(connection: Connection) -> datetime | None:
    """When a box was heard last."""
    row = connection.execute(SQL["newest_heartbeat"]).fetchone()
    return row["at"] if row else None


class ClockWatch:
    """What the clocks say from one look to the next."""

    def __init__(self, clocks: Clocks = (time.time, time.monotonic)) -> None:
        self._clocks = clocks
        self._wall_s, self._steady_s = (clock() for clock in clocks)

    def look(self) -> tuple[datetime, float]:
        """The time (UTC) by the wall clock, and by how much that was set since the look before, or since the start."""
        wall_s, steady_s = (clock() for clock in self._clocks)
        jump_s = (wall_s - self._wall_s) - (steady_s - self._steady_s)
        self._wall_s, self._steady_s = wall_s, steady_s
        return datetime.fromtimestamp(wall_s, tz=UTC), jump_s
