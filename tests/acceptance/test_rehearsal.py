"""A plan is rehearsed: the planner's own commands, boxes that obey, and alerts, on one machine."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from provisioning.lab.local_site.processes import PartProcess
from provisioning.sites.cli import app as site_app
from provisioning.sites.words import Language
from provisioning.sites.workbook import write_plan
from shared.net import pick_free_port
from tests.acceptance.site import await_true
from tests.integration.commands import told

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

CAMERA = {"camera": "fence", "url": "rtsp://10.1.2.3/small", "user": "hawkline", "use": "fence", "mounted": "perimeter"}
PLAN = {
    "units": [{"unit": "office", "title": "物业公司"}],
    "places": [
        {"place": "north", "title": "北苑小区", "longitude": "116.39127", "latitude": "39.90736", "unit": "office"}
    ],
    "boxes": [{"site": "north", "box": f"box-{n}"} for n in (1, 2, 3)],
    "cameras": [{"site": "north", "box": f"box-{n}", **CAMERA} for n in (1, 2, 3)],
}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.xlsx"
    write_plan(path, PLAN, Language.CHINESE)
    return path


@pytest.fixture
def rehearsal(tmp_path: Path, plan: Path) -> Iterator[tuple[PartProcess, str]]:
    """Of two of its three boxes; gives its address."""
    port = pick_free_port()
    command = ["demo", "rehearse", str(plan), "--boxes", "2", "--port", str(port), "--lang", "zh"]
    part = PartProcess("rehearsal", [*command, "--dir", str(tmp_path / "rehearsal")], tmp_path / "rehearsal.log")
    part.start()
    yield part, f"http://127.0.0.1:{port}"
    part.stop()
    print(part.log.read_text()[-3000:])


def test_a_plan_is_rehearsed_with_its_own_commands(rehearsal: tuple[PartProcess, str], plan: Path) -> None:
    part, url = rehearsal

    def said() -> str:
        part.require_alive()
        return part.log.read_text()

    await_true("it says what to do", lambda: "hawkline site send" in said(), 90)
    assert "已启动 2 台设备，等待配置；规划中还有 1 台未启动" in said()
    assert "规划 1 已生效；区域：新增 1" in told(site_app, "apply", str(plan), "--url", url, "--lang", "zh")
    assert "3 台设备将更新" in told(site_app, "send", "--url", url, "--lang", "zh")
    await_true("both obey", lambda: "已按配置值守 2 台" in said(), 60)
    await_true("somebody crosses a line", lambda: "告警 0 条" not in said().splitlines()[-1], 60)
    rows = httpx.get(f"{url}/api/v1/rollout", trust_env=False).json()
    assert [(row["agent"], row["state"], row["cameras_seeing"]) for row in rows][2:] == [("box-3", "awaited", 0)]
    part.stop()
    assert '"obeying": 2' in part.log.read_text().replace('"obeying":2', '"obeying": 2')


def test_a_box_that_enrols_shows_real_cameras(tmp_path: Path) -> None:
    from edge_agent.config import load_agent_file
    from shared.errors import ConfigError

    path = tmp_path / "agent.toml"
    path.write_text('site = "a"\nagent = "b"\ndata_dir = "d"\n[trust]\nurl = "https://a:8421"\n[rehearsal]\n')
    with pytest.raises(ConfigError, match="rehearsal: is for a trial on one machine"):
        load_agent_file(path)
