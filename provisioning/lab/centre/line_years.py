"""Years of many lines by the hour, drawn as no judge assumes them: groups, wild days, seasons, closed gates, holidays.

Days depend on the days before, things come in groups, rain takes a part of a day, a gate is closed now and then, and
lines change over the years. The judge of `aggregator.domains.lines.usual` knows of weeks and holidays alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aggregator.domains.lines.usual import HOLIDAY, Usual

YEAR: Final = 365
_HOLIDAYS = ((0, 1), (35, 9), (95, 3), (120, 4), (172, 3), (265, 3), (273, 7))
"""Day of the year, and how many: as in China."""
_WILD_TIMES, _WILD_HOURS = 20, 6
CLASSES: Final = ((0, 1), (1, 3), (3, 10), (10, 30), (30, 100), (100, 100_000))
"""Crossings a day, from and to before."""


@dataclass(frozen=True, slots=True)
class Years:
    """Crossings, shape (lines, hours), and which days are holidays."""

    counts: NDArray[np.float64]
    holidays: NDArray[np.bool_]

    def slot(self, hour: int) -> int:
        """The hour of the week, as the judge takes it."""
        day = hour // 24
        return (HOLIDAY if self.holidays[day] else day % 7) * 24 + hour % 24


def draw(lines: int, seed: int, days: int = 2 * YEAR) -> Years:
    """Some lines of all kinds, from one crossing in two days to a thousand a day."""
    rng = np.random.default_rng(seed)
    holidays = np.zeros(days, bool)
    for year in range(days // YEAR + 1):
        for first, long in _HOLIDAYS:
            holidays[year * YEAR + first : year * YEAR + first + long] = True
    return Years(np.stack([_line(rng, days, holidays) for _ in range(lines)]), holidays)


def _line(rng: np.random.Generator, days: int, holidays: NDArray[np.bool_]) -> NDArray[np.float64]:
    hour = np.arange(24)
    profile, week, holiday = (
        (np.exp(-((hour - 8) ** 2) / 3) + np.exp(-((hour - 18) ** 2) / 5) + 0.05, (1, 1, 1, 1, 1, 0.5, 0.4), 0.3),
        (np.where((hour >= 7) & (hour < 19), 1.0, 0.0) + 0.005, (1, 1, 1, 1, 1, 0.15, 0.05), 0.05),
        (np.where((hour >= 22) | (hour < 5), 1.0, 0.02), (1, 1, 1, 1, 1, 1.5, 1.5), 1.2),
        (0.3 + 0.7 * np.sin(np.pi * np.clip((hour - 6) / 16, 0, 1)), (1, 1, 1, 1, 1.1, 1.6, 1.7), 1.8),
        (np.ones(24), (1, 1, 1, 1, 1, 1, 1), 1.0),
    )[int(rng.integers(5))]
    mean, group = 10 ** rng.uniform(-0.3, 3.0), rng.uniform(1, 4)
    swing, phase, trend, wild = rng.uniform(0, 0.6), rng.uniform(0, YEAR), rng.uniform(-0.3, 0.3), rng.uniform(0.1, 0.5)
    level, of_day = 0.0, np.empty(days)
    for day in range(days):
        level = 0.6 * level + rng.normal(0, 0.8 * wild)
        part = np.exp(level - wild**2 / 2) * (1 + swing * np.sin(2 * np.pi * (day + phase) / YEAR))
        part *= (1 + trend * day / (2 * YEAR)) * week[day % 7] * len(week) / sum(week)
        part *= holiday * rng.uniform(0.6, 1.4) if holidays[day] else 1.0
        part *= rng.uniform(0.3, 0.8) if rng.random() < 0.12 else 1.0  # rain
        of_day[day] = part * (rng.uniform(0, 0.05) if rng.random() < 0.004 else 1.0)  # closed
    expected = mean * np.maximum(of_day, 0)[:, None] * profile / profile.sum() * np.exp(rng.normal(0, 0.3, (days, 24)))
    groups = rng.poisson(expected / group)
    return np.where(groups > 0, rng.poisson(groups * group), 0).astype(float).ravel()


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of lines: hours at which each silence and each bustle began to be told."""

    still: list[list[int]]
    busy: list[list[int]]


def judged(years: Years) -> Told:
    """A judge over all hours; a silence that was told is over with the next crossing."""
    lines = len(years.counts)
    usual, told, was_busy, watched = Usual.of(lines), np.zeros(lines, bool), np.zeros(lines, bool), np.ones(lines, bool)
    found = Told([[] for _ in range(lines)], [[] for _ in range(lines)])
    for hour in range(years.counts.shape[1]):
        counts = years.counts[:, hour]
        still, busy = usual.step(years.slot(hour), counts, watched, told)
        for line in np.flatnonzero((still > 1) & ~told):
            found.still[line].append(hour)
        for line in np.flatnonzero((busy > 1) & ~was_busy):
            found.busy[line].append(hour)
        told, was_busy = (told | (still > 1)) & ~(counts > 0), busy > 1
    return found


def rows(lines: int, seed: int) -> Iterator[dict[str, object]]:
    """A year of learning, and a year that is judged: clean, with every line dying at some time, and gone wild."""
    years, rng = draw(lines, seed), np.random.default_rng(seed + 1000)
    clean = judged(years)
    for what, hours in (("still", clean.still), ("busy", clean.busy)):
        false = sum(sum(hour >= YEAR * 24 for hour in told) for told in hours) / lines
        yield _row(f"false {what} lines", f"{false:.3f} a line and year", false <= 0.03)
    died = rng.integers((YEAR + 30) * 24, (YEAR + 240) * 24, lines)
    dead = years.counts.copy()
    for line, hour in enumerate(died):
        dead[line, hour:] = 0
    found = judged(Years(dead, years.holidays)).still
    after = [next((hour - at for hour in told if hour >= at), None) for told, at in zip(found, died, strict=True)]
    a_day = years.counts[:, YEAR * 24 :].sum(axis=1) / YEAR
    for least, most in CLASSES:
        of = [after[line] for line in np.flatnonzero((a_day >= least) & (a_day < most))]
        known = sorted(hours / 24 for hours in of if hours is not None)
        middle, most_of = (known[len(known) * part // 10] for part in (5, 9)) if known else (0.0, 0.0)
        times = f"after {middle:.1f} days, nine in ten {most_of:.1f}"
        yield _row(f"dead lines of {least} to {most} crossings a day", f"{len(known)} of {len(of)} told {times}")
    wild = years.counts.copy()
    for line, hour in enumerate(died):
        span = slice(hour, hour + _WILD_HOURS)
        wild[line, span] = np.maximum(_WILD_TIMES * wild[line, span], _WILD_TIMES * a_day[line] / 24)
    busy = judged(Years(wild, years.holidays)).busy
    heard = sum(any(at <= hour < at + _WILD_HOURS for hour in told) for told, at in zip(busy, died, strict=True))
    yield _row(f"lines {_WILD_TIMES} times as busy for {_WILD_HOURS} hours", f"{heard} of {lines} told")


def _row(what: str, found: str, met: bool | None = None) -> dict[str, object]:
    return {"what": what, "found": found, "verdict": "" if met is None else "met" if met else "missed"}
