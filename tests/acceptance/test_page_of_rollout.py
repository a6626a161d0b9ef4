"""How far boxes have got, on the page: what is left to do comes first, and back to an earlier configuration."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from psycopg.types.json import Jsonb
from selenium.webdriver.common.by import By

from aggregator.store import Database
from aggregator.store.database import Connection
from tests.acceptance.pages import Browser, click, known, see, served, waiting
from tests.acceptance.test_pages_of_people import come_in, find
from tests.integration.conftest import connection, database, migrated, server_dsn  # noqa: F401 - fixtures
from tests.integration.people import Centre

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

SHEETS = {
    "places": [{"place": "north", "title": "北苑小区"}, {"place": "south", "title": "南村"}],
    "boxes": [
        {"site": "north", "box": "gate-1"},
        {"site": "north", "box": "gate-2"},
        {"site": "south", "box": "gate-3"},
    ],
    "cameras": [{"site": "north", "box": "gate-1", "camera": name} for name in ("gate", "fence")],
}


def send(client: httpx.Client, why: str, based_on: int) -> int:
    files = {"configuration.toml": f"# {why}\n"}
    wanted = {"site": "north", "agent": "gate-1", "based_on": based_on, "files": files}
    answer = client.put("/api/v1/configurations", json={"why": why, "boxes": [wanted]})
    assert answer.status_code == 200, answer.text
    return int(client.get("/api/v1/configurations").json()[0]["number"])


@pytest.fixture
def centre(database: Database, connection: Connection, tmp_path: Path) -> Iterator[Centre]:
    with served(database, tmp_path, known(tmp_path)) as url:
        yield Centre(url, tmp_path, database)


def test_a_planner_sees_what_is_left_and_goes_back(
    centre: Centre,
    connection: Connection,
    browser: Callable[[], Browser],
) -> None:
    with centre.client(centre.key("whole", "planner")) as client:
        assert client.put("/api/v1/plan", json={"based_on": 0, "sheets": SHEETS}).status_code == 200
        first = send(client, "two cameras", 0)
        second = send(client, "another fence", first)
    row = connection.execute("SELECT version FROM desired_sections WHERE section = 'configuration'").fetchone()
    assert row
    health = {
        "sections": [{"name": "configuration", "version": 0, "refused": row["version"], "error": "fence: unreachable"}],
        "configuration": {"number": first, "changed": ["scene-gate.toml"]},
        "cameras": [{"name": "gate", "state": "watching"}],
    }
    connection.execute(
        "INSERT INTO agents (site, agent, state, last_seen_at, health) VALUES ('north', 'gate-1', 'online', now(), %s)",
        (Jsonb(health),),
    )
    centre.account("wang", "planner")
    page = browser()
    come_in(page, centre, "wang", "/rollout")
    waiting(page).until(lambda _: "33 %" in see(page, "[data-test=come]"))
    assert "0 %" in see(page, "[data-test=right]")
    sites = [site.get_attribute("data-site") for site in page.find_elements(By.CSS_SELECTOR, "[data-site]")]
    assert sites == ["north", "south"], "what has most left to do comes first"
    box = "[data-box=gate-1]"
    assert see(page, f"{box} [data-test=state]") == "在线"
    assert see(page, f"{box} [data-test=configuration]") == "设备拒绝，已退回"
    assert see(page, f"{box} [data-test=why]") == "fence: unreachable"
    assert see(page, f"{box} [data-test=changed]") == "现场改过：scene-gate.toml"
    assert see(page, f"{box} [data-test=cameras]") == "摄像机 1 / 2 有画面"
    assert see(page, "[data-box=gate-3] [data-test=state]") == "等待接入"
    click(page, f"{box} [data-test=open]")
    old = f"[data-version='{first}']"
    waiting(page).until(lambda _: "正在执行" in see(page, old))
    assert "最新下发" in see(page, f"[data-version='{second}']")
    click(page, f"{old} [data-test=back]")
    find(page, f"{old} [name=why]").send_keys("the fence camera was right")
    click(page, f"{old} form button[type=submit]")
    # What was changed at the box is not undone from here.
    waiting(page).until(lambda _: "somebody has changed files at north/gate-1" in page.page_source)
    connection.execute("UPDATE agents SET health = health || '{\"configuration\": {}}'")
    click(page, f"{old} [data-test=back]")
    find(page, f"{old} [name=why]").send_keys("the fence camera was right")
    click(page, f"{old} form button[type=submit]")

    def newest() -> tuple[str, str]:
        row = connection.execute("SELECT why, files FROM box_configurations ORDER BY number DESC LIMIT 1").fetchone()
        assert row
        return row["why"], json.dumps(row["files"])

    waiting(page).until(lambda _: newest()[0] == "the fence camera was right")
    assert "two cameras" in newest()[1]
