"""Tells two boxes of one name from a box that was started anew.

A life is one run of a box: the epoch of its outbox and its session. A life that was followed by another one never
comes back by itself: restarts and renewed epochs make new ones. So where one speaks again after another had begun, both
run. What was on its way when the other began is let pass.
"""

from dataclasses import dataclass, field

from shared.topics import Address

Life = tuple[int, int]
"""Epoch and session."""

LASTS_MS = 600_000
"""So long after the last sign of it two lives are held to run: more than twice the longest pause between two tries."""
_LATE_MS = 5_000
_KNOWN_MS = 3_600_000
_MOST_LIVES = 8


@dataclass(slots=True)
class _Box:
    present: Life
    since_ms: int
    before: dict[Life, int] = field(default_factory=dict)
    """Lives before the present one, and when each spoke last."""


class Lives:
    """Remembers of each box which lives spoke within the last hour. Moments are Unix milliseconds, by our clock."""

    def __init__(self) -> None:
        self._boxes: dict[Address, _Box] = {}
        self._doubled: dict[Address, int] = {}

    def remember(self, address: Address, doubled_ms: int) -> None:
        """Two lives were seen then, by a predecessor."""
        self._doubled[address] = doubled_ms

    def note(self, address: Address, life: Life, at_ms: int) -> bool:
        """A life speaks; tells whether this shows that another one runs beside it."""
        box = self._boxes.get(address)
        if box is None:
            self._boxes[address] = _Box(life, at_ms)
            return False
        if life == box.present:
            return False
        returns = life in box.before
        if returns and at_ms - box.since_ms < _LATE_MS:
            return False
        box.before.pop(life, None)
        box.before[box.present] = at_ms
        box.present, box.since_ms = life, at_ms
        kept = [(other, spoke_ms) for other, spoke_ms in box.before.items() if at_ms - spoke_ms < _KNOWN_MS]
        box.before = dict(kept[-_MOST_LIVES:])
        if returns:
            self._doubled[address] = at_ms
        return returns

    def are_two(self, address: Address, at_ms: int) -> bool:
        """Whether two lives ran under this name a short time ago."""
        doubled_ms = self._doubled.get(address)
        if doubled_ms is not None and at_ms - doubled_ms >= LASTS_MS:
            del self._doubled[address]
        return address in self._doubled
