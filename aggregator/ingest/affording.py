"""What of a box's messages is taken, so that one box cannot fill the disk, whatever its numbers, names and clocks say.

A batch beyond the bounds is not acknowledged: the box keeps it, and nothing that was acknowledged is lost. So an honest
box that was away for long is only slower; one that makes things up fills its own disk.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aggregator.ingest.reading import Arrival, DeadLetter
from aggregator.store.allowance import Allowance
from shared.errors import WireError
from shared.events import ConfigApplied, EvidenceReady, LineCrossed, RangeLost
from shared.topics import Address, parse

EVENTS_A_DAY = 500_000
LETTERS_A_DAY = 200
LETTER_BYTES = 16 * 1024
"""On the average: a letter may have four times as much, but not all of them."""
_EPOCHS_A_DAY = 20
"""New outbox files of a box: each leaves cursors for ever."""
_LINES_A_DAY = 500
"""Lines that were not counted before: each leaves counts for ever."""
_CONFIGURATIONS_A_DAY = 1000
"""Also counted where a box sends one again, because the database was away for a while."""
_GAPS_A_DAY = 1000
_PICTURES_A_DAY = 20_000
_MOST_EPOCHS_KNOWN = 20_000

_KINDS = {ConfigApplied: "configurations", RangeLost: "gaps", EvidenceReady: "pictures"}
"""Kinds of events that leave more behind than a row of their day."""

Line = tuple[int, int]
"""Revision and line."""


@dataclass(slots=True)
class Affording:
    """The allowances of a process that takes events, and what is known already and so costs nothing new.

    Args:
        events_a_day: of a box.
        letters_a_day: dead letters of a box.
        now_s: a steady clock.
    """

    events_a_day: int = EVENTS_A_DAY
    letters_a_day: int = LETTERS_A_DAY
    now_s: Callable[[], float] = time.monotonic
    _allowed: dict[str, Allowance] = field(default_factory=dict)
    _known: dict[tuple[Address, int], set[Line]] = field(default_factory=dict)
    """Of each outbox file, by box and epoch, the lines that were counted."""

    def __post_init__(self) -> None:
        a_day = {
            "events": self.events_a_day,
            "letters": self.letters_a_day,
            "letter_bytes": self.letters_a_day * LETTER_BYTES,
            "epochs": _EPOCHS_A_DAY,
            "lines": _LINES_A_DAY,
            "configurations": _CONFIGURATIONS_A_DAY,
            "gaps": _GAPS_A_DAY,
            "pictures": _PICTURES_A_DAY,
        }
        self._allowed = {name: Allowance(amount, self.now_s) for name, amount in a_day.items()}

    def taken(self, arrivals: Iterable[Arrival], withheld: Counter[tuple[str, str]]) -> list[Arrival]:
        """The arrivals that are within bounds.

        Args:
            withheld: gets the batches that are not, by `withheld_batches` and the box.
        """
        found = []
        for arrival in arrivals:
            if self._takes(arrival):
                found.append(arrival)
            else:
                withheld["withheld_batches", f"{arrival.address.site}/{arrival.address.agent}"] += 1
        return found

    def takes_gaps(self, box: Address, number: int) -> bool:
        """Whether so many ranges more may be recorded as lost."""
        return self._allowed["gaps"].take(box, number)

    def unused(self, box: Address, events: int) -> None:
        """So many events of a batch were there already."""
        self._allowed["events"].give_back(box, events)

    def keeps(self, letter: DeadLetter) -> bool:
        """Whether a dead letter is kept with its payload, or only counted."""
        try:
            box: Address | None = parse(letter.topic)[0]
        except WireError:
            box = None
        return self._keeps(box, letter.payload)

    def _keeps(self, box: Address | None, payload: bytes) -> bool:
        return self._take(box, {"letters": 1, "letter_bytes": len(payload)})

    def _takes(self, arrival: Arrival) -> bool:
        box, count = arrival.address, arrival.header.count
        known = self._known.get((box, arrival.header.epoch))
        # Nearly always there is nothing new, and this is asked for every batch.
        if known is not None and not arrival.fault and not self._is_new(arrival, known):
            return self._allowed["events"].take(box, count)
        wanted = Counter({"events": count})
        if known is None:
            wanted["epochs"] = 1
        lines = {(row.event.revision, row.event.line) for row in arrival.rows if type(row.event) is LineCrossed}
        if new := lines - (known or set()):
            wanted["lines"] = len(new)
        wanted.update(_KINDS[type(row.event)] for row in arrival.rows if type(row.event) in _KINDS)
        if arrival.fault:
            wanted.update({"letters": 1, "letter_bytes": len(arrival.payload)})
        if not self._take(box, wanted):
            return False
        if len(self._known) > _MOST_EPOCHS_KNOWN:
            self._known.clear()
        self._known.setdefault((box, arrival.header.epoch), set()).update(new)
        return True

    @staticmethod
    def _is_new(arrival: Arrival, known: set[Line]) -> bool:
        for row in arrival.rows:
            event = row.event
            if type(event) is LineCrossed:
                if (event.revision, event.line) not in known:
                    return True
            elif type(event) in _KINDS:
                return True
        return False

    def _take(self, box: Address | None, wanted: Mapping[str, int]) -> bool:
        """All of it or nothing."""
        taken: list[tuple[str, int]] = []
        for name, amount in wanted.items():
            if not self._allowed[name].take(box, amount):
                for other, used in taken:
                    self._allowed[other].give_back(box, used)
                return False
            taken.append((name, amount))
        return True
