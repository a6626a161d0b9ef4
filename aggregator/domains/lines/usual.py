"""What is usual on a line, by the hour of the week and the season, and how improbable its silence or its bustle is.

Pure. Many lines at once: every array's first axis is the line. A judge steps from hour to hour; hours in which a line
was not surely watched are left out. Counts are a Poisson number whose mean varies from day to day, with a dispersion
that each line shows itself, so a day that is quiet as a whole (rain, a closed gate) is not many improbable hours. No
such model holds in its tail, so a line's own record counts: what is told is less probable by far than all it has shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOLIDAY: Final = 7
"""Holidays are an eighth day of the week."""
_SLOTS = 8 * 24
_PROFILE_WEEKS = 8.0
_LEVEL_DAYS = 10.0
_DISPERSION_DAYS = 60.0
_LEAST_HOURS = 4
"""A day counts of which so much was watched: many cameras see nothing at night."""
_LEAST_DAYS = 28
"""Before so many days nothing is said of a line."""
_FORGETS = 0.5 ** (1 / 1826)
"""A record counts half after five years."""
_LEAST_SHAPE, _MOST_SHAPE = 0.25, 8.0
_QUIET: Final = 15.0
"""Improbability of a silence, as the negative logarithm, at which it is told."""
_BUSY: Final = 15.0
"""The same of an hour's bustle."""
_BEYOND: Final = 2.0
"""Both have to be so much less probable than the least probable one that was nothing."""


