"""The network's heat and corners, read; and plates straightened."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from models.plate import PlateFinder, cut
from models.plate.finder import Quad


class Network:
    """Says that plates are at these corners, given in the pixels of the scene as it is fed; from near, at others."""

    def __init__(self, *plates: tuple[float, Quad], near: tuple[tuple[float, Quad], ...] = ()) -> None:
        self.plates, self.near, self.shape = plates, near, (0, 0)

    def run(self, output_names: Sequence[str] | None, input_feed: dict[str, Any]) -> Sequence[Any]:
        high, wide = input_feed["scene"].shape[2:]
        second = (wide, high) == (256, 128)
        if not second:
            self.shape = wide, high
        heat = np.full((1, 1, high // 8, wide // 8), -8.0, np.float32)
        corners = np.zeros((1, 8, high // 8, wide // 8), np.float32)
        ys, xs = np.mgrid[0 : high // 8, 0 : wide // 8]
        for logit, quad in self.near if second else self.plates:
            column, row = (quad.mean(0) / 8).astype(int)
            near = (abs(ys - row) <= 1) & (abs(xs - column) <= 1)
            heat[0, 0][near] = logit - 1
            heat[0, 0, row, column] = logit
            for index, (x, y) in enumerate(quad / 8):
                corners[0, 2 * index][near] = ((x - xs - 0.5) / 4)[near]
                corners[0, 2 * index + 1][near] = ((y - ys - 0.5) / 4)[near]
        return [heat, corners]


def quad(left: float, top: float, right: float, bottom: float) -> Quad:
    return np.array([[left, top], [right, top + 3], [right, bottom + 3], [left, bottom]], np.float32)


def from_near(plate: Quad) -> Quad:
    """Where a second look sees what the first one saw."""
    along = float(np.linalg.norm(plate[1] - plate[0]))
    return np.asarray((plate - plate.mean(0)) * 256 / (3 * along) + [128, 64], np.float32)


def test_corners_come_back_in_pixels_of_the_picture() -> None:
    plate = quad(200, 100, 264, 120)
    network = Network((1.0, plate), near=((3.0, from_near(plate)),))
    (found,) = PlateFinder(network).find(np.zeros((720, 1280, 3), np.uint8))
    assert network.shape == (512, 288)
    assert np.abs(found.corners - quad(200, 100, 264, 120) * 2.5).max() < 0.1
    assert found.box == pytest.approx((500, 250, 660, 307.5), abs=0.1)
    assert found.score == pytest.approx(0.953, abs=0.01)


def test_a_second_look_from_near_makes_corners_exact() -> None:
    rough = quad(200, 100, 264, 120)  # of 512 by 288: 160 by 57 pixels of the picture
    corners = np.array([[85, 50], [170, 51], [170, 80], [85, 79]], np.float32)
    (found,) = PlateFinder(Network((3.0, rough), near=((2.0, corners),))).find(np.zeros((720, 1280, 3), np.uint8))
    along = float(np.linalg.norm(rough[1] - rough[0])) * 2.5
    middle = rough.mean(0) * 2.5
    expected = (corners - [128, 64]) * (3 * along / 256) + middle
    assert np.abs(found.corners - expected).max() < 0.5
    assert found.rough is not None
    assert np.abs(found.rough - rough * 2.5).max() < 0.1


@pytest.mark.parametrize("at", [(20, 20), (230, 110)])
def test_what_is_a_plate_from_afar_alone_is_none(at: tuple[int, int]) -> None:
    other = quad(at[0] - 20, at[1] - 10, at[0] + 20, at[1] + 5)
    network = Network((3.0, quad(200, 100, 264, 120)), near=((5.0, other),))
    assert PlateFinder(network).find(np.zeros((720, 1280, 3), np.uint8)) == []


def test_a_first_look_at_something_beside_the_plate_is_not_cut() -> None:
    plate = quad(200, 100, 264, 120)
    beside = from_near(plate) + np.float32([25, 5])
    (found,) = PlateFinder(Network((3.0, plate), near=((3.0, beside),))).find(np.zeros((720, 1280, 3), np.uint8))
    assert found.rough is None
    assert np.abs(found.corners.mean(0) - plate.mean(0) * 2.5).max() > 40


@pytest.mark.parametrize("size", [(220, 293), (1603, 1056), (345, 800), (2448, 3264), (40, 2000), (1, 1), (1, 20000)])
def test_every_size_is_scaled_to_the_same_work(size: tuple[int, int]) -> None:
    network = Network()
    assert PlateFinder(network).find(np.zeros((*size, 3), np.uint8)) == []
    wide, high = network.shape
    assert wide % 32 == high % 32 == 0
    assert wide * high < 1.4 * 512 * 288


def test_the_surest_first_and_one_finding_a_plate() -> None:
    twice = [(2.0, quad(100, 100, 164, 120)), (4.0, quad(300, 200, 364, 220)), (1.0, quad(124, 100, 188, 120))]
    network = Network(*twice, near=((3.0, from_near(twice[0][1])),))
    found = PlateFinder(network).find(np.zeros((288, 512, 3), np.uint8))
    assert [round(one.box[0]) for one in found] == [300, 100]


def test_what_is_unlikely_is_left_out() -> None:
    assert PlateFinder(Network((-2.0, quad(100, 100, 164, 120)))).find(np.zeros((288, 512, 3), np.uint8)) == []


@pytest.mark.parametrize("scale", [1, 2, 9])
def test_a_plate_is_straightened(scale: int) -> None:
    flat = np.zeros((48, 128, 3), np.uint8)
    cv2.circle(flat, (32, 24), 8, (255, 255, 255), -1)
    corners = np.array([[20, 10], [140, 30], [138, 72], [18, 52]], np.float32) * scale
    onto = cv2.getPerspectiveTransform(np.array([[0, 0], [128, 0], [128, 48], [0, 48]], np.float32), corners)
    picture = np.asarray(cv2.warpPerspective(flat, onto, (160 * scale, 90 * scale)), np.uint8)
    back = cut(picture, corners)
    assert back.shape == (48, 128, 3)
    bright = np.argwhere(back[..., 0] > 127).mean(0)
    assert np.abs(bright - [24, 32]).max() < 1.5


def test_a_plate_outside_the_picture_is_cut_all_the_same() -> None:
    picture = np.full((50, 50, 3), 7, np.uint8)
    for moved in (-500, -70, -60, 30, 500):
        corners = np.array([[0, 0], [60, 0], [60, 20], [0, 20]], np.float32) + np.float32(moved)
        crop = cut(picture, corners)
        assert crop.shape == (48, 128, 3)
        assert moved > -60 or crop.max() <= 7, "nothing of the other side of the picture"
