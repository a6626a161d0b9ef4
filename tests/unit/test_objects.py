"""The object model's output, and what becomes of it; cells are written here, so what is right is known."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.objects import WHOLE, Found, ObjectFinder
from models.objects.layouts import LAYOUTS, NanoDet, Rows, check
from models.objects.lens import Lens, Part
from shared.errors import ConfigError
from shared.objects import ModelLayout, ObjectClass

WIDE, HIGH = 416, 256
PERSON, BICYCLE, CAR, CHAIR = 0, 1, 2, 56


def nothing(width: int = WIDE, height: int = HIGH) -> NDArray[np.float32]:
    """Cells in which the model sees nothing."""
    return np.zeros((sum((width // side) * (height // side) for side in (8, 16, 32)), 80 + 44), np.float32)


def put(
    cells: NDArray[np.float32],
    kind: int,
    score: float,
    box: tuple[float, float, float, float],
    width: int = WIDE,
    height: int = HIGH,
) -> None:
    """See a thing, in the cell of 32 pixels that its middle lies in."""
    left, top, right, bottom = box
    column, row = int((left + right) / 2 / 32), int((top + bottom) / 2 / 32)
    first = len(cells) - (width // 32) * (height // 32)
    cell = cells[first + row * (width // 32) + column]
    cell[kind] = score
    x, y = (column + 0.5) * 32, (row + 0.5) * 32
    for side, away in enumerate((x - left, y - top, right - x, bottom - y)):
        low, part = int(away / 32), away / 32 % 1
        logits = np.full(11, -30.0)
        logits[low], logits[low + 1] = np.log(max(1e-9, 1 - part)), np.log(max(1e-9, part))
        cell[80 + 11 * side : 91 + 11 * side] = logits


class Session:
    """Gives what it was given, whatever goes in."""

    def __init__(self, *outputs: NDArray[Any], size: tuple[Any, Any] = ("h", "w"), names: Sequence[str] = ("out",)):
        self._outputs, self._size, self._names = outputs, size, names
        self.fed: dict[str, NDArray[Any]] = {}

    def get_inputs(self) -> Sequence[Any]:
        return [SimpleNamespace(name="picture", shape=[1, 3, *self._size])]

    def get_outputs(self) -> Sequence[Any]:
        return [SimpleNamespace(name=name) for name in self._names]

    def run(self, output_names: Sequence[str] | None, input_feed: dict[str, Any]) -> Sequence[Any]:
        self.fed = input_feed
        return [each[None] for each in self._outputs]


def blank(size: tuple[int, int] = (WIDE, HIGH)) -> NDArray[np.uint8]:
    return np.zeros((size[1], size[0], 3), np.uint8)


def find(cells: NDArray[np.float32], size: tuple[int, int] = (WIDE, HIGH)) -> list[Any]:
    return ObjectFinder(NanoDet(Session(cells)), 0.3).find_all(blank(size))


def decode(cells: NDArray[np.float32]) -> Rows:
    """In pixels of what goes in."""
    return NanoDet(Session(cells)).find(blank(), 0.3) * [WIDE, HIGH, WIDE, HIGH, 1, 1]


def test_a_box_is_where_its_distances_say() -> None:
    cells = nothing()
    put(cells, CAR, 0.7, (100, 60, 190, 130))
    rows = decode(cells)
    assert rows.shape == (1, 6)
    assert rows[0] == pytest.approx([100, 60, 190, 130, 0.7, CAR], abs=0.01)


def test_one_thing_in_two_cells_is_one_and_two_kinds_are_two() -> None:
    cells = nothing()
    put(cells, CAR, 0.7, (100, 60, 190, 130))
    put(cells, CAR, 0.6, (90, 60, 150, 130))
    put(cells, PERSON, 0.5, (300, 60, 330, 130))
    assert [row[5] for row in decode(cells).tolist()] == [CAR, CAR, PERSON]
    put(cells, CAR, 0.65, (118, 60, 202, 130))
    assert [row[4] for row in decode(cells).tolist()] == pytest.approx([0.7, 0.6, 0.5])


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match="no number at all"):
        decode(np.full_like(nothing(), np.nan))


@pytest.mark.parametrize(("size", "put_in"), [((832, 512), (1, 3, 256, 416)), ((208, 128), (1, 3, 256, 416))])
def test_boxes_are_parts_of_the_picture(size: tuple[int, int], put_in: tuple[int, ...]) -> None:
    cells = nothing()
    put(cells, PERSON, 0.8, (104, 64, 156, 192))
    session = Session(cells)
    found = ObjectFinder(NanoDet(session), 0.3).find_all(blank(size))
    assert session.fed["picture"].shape == put_in
    assert len(found) == 1
    assert (found[0].left, found[0].top, found[0].right, found[0].bottom) == pytest.approx((0.25, 0.25, 0.375, 0.75))
    assert found[0].object_class is ObjectClass.PERSON


def test_single_rows_that_are_no_numbers_are_left_out() -> None:
    cells = nothing()
    put(cells, CAR, 0.7, (100, 60, 190, 130))
    cells[:50] = np.nan
    assert [one.object_class for one in find(cells)] == [ObjectClass.CAR]
    rows = np.full((300, 6), np.nan, np.float32)
    rows[7] = 160, 80, 240, 280, 0.72, PERSON
    assert len(LAYOUTS["end_to_end"](Session(rows, size=(384, 640))).find(blank((640, 360)), 0.3)) == 1


def test_where_nothing_is_nothing_is_found() -> None:
    assert find(nothing()) == []


def test_what_neither_walks_nor_drives_is_left_out() -> None:
    cells = nothing()
    put(cells, CHAIR, 0.9, (104, 64, 156, 192))
    assert find(cells) == []


def test_a_car_that_is_also_a_lorry_is_one() -> None:
    cells = nothing()
    put(cells, CAR, 0.7, (100, 60, 190, 130))
    put(cells, 7, 0.5, (80, 62, 188, 130))
    assert [one.object_class for one in find(cells)] == [ObjectClass.CAR]


def test_a_rider_and_the_bicycle_are_one_that_rides() -> None:
    cells = nothing()
    put(cells, PERSON, 0.8, (100, 60, 140, 170))
    put(cells, BICYCLE, 0.5, (90, 120, 160, 180))
    put(cells, PERSON, 0.6, (300, 60, 340, 170))
    found = find(cells)
    assert [one.object_class for one in found] == [ObjectClass.TWO_WHEELER, ObjectClass.PERSON]
    assert found[0].score == pytest.approx(0.8)
    assert (found[0].left * WIDE, found[0].top * HIGH) == pytest.approx((90, 60), abs=0.1)
    assert (found[0].right * WIDE, found[0].bottom * HIGH) == pytest.approx((160, 180), abs=0.1)


def test_who_walks_beside_a_bicycle_that_stands_is_a_person() -> None:
    cells = nothing()
    put(cells, PERSON, 0.8, (100, 60, 140, 170))
    put(cells, BICYCLE, 0.5, (150, 120, 220, 180))
    assert [one.object_class for one in find(cells)] == [ObjectClass.PERSON, ObjectClass.TWO_WHEELER]


def test_a_part_costs_what_goes_in_and_is_as_large_as_in_the_whole() -> None:
    lens = ObjectFinder(NanoDet(Session(nothing())), 0.3).lens
    assert (lens.side_px, lens.fixed) == (416, False)
    picture = blank((1920, 1080))
    assert lens.cost((1920, 1080), WHOLE) == 1
    assert lens.cost((1920, 1080), (0.3, 0.3, 0.6, 0.6)) == pytest.approx(128 * 96 / (416 * 256))
    part = lens.cut(picture, (0.3, 0.3, 0.6, 0.6))
    assert part.picture.shape == (70, 125, 3)
    assert part.region == pytest.approx((0.3, 0.3, 0.6, 0.6), abs=1e-3)
    fixed = Lens(640, fixed=True)
    assert fixed.cost((1920, 1080), (0.3, 0.3, 0.6, 0.6)) == 1
    whole = fixed.cut(picture, (0.3, 0.3, 0.6, 0.6))
    assert (whole.picture.shape, whole.region) == ((360, 640, 3), WHOLE), "a part would cost as much"
    assert not LAYOUTS["yolox"](yolox()).is_fixed
    assert LAYOUTS["detr"](Session(names=("logits", "pred_boxes"))).is_fixed, "also where its sides are open"
    odd = lens.cut(blank((1001, 601)), (0.3333, 0.3333, 0.6666, 0.6666))
    assert odd.region == (333 / 1001, 200 / 601, 668 / 1001, 401 / 601), "the next larger pixels"


def test_boxes_of_a_part_are_those_of_the_picture_and_what_its_border_cuts_is_left_out() -> None:
    cells = np.zeros((sum((224 // side) * (128 // side) for side in (8, 16, 32)), 124), np.float32)

    def see(box: tuple[float, float, float, float]) -> list[Found]:
        put(cells, PERSON, 0.8, box, 224, 128)
        part = Part(blank((224, 128)), (0.5, 0.25, 0.75, 0.5))
        found = ObjectFinder(NanoDet(Session(cells)), 0.3).find(part)
        cells[:] = 0
        return found

    (whole,) = see((112, 32, 168, 96))
    assert (whole.left, whole.top, whole.right, whole.bottom) == pytest.approx(
        (0.625, 0.3125, 0.6875, 0.4375), abs=1e-3
    )
    assert see((0, 32, 56, 96)) == []
    assert see((112, 32, 224, 96)) == []


# A person at 160 to 240 by 80 to 280 of 640 by 360 pixels, as each layout says it.
SIZE = (640, 360)
BOX = (0.25, 80 / 360, 0.375, 280 / 360)


def yolox() -> Session:
    cells = np.zeros((84 * 84 + 12, 85), np.float32)[: 80 * 48 + 40 * 24 + 20 * 12]
    column, row = 6, 5  # of 32 pixels, holds the middle (200, 180)
    cell = cells[80 * 48 + 40 * 24 + row * 20 + column]
    cell[:5] = 200 / 32 - column, 180 / 32 - row, np.log(80 / 32), np.log(200 / 32), 0.9
    cell[5 + PERSON] = 0.8
    return Session(cells)


def end_to_end() -> Session:
    rows = np.zeros((300, 6), np.float32)
    rows[7] = 160, 80, 240, 280, 0.72, PERSON
    return Session(rows, size=(384, 640))


def in_parts() -> Session:
    rows = np.zeros((300, 6), np.float32)
    rows[7] = *BOX, 0.72, PERSON
    return Session(rows, size=(384, 640))


def detr() -> Session:
    logits, boxes = np.full((300, 80), -9, np.float32), np.full((300, 4), 0.5, np.float32)
    logits[3, PERSON] = np.log(0.72 / 0.28)
    boxes[3] = 200 / 640, 0.5, 80 / 640, 200 / 360
    return Session(logits, boxes, size=(640, 640), names=("logits", "pred_boxes"))


def detr_of_its_authors() -> Session:
    boxes, scores = np.full((300, 4), 0.5, np.float32), np.zeros(300, np.float32)
    boxes[3], scores[3] = BOX, 0.72
    return Session(np.zeros(300, np.int64), boxes, scores, size=(640, 640), names=("labels", "boxes", "scores"))


@pytest.mark.parametrize(
    ("layout", "session"),
    [("yolox", yolox()), ("end_to_end", end_to_end()), ("detr", detr()), ("detr", detr_of_its_authors())],
)
def test_every_layout_says_the_same(layout: ModelLayout, session: Session) -> None:
    model = LAYOUTS[layout](session)
    check(model, "ours")
    rows = model.find(blank(SIZE), 0.3)
    assert rows.shape == (1, 6)
    assert rows[0] == pytest.approx([*BOX, 0.72, PERSON], abs=1e-3)


@pytest.mark.parametrize(
    ("layout", "session", "said"),
    [
        ("yolox", end_to_end(), r"its output is \(1, 300, 6\), expected \(1, 5040, 5 \+ classes\)"),
        ("nanodet", yolox(), r"its output is \(1, 5040, 85\), expected \(1, 2184, 80 classes"),
        ("end_to_end", yolox(), r"its output is \(1, 5040, 85\), expected \(1, n, 6\)"),
        ("detr", yolox(), "its outputs are out, expected logits and pred_boxes, or labels, boxes and scores"),
        ("end_to_end", Session(np.full((9, 6), 7, np.float32)), "scores from 7 to 7, expected 0 to 1; is it another"),
        ("end_to_end", Session(), "it returned nothing"),
        ("end_to_end", in_parts(), "all its boxes lie within two pixels: are they parts of the sides?"),
    ],
)
def test_another_layout_is_named(layout: ModelLayout, session: Session, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check(LAYOUTS[layout](session), "ours")
