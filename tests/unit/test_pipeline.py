"""The pipeline against scenes that know the truth about themselves."""

import dataclasses

import numpy as np
import pytest

from edge_agent.camera.sources.synthetic import Kind, SyntheticScene, SyntheticSource
from edge_agent.frames import Frame
from edge_agent.vision.detect import Detection
from edge_agent.vision.pipeline import Pipeline
from shared.scene import Scene, Tripwire

GATE = Tripwire("gate", [(0.5, 0.95), (0.5, 0.5)])
FENCE = Tripwire("fence", [(0.0, 0.72), (1.0, 0.72)])


@pytest.mark.parametrize(
    ("kind", "line", "seed"), [("gate", GATE, 7), ("gate", GATE, 8), ("fence", FENCE, 11), ("fence", FENCE, 12)]
)
def test_every_true_crossing_and_no_other(kind: Kind, line: Tripwire, seed: int) -> None:
    until_s = 121.0
    source = SyntheticSource(kind, seed=seed, fps=10, realtime=False, until_s=until_s)
    pipeline = Pipeline(Scene([line]))
    found = [c for item in source.frames() if isinstance(item, Frame) for c in pipeline.step(item)]
    # What crosses in the last second need not be confirmed yet.
    truth = source.scene.truth(line, until_s - 1)
    assert len(truth) >= 18
    assert [c.direction for c in found][: len(truth)] == [t.direction for t in truth]
    assert len(found) - len(truth) <= 1
    for crossing, true in zip(found, truth, strict=False):
        assert abs(crossing.time_s - true.time_s) < 0.8


def test_scene_is_the_same_for_the_same_seed() -> None:
    one, same, other = SyntheticScene("gate", 5), SyntheticScene("gate", 5), SyntheticScene("gate", 6)
    assert (one.draw(33.3) == same.draw(33.3)).all()
    assert (one.draw(33.3) != other.draw(33.3)).any()
    assert one.truth(GATE, 60) == same.truth(GATE, 60)


def test_scene_change_is_no_motion() -> None:
    source = SyntheticSource("fence", seed=11, fps=10, realtime=False, until_s=20)
    pipeline = Pipeline(Scene([Tripwire("mid", [(0.0, 0.3), (1.0, 0.3)])]))
    for item in source.frames():
        if isinstance(item, Frame):
            dark = item.number % 40 >= 20
            frame = Frame(
                item.number, item.time_s, item.captured_at_s, item.grey // 3 if dark else item.grey, item.colour
            )
            assert pipeline.step(frame) == []


@pytest.mark.parametrize("apart_s", [0.0, 0.001, 0.01, 0.05, 0.1])
def test_frames_that_arrive_in_pairs_lose_nobody(apart_s: float) -> None:
    source = SyntheticSource("fence", seed=11, fps=10, realtime=False, until_s=31)
    pipeline, found = Pipeline(Scene([FENCE])), []
    for item in source.frames():
        if isinstance(item, Frame):
            late = (item.number - 1) // 2 * 0.2 + (item.number - 1) % 2 * apart_s
            found += pipeline.step(dataclasses.replace(item, time_s=late))
    assert len(found) == len(source.scene.truth(FENCE, 30))


def test_time_that_jumps_back_loses_nobody() -> None:
    source = SyntheticSource("fence", seed=11, fps=10, realtime=False, until_s=31)
    pipeline, found = Pipeline(Scene([FENCE])), []
    for item in source.frames():
        if isinstance(item, Frame):
            found += pipeline.step(dataclasses.replace(item, time_s=item.time_s - (3600 if item.number > 155 else 0)))
    assert len(found) == len(source.scene.truth(FENCE, 30))


def test_who_leaves_over_a_line_at_the_edge_is_counted_behind_the_track_s_end() -> None:
    boxes = iter([(0.4, y / 100 - 0.3, 0.5, y / 100) for y in range(40, 101, 3)])

    class Walker:
        def detect(self, frame: Frame) -> list[Detection]:
            box = next(boxes, None)
            return [Detection(*box, 0.9)] if box else []

    grey = np.full((180, 320), 100, np.uint8)
    pipeline = Pipeline(Scene([Tripwire("low", [(0.0, 0.99), (1.0, 0.99)])]), Walker())
    found = []
    for number in range(1, 90):
        found += pipeline.step(Frame(number, number / 10, number / 10, grey, lambda: np.zeros((180, 320, 3), np.uint8)))
    assert len(found) == 1
