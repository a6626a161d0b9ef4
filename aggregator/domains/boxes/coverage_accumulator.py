"""For how long each box and camera is known to have been well: from one heartbeat to the next, when nothing was missed.

The time between two heartbeats of one session counts when the second came before the first expired; a camera's counts
when both say that it is watched. Whatever is in doubt does not count: silence is never mistaken for safety.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from shared.clock import QUARTER_S
from shared.events import HEALTH_EXPIRES, CameraState, Health
from shared.topics import Address

BOX = ""
"""Stands for the box itself where a camera's name would."""
SLOT_MS = QUARTER_S * 1000
_DAY_SLOTS = 96
_DAY_MS = _DAY_SLOTS * SLOT_MS
_MOST_NAMES = 128
"""Of one box's cameras in a day: more than it has at once, for they may be renamed."""
_MOST_CAMERAS, _LONGEST = 64, 200
"""Cameras of one box and letters of a name; what is beyond is not recorded."""

Slot = tuple[int, int]
"""Days since 1970 and the quarter-hour of the day (UTC)."""
Piece = tuple[Address, str]
"""A box and one of its cameras, or `BOX`."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat as far as coverage goes.

    Attributes:
        at_ms: when it was received, by our clock.
        session: of the box, and of its outbox file.
        watched: names of the cameras that were watched then.
    """

    at_ms: int
    session: tuple[int, int]
    watched: frozenset[str]

    @classmethod
    def of(cls, health: Health, at_ms: int) -> "Beat":
        """What a heartbeat says."""
        watched = {camera.name for camera in health.cameras if camera.state == CameraState.WATCHING.label}
        named = sorted(name for name in watched if name and len(name) <= _LONGEST and "\0" not in name)
        return cls(at_ms, (health.epoch, health.session), frozenset(named[:_MOST_CAMERAS]))


@dataclass(slots=True)
class Coverage:
    """Adds up what heartbeats cover until the presence service takes it."""

    beats: dict[Address, Beat] = field(default_factory=dict)
    """The newest of each box."""
    _names: dict[Address, tuple[int, set[str]]] = field(default_factory=dict)
    """The day (since 1970) and the cameras of each box that were covered on it."""
    _covered: dict[Slot, dict[Piece, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def note(self, address: Address, beat: Beat, interval_s: float) -> None:
        """Take up a heartbeat."""
        before = self.beats.get(address)
        self.beats[address] = beat
        if (
            before is None
            or before.session != beat.session
            or beat.at_ms - before.at_ms > HEALTH_EXPIRES * interval_s * 1000
        ):
            return  # where our clock was set back there is no time between the two, and nothing is counted
        watched = self._known_names(address, before.watched & beat.watched, beat.at_ms // _DAY_MS)
        for slot, lasted_ms in _slots(before.at_ms, beat.at_ms):
            covered = self._covered[slot]
            for name in (BOX, *watched):
                covered[address, name] += lasted_ms

    def _known_names(self, address: Address, names: frozenset[str], day: int) -> list[str]:
        """Those that count: each leaves a row a day, so one box has no more than so many of them."""
        known_day, known = self._names.get(address, (day, set()))
        if known_day != day:
            known = set()
        if not names <= known:
            known.update(sorted(names - known)[: max(0, _MOST_NAMES - len(known))])
        self._names[address] = day, known
        return [name for name in names if name in known]

    def take(self) -> dict[Slot, dict[Piece, int]]:
        """Milliseconds covered since the last time, by quarter-hour."""
        taken, self._covered = self._covered, defaultdict(lambda: defaultdict(int))
        return taken

    def give_back(self, taken: dict[Slot, dict[Piece, int]]) -> None:
        """What was taken could not be written."""
        for slot, pieces in taken.items():
            for piece, lasted_ms in pieces.items():
                self._covered[slot][piece] += lasted_ms


def _slots(begin_ms: int, end_ms: int) -> list[tuple[Slot, int]]:
    found = []
    while begin_ms < end_ms:
        number = begin_ms // SLOT_MS
        until_ms = min(end_ms, (number + 1) * SLOT_MS)
        found.append((divmod(number, _DAY_SLOTS), until_ms - begin_ms))
        begin_ms = until_ms
    return found
