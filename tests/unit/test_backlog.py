"""Between receiving and analysing: a burst waits as a whole, what is too much is thinned, an end is told."""

from itertools import pairwise

import numpy as np
import pytest

from edge_agent.camera.sources.backlog import Backlog
from edge_agent.frames import Frame, SourceEvent
from shared.events import CameraState


def frame(number: int, side: int = 8) -> Frame:
    grey = np.zeros((side, side), np.uint8)
    return Frame(number, number / 10, number / 10, grey, lambda: np.zeros((1, 1, 3), np.uint8))


def numbers(backlog: Backlog) -> list[int]:
    found = []
    while isinstance(item := backlog.take(0.0), Frame):
        found.append(item.number)
    return found


def test_a_burst_waits_as_a_whole_and_in_order() -> None:
    backlog = Backlog()
    for number in range(250):
        backlog.put(frame(number))
    assert numbers(backlog) == list(range(250))
    assert backlog.dropped == 0


def test_large_pictures_are_thinned_evenly_within_bounds() -> None:
    backlog = Backlog()
    for number in range(64):
        backlog.put(frame(number, side=2000))
    kept = numbers(backlog)
    assert len(kept) <= 10
    assert kept[-1] == 63
    assert backlog.dropped == 64 - len(kept)


def test_what_analysis_cannot_bear_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("edge_agent.camera.sources.backlog.time.monotonic", lambda: now[0])
    backlog, analysed, waiting = Backlog(), 0, []
    for number in range(3000):  # 30 a second come, 10 can be analysed
        now[0] = number / 30
        backlog.put(frame(number))
        if number % 3 == 0 and isinstance(backlog.take(0.0), Frame):
            analysed += 1
        waiting.append(backlog._frames())
    assert 600 < analysed <= 1000
    assert max(waiting[1500:]) < 90, "three seconds at most"


def test_events_stay_between_the_frames() -> None:
    backlog, gone = Backlog(), SourceEvent(CameraState.UNREACHABLE)
    for item in (frame(1), gone, frame(2)):
        backlog.put(item)
    assert [type(backlog.take(0.0)) for _ in range(3)] == [Frame, SourceEvent, Frame]


def test_a_failure_is_raised_behind_what_waited() -> None:
    backlog = Backlog()
    backlog.put(frame(1))
    backlog.fail(RuntimeError("unexpected"))
    assert isinstance(backlog.take(0.0), Frame)
    with pytest.raises(RuntimeError, match="unexpected"):
        backlog.take(0.0)


def test_nothing_is_given_out_when_closed() -> None:
    backlog = Backlog()
    backlog.put(frame(1))
    backlog.close()
    assert backlog.take(10.0) is None


def test_of_a_large_burst_what_stays_is_spread_evenly() -> None:
    backlog = Backlog()
    for number in range(1, 26):
        backlog.put(frame(number, side=2400))
    kept = numbers(backlog)
    assert max(after - before for before, after in pairwise(kept)) <= 2 * 25 / len(kept) + 1
