"""A camera that is a checkpoint: its vehicles, lane by lane, and what of each may be told."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.config import Camera
from edge_agent.frames import Frame
from edge_agent.orders.watchlists import HeldLists
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.plate import Passage, PassageReader
from edge_agent.vision.plate.listed import named
from edge_agent.vision.plate.matching import LookedUp, Match, WatchTable
from models.plate import PlateReader, Reading
from shared.clock import KnownTime
from shared.events import Direction, PlateColour, VehicleClass
from shared.plates import kinds_of

_MOST_SHOTS = 4
_COLOURS = {
    "blue": PlateColour.BLUE,
    "green": PlateColour.GREEN,
    "yellow-green": PlateColour.GREEN,
    "yellow": PlateColour.YELLOW,
}
_VEHICLES = {
    "01": VehicleClass.LARGE,
    "02": VehicleClass.CAR,
    "07": VehicleClass.MOTORCYCLE,
    "15": VehicleClass.LORRY,
    "51": VehicleClass.LARGE,
    "52": VehicleClass.CAR,
}
"""By 号牌种类. All others are rare, and nothing of them is told."""


@dataclass(frozen=True, slots=True)
class VehicleSeen:
    """One vehicle that passed a lane; `met_s` is media time.

    What its plate says is not in it: it is compared here, and forgotten.
    """

    track: int
    lane: str
    direction: Direction
    met_s: float
    vehicle: VehicleClass
    colour: PlateColour
    read: bool


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame, and where in it a plate is: four corners as parts of it, shape (4, 2)."""

    frame: Frame
    corners: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HitSeen:
    """A plate that an approved list names.

    Attributes:
        seen: the vehicle.
        match: the list's numbers; no text.
        shot: a frame in which the plate is known to be; None where there is none any more.
    """

    seen: VehicleSeen
    match: Match
    shot: Shot | None


class CheckpointWatch:
    """Of one camera.

    Args:
        camera: with a checkpoint.

    Raises:
        ConfigError: a model of the reader is missing.
        TamperedModelError: it is not the one that the registry names.
    """

    def __init__(self, camera: Camera) -> None:
        settings = camera.settings.checkpoint
        assert settings is not None  # noqa: S101 - the worker asks before
        self._masks = Masks(camera.scene.masks)
        self._passages = PassageReader(PlateReader.shipped(), settings.lanes, settings.looks_per_second)
        self._lists: tuple[WatchTable, KnownTime | None] = WatchTable(b"", b"", {}), None
        self._next_lists: tuple[WatchTable, KnownTime | None] = self._lists
        self._shots: dict[int, Shot] = {}
        """Of vehicles that a list may name, by their number: the newest look at each."""
        self._looked_up: dict[int, LookedUp] = {}
        """Of each vehicle the texts that were compared; they go with it."""

    def hold(self, lists: HeldLists) -> None:
        """Compare with these from now on; from any thread."""
        self._next_lists = WatchTable.of(lists.secret, lists.key, lists.parts), lists.known

    def see(self, frame: Frame, time_s: float) -> Iterator[VehicleSeen | HitSeen]:
        """Take a frame; `time_s` is media time, which grows."""
        part = self._passages.wants(frame.grey, time_s, self._masks.ignored)
        picture = None if part is None else self._masks.blacken(frame.colour(), ignored=True)
        if self._next_lists is not self._lists:
            self._lists = self._next_lists
            self._looked_up.clear()
        gone = self._passages.step(picture, part, time_s)
        if picture is not None:
            size = np.array(picture.shape[1::-1], np.float32)
            for passage, match, is_sure in named(self._passages, self._matched):
                self._remember(passage.track, Shot(frame, np.asarray(passage.corners / size, np.float32)))
                if is_sure:
                    yield self._hit(passage, match)
        yield from map(self._passed, gone)
        held = self._passages.held
        for kept in (self._shots, self._looked_up):
            for track in kept.keys() - held:
                del kept[track]

    def finish(self) -> Iterator[VehicleSeen | HitSeen]:
        """Those that are on their way when pictures end."""
        yield from map(self._passed, self._passages.end())

    def _matched(self, passage: Passage) -> Match | None:
        table, known = self._lists
        if known is None:
            return None
        return table.match(passage.seen, known.now_ms(), self._looked_up.setdefault(passage.track, {}))

    def _remember(self, track: int, shot: Shot) -> None:
        self._shots.pop(track, None)
        self._shots[track] = shot
        while len(self._shots) > _MOST_SHOTS:
            del self._shots[next(iter(self._shots))]

    def _passed(self, passage: Passage) -> VehicleSeen | HitSeen:
        match = self._matched(passage)
        if match and match.entry.priority:
            return self._hit(passage, match)
        self._shots.pop(passage.track, None)
        return _seen(passage)

    def _hit(self, passage: Passage, match: Match) -> HitSeen:
        return HitSeen(_seen(passage), match, self._shots.pop(passage.track, None))


def _seen(passage: Passage) -> VehicleSeen:
    assert passage.direction is not None  # noqa: S101 - it has lanes
    return VehicleSeen(
        passage.track,
        passage.lane,
        passage.direction,
        passage.met_s,
        vehicle_of(passage.reading),
        _COLOURS.get(passage.seen.colour, PlateColour.OTHER) if passage.reading else PlateColour.UNKNOWN,
        passage.reading is not None,
    )


def vehicle_of(reading: Reading | None) -> VehicleClass:
    """What a plate says of its vehicle; UNKNOWN where it is not read, or rare."""
    kinds = [] if reading is None else kinds_of(reading.text)
    fitting = [kind for kind in kinds if reading and kind.colour == reading.colour] or kinds
    return next(
        (_VEHICLES[kind.plate_class] for kind in fitting if kind.plate_class in _VEHICLES), VehicleClass.UNKNOWN
    )
