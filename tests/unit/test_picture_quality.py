"""When a camera is degraded, and when it is well again."""

import numpy as np
import pytest

from edge_agent.camera.sources.picture_quality import Condition
from edge_agent.frames import Frame, SourceEvent
from shared.events import CameraState


def run(condition: Condition, seconds: range, spoilt_every: int = 0, late: int = 0, fps: int = 10) -> list[SourceEvent]:
    """So many pictures a second, of which some are damaged; what is told."""
    told = []
    for number in range(seconds.start * fps, seconds.stop * fps):
        at_s = number / fps
        spoilt = bool(spoilt_every) and number % spoilt_every == 0
        condition.note(at_s, analysed=not spoilt, spoilt=spoilt, late=late)
        if event := condition.change(at_s):
            told.append(event)
    return told


@pytest.mark.parametrize("every", [500, 75, 30])
def test_up_to_one_in_thirty_it_is_well(every: int) -> None:
    assert run(Condition(), range(120), every) == []


@pytest.mark.parametrize("every", [25, 20, 10, 2])
def test_more_is_degraded_and_told_once_with_a_reason(every: int) -> None:
    (event,) = run(Condition(), range(120), every)
    assert event.state is CameraState.DEGRADED
    assert "damaged or lost" in event.detail


def test_it_is_well_again_when_half_a_minute_was() -> None:
    condition = Condition()
    run(condition, range(60), 10)
    (event,) = run(condition, range(60, 120))
    assert event.state is CameraState.WATCHING


def test_single_broken_pictures_at_the_start_are_nothing() -> None:
    assert run(Condition(), range(2), spoilt_every=15) == []


def test_analysis_that_sees_two_pictures_a_second_is_degraded() -> None:
    (event,) = run(Condition(), range(60), late=9, fps=2)
    assert "analysis too slow" in event.detail


@pytest.mark.parametrize("late", [0, 1])
def test_a_source_gives_its_counts_and_is_told_before_the_frame(late: int) -> None:
    condition, told = Condition(), []
    picture = np.zeros((2, 2, 3), np.uint8)
    for number in range(200):
        frame = Frame(number, number / 10, number / 10, picture[:, :, 0], lambda: picture)
        told.append(list(condition.before(frame, number / 10, spoilt=number // 5, late=late * number)))
        assert told[-1][-1] is frame
    ((event, _),) = [items for items in told if len(items) > 1]
    assert isinstance(event, SourceEvent)
    assert event.state is CameraState.DEGRADED


def test_a_complaint_from_elsewhere_is_degraded_and_told_once_though_its_numbers_change() -> None:
    condition, told = Condition(), []
    for number in range(10):
        condition.note(number * 3.0, analysed=1)
        told.append(condition.change(number * 3.0, "", f"a picture only every {3 + number / 10} s"))
    assert told == [SourceEvent(CameraState.DEGRADED, "a picture only every 3.0 s"), *[None] * 9]
    assert condition.change(30.0) == SourceEvent(CameraState.WATCHING)


def test_a_hint_is_told_when_it_changes() -> None:
    condition = Condition()
    condition.note(0.0, analysed=1)
    assert condition.change(0.0, "picture stream: refused") == SourceEvent(
        CameraState.WATCHING, "picture stream: refused"
    )
    assert condition.change(0.1, "picture stream: refused") is None
    assert condition.change(0.2) == SourceEvent(CameraState.WATCHING)
