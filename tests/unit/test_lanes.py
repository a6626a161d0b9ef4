"""Lanes of checkpoints: read from the box's configuration, told with its lines, and warned of when they cannot work."""

from pathlib import Path

import pytest

from edge_agent.camera.checkpoint_watch import vehicle_of
from edge_agent.check import _plates
from edge_agent.config import line_specs, load_agent_settings
from edge_agent.vision.tripwire.faults import faults
from models.plate.decoding import Reading
from models.registry import Registry
from shared.errors import ConfigError
from shared.events import Direction, LineRule, VehicleClass
from shared.plates import KINDS, Colour
from shared.scene import Lane, Mask, Scene

AGENT = """site = "north"
agent = "gantry"
data_dir = "data"

[[cameras]]
name = "road"
scene = "road.toml"
source = {{ kind = "synthetic", scene = "gate" }}
[cameras.checkpoint]
{lanes}
"""
LANE = '[[cameras.checkpoint.lanes]]\nname = "{name}"\nline = {line}\ndirection = "{way}"\n'
LINE = "[[0.1, 0.7], [0.5, 0.7]]"


def written(folder: Path, *lanes: str, scene: str = "") -> Path:
    (folder / "road.toml").write_text(scene)
    path = folder / "agent.toml"
    path.write_text(AGENT.format(lanes="\n".join(lanes)))
    return path


def lane(name: str = "lane 1", line: str = LINE, way: str = "left_to_right") -> str:
    return LANE.format(name=name, line=line, way=way)


def test_lanes_stand_behind_the_cameras_lines_and_are_never_armed(tmp_path: Path) -> None:
    scene = '[[tripwires]]\nname = "kerb"\npoints = [[0.0, 0.9], [1.0, 0.9]]\n'
    _, cameras = load_agent_settings(written(tmp_path, lane(), lane("lane 2", way="both"), scene=scene))
    kerb, one, two = line_specs(cameras)
    assert (kerb.name, kerb.rule, kerb.priority) == ("kerb", LineRule.TRIPWIRE, 2)
    assert (one.name, one.rule, one.priority, one.direction) == ("lane 1", LineRule.LANE, 0, "left_to_right")
    assert (two.name, two.direction) == ("lane 2", "both")


@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        ((), "lanes"),
        ((lane(line="[[0.1, 0.7]]"),), "line"),
        ((lane(line="[[0.1, 0.7], [0.1, 0.7]]"),), "expected a line with a length"),
        ((lane(way="up"),), "direction"),
        ((lane(), lane()), "'lane 1' is the name of two lines, zones or lanes of camera 'road'"),
        (("looks_per_second = 90", lane()), "looks_per_second"),
        (("plates = 1", lane()), "plates"),
    ],
)
def test_what_cannot_be_a_checkpoint_is_said(tmp_path: Path, lanes: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_agent_settings(written(tmp_path, *lanes))
    assert "cameras" in str(caught.value)


def test_a_lane_has_no_other_name_than_a_line(tmp_path: Path) -> None:
    scene = '[[tripwires]]\nname = "lane 1"\npoints = [[0.0, 0.9], [1.0, 0.9]]\n'
    with pytest.raises(ConfigError, match="names that differ"):
        load_agent_settings(written(tmp_path, lane(), scene=scene))


def test_what_of_a_lane_cannot_work_is_warned_of() -> None:
    good = Lane("lane 1", [(0.1, 0.7), (0.5, 0.7)])
    assert faults(Scene(), [good]) == []
    assert faults(Scene()) != [], "a camera without lanes needs lines"
    hidden = Scene(masks=[Mask([(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)])])
    (said,) = faults(hidden, [good])
    assert said.startswith("lane 'lane 1': ")


def test_a_box_whose_model_is_altered_is_told_that_no_picture_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cameras = load_agent_settings(written(tmp_path, lane()))
    assert _plates(cameras)["said"] == "blurred in pictures, read on 1 lanes"
    monkeypatch.setattr(Registry, "verify", lambda _self, _model: b"altered")
    found = _plates(cameras)
    assert not found["ok"]
    assert found["said"].startswith("no picture leaves this box")


def reading(text: str, colour: Colour) -> Reading:
    return Reading(text, 0.99, colour, "single", True, ())


def test_only_common_kinds_of_plates_say_what_drove() -> None:
    told = {kind.name: vehicle_of(reading(kind.example, kind.colour)) for kind in KINDS}
    rare = ("police", "Hong Kong and Macao", "embassy", "consulate", "driving school")
    assert {told[name] for name in rare} == {VehicleClass.UNKNOWN}
    assert (told["small car"], told["small new energy"]) == (VehicleClass.CAR, VehicleClass.CAR)
    assert (told["large car front"], told["large new energy"]) == (VehicleClass.LARGE, VehicleClass.LARGE)
    assert vehicle_of(None) is VehicleClass.UNKNOWN


def test_ways_of_a_lane() -> None:
    both, one = Lane("a", [(0, 0), (1, 0)]), Lane("b", [(0, 0), (1, 0)], "left_to_right")
    assert both.counts(Direction.RIGHT_TO_LEFT)
    assert not one.counts(Direction.RIGHT_TO_LEFT)
    assert one.counts(Direction.LEFT_TO_RIGHT)
