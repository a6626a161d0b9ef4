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
from edge_agent.vision.plate.matching import LIKELY, Match, WatchTable
from models.plate import PlateReader, Reading
from shared.clock import KnownTime
from shared.events import Direction, PlateColour, VehicleClass
from shared.plates import kinds_of

_SURE = 0.5
"""A vehicle that is still in sight hits a list when its plate is so likely: the next looks may say something else."""

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
    """One vehicle that passed a lane; `met_s` is media time, `last_s` that of the last look at its plate.

    What its plate says is not in it: it is compared here, and forgotten.
    """

    track: int
    lane: str
    direction: Direction
    met_s: float
    last_s: float
    vehicle: VehicleClass
    colour: PlateColour
    read: bool


@dataclass(frozen=True, slots=True)
class HitSeen:
    """A plate that an approved list names; `corners` are of it in the picture that it was seen in last, as parts of it.

    Attributes:
        seen: the vehicle.
        match: the list's numbers; no text.
        corners: shape (4, 2), 0 to 1.
    """

    seen: VehicleSeen
    match: Match
    corners: NDArray[np.float32]


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
        self._size = 1, 1

    def hold(self, lists: HeldLists) -> None:
        """Compare with these from now on; from any thread."""
        self._lists = WatchTable.of(lists.secret, lists.key, lists.parts), lists.known

    def see(self, frame: Frame, time_s: float) -> Iterator[VehicleSeen | HitSeen]:
        """Take a frame; `time_s` is media time, which grows."""
        part = self._passages.wants(frame.grey, time_s, self._masks.ignored)
        picture = None if part is None else self._masks.blacken(frame.colour(), ignored=True)
        gone = self._passages.step(picture, part, time_s)
        if picture is not None:
            self._size = picture.shape[1], picture.shape[0]
            for passage in self._passages.under_way():
                if (match := self._matched(passage, _SURE)) and match.entry.priority:
                    self._passages.told(passage)
                    yield self._hit(passage, match)
        yield from map(self._passed, gone)

    def finish(self) -> Iterator[VehicleSeen | HitSeen]:
        """Those that are on their way when pictures end."""
        yield from map(self._passed, self._passages.end())

    def _matched(self, passage: Passage, least: float) -> Match | None:
        table, known = self._lists
        return table.match(passage.seen, known.now_ms(), least) if known else None

    def _passed(self, passage: Passage) -> VehicleSeen | HitSeen:
        match = self._matched(passage, LIKELY)
        return self._hit(passage, match) if match and match.entry.priority else _seen(passage)

    def _hit(self, passage: Passage, match: Match) -> HitSeen:
        corners = np.asarray(passage.corners / np.array(self._size, np.float32), np.float32)
        return HitSeen(_seen(passage), match, corners)


def _seen(passage: Passage) -> VehicleSeen:
    assert passage.direction is not None  # noqa: S101 - it has lanes
    return VehicleSeen(
        passage.track,
        passage.lane,
        passage.direction,
        passage.met_s,
        passage.to_s,
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
