"""The benches themselves, small: hundreds of traces, seconds of weather."""

import pytest

from provisioning.lab.edge.fuzz import ours
from provisioning.lab.edge.negatives import judge
from provisioning.lab.edge.scoring import LineEvent, Score, score
from provisioning.lab.edge.sequences import sequences
from provisioning.lab.edge.traces import generate
from shared.events import Direction

LR, RL = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT


def test_no_generated_trace_is_judged_wrong() -> None:
    verdict = ours(range(10_000, 10_600))
    assert verdict.failed == []
    assert verdict.total.found > 300
    assert len(verdict.by_script) == 9


def test_traces_hold_what_they_promise() -> None:
    traces = [generate(seed) for seed in range(200)]
    assert any(s.track == -1 for trace in traces for frame in trace.frames for s in frame)
    assert any(len({s.track for frame in trace.frames for s in frame}) > 2 for trace in traces)
    assert any(not trace.truth for trace in traces)
    assert generate(7) == generate(7)


def test_score_matches_one_to_one_and_the_same_way() -> None:
    truth = [LineEvent(10, LR), LineEvent(50, RL)]
    assert score(truth, [LineEvent(12, LR), LineEvent(13, LR), LineEvent(50, LR)], 5) == Score(1, 1, 2)
    assert score([], [], 5).f1 == 1.0
    assert Score(2, 1, 1).f1 == pytest.approx(4 / 6)


@pytest.mark.parametrize("name", ["infrared", "rain", "shadows", "snow", "tree shadows"])
def test_weather_is_no_event_and_walkers_are(name: str) -> None:
    sequence = next(s for s in sequences(34) if s.name == name)
    outcome = judge(sequence)
    assert outcome.false == 0
    assert (outcome.walked.missed, outcome.walked.wrong) == (0, 0)
    assert outcome.walked.found >= 2
