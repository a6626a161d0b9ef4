"""Merging, splitting, hiding: drawn bodies whose truth is known, through motion and tracker."""

from dataclasses import replace

import cv2
import numpy as np

from edge_agent.vision.motion import Blob, Foreground, MotionDetector
from edge_agent.vision.motion.detector import _edges, _is_soft
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.track.frame_context import FrameContext
from edge_agent.vision.track.likeness import look
from edge_agent.vision.track.origin import returning
from edge_agent.vision.track.perspective import Perspective
from edge_agent.vision.track.regions import join, part
from edge_agent.vision.track.track import Track
from edge_agent.vision.tripwire import Crossing
from provisioning.lab.edge.sequences import as_frame, sequences
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


def test_somebody_who_stops_behind_a_wall_comes_out_as_the_same_track() -> None:
    """Out of sight he turns to the side of the wall where he is not expected, so only the place and size tell."""

    def path(t: float) -> tuple[float, float]:
        return (min(-40 + 60 * (t - 2), 300), 250) if t < 8 else (300 - 60 * (t - 8), 250)

    pipeline, empty, ids = Pipeline(Scene([UPRIGHT])), ground(), set[int]()
    for number in range(1, 121):
        picture = empty.copy()
        x, foot = path((number - 1) / 10)
        body(picture, x, foot, 30)
        cv2.rectangle(picture, (270, 0), (400, SIZE[1]), (90, 90, 90), -1)
        pipeline.step(as_frame(picture, number, (number - 1) / 10))
        ids |= {track.track_id for track in pipeline.tracks}
    assert len(ids) == 1


def test_what_goes_on_only_while_nobody_sees_it_goes_nowhere() -> None:
    """Leaves: something here, then something there, each for a moment and none of them under way."""
    track = Track(1, (480, 270), 100, 100, 12, 30, 0.0, 0.0, contact=0.035)
    for step in range(60):
        track.come_back((94 + 12 * step, 70, 106 + 12 * step, 100), step * 0.5)
        track.remember(step, step * 0.5, 0.25)
    assert not track.travelling
    for step in range(40):
        track.move_to(track.x + 3, 100, 30 + step / 10)
        track.remember(60 + step, 30 + step / 10, 0.25)
    assert track.travelling


def test_a_coat_that_is_as_dark_as_the_road_is_seen_by_its_colour() -> None:
    pipeline, empty, found = Pipeline(Scene([UPRIGHT])), ground(), []
    for number in range(1, 131):
        picture = empty.copy()
        x = round(-40 + 60 * (number / 10 - 2))
        cv2.ellipse(picture, (x, 200), (22, 52), 0, 0, 360, (85, 95, 190), -1)
        found += pipeline.step(as_frame(cv2.GaussianBlur(picture, (3, 3), 0), number, number / 10))
    assert [c.direction for c in found] == [LR]


def test_three_frames_a_second_are_enough() -> None:
    pipeline, empty, found = Pipeline(Scene([UPRIGHT])), ground(), []
    for number in range(1, 50):
        time_s = (number - 1) / 3
        picture = empty.copy()
        body(picture, -40 + 50 * (time_s - 2), 250, 30)
        found += pipeline.step(as_frame(picture, number, time_s))
    assert [c.direction for c in found] == [LR]


def test_light_does_not_come_back_as_somebody() -> None:
    size, seen = (480, 270), np.zeros((270, 480), np.int32)
    walker = Track(1, size, 200, 200, 24, 70, 1.0, 0.0, own_s=2.0, sightings=20, travelling=True, travelled=True)
    walker.seen_now = False
    moment = FrameContext(Foreground([], seen, np.full((270, 480), 120, np.uint8)), 1.8, 0.1, Perspective(), 0.25)
    here = Blob(200, 130, 226, 200, 1500)
    assert returning(here, [walker], moment) is walker
    assert returning(here, [walker], replace(moment, now_s=2.5)) is None  # it went through a door
    assert returning(replace(here, shade=True), [walker], moment) is None
    assert returning(replace(here, left=150, right=260), [walker], moment) is None
    assert returning(replace(here, left=330, right=356), [walker], moment) is None