@dataclass(slots=True)
class Usual:
    """What is usual on some lines.

    Attributes:
        profile: crossings an hour, shape (lines, 192): seven days and a holiday.
        weight: how much each of these hours is known.
        level: of the last days beside the profile, 1 as usual: seasons.
        shape: of the days' variation; small is wild.
        days: watched so far.
        record: the most improbable silence that ended by itself.
        bustle: the most improbable busy hour.
        silence: improbability of the days that are over since the last crossing.
        quiet_today: crossings expected since then, of today.
        expected: crossings expected today.
        came: those that came.
        missed: crossings expected since the last one, of the days that are over.
        hours: of today that were learnt of.
    """

    profile: Floats
    weight: Floats
    level: Floats
    shape: Floats
    days: Floats
    record: Floats
    bustle: Floats
    silence: Floats
    quiet_today: Floats
    expected: Floats
    came: Floats
    missed: Floats
    hours: Floats

    @classmethod
    def of(cls, lines: int) -> "Usual":
        """Of lines that nothing is known of."""
        none = np.zeros(lines)
        return cls(
            np.zeros((lines, _SLOTS)),
            np.zeros((lines, _SLOTS)),
            np.ones(lines),
            np.ones(lines),
            *(none.copy() for _ in range(9)),
        )

    @classmethod
    def unpacked(cls, known: Sequence[bytes | None]) -> "Usual":
        """What `packed` made, a line each; of None, and of what another version packed, nothing is known."""
        usual = cls.of(len(known))
        widths = [_SLOTS, _SLOTS, *[1] * (len(fields(cls)) - 2)]
        for line, kept in enumerate(known):
            if kept is None or len(kept) != 4 * sum(widths):
                continue
            values = np.frombuffer(kept, np.float32).astype(np.float64)
            for each, part in zip(fields(cls), np.split(values, np.cumsum(widths)[:-1]), strict=True):
                getattr(usual, each.name)[line] = part if len(part) > 1 else part[0]
        return usual

    def packed(self) -> list[bytes]:
        """What is known of each line, 1.6 KB."""
        columns = [np.atleast_2d(getattr(self, each.name).T).T for each in fields(self)]
        return [row.tobytes() for row in np.hstack(columns).astype(np.float32)]

    def expects(self, slot: int) -> Floats:
        """Crossings of an hour, an `(day of week or HOLIDAY) * 24 + hour`."""
        day, hour = divmod(slot, 24)
        # Neighbouring hours, and the same hour of other days, help where little is known.
        near = [day * 24 + (hour + off) % 24 for off in (-1, 0, 1)]
        known = self.weight[:, near] * np.array([0.5, 1.0, 0.5])
        own = (self.profile[:, near] * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1e-9)
        like = [d * 24 + hour for d in (range(5) if day < 5 else (5, 6))]
        others = (self.profile[:, like] * self.weight[:, like]).sum(axis=1) / np.maximum(
            self.weight[:, like].sum(axis=1), 1e-9
        )
        sure = known.sum(axis=1) / (known.sum(axis=1) + 2.0)
        return np.asarray(self.level * (sure * own + (1 - sure) * others))

    def step(
        self, slot: int, counts: Floats, watched: NDArray[np.bool_], told: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Take an hour.

        Args:
            slot: see `expects`.
            counts: crossings, by line.
            watched: whether each line was surely watched in it.
            told: lines whose silence was told: nothing is learnt of them.

        Returns:
            How improbable each line's silence is, and the bustle of this hour, beside what is told: beyond 1 it is. 0
            where nothing can be said.
        """
        mean = np.where(watched, self.expects(slot), 0.0)
        crossed = counts > 0
        quiet = self.silence + self.shape * np.log1p(self.quiet_today / self.shape)
        self.record = np.where(crossed & (self.days > 7) & ~told, np.maximum(self.record, quiet), self.record)
        self.silence = np.where(crossed, 0.0, self.silence)
        self.missed = np.where(crossed, 0.0, self.missed)
        self.quiet_today = np.where(crossed, 0.0, self.quiet_today + mean)
        quiet = self.silence + self.shape * np.log1p(self.quiet_today / self.shape)
        busy = np.where(watched, _excess(counts, mean, self.shape), 0.0)
        beyond = busy / np.maximum(_BUSY, _BEYOND * self.bustle)
        # What was told is no habit: one death, or one storm of insects, must not make the line deaf to the next.
        self.bustle = np.where(self.days > 7, np.maximum(self.bustle, np.where(beyond > 1, 0.0, busy)), 0.0)
        learns = watched & ~told
        self.hours += learns
        self.expected += np.where(learns, mean, 0.0)
        self.came += np.where(learns, counts, 0.0)
        rate = learns / (self.weight[:, slot] + 1)
        # A burst is no habit.
        bounded = np.minimum(counts / self.level, 5 * np.maximum(self.profile[:, slot], 1.0))
        self.profile[:, slot] += rate * (bounded - self.profile[:, slot])
        self.weight[:, slot] = np.minimum(self.weight[:, slot] + learns, _PROFILE_WEEKS)
        if slot % 24 == 23:
            self._end_day(self.hours >= _LEAST_HOURS)
        known = self.days >= _LEAST_DAYS
        still = quiet / np.maximum(_QUIET, _BEYOND * self.record)
        return np.where(known, still, 0.0), np.where(known, beyond, 0.0)

    def _end_day(self, learns: NDArray[np.bool_]) -> None:
        self.silence += self.shape * np.log1p(self.quiet_today / self.shape)
        self.missed += self.quiet_today
        self.quiet_today = np.zeros_like(self.quiet_today)
        self.record *= _FORGETS
        self.bustle *= _FORGETS
        some = learns & (self.expected > 0.2)
        ratio = np.where(some, self.came / np.maximum(self.expected, 1e-9), 1.0)
        # A day of few crossings tells little of the season.
        pull = np.minimum(1.0, self.expected / 10) / _LEVEL_DAYS
        self.level = np.clip(self.level * np.exp(pull * np.clip(np.log(np.maximum(ratio, 0.2)), -1, 1)), 0.1, 5.0)
        spread = (self.came - self.expected) ** 2 - self.expected
        variance = np.clip(spread / np.maximum(self.expected, 1e-9) ** 2, 0.0, 4.0)
        rate = some * np.minimum(1.0, self.expected / 3) / np.minimum(_DISPERSION_DAYS, 5 + self.days)
        inverse = 1 / self.shape
        inverse += rate * (variance - inverse)
        self.shape = np.clip(1 / np.maximum(inverse, 1e-9), _LEAST_SHAPE, _MOST_SHAPE)
        self.days += learns
        self.hours = np.zeros_like(self.hours)
        self.expected, self.came = np.zeros_like(self.expected), np.zeros_like(self.came)


def _excess(counts: Floats, mean: Floats, shape: Floats) -> Floats:
    """How improbable so many are: Chernoff's bound for a negative binomial number, 0 below its mean."""
    mean = np.maximum(mean, 0.05)
    over = np.maximum(counts, mean)
    bound = over * np.log(over / mean) - (over + shape) * np.log((over + shape) / (mean + shape))
    return np.where(counts > mean, bound, 0.0)
