"""What of a box's messages is taken, so that one box cannot fill the disk, whatever its numbers, names and clocks say.

A batch beyond the bounds is not acknowledged: the box keeps it, and nothing that was acknowledged is lost. So an honest
box that was away for long is only slower; one that makes things up fills its own disk. A box that wants more of one
kind than comes back in a day puts aside single events that were withheld for an hour while later ones were stored, and
reports their loss; the bounds of kinds are far from what an honest box does.

What counts is what is new and is kept: a batch that was there already costs nothing, nor one whose transaction failed.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self

from aggregator.ingest.reading import Arrival, DeadLetter, ReadRow
from aggregator.signals.declarations import Kind, domains
from aggregator.store.allowance import Allowance
from shared.errors import WireError
from shared.topics import Address, parse

EVENTS_A_DAY = 500_000
LETTERS_A_DAY = 200
LETTER_BYTES = 16 * 1024
"""On the average: a letter may have four times as much, but not all of them."""
_EPOCHS_A_DAY = 20
"""New outbox files of a box: each leaves cursors for ever."""
_BYTES_AN_EVENT = 200
"""On the average of a day; most have 30."""
_LINES_A_DAY = 5000
"""Lines that were not counted before: each leaves counts for ever."""
_NAMES_A_DAY = 20_000
"""Of cameras, lines and zones in configurations, and each configuration itself: they stay for ever. A planner who tries
out a scene of a box with a hundred lines all day long saves it less often than 200 times."""
_GAPS_A_DAY = 1000
_PICTURES_A_DAY = 20_000
_MOST_EPOCHS_KNOWN = 20_000

_KEYS = {
    "events": "events_per_day",
    "event_bytes": "events_per_day",
    "letters": "dead_letters_per_day",
    "letter_bytes": "dead_letters_per_day",
}
"""What may be configured, by its key; all else has its own name."""

Left = tuple[str, Hashable]
"""What the first event of its kind leaves for ever: its allowance, and what it is, such as a line by its revision."""
_NONE: frozenset[Left] = frozenset()


@cache
def _costing() -> Mapping[type[Any], Kind]:
    """Kinds of events that leave more behind than a row of their day."""
    return {struct: kind for struct, kind in domains().kinds.items() if kind.costs}


@dataclass(slots=True)
class BoxQuota:
    """The allowances of a process that takes events, and what is known already and so costs nothing new.

    Args:
        events_a_day: of a box.
        letters_a_day: dead letters of a box.
        now_s: a steady clock.
    """

    events_a_day: int = EVENTS_A_DAY
    letters_a_day: int = LETTERS_A_DAY
    now_s: Callable[[], float] = time.monotonic
    allowed: dict[str, Allowance] = field(init=False)
    known: dict[tuple[Address, int], set[Left]] = field(default_factory=dict)
    """Of each outbox file, by box and epoch, what was left, such as lines that were counted."""

    def __post_init__(self) -> None:
        a_day = {
            "events": self.events_a_day,
            "event_bytes": self.events_a_day * _BYTES_AN_EVENT,
            "letters": self.letters_a_day,
            "letter_bytes": self.letters_a_day * LETTER_BYTES,
            "epochs": _EPOCHS_A_DAY,
            "lines": _LINES_A_DAY,
            "names": _NAMES_A_DAY,
            "gaps": _GAPS_A_DAY,
            "pictures": _PICTURES_A_DAY,
        }
        self.allowed = {name: Allowance(amount, self.now_s) for name, amount in a_day.items()}


@dataclass(slots=True)
class _Tally:
    """What a box has left while one transaction lasts, by allowance, and what it had when that began."""

    events: float
    event_bytes: float
    others: dict[str, float] = field(default_factory=dict)
    had: dict[str, float] = field(default_factory=dict)


class Bill:
    """What one transaction costs the boxes whose messages it stores. A context around it: where it fails, nothing.

    Args:
        quota: what bounds them; None: nothing does, for a person asks for it, and the box has paid already.
    """

    def __init__(self, quota: BoxQuota | None) -> None:
        self._quota = quota
        self._tallies: dict[Address | None, _Tally] = {}
        self._left: list[tuple[tuple[Address, int], set[Left]]] = []
        self.exceeded: set[tuple[Address, str]] = set()
        """Boxes that have sent more than they may, and of what, as `[limits]` calls it."""

    @property
    def bounded(self) -> bool:
        """Whether anything is counted."""
        return self._quota is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._quota is None:
            return
        if kind is not None:
            for outbox, left in self._left:
                self._quota.known.get(outbox, set()).difference_update(left)
            return
        for box, tally in self._tallies.items():
            left_of_all = {"events": tally.events, "event_bytes": tally.event_bytes, **tally.others}
            for name, had in tally.had.items():
                if used := had - left_of_all[name]:
                    self._quota.allowed[name].use(box, used)

    def takes_epoch(self, box: Address) -> bool:
        """Whether one more outbox file of a box is recorded."""
        return self._quota is None or self._take(self._quota, box, {"epochs": 1})

    def takes(self, arrival: Arrival, new: Iterable[ReadRow], numbers: int, gaps: int) -> bool:
        """Whether what is new in a batch is stored.

        Args:
            arrival: the batch.
            new: its rows that were not there before.
            numbers: how many of its numbers were not, those of rows that make no sense included.
            gaps: how many ranges it reveals to be lost.
        """
        quota, box = self._quota, arrival.address
        if quota is None:
            return True
        outbox = box, arrival.header.epoch
        known = quota.known.get(outbox, _NONE)
        # Every event goes through here, so nothing is made that is not needed.
        wanted, left = dict[str, int](), None
        costing = _costing()
        for row in new:
            kind = costing.get(type(row.event))
            if kind is None:
                continue
            if kind.once:
                leaves = kind.costs, kind.once(row.event)
                if leaves in known or (left and leaves in left):
                    continue
                left = left or set[Left]()
                left.add(leaves)
            wanted[kind.costs] = wanted.get(kind.costs, 0) + kind.weighs(row.event)
        if gaps:
            wanted["gaps"] = wanted.get("gaps", 0) + gaps
        tally = self._tallies.get(box) or self._begin(quota, box)
        if numbers:
            # Of what was there already in part, the part.
            size = len(arrival.payload) * numbers // arrival.header.count
            if tally.events < numbers or tally.event_bytes < size:
                self.exceeded.add((box, _KEYS["events"]))
                return False
            if arrival.fault:
                wanted |= {"letters": 1, "letter_bytes": len(arrival.payload)}
            if wanted and not self._take(quota, box, wanted):
                return False
            tally.events -= numbers
            tally.event_bytes -= size
        elif wanted and not self._take(quota, box, wanted):
            return False
        if left:
            if len(quota.known) > _MOST_EPOCHS_KNOWN:
                quota.known.clear()
            quota.known.setdefault(outbox, set()).update(left)
            self._left.append((outbox, left))
        return True

    def keeps(self, letter: DeadLetter) -> bool:
        """Whether a dead letter is kept with its payload, or only counted."""
        if self._quota is None:
            return True
        try:
            box: Address | None = parse(letter.topic)[0]
        except WireError:
            box = None
        return self._take(self._quota, box, {"letters": 1, "letter_bytes": len(letter.payload)})

    def _begin(self, quota: BoxQuota, box: Address | None) -> _Tally:
        had = {name: quota.allowed[name].left(box) for name in ("events", "event_bytes")}
        tally = self._tallies[box] = _Tally(had["events"], had["event_bytes"], had=had)
        return tally

    def _take(self, quota: BoxQuota, box: Address | None, wanted: Mapping[str, int]) -> bool:
        """All of it or nothing."""
        tally = self._tallies.get(box) or self._begin(quota, box)
        for name, amount in wanted.items():
            if name not in tally.others:
                tally.others[name] = tally.had[name] = quota.allowed[name].left(box)
            if tally.others[name] < amount:
                if box is not None:
                    self.exceeded.add((box, _KEYS.get(name, name)))
                return False
        for name, amount in wanted.items():
            tally.others[name] -= amount
        return True
