"""Which plate belongs to which vehicle, and when it is told."""

from dataclasses import dataclass, field

import numpy as np

from edge_agent.vision.plate import PassageReader
from edge_agent.vision.plate.passage import Box
from models.plate import Calibration, Found, Plate, decode_plate
from tests.unit.test_plate_decoding import seen_as

SIZE = 1000, 500


@dataclass
class Mover:
    track_id: int
    box: Box
    confirmed: bool = True
    travelling: bool = True


@dataclass
class Reader:
    """Sees what the test puts before it: texts at places of the picture."""

    calibration: Calibration = field(default_factory=lambda: Calibration(threshold=0.9))
    plates: list[tuple[str, float, float]] = field(default_factory=list)
    sure: float = 0.97
    reads: int = 0

    def read(self, picture: np.ndarray) -> list[Plate]:
        self.reads += 1
        made = []
        for text, x, y in self.plates:
            middle = np.array([x * SIZE[0], y * SIZE[1]])
            corners = np.array([[-40, -12], [40, -12], [40, 12], [-40, 12]]) + middle
            seen = seen_as(text, self.sure)
            made.append(Plate(Found(0.9, corners.astype(np.float32)), seen, decode_plate(seen, self.calibration)))
        return made


PICTURE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def drive(
    passing: PassageReader, reader: Reader, texts: list[str], *, travelling: bool = True, start_s: float = 0.0
) -> float:
    """A vehicle from left to right, a plate in every frame; the time when it is out of sight."""
    time_s = start_s
    for number, text in enumerate(texts):
        x = 0.1 + 0.8 * number / len(texts)
        mover = Mover(5, (x - 0.1, 0.4, x + 0.1, 0.7), travelling=travelling)
        reader.plates = [(text, x, 0.65)]
        picture = PICTURE if passing.wants([mover], time_s) else None
        assert passing.step(picture, [mover], time_s) == [], "told once, when it has gone"
        time_s += 0.1
    reader.plates = []
    return time_s


def test_a_vehicle_is_told_once_with_the_votes_of_all_looks() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    end_s = drive(passing, reader, ["皖A12345", "皖A12345", "皖A12845", "皖A12345"])
    assert passing.step(None, [], end_s) == []
    (passage,) = passing.step(None, [], end_s + 2)
    assert passage.reading is not None
    assert (passage.track, passage.reading.text, passage.looks) == (5, "皖A12345", 4)
    assert passing.step(None, [], end_s + 4) == passing.end() == [], "and forgotten"


def test_an_unsure_reading_is_unread() -> None:
    reader = Reader(sure=0.4)
    passing = PassageReader(reader)
    drive(passing, reader, ["皖A12345"] * 3)
    (passage,) = passing.end()
    assert passage.reading is None
    assert passage.score < 0.9


def test_what_stands_is_not_told() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    drive(passing, reader, ["皖A12345"] * 3, travelling=False)
    assert passing.end() == []


def test_plates_belong_to_the_smallest_track_around_them() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    for step in range(4):
        x = 0.3 + 0.1 * step
        reader.plates = [("皖A12345", x, 0.6), ("苏B99999", 0.95, 0.95)]
        truck, car = Mover(1, (0.0, 0.0, 0.9, 0.8)), Mover(2, (x - 0.1, 0.4, x + 0.1, 0.65))
        ghost = Mover(3, (x - 0.02, 0.55, x + 0.02, 0.62), confirmed=False)
        passing.step(PICTURE, [truck, car, ghost], step / 10)
    assert [passage.track for passage in passing.end()] == [2]


def test_a_parked_plate_behind_somebody_who_passes_is_not_theirs() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    for step in range(10):
        x = 0.3 + 0.04 * step
        reader.plates = [("苏B99999", 0.5, 0.6)]
        passing.step(PICTURE, [Mover(1, (x - 0.2, 0.4, x + 0.2, 0.7))], step / 10)
    assert passing.end() == []


def test_one_look_gives_a_track_one_plate() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    for step in range(6):
        x = 0.3 + 0.05 * step
        reader.plates = [("皖A12345", x, 0.6), ("苏B99999", x + 0.1, 0.5)]
        passing.step(PICTURE, [Mover(1, (x - 0.2, 0.3, x + 0.2, 0.7))], step / 10)
    (passage,) = passing.end()
    assert passage.looks == 6
    assert passage.reading is not None
    assert passage.reading.text == "皖A12345"


def test_who_stands_for_long_is_told_and_not_forgotten() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    mover = Mover(1, (0.2, 0.3, 0.8, 0.7))
    told = []
    for tenth in range(150):
        reader.plates = [("皖A12345", 0.3 + 0.02 * tenth, 0.6)] if tenth < 10 else []
        told += passing.step(PICTURE, [mover], tenth / 10)
    (passage,) = told
    assert passage.reading is not None
    assert passing.end() == []


def test_a_clock_that_jumps_back_ends_what_was() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    drive(passing, reader, ["皖A12345"] * 4)
    mover = Mover(9, (0.1, 0.1, 0.5, 0.5))
    assert passing.wants([mover], -3600.0)
    (passage,) = passing.step(PICTURE, [mover], -3600.0)
    assert passage.track == 5
    assert not passing.wants([mover], -3599.95)
    assert passing.wants([mover], -3599.8)


def test_looks_are_paced_and_cost_nothing_without_a_track() -> None:
    passing = PassageReader(Reader())
    mover = Mover(1, (0.1, 0.1, 0.5, 0.5))
    assert not passing.wants([], 0.0)
    assert not passing.wants([Mover(1, mover.box, confirmed=False)], 0.0)
    looks = 0
    for frame in range(100):
        if passing.wants([mover], frame / 50):
            looks += 1
            passing.step(PICTURE, [mover], frame / 50)
    assert 17 <= looks <= 20
