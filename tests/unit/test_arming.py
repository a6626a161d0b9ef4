"""Who is armed when: by the file, by the schedule, by what the centre wants."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge_agent.config import Camera, CameraSettings, SyntheticCamera
from edge_agent.orders.arming import Arming
from shared.desired import Armed
from shared.desired import Arming as Body
from shared.envelope import encode_message
from shared.errors import WireError
from shared.scene import Scene, Tripwire, Zone

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHT = datetime(2026, 11, 21, 23, 0, tzinfo=SHANGHAI).timestamp()
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=SHANGHAI).timestamp()


@pytest.fixture
def cameras(tmp_path: Path) -> list[Camera]:
    scene = Scene(
        [
            Tripwire("gate", [(0, 0), (1, 1)], priority=1),
            Tripwire("night", [(0, 1), (1, 0)], schedule=["daily 22:00-06:00"]),
            Tripwire("off", [(0, 1), (1, 0.5)], armed=False),
        ],
        [Zone("yard", [(0, 0), (1, 0), (1, 1)], priority=3)],
    )
    return [Camera(CameraSettings("door", tmp_path / "scene.toml", SyntheticCamera("gate")), scene)]


def test_as_configured(cameras: list[Camera]) -> None:
    arming = Arming(cameras)
    assert [arming.priority(0, name, NOON) for name in ("gate", "night", "off", "yard")] == [1, 0, 0, 3]
    assert [arming.priority(0, name, NIGHT) for name in ("gate", "night", "off", "yard")] == [1, 2, 0, 3]


def test_what_is_ordered_beats_file_and_schedule_and_an_empty_body_returns_to_them(cameras: list[Camera]) -> None:
    arming = Arming(cameras)
    lines = Armed("door", "gate", False), Armed("door", "off", True), Armed("no", "such", True)
    arming.obey(encode_message(Body(lines)))
    assert [arming.priority(0, name, NOON) for name in ("gate", "night", "off")] == [0, 0, 2]
    arming.obey(encode_message(Body()))
    assert [arming.priority(0, name, NOON) for name in ("gate", "night", "off")] == [1, 0, 0]


def test_a_body_that_is_no_arming_changes_nothing(cameras: list[Camera]) -> None:
    arming = Arming(cameras)
    arming.obey(encode_message(Body((Armed("door", "gate", False),))))
    with pytest.raises(WireError):
        arming.obey(msgspec.msgpack.encode({"lines": [["door", "gate"]]}))
    assert arming.priority(0, "gate", NOON) == 0
