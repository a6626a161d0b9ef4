"""What happens to a box: events by the hour, storms, and the faults of a box's life. Pure: seeds in, moments out."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

DAY = (
    0.30, 0.22, 0.18, 0.18, 0.25, 0.55, 1.10, 1.90, 2.10, 1.45, 1.15, 1.20,
    1.35, 1.15, 1.05, 1.10, 1.35, 1.95, 2.05, 1.50, 1.05, 0.80, 0.60, 0.45,
)  # fmt: skip
"""How lively an hour of the day is; the mean is one. People and vehicles leave in the morning and come home."""

YEAR_S = 365 * 86400.0


class Mishap(Enum):
    """What happens to a box besides its events."""

    OUTAGE = "outage"
    """No network for a while."""
    CLOCK = "clock"
    """The wall clock is set, by up to a year either way."""
    CLOCK_RIGHT = "clock_right"
    """It is set right again."""
    REBOOT = "reboot"
    """Stopped in order and started again."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one box does on average.

    Attributes:
        alarms: events a second that raise alerts.
        bulk: events a second that are counted only.
        storms: an hour; a storm makes alarms ten times as many.
        mishaps: an hour, of each kind.
        by_hour: whether the hour of the day counts.
    """

    alarms: float
    bulk: float
    storms: float = 0.0
    mishaps: float = 0.0
    by_hour: bool = True


_STORM_S = 20.0
_STORM_FACTOR = 10.0
_WEIGHTS = {Mishap.OUTAGE: 3, Mishap.CLOCK: 1, Mishap.CLOCK_RIGHT: 1, Mishap.REBOOT: 1}


def moments(rate: float, rates: Rates, rng: random.Random, begin_s: float) -> Iterator[float]:
    """When something happens that happens `rate` times a second on average: Poisson, thinned by hour and storm.

    Args:
        rate: of the mean hour, without storms.
        rates: of the box.
        rng: consumed.
        begin_s: Unix time.
    """
    if rate <= 0:
        return
    highest = rate * (max(DAY) if rates.by_hour else 1.0) * (_STORM_FACTOR if rates.storms else 1.0)
    storm_from_s = begin_s + rng.expovariate(rates.storms / 3600) if rates.storms else float("inf")
    now_s = begin_s
    while True:
        now_s += rng.expovariate(highest)
        while now_s > storm_from_s + _STORM_S:
            storm_from_s += _STORM_S + rng.expovariate(rates.storms / 3600)
        here = rate * (hour_factor(now_s) if rates.by_hour else 1.0)
        here *= _STORM_FACTOR if now_s >= storm_from_s else 1.0
        if rng.random() < here / highest:
            yield now_s


def hour_factor(now_s: float) -> float:
    """How lively this moment is, China's time, from hour to hour without steps."""
    hours = (now_s / 3600 + 8) % 24
    before, after = DAY[int(hours)], DAY[(int(hours) + 1) % 24]
    return before + (after - before) * (hours % 1)


def mishaps(rates: Rates, rng: random.Random, begin_s: float) -> Iterator[tuple[float, Mishap]]:
    """What befalls a box, and when, as Unix time."""
    now_s = begin_s
    while rates.mishaps > 0:
        now_s += rng.expovariate(rates.mishaps * len(_WEIGHTS) / 3600)
        yield now_s, rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]


def step_s(rng: random.Random) -> float:
    """By how much a clock is set wrong: seconds to a year, either way, every order of magnitude as likely."""
    return float(rng.choice((-1, 1)) * 10 ** rng.uniform(0.5, 7.5))
