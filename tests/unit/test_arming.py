"""Who is armed when: by the file, by the schedule, by order of the centre; orders outlive the process."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.arming import Arming
from edge_agent.config import Camera, CameraSettings, SyntheticCamera
from shared.events import ArmingOrder, Order
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


def test_as_configured(cameras: list[Camera], tmp_path: Path) -> None:
    arming = Arming(cameras, tmp_path / "order.bin")
    assert [arming.priority(0, name, NOON) for name in ("gate", "night", "off", "yard")] == [1, 0, 0, 3]
    assert [arming.priority(0, name, NIGHT) for name in ("gate", "night", "off", "yard")] == [1, 2, 0, 3]


def test_an_order_beats_file_and_schedule_and_outlives_the_process(cameras: list[Camera], tmp_path: Path) -> None:
    order = Order(5, (ArmingOrder("door", "gate", False), ArmingOrder("door", "off", True)))
    Arming(cameras, tmp_path / "order.bin").obey(order)
    again = Arming(cameras, tmp_path / "order.bin")
    assert again.version == 5
    assert [again.priority(0, name, NOON) for name in ("gate", "night", "off")] == [0, 0, 2]


def test_an_older_order_is_ignored_and_an_empty_one_returns_to_the_file(cameras: list[Camera], tmp_path: Path) -> None:
    arming = Arming(cameras, tmp_path / "order.bin")
    arming.obey(Order(5, (ArmingOrder("door", "gate", False),)))
    arming.obey(Order(4, ()))
    assert arming.priority(0, "gate", NOON) == 0
    arming.obey(Order(6, ()))
    assert arming.priority(0, "gate", NOON) == 1


def test_a_damaged_order_is_told_and_lines_are_as_configured(
    cameras: list[Camera], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "order.bin").write_bytes(b"\xc1 no order")
    arming = Arming(cameras, tmp_path / "order.bin")
    assert arming.priority(0, "gate", NOON) == 1
    assert "until the next order" in caplog.text
