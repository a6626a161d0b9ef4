"""Which findings are of one plate, which line its vehicle met, and that each is told once and forgotten."""

from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pytest

from edge_agent.vision.plate import Passage, PassageReader
from models.plate import Calibration, Found, Plate, decode_plate
from shared.events import Direction
from shared.scene import Lane
from tests.unit.test_plate_decoding import seen_as

SIZE = 1000, 500
LEFT = Lane("left", [(0.1, 0.8), (0.45, 0.8)], "left_to_right")
RIGHT = Lane("right", [(0.45, 0.8), (0.9, 0.8)])
BROAD = 80


@dataclass
class Reader:
    """Sees what the test puts before it: texts at places of the picture, in pixels."""

    calibration: Calibration = field(default_factory=lambda: Calibration(threshold=0.9))
    plates: list[tuple[str, float, float]] = field(default_factory=list)
    sure: float = 0.97
    reads: int = 0
    corner: tuple[int, int] = (0, 0)

    def read(self, picture: np.ndarray) -> list[Plate]:
        self.reads += 1
        made = []
        for text, x, y in self.plates:
            middle = np.array([x, y]) - self.corner
            corners = np.array([[-1, -0.3], [1, -0.3], [1, 0.3], [-1, 0.3]]) * BROAD / 2 + middle
            seen = seen_as(text, self.sure)
            made.append(Plate(Found(0.9, corners.astype(np.float32)), seen, decode_plate(seen, self.calibration)))
        return made


PICTURE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
WHOLE = (0.0, 0.0, 1.0, 1.0)
Way = tuple[str, float, float, float, float]
"""A text, and pixels of x, of y at the beginning, of y a second, and seconds until it is there."""


def drive(passing: PassageReader, reader: Reader, ways: list[Way], lasts_s: float = 3.0) -> list[Passage]:
    """Plates that move down the picture, ten looks a second."""
    told = []
    for tenth in range(int(10 * lasts_s)):
        now_s = tenth / 10
        at = [(text, x, y + pace * (now_s - after_s), now_s - after_s) for text, x, y, pace, after_s in ways]
        reader.plates = [(text, x, y) for text, x, y, since_s in at if since_s >= 0 and 0 < y < SIZE[1] - 12]
        told += passing.step(PICTURE, WHOLE, now_s)
    return told


def test_a_vehicle_is_told_once_in_its_lane_with_the_votes_of_all_looks() -> None:
    reader = Reader()
    passing = PassageReader(reader, [LEFT, RIGHT])
    (passage,) = drive(passing, reader, [("皖A12345", 250, 100, 300, 0.0)])
    assert (passage.lane, passage.direction) == ("left", Direction.LEFT_TO_RIGHT)
    assert passage.reading is not None
    assert passage.reading.text == "皖A12345"
    assert passage.looks > 8
    # Where its vehicle meets the road, about its breadth below it, was on the line.
    assert passage.met_s == pytest.approx((400 - 12 - 76 - 100) / 300, abs=0.02)
    assert passing.end() == [], "and forgotten"


def test_who_has_met_the_line_is_under_way_and_once_told_is_told_no_more() -> None:
    reader = Reader()
    passing = PassageReader(reader, [LEFT, RIGHT])
    ways = [("皖A12345", 250, 100, 300, 0.0), ("皖A12345", 253, 96, 300, 0.2), ("苏B99999", 700, 100, 300, 0.0)]
    early, late = list[Passage](), list[Passage]()
    for tenth in range(30):
        reader.plates = [
            (text, x, y + pace * (tenth / 10 - after_s))
            for text, x, y, pace, after_s in ways
            if tenth / 10 >= after_s and y + pace * (tenth / 10 - after_s) < SIZE[1] - 12
        ]
        late += passing.step(PICTURE, WHOLE, tenth / 10)
        for passage in passing.under_way():
            assert passage.met_s <= tenth / 10
            if passage.lane == "left":
                passing.told(passage)
            early.append(passage)
    assert [passage.seen.text for passage in early if passage.lane == "left"] == ["皖A12345"], "once, in two pieces"
    assert len([passage for passage in early if passage.lane == "right"]) > 1, "as long as nobody was told"
    assert [passage.seen.text for passage in late] == ["苏B99999"]
    assert np.allclose(early[0].corners.mean(0)[0], 250, atol=4)


def test_two_abreast_and_two_close_behind_each_other_are_four() -> None:
    reader = Reader()
    passing = PassageReader(reader, [LEFT, RIGHT])
    ways = [("皖A12345", 250, 50, 300, 0.0), ("苏B99999", 700, 50, 300, 0.0)]
    behind = [("皖A12346", 250, 50, 300, 0.6), ("苏B99990", 700, 50, 300, 0.6)]
    told = drive(passing, reader, ways + behind, 4.0)
    assert sorted((one.lane, one.seen.text) for one in told) == [
        *(("left", "皖A12345"), ("left", "皖A12346"), ("right", "苏B99990"), ("right", "苏B99999"))
    ]


def test_the_wrong_way_of_a_lane_is_not_told_and_both_ways_of_another_are() -> None:
    reader = Reader()
    passing = PassageReader(reader, [LEFT, RIGHT])
    told = drive(passing, reader, [("皖A12345", 250, 420, -300, 0.0), ("苏B99999", 700, 420, -300, 0.0)])
    assert [(one.lane, one.direction) for one in told] == [("right", Direction.RIGHT_TO_LEFT)]


