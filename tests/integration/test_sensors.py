"""What passed without a name, and what alarm sensors told: stored, asked for, and never newer than it is."""

import csv
import io
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.domains.sensors.domain import SQL as SENSORS
from aggregator.domains.sensors.partitions import SQL
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.store.database import Connection
from shared.clock import to_ms
from shared.envelope import Header, encode_batch, encode_event
from shared.events import (
    ConfigApplied,
    Direction,
    Event,
    Lane,
    LineSpec,
    PlateColour,
    SensorChanged,
    SensorState,
    VehicleClass,
    VehiclePassed,
)
from shared.mqtt import Message

NOW_S = time.time()
FACTS = SENSORS["facts_of"]
LINES = (LineSpec(0, "in", ((0.0, 0.5), (1.0, 0.5)), "both", 2),)


class Box:
    """A box whose events are committed batch by batch."""

    def __init__(self, connection: Connection, agent: str) -> None:
        self.connection, self.agent, self.next = connection, agent, 1
        self.committer = Committer("test")

    def send(self, *events: Event) -> None:
        header = Header(Lane.ALARM, 1, self.next, len(events), 1, to_ms(NOW_S))
        self.next += len(events)
        payload = encode_batch(header, [encode_event(event) for event in events])
        message = Message(f"hl/1/north/{self.agent}/up/alarm", payload, False, NOW_S)
        self.committer.commit(self.connection, read([message], Lane.ALARM))

    def sensor(self, name: str, state: SensorState, ago_s: float, detail: str = "") -> SensorChanged:
        return SensorChanged(to_ms(NOW_S - ago_s), name, "infrared", state, 1, detail)


@pytest.fixture
def boxes(connection: Connection) -> list[Box]:
    connection.execute(
        "INSERT INTO agents (site, agent, state, last_seen_at)"
        " VALUES ('north', 'a', 'online', now()), ('north', 'b', 'silent', now())"
    )
    return [Box(connection, agent) for agent in ("a", "b", "c")]


