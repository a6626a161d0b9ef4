"""Plans at the centre: all of one or nothing, on top of what its planner knew, and back again."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.store.database import Connection
from provisioning.lab.sites.district import district
from provisioning.sites.cli import app
from provisioning.sites.tables import read_sheets
from provisioning.sites.words import Language
from provisioning.sites.workbook import write_plan
from tests.integration.commands import told

SMALL = {
    "places": [
        {"place": "city", "title": "城"},
        {"place": "north", "above": "city"},
        {"place": "south", "above": "city"},
    ],
    "sensors": [{"site": "north", "box": "b", "sensor": "door", "location": "东门", "code": "51030200001342000001"}],
}


def put(client: httpx.Client, sheets: Mapping[str, Any], based_on: int, code: int = 200) -> Any:
    answer = client.put("/api/v1/plan", json={"based_on": based_on, "why": "x", "sheets": sheets})
    assert answer.status_code == code, answer.text
    return answer.json()


def tree(client: httpx.Client) -> dict[str, str | None]:
    return {row["name"]: row["above"] for row in client.get("/api/v1/places").json()}


def facts(connection: Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute("SELECT sensor, location, code FROM sensor_facts ORDER BY 1").fetchall()
    return [(row["sensor"], row["location"], row["code"]) for row in rows]


def audited(connection: Connection) -> list[str]:
    return [
        row["subject"]
        for row in connection.execute("SELECT subject FROM audit WHERE what LIKE 'PUT%plan' ORDER BY number")
    ]


def test_a_plan_is_in_force_whole_and_the_same_again_changes_nothing(
    client: httpx.Client, connection: Connection
) -> None:
    assert client.get("/api/v1/plan").status_code == 404
    done = put(client, SMALL, 0)
    assert (done["version"], done["is_new"], done["places_added"], done["sensors_named"]) == (1, True, 3, 1)
    assert tree(client) == {"city": None, "north": "city", "south": "city"}
    assert facts(connection) == [("door", "东门", "51030200001342000001")]
    again = put(client, SMALL, 0)
    assert (again["version"], again["is_new"], again["places_changed"]) == (1, False, 0)
    without = {"places": SMALL["places"][:2], "sensors": []}
    done = put(client, without, 1)
    assert (done["version"], done["places_removed"]) == (2, 1)
    assert tree(client) == {"city": None, "north": "city"}
    assert facts(connection) == []
    put(client, client.get("/api/v1/plan", params={"version": 1}).json()["sheets"], 2)
    assert tree(client) == {"city": None, "north": "city", "south": "city"}
    assert facts(connection) == [("door", "东门", "51030200001342000001")]
    assert [row["version"] for row in client.get("/api/v1/plan/versions").json()] == [3, 2, 1]
    assert set(audited(connection)) == {"plan 1", "plan 2", "plan 3"}


def test_of_two_planners_at_once_one_is_told(client: httpx.Client) -> None:
    put(client, SMALL, 0)
    one = {**SMALL, "units": [{"unit": "one"}]}
    other = {**SMALL, "units": [{"unit": "other"}]}
    put(client, one, 1)
    refused = put(client, other, 1, 409)
    assert "plan 2 of" in refused["detail"]
    assert "based on 1" in refused["detail"]
    assert client.get("/api/v1/plan").json()["sheets"]["units"] == [{"unit": "one"}]


@pytest.mark.parametrize(
    ("sheets", "code", "words"),
    [
        ({"places": [{"place": "new"}, {"place": "Bad Name"}]}, 422, "place 'Bad Name'"),
        (
            {"places": [{"place": "new"}, {"place": "a", "above": "b"}, {"place": "b", "above": "a"}]},
            422, "lie in themselves",
        ),
        ({"places": [{"place": "new"}, {"place": "a", "above": "nowhere"}]}, 409, "'nowhere' does not exist"),
        ({"places": [{"place": "new"}, {"place": "new"}]}, 422, "is there twice"),
        (
            {"places": [{"place": "new"}], "sensors": [
                {"site": "n", "box": "b", "sensor": s, "code": "51030200001342000001"} for s in ("x", "y")]},
            409, "a code is that of another sensor",
        ),
        ({"places": [{"place": "new\0"}]}, 422, ""),
        ({"places": [{"Place": "new"}]}, 422, ""),
    ],
)  # fmt: skip
def test_nothing_is_half_applied(
    sheets: Mapping[str, Any], code: int, words: str, client: httpx.Client, connection: Connection
) -> None:
    refused = put(client, sheets, 0, code)
    assert words in json.dumps(refused, ensure_ascii=False)
    assert tree(client) == {}
    assert facts(connection) == []
    assert client.get("/api/v1/plan/versions").json() == []


def test_a_place_that_something_hangs_on_does_not_go(client: httpx.Client) -> None:
    put(client, SMALL, 0)
    assert client.put("/api/v1/places/by-hand", json={"above": "south"}).status_code == 204
    refused = put(client, {"places": SMALL["places"][:2]}, 1, 409)
    assert "by-hand" in refused["detail"]
    assert "south" in tree(client)
    assert client.put("/api/v1/places/other", json={"above": "city"}).status_code == 204
    put(client, {"places": [*SMALL["places"], {"place": "east", "above": "city"}]}, 1)
    assert {"by-hand", "other", "east"} <= tree(client).keys(), "what no plan had stays"


def test_what_people_did_by_hand_is_not_undone(client: httpx.Client, connection: Connection) -> None:
    assert client.put("/api/v1/places/city", json={"title": "县城"}).status_code == 204
    assert client.put("/api/v1/places/north", json={"above": "city", "title": "北"}).status_code == 204
    adopted = {"places": [{"place": "city"}, {"place": "north"}, {"place": "new", "above": "north"}]}
    done = put(client, adopted, 0)
    assert (done["places_added"], done["places_changed"]) == (1, 0), "what a plan leaves empty stays"
    assert tree(client) == {"city": None, "north": "city", "new": "north"}
    done = put(client, {"places": []}, 1)
    assert done["places_removed"] == 1
    assert tree(client) == {"city": None, "north": "city"}, "what was there before a plan named it stays"
    refused = put(client, {"places": [{"place": "north", "title": "南"}]}, 2, 409)
    assert "its title was changed by hand to '北'" in refused["detail"]

    put(client, SMALL | {"places": []}, 2)
    connection.execute("UPDATE sensor_facts SET responsible = '王师傅'")
    moved = {"sensors": [{**SMALL["sensors"][0], "location": "西门"}]}
    put(client, moved, 3)
    row = connection.execute("SELECT location, responsible FROM sensor_facts").fetchone()
    assert row == {"location": "西门", "responsible": "王师傅"}
    connection.execute("UPDATE sensor_facts SET location = '南门'")
    refused = put(client, SMALL | {"places": []}, 4, 409)
    assert "its location was changed by hand to '南门'" in refused["detail"]


def test_a_plan_of_a_whole_district_comes_through_the_door(client: httpx.Client) -> None:
    sheets = {key: rows for key, rows in district(1).by_key().items() if rows}
    assert len(json.dumps(sheets)) > 2**20
    done = put(client, sheets, 0)
    assert (done["places_added"], done["sensors_named"]) == (len(sheets["places"]), len(sheets["sensors"]))
    assert client.get("/api/v1/plan").json()["sheets"] == sheets
    too_long = client.put("/api/v1/places/x", content=b"x" * (2**20 + 1))
    assert too_long.status_code == 413, "of all else the door takes a megabyte"


def test_twenty_versions_are_kept(client: httpx.Client) -> None:
    for number in range(23):
        put(client, {"units": [{"unit": f"unit-{number}"}]}, number)
    versions = [row["version"] for row in client.get("/api/v1/plan/versions").json()]
    assert versions == list(range(23, 3, -1))
    assert client.get("/api/v1/plan", params={"version": 3}).status_code == 404


def test_the_commands_from_a_workbook_to_the_centre_and_back(client: httpx.Client, tmp_path: Path) -> None:
    def hawkline(*words: object, code: int = 0) -> str:
        return told(app, *words, "--url", client.base_url, code=code)

    plan = tmp_path / "plan.xlsx"
    sheets = district(2, 0.04)
    write_plan(plan, sheets.by_key(), Language.CHINESE)
    assert f"{len(sheets.places)} added" in hawkline("apply", plan, "--why", "the first")
    assert "nothing has changed" in hawkline("apply", plan)
    hawkline("diff", plan, code=1)
    mine, theirs = tmp_path / "mine.xlsx", tmp_path / "theirs"
    hawkline("export", mine)
    hawkline("export", theirs)
    assert "nothing has changed" in hawkline("apply", mine), "export and import changes nothing"
    hawkline("diff", mine, plan, code=1)
    cameras = next(theirs.glob("cameras.csv"))
    rows = list(csv.reader(cameras.read_text("utf-8-sig").splitlines()))
    rows[1][rows[0].index("title")] = "大门口"
    with cameras.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(rows)
    changed = list(csv.DictReader(hawkline("diff", theirs, "-o", "csv").splitlines()))
    assert [(row["what"], row["column"], row["after"]) for row in changed] == [("changed", "title", "大门口")]
    assert "plan 2 is in force" in hawkline("apply", theirs, "--why", "another name")
    sheets.cameras[3]["title"] = "后门"
    write_plan(tmp_path / "late.xlsx", sheets.by_key(), Language.ENGLISH)
    assert "nothing says that this file was made from it" in hawkline("apply", tmp_path / "late.xlsx", code=2)
    mine.unlink()
    write_plan(mine, sheets.by_key(), Language.ENGLISH)  # of version 1, which is not in force any more
    assert "plan 2 of" in hawkline("apply", mine, code=2)
    assert "plan 3 is in force" in hawkline("undo", "--why", "a mistake")
    assert (
        client.get("/api/v1/plan").json()["sheets"]
        == client.get("/api/v1/plan", params={"version": 1}).json()["sheets"]
    )
    assert [row["why"] for row in csv.DictReader(hawkline("log", "-o", "csv").splitlines())] == [
        "a mistake", "another name", "the first",
    ]  # fmt: skip
    assert len(read_sheets(theirs)) == 7
