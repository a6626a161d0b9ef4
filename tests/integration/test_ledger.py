"""The ledger of lines: what cannot be confirmed now, which hours were whole, and who stands in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from aggregator.alerting import inbox
from aggregator.signals.signal import Signal, Subject
from aggregator.store import Database
from aggregator.store.database import Connection
from shared.events import CameraState, ConfigApplied, LineSpec
from tests.integration.house import POINTS, House, camera, now_ms

HOUR = timedelta(hours=1)
WHOLE_QUARTER_MS = 900_000


def this_hour() -> datetime:
    """When it began: a suite may begin in one hour and end in another."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    house = House(database, connection)
    house.beat(health=health(gate="watching"))
    house.connection.execute("UPDATE producers SET first_seen_at = now() - interval '10 days'")
    return house


def health(**cameras: str) -> str:
    return json.dumps({"cameras": [{"name": name, "state": state} for name, state in cameras.items()]})


def cover(house: House, hours_ago: dict[int, int], agent: str = "a", name: str = "gate") -> None:
    """Some hours of the last day, each with so many milliseconds of each quarter; all others whole."""
    days: dict[Any, list[int]] = {}
    for back in range(60):
        hour = this_hour() - back * HOUR
        quarters = days.setdefault(hour.date(), [WHOLE_QUARTER_MS] * 96)
        for quarter in range(4):
            quarters[hour.hour * 4 + quarter] = hours_ago.get(back, WHOLE_QUARTER_MS)
    for day, covered in days.items():
        house.connection.execute(
            "INSERT INTO coverage (site, agent, camera, day, covered, total) VALUES ('s', %s, %s, %s, %s, %s)",
            (agent, name, day, covered, sum(covered)),
        )


def spell(house: House, subject: str, name: str, condition: str, since_h: float, until_h: float) -> None:
    house.connection.execute(
        "INSERT INTO spells (subject, site, agent, camera, name, condition, since, until)"
        " VALUES (%s, 's', 'a', 'gate', %s, %s, %s, %s)",
        (subject, name, condition, this_hour() - since_h * HOUR, this_hour() - until_h * HOUR),
    )


def now(client: httpx.Client, **asked: str) -> list[dict[str, Any]]:
    told = client.get("/api/v1/coverage/now", params=asked).raise_for_status().json()
    assert told["looked_at"] >= len(told["lines"]) == told["unconfirmed"] >= told["alone"]
    return told["lines"]  # type: ignore[no-any-return]


def hours(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    return client.get("/api/v1/coverage/hours", params=asked).raise_for_status().json()  # type: ignore[no-any-return]


def why(line: dict[str, Any]) -> list[str]:
    return [each["condition"] for each in line["reasons"]]


def test_a_line_whose_box_and_camera_are_well_is_confirmed(client: httpx.Client, house: House) -> None:
    assert now(client) == []


def test_a_silent_box_a_blind_camera_and_a_quiet_line_are_told_with_reasons(client: httpx.Client, house: House) -> None:
    house.beat(health=health(gate="stalled"))
    (line,) = now(client)
    assert (line["site"], line["agent"], line["camera"], line["line"]) == ("s", "a", "gate", "in")
    assert why(line) == ["stalled"], "before it rings the camera's own word is told"
    house.send(camera(CameraState.STALLED, ago_s=60))
    house.wait(60)
    (line,) = now(client)
    assert why(line) == ["camera_blind"]
    assert line["reasons"][0]["zh"] == "摄像机无画面"
    assert line["reasons"][0]["since"]
    house.beat(state="silent", health=health(gate="watching"))
    house.send(camera(CameraState.WATCHING))
    house.look()
    assert "box_silent" in why(now(client)[0])
    house.beat(health="{}")
    house.connection.execute("UPDATE conditions SET active = false")
    assert why(now(client)[0]) == ["unknown"], "a box that says nothing of its camera does not say that it is well"
    house.beat(health=health(gate="watching"))
    assert now(client) == []
    house.connection.execute(
        "INSERT INTO conditions (subject, site, agent, camera, name, condition, active, since, told_at, priority,"
        " detail) VALUES ('line', 's', 'a', 'gate', 'in', 'line_quiet', true, now(), now(), 3, '{}')"
    )
    assert why(now(client)[0]) == ["line_quiet"]
    house.connection.execute("UPDATE conditions SET condition = 'line_busy' WHERE subject = 'line'")
    assert now(client) == [], "a line that is busy is one that is heard"


def test_a_neighbour_stands_in_while_it_watches(client: httpx.Client, house: House) -> None:
    house.send(ConfigApplied(now_ms(), 1, ("mast",), (LineSpec(0, "far", POINTS, "both", 1),)), agent="b")
    house.beat(agent="b", health=health(mast="watching"))
    told = {"camera": "gate", "name": "in", "seen_by": [{"agent": "b", "camera": "mast"}]}
    assert client.put("/api/v1/boxes/s/a/seen-by", json=told).json() == told
    house.beat(health=health(gate="blind"))
    (line,) = now(client)
    assert line["seen_by"] == [{"agent": "b", "camera": "mast", "watches": True}]
    house.beat(agent="b", health=health(mast="impaired"))
    assert [each["seen_by"] for each in now(client, agent="a")] == [
        [{"agent": "b", "camera": "mast", "watches": False}]
    ]
    client.put("/api/v1/boxes/s/a/seen-by", json={**told, "seen_by": []}).raise_for_status()
    assert now(client, agent="a")[0]["seen_by"] == []


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"name": "out"}, 404, "no line or zone 'out'"),
        ({"seen_by": [{"agent": "z", "camera": "mast"}]}, 404, "it has: a/gate"),
        ({"seen_by": [{"agent": "a", "camera": "gate"}]}, 422, "its own camera"),
        ({"seen_by": [{"agent": "a"}]}, 422, "camera"),
    ],
)
def test_neighbours_that_there_are_not(
    client: httpx.Client, house: House, change: dict[str, Any], status: int, said: str
) -> None:
    answer = client.put("/api/v1/boxes/s/a/seen-by", json={"camera": "gate", "name": "in", "seen_by": [], **change})
    assert answer.status_code == status
    assert said.replace("its own", "the line's own") in answer.text


