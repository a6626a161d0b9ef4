"""A camera that is a checkpoint: its vehicles, lane by lane, and what of each may be told."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.config import Camera
from edge_agent.frames import Frame
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.plate import Passage, PassageReader
from models.plate import PlateReader, Reading
from shared.events import Direction, PlateColour, VehicleClass
from shared.plates import kinds_of

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

    def see(self, frame: Frame, time_s: float) -> Iterator[VehicleSeen]:
        """Take a frame; `time_s` is media time, which grows."""
        part = self._passages.wants(frame.grey, time_s, self._masks.ignored)
        picture = None if part is None else self._masks.blacken(frame.colour(), ignored=True)
        yield from map(self._seen, self._passages.step(picture, part, time_s))

    def finish(self) -> Iterator[VehicleSeen]:
        """Those that are on their way when pictures end."""
        yield from map(self._seen, self._passages.end())

    def _seen(self, passage: Passage) -> VehicleSeen:
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
