"""The benches themselves, small: hundreds of traces, seconds of weather."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.camera.sources.synthetic import SyntheticScene
from provisioning.lab.edge.clips import with_lines
from provisioning.lab.edge.damage import Damage, Lost, _spoiling, measure
from provisioning.lab.edge.fuzz import ours
from provisioning.lab.edge.negatives import judge
from provisioning.lab.edge.scoring import Judged, LineEvent, LineTruth, Score, judge_line, score
from provisioning.lab.edge.sequences import creatures_and_shadows, sequences
from provisioning.lab.edge.soak import LINE
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


@pytest.mark.parametrize("name", ["animals", "animals at night"])
def test_a_drawn_animal_crosses_and_only_looks_can_leave_it_out(name: str) -> None:
    """Motion alone hears two walkers, and the animal between them: the hour of creatures measures something."""
    (creatures,) = (each for each in creatures_and_shadows(25.0) if each.name == name)
    outcome = judge(creatures)
    assert (outcome.walked.found, outcome.walked.missed) == (2, 0)
    assert outcome.walked.wrong


def test_walkers_among_creatures_walk_where_the_truth_says() -> None:
    (shadows,) = (each for each in creatures_and_shadows(25.0) if each.name == "tree shadows")
    assert judge(shadows).walked == Score(2, 0, 0)


def test_damage_is_counted_against_the_whole_stream() -> None:
    scene = SyntheticScene("fence", 5)
    pictures = (np.asarray(cv2.resize(scene.draw(number / 10), (320, 180)), np.uint8) for number in range(120))
    outcome = measure("fence", {LINE.name: LINE.points}, 10, pictures, [1000])
    crossings = outcome.anew.of // len(("two", "encodings"))
    assert crossings >= 1
    assert outcome.damaged[1000] == Lost(0, 6 * crossings), "three kinds at two offsets, and no picture is hit"
    assert not outcome.anew.missed


def test_each_kind_of_damage_hits_the_picture_it_says() -> None:
    packets = {number: bytes(range(256)) for number in range(30)}
    for kind in Damage:
        spoil = _spoiling(kind, 10, 3)
        left = {number: spoil(number, content) for number, content in packets.items()}
        assert [number for number, content in left.items() if content != packets[number]] == [3, 13, 23]
        assert all((content is None) is (kind is Damage.MISSING) for content in (left[3], left[13]))
        assert left[3] is None or (len(left[3]) == 256 and left[3][:16] == packets[3][:16])


def test_score_matches_one_to_one_and_the_same_way() -> None:
    truth = [LineEvent(10, LR), LineEvent(50, RL)]
    assert score(truth, [LineEvent(12, LR), LineEvent(13, LR), LineEvent(50, LR)], 5) == Score(1, 1, 2)
    assert score([], [], 5).f1 == 1.0
    assert Score(2, 1, 1).f1 == pytest.approx(4 / 6)


def test_an_alarm_may_come_once_for_a_group_and_a_count_must_be_right() -> None:
    group = LineTruth([LineEvent(100, LR), LineEvent(104, LR), LineEvent(400, RL)], 8)
    assert judge_line(group, [LineEvent(101, LR)], 25) == Judged(Score(1, 2, 0), heard=2, false=0)
    twice = [LineEvent(400, RL), LineEvent(403, RL), LineEvent(900, RL)]
    assert judge_line(group, twice, 25) == Judged(Score(1, 2, 2), heard=1, false=1)


def test_a_crossing_that_the_edge_cuts_is_right_once_and_the_clips_ends_are_not_judged() -> None:
    truth = LineTruth([], 8, [(50, 70, LR)], judged=(10, 200))
    said = [LineEvent(frame, LR) for frame in (5, 55, 60, 300)]
    assert judge_line(truth, said, 25) == Judged(Score(0, 0, 1), heard=0, false=0)


def test_lines_are_read_from_beside_their_clip(tmp_path: Path) -> None:
    line = {"points": [[0, 0.5], [1, 0.5]], "events": [[7, "left_to_right"]], "tol": 5, "skip_before": 2}
    line |= {"skip_after": 90, "optional": [[80, 90, "right_to_left", "cut by the edge"]]}
    (tmp_path / "road.lines.json").write_text(json.dumps({"video": "road.mp4", "fps": 15.0, "lines": {"near": line}}))
    (clip,) = with_lines(tmp_path)
    points, truth = clip.lines["near"]
    assert (clip.name, clip.video, clip.fps, points) == ("road", "road.mp4", 15.0, [(0, 0.5), (1, 0.5)])
    assert truth == LineTruth([LineEvent(7, LR)], 5, [(80, 90, RL)], (2, 90))


@pytest.mark.parametrize("name", ["infrared", "rain", "shadows", "snow", "tree shadows"])
def test_weather_is_no_event_and_walkers_are(name: str) -> None:
    sequence = next(s for s in sequences(34) if s.name == name)
    outcome = judge(sequence)
    assert outcome.false == 0
    assert (outcome.walked.missed, outcome.walked.wrong) == (0, 0)
    assert outcome.walked.found >= 2
