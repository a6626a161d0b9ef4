"""Checkpoints at the centre: passages are counted and forgotten, and a camera that reads too little says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from aggregator.domains.checkpoints import reading_judge
from aggregator.domains.checkpoints.passages import forget
from aggregator.store import Database
from aggregator.store.database import Connection
from shared.events import (
    ConfigApplied,
    Direction,
    LineCrossed,
    LineRule,
    LineSpec,
    PlateColour,
    VehicleClass,
    VehiclePassed,
)
from tests.integration.house import POINTS, House, now_ms

LANES = tuple(LineSpec(0, name, POINTS, "left_to_right", 0, LineRule.LANE) for name in ("left", "right"))
_TRACKS = iter(range(1, 10_000))


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    house = House(database, connection)
    house.beat(health='{"cameras": [{"name": "gate", "state": "watching"}]}')
    house.send(ConfigApplied(now_ms(), 2, ("gate",), (LineSpec(0, "in", POINTS, "both", 1), *LANES)))
    return house


def passed(lane: int, ago_s: float = 1.0, vehicle: VehicleClass = VehicleClass.CAR, *, read: bool = True) -> Any:
    way, colour = Direction.LEFT_TO_RIGHT, PlateColour.BLUE if read else PlateColour.UNKNOWN
    return VehiclePassed(now_ms(ago_s), 2, 1 + lane, way, 1, next(_TRACKS), vehicle, 0, colour, read)


def listed(client: httpx.Client, path: str, **asked: Any) -> list[dict[str, Any]]:
    return client.get(f"/api/v1/{path}", params=asked).raise_for_status().json()  # type: ignore[no-any-return]


def test_lanes_are_listed_with_what_passed_and_no_alert_is_raised(client: httpx.Client, house: House) -> None:
    house.send(passed(0), passed(0, read=False), passed(1, vehicle=VehicleClass.LORRY))
    (checkpoint,) = listed(client, "checkpoints")
    assert (checkpoint["agent"], checkpoint["camera"], checkpoint["camera_state"]) == ("a", "gate", "watching")
    told = [(lane["name"], lane["passed"], lane["unread"]) for lane in checkpoint["lanes"]]
    assert told == [("left", 2, 1), ("right", 1, 0)]
    assert house.alerts() == []
    assert listed(client, "checkpoints", site="elsewhere") == []


def test_passages_are_counted_by_lane_and_class_and_lines_are_no_lanes(client: httpx.Client, house: House) -> None:
    line = LineCrossed(now_ms(1), 2, 0, Direction.LEFT_TO_RIGHT, 1, 7000, 0, 0)
    house.send(
        passed(0), passed(0), passed(1, vehicle=VehicleClass.LORRY), passed(1, vehicle=VehicleClass.UNKNOWN), line
    )
    found = listed(client, "checkpoints/counts", step="day")
    told = sorted((row["line"], row["object"], row["crossings"]) for row in found)
    assert told == [("left", "car", 2), ("right", "lorry", 1), ("right", "vehicle", 1)]
    assert sum(row["crossings"] for row in listed(client, "counts", step="day")) == 5, "lanes count like lines"
    (left,) = listed(client, "checkpoints/counts", step="day", line="left")
    assert left["crossings"] == 2


def test_a_lane_is_a_line_that_may_not_be_confirmed_and_is_not_armed(client: httpx.Client, house: House) -> None:
    def order(name: str) -> int:
        told = {"camera": "gate", "name": name, "armed": True}
        return client.put("/api/v1/boxes/s/a/arming", json=told).status_code

    assert (order("left"), order("in")) == (404, 200)
    house.beat(health='{"cameras": [{"name": "gate", "state": "stalled"}]}')
    unconfirmed = client.get("/api/v1/coverage/now").raise_for_status().json()
    assert {each["line"] for each in unconfirmed["lines"]} == {"in", "left", "right"}


def test_rows_of_passages_are_gone_after_three_days_and_the_counts_stay(client: httpx.Client, house: House) -> None:
    house.send(passed(0, 73 * 3600), passed(0, 71 * 3600), passed(0, 1), LineCrossed(
        now_ms(73 * 3600), 2, 0, Direction.LEFT_TO_RIGHT, 1, 7001, 0, 0
    ))  # fmt: skip
    kept = "SELECT count(*) AS n FROM events WHERE kind = 8"
    row = house.connection.execute(kept).fetchone()
    assert row is not None
    assert row["n"] == 2, "what a box brings after three days leaves no row"
    connection = house.connection
    assert forget(connection, datetime.now(UTC)) == 0
    counted = listed(
        client, "checkpoints/counts", step="day", since=f"{datetime.now(UTC) - timedelta(days=5):%Y-%m-%dT%H:%MZ}"
    )
    assert sum(row["crossings"] for row in counted) == 3, "what came too late is counted all the same"
    assert forget(connection, datetime.now(UTC) + timedelta(hours=2)) == 1
    assert forget(connection, datetime.now(UTC) + timedelta(hours=2)) == 0
    row = connection.execute("SELECT count(*) AS n FROM events WHERE kind = 1").fetchone()
    assert row is not None
    assert row["n"] == 1, "a crossing is no passage"
    # A clock that is ahead takes the rest too soon; that it forgets is what was promised.
    assert forget(connection, datetime.now(UTC) + timedelta(hours=80)) == 1


def test_a_camera_that_reads_too_little_says_so_until_it_reads_again(client: httpx.Client, house: House) -> None:
    house.send(*[passed(0, read=number % 2 == 0) for number in range(40)])
    assert reading_judge.look(house.connection, datetime.now(UTC)) == 0, "too few to judge by"
    house.send(*[passed(1, read=number % 2 == 0) for number in range(40)])
    assert reading_judge.look(house.connection, datetime.now(UTC)) == 1
    house.settle()
    assert [alert[:4] for alert in house.alerts()] == [("plates_unread", "camera", "a", "gate")]
    assert reading_judge.look(house.connection, datetime.now(UTC)) == 0, "once"
    # Hours that are newer count first.
    house.connection.execute("UPDATE lane_hours SET hour = hour - interval '2 hours'")
    house.send(*[passed(0) for _ in range(60)])
    assert reading_judge.look(house.connection, datetime.now(UTC)) == 1
    house.settle()
    house.wait(120)
    assert house.alerts()[0][-1] == "cleared", "a trouble that is over, and that nobody had to see to"


def test_a_checkpoint_that_nothing_passes_any_more_is_not_told_for_ever(client: httpx.Client, house: House) -> None:
    house.send(*[passed(0, read=False) for _ in range(60)])
    assert reading_judge.look(house.connection, datetime.now(UTC)) == 1
    house.settle()
    house.connection.execute("UPDATE lane_hours SET hour = hour - interval '30 hours'")
    assert reading_judge.look(house.connection, datetime.now(UTC)) == 1
