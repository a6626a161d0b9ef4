"""What one box may cost in a day, whatever it sends: what is beyond is refused or only counted.

Counted by the steady clock, for each process that keeps an allowance: no clock that is set opens it, and what a restart
forgets is a day's worth.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_DAY_S = 86_400.0
_MOST_KNOWN = 20_000
"""Boxes that are kept in mind; where there are more, those who have used least are forgotten."""


@dataclass(slots=True)
class _Used:
    amount: float
    at_s: float


class Allowance:
    """A day's worth at once, given back evenly over a day.

    Args:
        a_day: how much of what is counted: events, letters, bytes.
        now_s: a steady clock.
    """

    def __init__(self, a_day: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._a_day, self._now_s = a_day, now_s
        self._used: dict[Hashable, _Used] = {}

    def take(self, box: Hashable, amount: float) -> bool:
        """Use some of it; False, and nothing is used, where there is not so much.

        Args:
            box: whose; None stands for all that come under no name of a box.
        """
        if amount > self.left(box):
            return False
        self.use(box, amount)
        return True

    def left(self, box: Hashable) -> float:
        """How much of it there is."""
        used = self._used.get(box)
        if used is None:
            return self._a_day
        # What has come back since is taken off first.
        now_s = self._now_s()
        used.amount = max(0.0, used.amount - (now_s - used.at_s) * self._a_day / _DAY_S)
        used.at_s = now_s
        return self._a_day - used.amount

    def use(self, box: Hashable, amount: float) -> None:
        """Use so much, which was seen to be left."""
        used = self._used.get(box)
        if used is not None:
            used.amount += amount
            return
        self._used[box] = _Used(amount, self._now_s())
        if len(self._used) > _MOST_KNOWN:
            by_use = sorted(self._used.items(), key=lambda each: each[1].amount, reverse=True)
            self._used = dict(by_use[: _MOST_KNOWN // 2])

    def give_back(self, box: Hashable, amount: float) -> None:
        """What was taken was not used."""
        if used := self._used.get(box):
            used.amount = max(0.0, used.amount - amount)


class Spending:
    """What one transaction takes of allowances: used as a context outside of it, all is given back where it fails.

    So nothing is paid for twice that has to be done again, because the database was away or had undone it.
    """

    def __init__(self) -> None:
        self._taken: list[tuple[Allowance, Hashable, float]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.undo()

    def take(self, allowance: Allowance, box: Hashable, amount: float) -> bool:
        """As `Allowance.take`, and remembered."""
        if not allowance.take(box, amount):
            return False
        self._taken.append((allowance, box, amount))
        return True

    @property
    def mark(self) -> int:
        """A place that `undo` goes back to."""
        return len(self._taken)

    def undo(self, mark: int = 0) -> None:
        """Give back what was taken since."""
        for allowance, box, amount in self._taken[mark:]:
            allowance.give_back(box, amount)
        del self._taken[mark:]
