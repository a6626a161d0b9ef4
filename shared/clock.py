"""Time as a dependency: the clock is passed in, never patched."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

QUARTER_S = 900
"""Counts and coverage are kept by the quarter-hour."""


class Clock(Protocol):
    """Wall time for people and records, monotonic time for waiting."""

    def now_s(self) -> float:
        """Seconds since the Unix epoch. May jump."""

    def monotonic_s(self) -> float:
        """Seconds that only grow, from an arbitrary start."""


class Moment(NamedTuple):
    """When something is, for what has no clock of its own.

    Attributes:
        s: monotonic seconds, for delays.
        at_ms: Unix milliseconds, for people and records.
    """

    s: float
    at_ms: int

    @classmethod
    def of(cls, clock: Clock) -> "Moment":
        """Now."""
        return cls(clock.monotonic_s(), to_ms(clock.now_s()))

    def before(self, seconds: float) -> "Moment":
        """So many seconds before this one."""
        return Moment(self.s - seconds, self.at_ms - to_ms(seconds))


class SystemClock:
    """The clock of the machine."""

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()


def boot_s() -> float:
    """Seconds since the machine was booted, its sleep included; the same for all processes, and nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class KnownTime:
    """What time it was at a moment of this boot. From then on it is known, wherever the wall clock is set to.

    Attributes:
        at_ms: Unix milliseconds.
        boot_s: of that moment, as of `boot_s()`.
    """

    at_ms: int
    boot_s: float

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self.at_ms + round(1000 * (boot_s() - self.boot_s))


class ManualClock:
    """A clock for tests that moves only when told to."""

    def __init__(self, now_s: float = 1_700_000_000.0) -> None:
        self._now_s = now_s
        self._monotonic_s = 1_000.0

    def now_s(self) -> float:
        return self._now_s

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Both clocks move on."""
        self._now_s += seconds
        self._monotonic_s += seconds

    def step_wall(self, seconds: float) -> None:
        """Only the wall clock jumps, as when an administrator sets it."""
        self._now_s += seconds


def to_ms(seconds: float) -> int:
    """Unix seconds as whole milliseconds, the unit of the wire."""
    return round(seconds * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Milliseconds of the wire as an aware UTC datetime.

    Raises:
        OverflowError: the value lies outside the years 1 to 9999.
    """
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