def asked(client: httpx.Client, path: str, **more: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(client: httpx.Client, **more: Any) -> list[tuple[str, str, str, str]]:
    rows = asked(client, "sensors", **more)
    return [(row["agent"], row["sensor"], row["state"], row["box"]) for row in rows]


def hawkline(client: httpx.Client, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared", "health", "--url", str(client.base_url), "--sensors", *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_newest_state_counts_whatever_comes_last(client: httpx.Client, boxes: list[Box]) -> None:
    box = boxes[0]
    box.send(
        box.sensor("wall", SensorState.NORMAL, 90), box.sensor("wall", SensorState.ALARM, 60),
        box.sensor("door", SensorState.TAMPER, 50, "cover\0off"),
    )  # fmt: skip
    # An hour's backlog comes behind what is fresh.
    box.send(box.sensor("wall", SensorState.NORMAL, 3600), box.sensor("gate", SensorState.NORMAL, 3600))
    assert states(client) == [
        ("a", "door", "tamper", "online"),
        ("a", "gate", "normal", "online"),
        ("a", "wall", "alarm", "online"),
    ]
    wall = asked(client, "sensors")[2]
    box.send(box.sensor("wall", SensorState.ALARM, 10))
    again = asked(client, "sensors")[2]
    assert again["since"] == wall["since"]
    assert again["told_at"] > wall["told_at"]
    box.send(box.sensor("wall", SensorState.NORMAL, 5))
    assert asked(client, "sensors")[2]["since"] > wall["told_at"]
    way = asked(client, "events", kind="sensor_changed")["events"]
    assert [(row["detail"]["sensor"], row["detail"]["state"]) for row in way] == [
        *(("wall", "normal"), ("wall", "alarm"), ("door", "tamper"), ("wall", "alarm"), ("wall", "normal")),
        *(("gate", "normal"), ("wall", "normal")),
    ]
    assert {row["priority"] for row in way} == {1}


def test_a_silent_box_confirms_nothing(client: httpx.Client, boxes: list[Box]) -> None:
    for box in boxes:
        box.send(box.sensor("wall", SensorState.NORMAL, 60))
    assert states(client) == [
        ("a", "wall", "normal", "online"),
        ("b", "wall", "normal", "silent"),
        ("c", "wall", "normal", "unknown"),
    ]
    assert states(client, agent="b", place="north") == [("b", "wall", "normal", "silent")]
    assert states(client, site="south") == []
    assert client.get("/api/v1/sensors", params={"place": "nowhere"}).status_code == 422
    done = hawkline(client, "--troubled", "-o", "csv")
    assert done.returncode == 1
    assert [row["agent"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["b", "c"]
    assert hawkline(client, "--agent", "a").returncode == 0
    refused = hawkline(client, "--since", "30d")
    assert refused.returncode == 2
    assert "hawkline events --kind sensor_changed" in refused.stderr


def test_for_how_long_a_sensor_was_fit(client: httpx.Client, boxes: list[Box], connection: Connection) -> None:
    """Of a box that was well all the time: tampered with for ten minutes of the last hours, told out of order."""
    begin_s = (time.time() - 4 * 3600) // 900 * 900
    connection.execute("UPDATE agents SET born_at = to_timestamp(%s), last_seen_at = now()", (begin_s - 86_400,))
    connection.execute(
        "INSERT INTO coverage (site, agent, camera, day, covered, total)"
        " SELECT 'north', 'a', '', day::date, array_fill(900000, ARRAY[96]), 86400000"
        " FROM generate_series(now() - interval '2 days', now(), interval '1 day') AS day"
    )
    box = boxes[0]
    at_s = begin_s + 1800

    def told(state: SensorState, when_s: float, name: str = "wall") -> SensorChanged:
        return SensorChanged(to_ms(when_s), name, "infrared", state, 1)

    box.send(
        told(SensorState.NORMAL, begin_s - 5), told(SensorState.NORMAL, at_s + 600), told(SensorState.ALARM, at_s + 900)
    )
    box.send(told(SensorState.NORMAL, begin_s - 5, "gate"))
    box.send(told(SensorState.TAMPER, at_s))
    box.send(told(SensorState.TAMPER, at_s + 60))
    connection.execute("UPDATE producers SET first_seen_at = now() - interval '2 days'")
    since = datetime.fromtimestamp(begin_s, tz=UTC)
    rows = asked(
        client, "sensors/availability", since=since.isoformat(), until=(since + timedelta(hours=2)).isoformat()
    )
    assert [(row["sensor"], row["uncovered_s"], row["covered_s"]) for row in rows] == [
        ("gate", 0, 7200),
        ("wall", 600, 6600),
    ]


def test_what_a_file_has_no_more_is_forgotten_and_how_a_sensor_was_last_is_no_day_to_delete(
    client: httpx.Client, boxes: list[Box], connection: Connection
) -> None:
    box = boxes[0]
    box.send(box.sensor("wall", SensorState.NORMAL, 90), box.sensor("wall", SensorState.TAMPER, 60))
    box.send(box.sensor("gate", SensorState.NORMAL, 90))
    box.send(box.sensor("wall", SensorState.GONE, 30))
    assert [row["sensor"] for row in asked(client, "sensors")] == ["gate"]
    rows = connection.execute("SELECT DISTINCT sensor FROM sensor_fitness").fetchall()
    assert [row["sensor"] for row in rows] == ["gate"]
    connection.execute("UPDATE sensor_fitness SET at = at - interval '500 days'")
    today = {"before": datetime.now(UTC).date()}
    assert connection.execute(SQL["old_days_of_fitness"], today).fetchall() == []
    box.send(box.sensor("gate", SensorState.TAMPER, 20))
    (old,) = connection.execute(SQL["old_days_of_fitness"], today).fetchall()
    connection.execute(SQL["drop_day_of_fitness"], old)
    left = connection.execute("SELECT is_fit FROM sensor_fitness").fetchall()
    assert [row["is_fit"] for row in left] == [False]


def test_of_a_vehicle_that_no_list_names_only_this_is_kept(client: httpx.Client, boxes: list[Box]) -> None:
    at_ms = to_ms(NOW_S - 30)
    boxes[0].send(
        ConfigApplied(at_ms, 1, ("gate",), LINES),
        VehiclePassed(at_ms, 1, 0, Direction.LEFT_TO_RIGHT, 1, 7, VehicleClass.LARGE, 0, PlateColour.YELLOW, True),
        VehiclePassed(at_ms + 1, 1, 0, Direction.RIGHT_TO_LEFT, 1, 8, VehicleClass.UNKNOWN),
    )
    unread = {"plate_class": 0, "colour": "unknown", "read": False}
    read = {"plate_class": 0, "colour": "yellow", "read": True}
    found = asked(client, "events", kind="vehicle_passed", line="in", camera="gate")["events"]
    assert [row["detail"] for row in found] == [
        {"direction": "right_to_left", "run": 1, "track": 8, "vehicle": "unknown", **unread},
        {"direction": "left_to_right", "run": 1, "track": 7, "vehicle": "large", **read},
    ]
    assert {(row["camera"], row["line"], row["priority"]) for row in found} == {("gate", "in", None)}


def test_what_is_said_of_a_panel_holds_for_its_zones_that_have_nothing_of_their_own(
    connection: Connection, client: httpx.Client, boxes: list[Box], tmp_path: Path
) -> None:
    boxes[0].send(*(boxes[0].sensor(name, SensorState.NORMAL, 9) for name in ("shop", "shop/door", "shop/zone 7", "x")))
    file = tmp_path / "panels.csv"
    file.write_text(
        "site,agent,sensor,location,responsible\nnorth,a,shop,东街 4 号,王师傅\nnorth,a,shop/door,东街后门,\n"
    )
    command = [sys.executable, "-m", "shared", "sensor", "import", str(file), "--url", str(client.base_url)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    said = {("shop",): ("东街 4 号", "王师傅"), ("shop/door",): ("东街后门", "王师傅"), ("x",): ("", "")}
    said["shop/zone 7",] = said["shop",]
    asked_for = {"sites": ["north"] * 4, "agents": ["a"] * 4, "sensors": [name for (name,) in said]}
    found = {(row["sensor"],): (row["location"], row["responsible"]) for row in connection.execute(FACTS, asked_for)}
    assert found == said
    listed = subprocess.run(
        [*command[:4], "list", "-o", "csv", *command[-2:]], capture_output=True, text=True, check=True, timeout=60
    )
    rows = csv.DictReader(io.StringIO(listed.stdout))
    assert {(row["sensor"],): (row["location"], row["responsible"]) for row in rows} == said
