"""What met a line and was not told is told to who asks, with the reason."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from edge_agent.frames import Frame
from edge_agent.video_replay import Replay
from edge_agent.vision.judging import Uncounted
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire.reasons import Why
from provisioning.lab.edge.sequences import as_frame
from shared.errors import ConfigError
from shared.scene import Scene, Tripwire
from tests.unit.test_tracks import body, ground

LINE = Tripwire("gate", [(0.5, 0.2), (0.5, 0.95)])


def walk(number: int) -> tuple[float, float]:
    """From the left to the right, over the line."""
    return 40 + 6.0 * (number - 20), 250.0


def dart(number: int) -> tuple[float, float]:
    """Out of nowhere over the line, and gone."""
    return (302 + 5 * (number - 30), 250.0) if 30 <= number < 37 else (-100.0, 250.0)


def uncounted(line: Tripwire, steps: Sequence[tuple[float, float]]) -> tuple[int, list[Uncounted]]:
    """How many events there are, and what is left out."""
    pipeline, empty, left_out, told = Pipeline(Scene([line])), ground(), list[Uncounted](), 0
    for number, step in enumerate(steps, start=1):
        picture = empty.copy()
        if number >= 20 and -60 < step[0] < 700:
            body(picture, *step, 60)
        frame: Frame = as_frame(picture, number, (number - 1) / 10)
        told += len(pipeline.step(frame))
        left_out += pipeline.uncounted
    return told, [*left_out, *pipeline.held_back()]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"direction": "left_to_right"}, Why.DIRECTION),
        ({"min_height": 0.6}, Why.SIZE),
        ({"max_height": 0.2}, Why.SIZE),
    ],
)
def test_the_lines_own_settings_are_named(changes: dict[str, object], why: Why) -> None:
    steps = [walk(number) for number in range(1, 130)]
    assert uncounted(LINE, steps) == (1, [])
    told, left_out = uncounted(msgspec.structs.replace(LINE, **changes), steps)
    assert told == 0
    assert [(each.found.watch, each.why) for each in left_out] == [("gate", why)]


def test_what_never_got_anywhere_is_named() -> None:
    told, left_out = uncounted(LINE, [dart(number) for number in range(1, 60)])
    assert told == 0
    assert [each.why for each in left_out] == [Why.NOWHERE]


def test_a_line_that_the_scene_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--explain 'door': no line or zone of the scene, which has 'gate'"):
        Replay(tmp_path / "clip.mp4", Scene([LINE]), explain="door")
