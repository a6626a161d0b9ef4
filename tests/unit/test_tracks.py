"""Merging, splitting, hiding: drawn bodies whose truth is known, through motion and tracker."""

import cv2
import numpy as np

from edge_agent.bench.sequences import as_frame
from edge_agent.motion import Blob
from edge_agent.pipeline import Pipeline
from edge_agent.track.perspective import Perspective
from edge_agent.track.regions import join, part
from edge_agent.tripwire import Crossing
from shared.events import Direction
from shared.scene import Scene, Tripwire

SIZE = 640, 360
UPRIGHT = Tripwire("middle", [(0.5, 0.95), (0.5, 0.3)])
LR, RL = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT


def ground() -> np.ndarray:
    rng = np.random.default_rng(4)
    coarse = rng.integers(105, 150, (45, 80), np.uint8)
    return cv2.merge([cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)] * 3)


def body(picture: np.ndarray, x: float, foot: float, shade: int, high: int = 80) -> None:
    top, wide = int(foot) - high, high // 3
    cv2.ellipse(picture, (int(x), top + high // 2), (wide // 2, high // 2 - 6), 0, 0, 360, (shade,) * 3, -1)
    cv2.circle(picture, (int(x), top + 8), 8, (shade + 20,) * 3, -1)
    hip, sole = (int(x) - wide // 3, int(foot) - high // 3), (int(x) + wide // 3, int(foot))
    cv2.rectangle(picture, hip, sole, (shade,) * 3, -1)


def run(paths: list, seconds: float, line: Tripwire = UPRIGHT, post: tuple[int, int] | None = None) -> list[Crossing]:
    """Bodies on paths `(function of time to (x, foot), shade)`; an optional post stands before everything."""
    pipeline, found, empty = Pipeline(Scene([line])), [], ground()
    for number in range(1, round(seconds * 10) + 1):
        time_s = (number - 1) / 10
        picture = empty.copy()
        for path, shade in sorted(paths, key=lambda entry: entry[0](time_s)[1]):
            x, foot = path(time_s)
            if -60 < x < SIZE[0] + 60:
                body(picture, x, foot, shade)
        if post:
            cv2.rectangle(picture, (post[0], 0), (post[1], SIZE[1]), (90, 90, 90), -1)
        noise = np.random.default_rng(number).integers(-3, 4, picture.shape[:2], np.int16)
        picture = np.clip(picture.astype(np.int16) + noise[:, :, None], 0, 255).astype(np.uint8)
        found += pipeline.step(as_frame(picture, number, time_s))
    return found


def test_two_abreast_are_two() -> None:
    paths = [(lambda t: (-40 + 60 * (t - 2), 250), 30), (lambda t: (-85 + 60 * (t - 2), 252), 220)]
    assert [c.direction for c in run(paths, 14)] == [LR, LR]


def test_two_who_pass_each_other_on_the_line() -> None:
    paths = [(lambda t: (-40 + 70 * (t - 2), 255), 25), (lambda t: (680 - 70 * (t - 2), 240), 225)]
    assert sorted(c.direction for c in run(paths, 14)) == [LR, RL]


def test_somebody_behind_a_post_goes_on() -> None:
    line = Tripwire("behind the post", [(0.5, 0.95), (0.5, 0.3)])
    found = run([(lambda t: (-40 + 55 * (t - 2), 250), 30)], 15, line, post=(305, 335))
    assert [c.direction for c in found] == [LR]


def test_standing_for_half_a_minute_then_going_on() -> None:
    def path(t: float) -> tuple[float, float]:
        if t < 6:
            return -40 + 60 * (t - 2), 250
        return (200, 250) if t < 36 else (200 + 60 * (t - 36), 250)

    assert [c.direction for c in run([(path, 30)], 44)] == [LR]


def test_who_was_in_the_first_picture_leaves_no_ghost() -> None:
    def path(t: float) -> tuple[float, float]:
        return (200 if t < 5 else 200 + 60 * (t - 5)), 250

    assert [c.direction for c in run([(path, 30)], 20)] == [LR]


def test_blobs_joined_at_the_feet_are_parted_and_a_car_is_not() -> None:
    labels = np.zeros((100, 120), np.int32)
    labels[20:80, 20:34] = labels[22:80, 44:58] = labels[74:80, 34:44] = 1
    labels[30:60, 70:118] = 2
    pair = Blob(20, 20, 58, 80, int((labels == 1).sum()), (1,))
    car = Blob(70, 30, 118, 60, int((labels == 2).sum()), (2,))
    parts = part([pair, car], labels)
    assert len(parts) == 3
    assert sum(blob.upright for blob in parts) == 2
    assert len({blob.labels for blob in parts}) == 3


def test_what_a_sign_cuts_in_two_is_joined_once_sizes_are_known() -> None:
    head, legs = Blob(50, 20, 60, 38, 160, (1,)), Blob(50, 60, 61, 80, 180, (2,))
    perspective = Perspective()
    assert len(join([head, legs], perspective, 100)) == 2
    for _ in range(10):
        perspective.learn(0.8, 14, 58)
    joined = join([head, legs], perspective, 100)
    assert [(blob.top, blob.bottom, blob.labels) for blob in joined] == [(20, 80, (2, 1))]


def test_size_lies_between_the_bands_that_are_known() -> None:
    perspective = Perspective()
    assert perspective.typical(0.5) is None
    for _ in range(10):
        perspective.learn(0.4, 10, 30)
        perspective.learn(0.6, 20, 60)
    wide, high = perspective.typical(0.5) or (0, 0)
    assert 10 < wide < 20 and 30 < high < 60
    assert perspective.typical(0.95) is None