def test_who_leaves_the_picture_before_the_line_by_a_little_has_met_it() -> None:
    reader = Reader()
    low = Lane("low", [(0.1, 0.99), (0.9, 0.99)])
    passing = PassageReader(reader, [low])
    reader.plates = []
    told = []
    for tenth in range(40):
        y = 50 + 30 * tenth
        reader.plates = [("皖A12345", 500, y)] if y < 360 else []
        told += passing.step(PICTURE, WHOLE, tenth / 10)
    (passage,) = told
    assert passage.lane == "low"


def test_one_plate_that_is_found_twice_is_one_vehicle_and_the_surer_finding_tells() -> None:
    reader = Reader()
    passing = PassageReader(reader, [LEFT])
    told = []
    for tenth in range(30):
        y = 100 + 30 * tenth
        reader.plates = [("皖A12345", 250, y)] if y < 480 else []
        if reader.plates and tenth % 2:
            reader.plates.append(("京Q80808", 250, y - 60))  # its grille
        told += passing.step(PICTURE, WHOLE, tenth / 10)
    assert [one.seen.text for one in told] == ["皖A12345"]


def test_what_stands_and_what_flashes_up_are_not_told() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    reader.plates = [("苏B99999", 500, 250)]
    assert [passing.step(PICTURE, WHOLE, tenth / 10) for tenth in range(30)] == [[]] * 30
    reader.plates = []
    assert passing.end() == []
    reader.plates, reader.sure = [("苏B99999", 500, 250)], 0.2
    passing.step(PICTURE, WHOLE, 0.0)
    assert passing.end() == []


def test_an_unsure_reading_is_unread() -> None:
    reader = Reader(sure=0.4)
    (passage,) = drive(PassageReader(reader, [LEFT]), reader, [("皖A12345", 250, 100, 300, 0.0)])
    assert passage.reading is None
    assert passage.score < 0.9


def test_a_clock_that_jumps_back_ends_what_was() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    assert drive(passing, reader, [("皖A12345", 250, 100, 300, 0.0)], 1.0) == []
    (passage,) = passing.step(None, None, -3600.0)
    assert passage.seen.text == "皖A12345"
    assert drive(passing, reader, []) == []


def test_a_slow_vehicle_and_one_found_in_two_pieces_are_told_once() -> None:
    reader = Reader()
    passing = PassageReader(reader, [LEFT])
    (slow,) = drive(passing, reader, [("皖A12345", 250, 60, 20, 0.0)], 30.0)
    assert slow.looks > 150, "followed for as long as it moves"
    reader, told = Reader(), list[Passage]()
    passing = PassageReader(reader, [LEFT])
    for tenth in range(90):  # its plate is hidden for two seconds right behind the line
        y = 100 + 30 * min(tenth, 8) + 30 * max(0, tenth - 28)
        reader.plates = [("皖A12345", 250, y)] if (tenth < 8 or tenth > 29) and y < 480 else []
        told += passing.step(PICTURE, WHOLE, tenth / 10)
    assert len(told) == 1


def test_after_an_end_numbers_go_on() -> None:
    reader = Reader()
    passing = PassageReader(reader)
    drive(passing, reader, [("皖A12345", 250, 100, 300, 0.0)], 1.0)
    first = passing.end()
    drive(passing, reader, [("苏B99999", 250, 100, 300, 0.0)], 1.0)
    second = passing.end()
    assert [one.track for one in (*first, *second)] == [1, 2]


def test_what_is_not_analysed_is_not_looked_at() -> None:
    passing = PassageReader(Reader(), [LEFT], per_second=10)
    still = np.full((SIZE[1], SIZE[0]), 90, np.uint8)
    moving = still.copy()
    moving[300:400, 200:300] = 200
    passing.wants(still, 0.0)

    def hidden(width: int, height: int) -> np.ndarray:
        mask = np.zeros((height, width), np.uint8)
        mask[:, : width // 2] = 255
        return mask

    assert passing.wants(moving, 0.2, hidden) is None
    assert passing.wants(still, 0.4) is not None


def test_looks_are_paced_and_only_what_moves_is_looked_at() -> None:
    passing = PassageReader(Reader(), [LEFT], per_second=10)
    still = np.full((SIZE[1], SIZE[0]), 90, np.uint8)
    assert [passing.wants(still, number / 25) for number in range(25)] == [None] * 25
    moving = still.copy()
    moving[300:400, 200:300] = 200
    parts = [passing.wants(moving if number % 2 else still, 1 + number / 25) for number in range(25)]
    looked = [part for part in parts if part is not None]
    assert 6 <= len(looked) <= 10
    left, top, right, bottom = looked[0]
    assert left < 0.2 < 0.3 < right < 0.5
    assert top < 0.6 < 0.8 < bottom


def test_plates_are_where_the_part_of_the_picture_was() -> None:
    reader = Reader(corner=(200, 50))
    passing = PassageReader(reader, [LEFT, RIGHT])
    part = (0.2, 0.1, 1.0, 1.0)
    told = []
    for tenth in range(30):
        y = 100 + 30 * tenth
        reader.plates = [("皖A12345", 700, y)] if y < 480 else []
        told += passing.step(PICTURE, part, tenth / 10)
    assert [one.lane for one in told] == ["right"]


def test_nothing_of_a_plate_is_told_by_a_traceback_or_a_log() -> None:
    reader = Reader()
    passing = PassageReader(reader, [LEFT])
    (passage,) = drive(passing, reader, [("皖A12345", 250, 100, 300, 0.0)])
    assert "12345" not in repr(passage)
    assert "12345" not in "".join(map(repr, chain(passing._tracks.living, passing._waiting)))
