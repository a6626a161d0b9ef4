"""What fails for all boxes that hang on together, by the plan, is one alert that says on what."""

import json
from typing import Any

import pytest

from aggregator.domains.plans.plans import apply
from aggregator.store import Database
from aggregator.store.database import Connection
from tests.integration.house import House


def box(site: str, name: str, **hangs: str) -> dict[str, str]:
    return {"site": site, "box": name, **hangs}


BOXES = [
    box("s", "b1", switch="SW-1", power="P-1"),
    box("s", "b2", switch="SW-1", power="P-2"),
    box("s", "b3", switch="SW-1", power="P-1"),
    box("s", "b4", switch="SW-2", power="P-1", segment="vlan 7"),
    box("north", "c1", segment="vlan 7", switch="SW-1"),
    box("north", "c2", segment="vlan 7"),
]


def planned(connection: Connection, boxes: list[dict[str, str]], based_on: int = 0) -> None:
    places = [{"place": "s"}, {"place": "north"}]
    with connection.transaction():
        apply(connection, "chen", "", based_on, {"places": places, "boxes": boxes})


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    planned(connection, BOXES)
    house = House(database, connection)
    for each in BOXES:
        connection.execute(
            "INSERT INTO agents (site, agent, state) VALUES (%s, %s, 'online')", (each["site"], each["box"])
        )
    return house


def told(house: House, *silent: str) -> list[tuple[str, str, int, Any]]:
    """Of open alerts the site, the box, how many are members, and the detail."""
    house.connection.execute("UPDATE agents SET state = 'silent' WHERE agent = ANY(%s)", (list(silent),))
    house.look()
    house.wait(15)
    rows = house.connection.execute(
        "SELECT site, agent, members, detail FROM alert_views WHERE condition = 'box_silent' ORDER BY id"
    ).fetchall()
    return [(row["site"], row["agent"], row["members"], json.loads(json.dumps(row["detail"]))) for row in rows]


def test_boxes_behind_one_switch_are_one_alert_that_names_it(house: House) -> None:
    (alert,) = told(house, "b1", "b2", "b3")
    assert (alert[0], alert[1], alert[2]) == ("s", "", 3)
    assert {key: alert[3].get(key) for key in ("cause", "of")} == {"cause": "switch", "of": "SW-1"}
    house.connection.execute("UPDATE agents SET state = 'online'")
    house.look()
    house.wait(30)
    assert ("box_silent", "box", "ended") in house.alerts()


def test_what_explains_most_is_the_cause(house: House) -> None:
    (alert,) = told(house, "b1", "b3", "b4")
    assert alert[3]["of"] == "P-1", "of switch SW-1 one box is well"


def test_boxes_are_missed_one_after_another(house: House) -> None:
    assert told(house, "b1", "b2") == [], "of three behind the switch two are gone: the third is waited for"
    (alert,) = told(house, "b3")
    assert (alert[2], alert[3]["of"]) == (3, "SW-1")


def test_the_third_is_not_waited_for_longer_than_a_minute(house: House) -> None:
    assert told(house, "b1", "b2") == []
    house.connection.execute("UPDATE conditions SET since = since - interval '1 minute'")
    assert sorted(alert[1] for alert in told(house, "b1")) == ["b1", "b2"]


def test_two_are_enough_where_they_are_all(house: House) -> None:
    (alert,) = told(house, "b4", "c1", "c2")
    assert (alert[0], alert[3]["cause"], alert[3]["of"]) == ("", "segment", "vlan 7"), "boxes of two sites"


def test_one_of_several_is_itself(house: House) -> None:
    alerts = told(house, "b2", "c1")
    assert sorted(alert[1] for alert in alerts) == ["b2", "c1"], "switches of two sites have one name, and are two"
    assert all("cause" not in alert[3] for alert in alerts)


def test_another_plan_has_other_causes(house: House, connection: Connection) -> None:
    row = connection.execute("SELECT max(version) AS version FROM plans").fetchone()
    assert row
    planned(connection, [{**each, "switch": "", "power": ""} for each in BOXES], row["version"])
    alerts = told(house, "b1", "b2", "b3")
    assert [(alert[0], alert[1], alert[2]) for alert in alerts] == [("s", "", 3)], "of one site, as before"
    assert "cause" not in alerts[0][3]
