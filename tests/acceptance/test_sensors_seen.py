"""Sensors of a box without a camera: armed by command, rung at the centre, and armed as before behind a kill."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from shared.net import pick_free_port
from tests.acceptance.site import Site, await_true

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]
WIRES = """
[inputs.http]
token_file = "inputs.token"
host = "127.0.0.1"
port = {port}

[[partitions]]
name = "house"
exit_s = 0
entry_s = 20

[[sensors]]
name = "front door"
what = "door"
type = "entry_exit"
wire = {{ kind = "http", path = "door", field = "open" }}

[[sensors]]
name = "窗"
what = "window"
wire = {{ kind = "http", path = "window", field = "open" }}

[[sensors]]
name = "smoke"
type = "fire"
wire = {{ kind = "http", path = "smoke", field = "alarm" }}
"""


class Box:
    """A box whose sensors this test is."""

    def __init__(self, site: Site) -> None:
        self.site, self.port = site, pick_free_port()
        self.agent = site.add_agent("box", {})
        with site.config("box").open("a", encoding="utf-8") as config:
            config.write(WIRES.format(port=self.port))
        (site.folder / "inputs.token").write_text("a token\n")

    def post(self, path: str, **said: bool) -> None:
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/inputs/{path}", json=said, headers={"authorization": "Bearer a token"},
            timeout=5, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 204, answer.text

    def all_closed(self) -> bool:
        self.post("door", open=False)
        self.post("window", open=False)
        self.post("smoke", alarm=False)
        return True

    def sensors(self) -> dict[str, str]:
        return {row["sensor"]: row["state"] for row in self.site.get("/api/v1/sensors")}

    def partition(self) -> dict[str, Any]:
        rows = self.site.get("/api/v1/partitions")
        return dict(rows[0]) if rows else {"state": "none"}

    def alerts(self) -> list[tuple[str, str]]:
        found = self.site.get("/api/v1/alerts")["alerts"]
        return sorted((each["condition"], each["name"]) for each in found if not each["ended_at"])

    def hawkline(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "shared", "sensor", *words, "--url", self.site.url]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def until(self, what: str, look: Callable[[], bool]) -> None:
        await_true(what, look, 60)


@pytest.fixture
def box(site: Site) -> Box:
    site.start_aggregator()
    box = Box(site)
    box.agent.start()
    box.until("it listens and hears all", box.all_closed)
    box.until("all is normal", lambda: set(box.sensors().values()) == {"normal"} and len(box.sensors()) == 3)
    return box


def test_armed_by_command_rung_and_armed_as_before_behind_a_kill(box: Box) -> None:
    box.post("window", open=True)
    box.until("disarmed it is only shown", lambda: box.sensors()["窗"] == "alarm")
    refused = box.hawkline("arm", "test", "box", "house")
    assert refused.returncode == 1, refused.stderr
    assert "not armed" in refused.stderr
    assert "窗: active" in refused.stderr
    box.until("that it is not armed rings", lambda: ("partition_not_armed", "house") in box.alerts())
    assert "partition_not_armed" in {each[0] for each in box.alerts()} and len(box.alerts()) == 1
    assert box.hawkline("partitions").returncode == 1
    box.post("window", open=False)
    box.until("it is armed once the window is closed", lambda: box.partition()["state"] == "armed_away")
    box.until("and that is over", lambda: not box.alerts())

    box.post("door", open=True)
    box.until("the entry delay runs", lambda: box.partition()["state"] == "pending")
    assert box.hawkline("disarm", "test", "box", "house").returncode == 0
    time.sleep(2)
    assert box.alerts() == [], "who disarms in time rings nobody"
    box.post("door", open=False)

    assert box.hawkline("arm", "test", "box", "house", "--mode", "night").returncode == 0
    box.agent.kill()
    box.agent.start()
    box.until("it listens again", box.all_closed)
    box.until("it is armed as before", lambda: "as before the restart" in box.partition()["detail"])
    assert box.partition()["state"] == "armed_night"
    box.post("window", open=True)
    box.until("it rings", lambda: ("sensor_alarm", "窗") in box.alerts())
    box.post("smoke", alarm=True)
    box.until("fire is told as fire", lambda: ("fire", "smoke") in box.alerts())
    box.post("smoke", alarm=False)
    box.post("window", open=False)
    box.until("the window is closed", lambda: box.sensors()["窗"] == "normal")
    assert box.sensors()["smoke"] == "alarm", "until a person has looked"
    assert box.hawkline("reset", "test", "box", "house").returncode == 0
    box.until("reset", lambda: box.sensors()["smoke"] == "normal")
    assert box.hawkline("disarm", "test", "box", "house").returncode == 0
    # What was done is in the record, with who did it.
    way = [row["detail"] for row in box.site.get("/api/v1/events?kind=partition_changed&limit=100")["events"]]
    assert {"disarmed", "pending", "armed_night", "triggered"} <= {each["state"] for each in way}
    assert {each["by"] for each in way if each["state"] == "armed_night"} == {"this machine"}


def test_bypassed_walked_and_named(box: Box) -> None:
    known = box.hawkline("put", "test", "box", "窗", "--location", "东侧二楼", "--code", "31011500511345000001")
    assert known.returncode == 0, known.stderr
    box.until("the bypass holds", lambda: box.hawkline(
        "bypass", "test", "box", "窗", "--until-closed", "--reason", "玻璃破了").returncode == 0)  # fmt: skip
    box.until("a closed one is watched at once", lambda: box.site.get("/api/v1/bypasses") == [])
    box.post("window", open=True)
    box.until("it is open", lambda: box.sensors()["窗"] == "alarm")
    assert box.hawkline("bypass", "test", "box", "窗", "--until-closed", "--reason", "玻璃破了").returncode == 0
    box.until("the box leaves it out", lambda: box.sensors()["窗"] == "bypassed")
    (row,) = [each for each in box.site.get("/api/v1/sensors") if each["sensor"] == "窗"]
    assert (row["location"], row["bypass_reason"]) == ("东侧二楼", "玻璃破了")
    assert box.hawkline("arm", "test", "box", "house").returncode == 0
    box.post("window", open=False)
    box.until("it is watched from then on", lambda: box.sensors()["窗"] == "normal")
    box.until("and the list says so", lambda: box.site.get("/api/v1/bypasses?active=false")[0]["ended_by"] == "box")
    box.post("window", open=True)
    box.until("and rings", lambda: ("sensor_alarm", "窗") in box.alerts())
    assert box.hawkline("disarm", "test", "box", "house").returncode == 0

    command = [sys.executable, "-m", "shared", "sensor", "walk", "--site", "test", "--for", "40s"]
    command += ["--url", box.site.url, "-o", "json"]
    walk = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert walk.stderr
    assert "walk now: 3 sensors and lines" in walk.stderr.readline()
    for name in ("door", "window"):
        box.post(name, open=False)
        time.sleep(0.3)
        box.post(name, open=True)
    said = walk.stderr.readline() + walk.stderr.readline()
    assert "1 of 3: test/box/" in said
    assert "2 of 3: test/box/" in said
    box.post("smoke", alarm=True)
    out, rest = walk.communicate(timeout=60)
    assert walk.returncode == 0, rest
    assert out == ""
    assert "3 of 3 have answered" in rest
    assert json.loads(box.hawkline("list", "-o", "json").stdout.splitlines()[0])["sensor"] == "front door"
