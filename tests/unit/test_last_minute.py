"""A scene that is tried on the last minute tells what it would have told had it been in force."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from edge_agent.camera.sources.file import FileSource
from edge_agent.camera.sources.synthetic import SyntheticSource
from edge_agent.camera.survey_watch import SurveyAsked, SurveyWatch
from edge_agent.frames import Frame
from edge_agent.vision.judging import Found
from edge_agent.vision.last_minute import SPAN_S, LastMinute
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire.reasons import Why
from shared.scene import Mask, Scene, Tripwire, Zone

LINE = Tripwire("line", [(0.0, 0.72), (1.0, 0.72)])
SCENE = Scene([LINE], [Zone("zone", [(0.0, 0.6), (1.0, 0.6), (1.0, 0.95), (0.0, 0.95)])])


def frames(source: SyntheticSource | FileSource, most: int = 100_000) -> list[Frame]:
    return list(islice((item for item in source.frames() if isinstance(item, Frame)), most))


def recorded(seen: Sequence[Frame]) -> LastMinute:
    """What a camera without any line has of them."""
    pipeline = Pipeline(Scene())
    height, width = seen[0].grey.shape
    pipeline.last_minute = LastMinute(width / height)
    for frame in seen:
        pipeline.step(frame)
    return pipeline.last_minute


def told(found: Sequence[Found]) -> list[tuple[str, int, int]]:
    return [(each.watch, each.frame, each.track) for each in found]


@pytest.fixture(scope="module")
def walkers() -> list[Frame]:
    return frames(SyntheticSource("fence", seed=11, fps=10, realtime=False, until_s=58))


def test_it_tells_what_the_scene_would_have_told_in_force(walkers: list[Frame]) -> None:
    pipeline = Pipeline(SCENE)
    lived = [found for frame in walkers for found in pipeline.step(frame)]
    trial = recorded(walkers).recorded().tried(SCENE)
    assert len(lived) > 10
    assert told(trial.found) == told(lived)
    assert trial.moved >= 5
    assert trial.watched_s == pytest.approx(57.9, abs=0.2)


@pytest.mark.parametrize("video", ["car-detection.mp4", "cdnet_pedestrians.mp4"])
def test_on_real_video_too(real_video: Path, video: str) -> None:
    seen = frames(FileSource(real_video / video, realtime=False, key="VIDEO"), 500)
    scene = Scene([Tripwire("across", [(0.0, 0.5), (1.0, 0.5)]), Tripwire("along", [(0.5, 0.0), (0.5, 1.0)])])
    pipeline = Pipeline(scene)
    lived = [found for frame in seen for found in pipeline.step(frame)]
    trial = recorded(seen).recorded().tried(scene)
    assert lived
    assert told(trial.found) == told(lived)


def test_what_does_not_count_is_told_with_its_reason(walkers: list[Frame]) -> None:
    one_way = Scene([Tripwire("line", LINE.points, "left_to_right")])
    recording = recorded(walkers).recorded()
    both, trial = recording.tried(Scene([LINE])), recording.tried(one_way)
    assert 0 < len(trial.found) < len(both.found)
    other = [each for each in trial.uncounted if each.why is Why.DIRECTION]
    assert len(trial.found) + len(other) == len(both.found)
    masked = recording.tried(Scene([LINE], masks=[Mask([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])]))
    assert (masked.found, masked.moved) == ([], 0)


def test_what_is_older_than_a_minute_goes_and_what_is_kept_does_not_change(walkers: list[Frame]) -> None:
    minute = recorded(walkers)
    before = minute.recorded()
    kept = len(before.moments), [track.x for track in before.moments[-1].tracks]
    last = before.moments[-1]
    for second in range(1, 90):
        minute.take(type(last)(last.number + second, last.time_s + second, last.doubt, [], frozenset()))
    after = minute.recorded()
    assert after.moments[-1].time_s - after.moments[0].time_s <= SPAN_S
    assert (len(before.moments), [track.x for track in before.moments[-1].tracks]) == kept


def test_it_is_kept_while_somebody_draws_and_no_longer(walkers: list[Frame]) -> None:
    now = [0.0]
    pipeline = Pipeline(Scene())
    watch = SurveyWatch(pipeline, lambda: now[0])
    assert watch.due(walkers[0]) == []
    assert not watch.is_open
    watch.ask(SurveyAsked(1, None))
    assert [asked.number for asked in watch.due(walkers[0])] == [1]
    for frame in walkers[:300]:
        assert watch.is_open
        watch.due(frame)
        pipeline.step(frame)
    outcome = watch.attempt(SurveyAsked(2, Scene([LINE])), walkers[299])()
    assert outcome is not None
    assert outcome.watched_s == pytest.approx(29.9, abs=0.2)
    assert [each.kind for each in outcome.found if not each.why] == ["line_crossed"] * len(outcome.found)
    assert all(abs(each.at_ms / 1000 - walkers[0].captured_at_s) < 60 for each in outcome.found)
    assert watch.attempt(SurveyAsked(3, None), walkers[299])() is None
    now[0] = 601.0
    assert watch.due(walkers[300]) == []
    assert not watch.is_open
    assert pipeline.last_minute is None