def test_each_hour_of_the_ledger_is_whole_or_says_why_not(client: httpx.Client, house: House) -> None:
    cover(house, {3: 0, 5: WHOLE_QUARTER_MS - 4000, 7: WHOLE_QUARTER_MS // 2})
    spell(house, "camera", "", "sight_covered", 3, 2)
    told = {each["hour"]: each for each in hours(client)}
    assert len(told) >= 22
    assert all(each["lines"] == 1 for each in told.values())

    def of(back: int) -> dict[str, Any]:
        return told[(this_hour() - back * HOUR).isoformat().replace("+00:00", "Z")]

    assert of(2)["confirmed"] == 1
    assert of(5)["confirmed"] == 1, "some seconds around a restart are nothing"
    assert of(3)["unconfirmed"] == [
        {"agent": "a", "camera": "gate", "line": "in", "unconfirmed_s": 3600, "reasons": ["sight_covered"]}
    ]
    assert [(each["unconfirmed_s"], each["reasons"]) for each in of(7)["unconfirmed"]] == [(1800, ["interrupted"])]
    assert of(9)["confirmed"] == 1
    spell(house, "box", "", "two_lives", 9, 8.5)
    house.connection.execute("UPDATE spells SET camera = '' WHERE subject = 'box'")
    told = {each["hour"]: each for each in hours(client)}
    assert of(9)["unconfirmed"][0]["reasons"] == ["two_lives"], "whatever its heartbeats said"
    newest_first = [each["hour"] for each in hours(client)]
    assert newest_first == sorted(newest_first, reverse=True)


def test_a_quiet_line_and_maintenance_are_in_the_ledger(client: httpx.Client, house: House) -> None:
    cover(house, {4: 0})
    spell(house, "line", "in", "line_quiet", 2, 1.5)
    house.connection.execute(
        "INSERT INTO maintenance (place, agent, camera, reason, by, since, until) VALUES ('s', '', '', 'new mast', 'x',"
        " %s, %s)",
        (this_hour() - 4 * HOUR, this_hour() - 3 * HOUR),
    )
    amiss = [(each["hour"], line) for each in hours(client) for line in each["unconfirmed"]]
    assert [(line["unconfirmed_s"], line["reasons"]) for _, line in amiss] == [
        (1800, ["line_quiet"]),
        (3600, ["maintenance"]),
    ]


def test_what_is_asked_for_too_long_or_backwards_is_refused(client: httpx.Client, house: House) -> None:
    for asked, said in (
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-09-01T00:00:00Z"}, "93 days"),
        ({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since lies after until"),
        ({"place": "nowhere"}, "does not exist"),
    ):
        answer = client.get("/api/v1/coverage/hours", params=asked)
        assert answer.status_code == 422
        assert said in answer.text


def test_lines_that_fell_quiet_together_are_each_unconfirmed_and_a_cleared_alert_is_no_reason(
    client: httpx.Client, house: House
) -> None:
    names = [f"l{number}" for number in range(5)]
    specs = tuple(LineSpec(0, name, POINTS, "both", 1) for name in names)
    house.send(ConfigApplied(now_ms(), 2, ("gate",), specs))
    cover(house, {})
    at = this_hour() - 3 * HOUR
    said = [Signal(Subject("line", "s", "a", "gate", name), "line_quiet", True, at) for name in names]
    with house.connection.transaction():
        inbox.put(house.connection, said)
    house.settle()
    house.wait(60)
    assert [each[0] for each in house.alerts()] == ["line_quiet"], "one alert of many, without names"
    house.connection.execute("UPDATE alerts SET cleared_at = now(), cleared_by = 'x', verdict = 'false'")
    over = [Signal(each.subject, "line_quiet", False, at + HOUR) for each in said]
    with house.connection.transaction():
        inbox.put(house.connection, over)
    house.settle()
    amiss = {each["hour"]: [line["line"] for line in each["unconfirmed"]] for each in hours(client)}
    assert [lines for lines in amiss.values() if lines] == [names], "in that hour alone"


def test_a_camera_of_which_no_heartbeat_tells_counts_and_is_not_confirmed(client: httpx.Client, house: House) -> None:
    house.send(ConfigApplied(now_ms(), 1, ("mast",), (LineSpec(0, "far", POINTS, "both", 1),)), agent="b")
    house.connection.execute("UPDATE producers SET first_seen_at = now() - interval '10 days'")
    (line,) = now(client, agent="b")
    assert why(line) == ["box_silent"]
    assert line["reasons"][0]["since"] is None
    cover(house, {})
    # Of the hour that is just over nothing is told yet of a camera that no heartbeat tells of.
    told = hours(client, until=f"{this_hour() - HOUR:%Y-%m-%dT%H:%MZ}")
    assert {each["lines"] for each in told} == {2}
    assert {each["confirmed"] for each in told} == {1}
    assert {line["agent"] for each in told for line in each["unconfirmed"]} == {"b"}
    house.beat(health=health(gate="watching"))
    house.connection.execute("UPDATE agents SET last_seen_at = now() - interval '10 minutes' WHERE agent = 'a'")
    assert why(now(client, agent="a")[0]) == ["box_silent"], "though nobody has said so yet"


def test_who_is_worked_on_or_was_turned_since_stands_in_for_nobody(client: httpx.Client, house: House) -> None:
    house.send(ConfigApplied(now_ms(), 1, ("mast",), (LineSpec(0, "far", POINTS, "both", 1),)), agent="b")
    house.beat(agent="b", health=health(mast="watching"))
    told = {"camera": "gate", "name": "in", "seen_by": [{"agent": "b", "camera": "mast"}]}
    client.put("/api/v1/boxes/s/a/seen-by", json=told).raise_for_status()
    house.beat(health=health(gate="stalled"))
    assert now(client)[0]["seen_by"][0]["watches"]
    work = {"place": "s", "agent": "b", "reason": "new mast", "hours": 1}
    number = client.post("/api/v1/maintenance", json=work).raise_for_status().json()["id"]
    assert not now(client)[0]["seen_by"][0]["watches"]
    client.post(f"/api/v1/maintenance/{number}/end").raise_for_status()
    assert now(client)[0]["seen_by"][0]["watches"]
    client.put("/api/v1/boxes/s/b/views", json={"camera": "mast"}).raise_for_status()
    assert not now(client)[0]["seen_by"][0]["watches"], "its new view may not show the line"
    client.put("/api/v1/boxes/s/a/seen-by", json=told).raise_for_status()
    assert now(client)[0]["seen_by"][0]["watches"], "until that is said again"


def test_a_condition_that_comes_and_goes_within_a_minute_is_one_spell(house: House) -> None:
    for ago_s, state in ((300, "STALLED"), (290, "WATCHING"), (280, "STALLED"), (100, "WATCHING"), (20, "STALLED")):
        house.send(camera(CameraState[state], ago_s=ago_s))
    rows = house.connection.execute(
        "SELECT round(extract(epoch FROM now() - since)) AS since, until = 'infinity' AS open FROM spells"
        " WHERE condition = 'camera_blind' ORDER BY spells.since"
    ).fetchall()
    assert [(float(row["since"]) // 10, row["open"]) for row in rows] == [(30, False), (2, True)]
