"""Acceptance of a site: nothing is accepted that was not heard, and what is drawn anew is open again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from shared.events import ConfigApplied, EvidenceReady, Lane, LineSpec
from tests.integration.house import POINTS, House, crossed, now_ms
from tests.integration.people import Centre, guarded

PATH = "/api/v1/acceptances/north"
LINE = {"agent": "a", "kind": "line", "camera": "gate", "name": "in"}
DOOR = {"agent": "a", "kind": "sensor", "name": "front door"}


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    """A box with a line, a lane and a door."""
    with connection.transaction():
        put_place(connection, EVERYWHERE, "north")
    house = House(database, connection, site="north")
    house.beat("a")
    lines = LineSpec(0, "in", POINTS, "both", 1), LineSpec(0, "lane 1", POINTS, "both", 2, 100)
    house.send(ConfigApplied(now_ms(), 1, ("gate",), lines))
    connection.execute(
        "INSERT INTO sensors (site, agent, sensor, what, state, since, told_at, detail)"
        " VALUES ('north', 'a', 'front door', 'door', 'normal', now(), now(), '')"
    )
    return house


@pytest.fixture
def centre(database: Database, tmp_path: Path, house: House) -> Iterator[Centre]:
    with guarded(database, tmp_path) as centre:
        yield centre


@pytest.fixture
def wu(centre: Centre) -> Iterator[httpx.Client]:
    """Of maintenance."""
    centre.account("wu", "maintenance@north")
    with centre.client(cookie=centre.cookie("wu")) as wu:
        yield wu


def record(client: httpx.Client, of: dict[str, str], passed: bool = True, code: int = 200, note: str = "") -> Any:
    answer = client.post(PATH, json={**of, "passed": passed, "note": note})
    assert answer.status_code == code, answer.text
    return answer.json()


def states(client: httpx.Client) -> dict[str, str]:
    return {row["name"]: row["state"] for row in client.get(PATH).json()}


def test_what_was_heard_is_accepted_with_its_picture(wu: httpx.Client, house: House, connection: Connection) -> None:
    assert states(wu) == {"in": "open", "lane 1": "open", "front door": "open"}
    assert "was not heard within 30 minutes" in record(wu, LINE, code=409)["detail"]
    digest = bytes(32)
    house.send(crossed(1, 5), EvidenceReady(now_ms(), Lane.ALARM, 2, digest, 10))
    connection.execute("UPDATE evidence_of SET arrived_at = now()")
    done = record(wu, LINE)
    assert (done["state"], done["made_by"], done["sha256"]) == ("accepted", "wu", digest.hex())
    assert done["heard_at"] == done["answered_at"]
    assert "was not heard" in record(wu, DOOR, code=409)["detail"]
    connection.execute("UPDATE sensors SET answered_at = now() - interval '31 min'")
    record(wu, DOOR, code=409)
    connection.execute("UPDATE sensors SET answered_at = now() - interval '1 min'")
    assert record(wu, DOOR)["state"] == "accepted"
    assert states(wu) == {"in": "accepted", "lane 1": "open", "front door": "accepted"}
    (entry,) = connection.execute("SELECT detail FROM audit WHERE subject = 'north/a/gate/in'").fetchall()
    assert entry["detail"] == "line accepted"


def test_what_is_wrong_is_an_open_point_until_it_is_accepted(wu: httpx.Client, house: House) -> None:
    lane = {**LINE, "kind": "lane", "name": "lane 1"}
    assert "say what is wrong" in record(wu, lane, passed=False, code=422)["detail"]
    refused = record(wu, lane, passed=False, note="the lamp dazzles it")
    assert (refused["state"], refused["note"], refused["heard_at"]) == ("refused", "the lamp dazzles it", None)
    record(wu, {**LINE, "name": "out"}, passed=False, note="xx", code=404)
    record(wu, {**lane, "kind": "sensor"}, passed=False, note="xx", code=404)


def test_a_line_that_is_drawn_anew_is_tried_again(wu: httpx.Client, house: House) -> None:
    house.send(crossed(1, 5))
    record(wu, LINE)
    moved = ((0.1, 0.6), (0.9, 0.6))
    house.send(ConfigApplied(now_ms(), 2, ("gate",), (LineSpec(0, "in", moved, "both", 1),)))
    assert states(wu) == {"in": "changed", "front door": "open"}
    assert "was not heard" in record(wu, LINE, code=409)["detail"], "what was heard was the line before"


def test_who_may_not(centre: Centre, wu: httpx.Client) -> None:
    centre.account("li", "operator")
    with centre.client(cookie=centre.cookie("li")) as li:
        assert states(li)["in"] == "open"
        record(li, LINE, code=403)
    assert wu.get("/api/v1/acceptances/south").json() == []