def test_who_comes_back_twice_in_a_frame_does_not_fly_away() -> None:
    track = Track(1, (480, 270), 100, 200, 24, 70, 1.0, 0.0, vx=20.0, sightings=20)
    track.come_back((130, 130, 154, 200), 1.0)
    assert (track.x, track.vx) == (142, 20.0)


def test_a_likeness_without_contrast_is_none_and_a_large_one_is_kept_small() -> None:
    plain = np.full((60, 30, 3), 110, np.uint8)
    everywhere = np.ones((60, 30), bool)
    assert look(plain, everywhere, (15.0, 90.0)) is None
    rng = np.random.default_rng(1)
    near = cv2.resize(rng.integers(0, 255, (30, 15, 3), np.uint8), (90, 160))
    known = look(near, np.ones((160, 90), bool), (45.0, 240.0))
    assert known is not None
    assert known.patch.shape[0] <= 38
    assert known.patch.shape[1] <= 28
    assert "patch" not in repr(known)
    wide = cv2.copyMakeBorder(near, 20, 20, 40, 20, cv2.BORDER_CONSTANT, value=(110, 128, 128))
    alike = known.match(wide)
    assert alike is not None
    assert alike.shape == (41, 61)
    down, across = np.unravel_index(int(alike.argmax()), alike.shape)
    assert abs(down - 20) <= 3
    assert abs(across - 40) <= 3


def test_a_front_of_shade_is_no_body_though_the_background_was_renewed_beneath_it() -> None:
    picture = np.full((90, 120), 130, np.uint8)
    ramp = np.clip((np.arange(120) - 60) / 60, 0, 1)
    picture[:] = np.round(130 - 30 * ramp)[None]
    difference = cv2.absdiff(picture, np.full_like(picture, 130))
    difference[:, :95] = 0  # here the background is already that of the shade
    assert _is_soft(difference > 0, difference, _edges(picture))
    picture[30:80, 95:110] = 60
    difference = cv2.absdiff(picture, np.full_like(picture, 130))
    difference[:, :94] = 0
    own = np.zeros_like(picture, bool)
    own[30:80, 95:110] = True
    assert not _is_soft(own, difference, _edges(picture))


def test_beams_make_the_road_less_restless_than_bodies_would() -> None:
    """Headlights that sweep over the road every eight seconds, with and without knowing that they are light."""
    knowing, blind = MotionDetector(), MotionDetector()
    for frame in next(s for s in sequences(30) if s.name == "headlights").frames():
        for viewed in knowing.viewed(frame):
            seen = knowing.step(viewed)
        for viewed in blind.viewed(frame):
            naive = blind.step(viewed)
            blind._light = None
    assert seen.unrest is not None
    assert naive.unrest is not None
    assert seen.unrest[170:200].mean() < 0.85 * naive.unrest[170:200].mean()


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
    parts = part([pair, car], labels, Perspective())
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


def test_two_pieces_of_light_are_joined_to_light() -> None:
    sizes = Perspective()
    for _ in range(20):
        sizes.learn(0.5, 20, 60)
    lower, upper = Blob(100, 110, 120, 140, 500, (1,), shade=True), Blob(100, 80, 120, 105, 400, (2,), shade=True)
    assert [blob.shade for blob in join([lower, upper], sizes, 270)] == [True]
    assert [blob.shade for blob in join([replace(lower, shade=False), upper], sizes, 270)] == [False]


def test_size_lies_between_the_bands_that_are_known() -> None:
    perspective = Perspective()
    assert perspective.typical(0.5) is None
    for _ in range(10):
        perspective.learn(0.4, 10, 30)
        perspective.learn(0.6, 20, 60)
    wide, high = perspective.typical(0.5) or (0, 0)
    assert 10 < wide < 20 and 30 < high < 60
    assert perspective.typical(0.95) is None


def test_who_crosses_while_the_first_background_is_learnt_is_counted() -> None:
    def path(t: float) -> tuple[float, float]:
        return 170 + 100 * t, 250

    assert [c.direction for c in run([(path, 30)], 6)] == [LR]
