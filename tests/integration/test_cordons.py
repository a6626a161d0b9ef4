"""Cordons: in force at once, confirmed by a second person or forgotten, ended by themselves everywhere."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb

from aggregator.alerting.alerts import Publishing
from aggregator.domains.lists import cordon_ending, watchlists
from aggregator.domains.lists.cordons import CONFIRM_WITHIN
from aggregator.domains.lists.secret import deployment_secret
from aggregator.people.sealing import Sealer
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from shared.desired import Lists
from shared.events import ConfigApplied, Direction, EvidenceReady, Lane, LineRule, LineSpec, ListHit
from shared.topics import Address
from tests.integration.house import POINTS, House, now_ms
from tests.integration.people import Centre, guarded, rows

PLATE = "皖A12345"
ASKED = {
    "plate": PLATE,
    "site": "north",
    "title": "hit and run",
    "purpose": "accident at the market",
    "case_number": "2026-1187",
    "instructions": "stop it, call the shift leader",
}
SITES = "north", "middle", "south"
LANES = (LineSpec(0, "left", POINTS, "left_to_right", 0, LineRule.LANE),)
Person = Callable[..., httpx.Client]


class World:
    """A centre with three checkpoints along one road, and what its jobs do."""

    def __init__(self, centre: Centre, connection: Connection) -> None:
        self.centre, self.connection = centre, connection
        self.sealer, self.pictures = Sealer(centre.folder), PictureStore(centre.folder / "evidence")
        self.houses = {site: House(centre.database, connection, site=site) for site in SITES}
        for house in self.houses.values():
            house.send(ConfigApplied(now_ms(), 2, ("road",), LANES), agent="gate")

    def turn(self) -> None:
        """What the two jobs do."""
        months = watchlists.months(deployment_secret(self.centre.folder, make=True), datetime.now(UTC))
        with ThreadPoolExecutor(1) as pool:
            for month in months:
                watchlists.hash_some(self.connection, self.sealer, month, pool)
        watchlists.ask_boxes(self.connection, months[0])
        cordon_ending.end_cordons(self.connection)
        cordon_ending.forget_hits(self.connection, self.pictures, Publishing())
        watchlists.ask_boxes(self.connection, months[0])
        self.houses["north"].settle()

    def answer(self, *sites: str) -> None:
        """Boxes say that they obey what they were told last."""
        for site in sites:
            asked = "SELECT version FROM desired_sections WHERE (site, agent, section) = (%s, 'gate', 'lists')"
            row = self.connection.execute(asked, (site,)).fetchone()
            state = {"name": "lists", "version": row["version"] if row else 0}
            self.houses[site].beat("gate", health="{}")
            self.connection.execute(
                "UPDATE agents SET health = %s WHERE (site, agent) = (%s, 'gate')", (Jsonb({"sections": [state]}), site)
            )

    def holds(self, site: str) -> bool:
        """Whether a box shall hold anything."""
        return watchlists.wanted(self.connection, Address(site, "gate")) != Lists("")

    def wait(self, number: int, span: timedelta) -> None:
        """So long it was started earlier."""
        self.connection.execute("UPDATE cordons SET confirm_by = confirm_by - %s WHERE list = %s", (span, number))
        self.connection.execute(
            "UPDATE lists SET ends_at = ends_at - %s, drawn_at = drawn_at - %s WHERE number = %s", (span, span, number)
        )

    def hit(self, site: str, number: int, track: int = 1, ago_s: float = 1.0) -> None:
        """A box tells a hit, with a picture."""
        house = self.houses[site]
        house._next["gate"] = track * 2
        seen = ListHit(now_ms(ago_s), 2, 0, Direction.LEFT_TO_RIGHT, 1, track, 1, 200, number, 1, 1, 980)
        house.send(seen, EvidenceReady(now_ms(), Lane.ALARM, track * 2, bytes([track]) * 32, 900), agent="gate")

    def audited(self) -> list[tuple[str, str]]:
        return [
            (str(row["what"]), str(row["detail"]))
            for row in rows(self.centre.database, "SELECT what, detail FROM audit ORDER BY number")
        ]


@pytest.fixture
def world(database: Database, connection: Connection, tmp_path: Any) -> Iterator[World]:
    connection.execute("INSERT INTO places (name, above, title) VALUES ('city', NULL, '')")
    for site in SITES:
        connection.execute("INSERT INTO places (name, above, title) VALUES (%s, 'city', '')", (site,))
    with guarded(database, tmp_path) as centre:
        yield World(centre, connection)


@pytest.fixture
def person(world: World) -> Iterator[Person]:
    with ExitStack() as stack:

        def sign_in(name: str, *roles: str) -> httpx.Client:
            world.centre.account(name, *roles)
            world.connection.execute("UPDATE grants SET waits = false")
            return stack.enter_context(world.centre.client(cookie=world.centre.cookie(name)))

        yield sign_in


def started(client: httpx.Client, **other: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/cordons", json={**ASKED, **other})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def states(client: httpx.Client, number: int) -> list[str]:
    boxes = client.get(f"/api/v1/cordons/{number}").raise_for_status().json()["boxes"]
    return [box["state"] for box in boxes]


def test_it_is_in_force_at_once_and_says_who_is_armed(world: World, person: Person) -> None:
    li, wang = person("li", "shift-leader"), person("wang", "list-approver")
    made = started(li)
    assert (made["state"], made["started_by"], made["boxes"][0]["site"]) == ("unconfirmed", "li", "north")
    assert sorted(box["site"] for box in made["boxes"]) == sorted(SITES)
    number = made["number"]
    assert states(li, number) == ["waiting"] * 3
    world.turn()
    assert all(world.holds(site) for site in SITES)
    world.answer("north", "south")
    assert states(wang, number) == ["armed", "waiting", "armed"]
    assert ("cordon_waits", "cordon", str(number), "open") in world.houses["north"].alerts(), "on the approvers' feed"
    feed = wang.get("/api/v1/alerts").raise_for_status().json()["alerts"]
    assert [(alert["condition"], bool(alert["over_when"])) for alert in feed] == [("cordon_waits", True)]
    confirmed = wang.post(f"/api/v1/cordons/{number}/confirm").raise_for_status().json()
    assert (confirmed["state"], confirmed["confirmed_by"]) == ("approved", "wang")
    world.turn()
    assert ("cordon_waits", "cordon", str(number), "open") not in world.houses["north"].alerts()
    world.wait(number, CONFIRM_WITHIN + timedelta(minutes=1))
    world.turn()
    assert world.holds("north"), "until its own end"


def test_its_boxes_hold_it_no_longer_than_it_may_wait_until_it_is_confirmed(world: World, person: Person) -> None:
    li, wang = person("li", "shift-leader"), person("wang", "list-approver")
    number = started(li, hours=3)["number"]
    asked = "SELECT extract(epoch FROM until_at - now()) / 60 AS minutes FROM lists_in_force WHERE number = %s"

    def minutes() -> float:
        (row,) = rows(world.centre.database, asked, (number,))
        return float(row["minutes"])  # type: ignore[arg-type]

    assert 29 < minutes() <= 30
    wang.post(f"/api/v1/cordons/{number}/confirm").raise_for_status()
    assert 179 < minutes() <= 180


def test_no_verdict_takes_it_from_the_feed_of_who_has_to_confirm_it(world: World, person: Person) -> None:
    li, operator, wang = person("li", "shift-leader"), person("ope", "operator"), person("wang", "list-approver")
    started(li)
    world.turn()
    (alert,) = [one for one in wang.get("/api/v1/alerts").json()["alerts"] if one["condition"] == "cordon_waits"]
    path = f"/api/v1/alerts/{alert['id']}"
    for who in (operator, li):
        assert who.post(f"{path}/acknowledge").status_code == 200
        answer = who.post(f"{path}/clear", json={"verdict": "false"})
        assert answer.status_code == 409
        assert "is over when the cordon is confirmed, has ended, or has lapsed" in answer.json()["detail"]
    assert wang.get(path).json()["cleared_at"] is None


def test_who_can_cordon_nothing_off_hears_nothing_of_the_plate(world: World, person: Person) -> None:
    world.connection.execute("INSERT INTO places (name, above, title) VALUES ('elsewhere', NULL, '')")
    number = started(person("li", "shift-leader"))["number"]
    world.connection.execute("UPDATE lists SET state = 'lapsed' WHERE number = %s", (number,))
    person("zhao", "shift-leader")
    world.connection.execute("UPDATE grants SET place = 'elsewhere' WHERE account = 'zhao'")
    with world.centre.client(cookie=world.centre.cookie("zhao")) as zhao:
        said = {
            plate: zhao.post("/api/v1/cordons", json=ASKED | {"plate": plate, "site": "elsewhere"})
            for plate in (PLATE, "苏B99999")
        }
    assert len({answer.text for answer in said.values()}) == 1
    assert {answer.status_code for answer in said.values()} == {409}


def test_what_nobody_confirms_lapses_and_its_hits_are_forgotten(world: World, person: Person) -> None:
    li = person("li", "shift-leader")
    number = started(li)["number"]
    world.turn()
    world.hit("north", number)
    assert [alert[0] for alert in world.houses["north"].alerts()] == ["cordon_waits", "list_hit"]
    assert len(rows(world.centre.database, "SELECT FROM events WHERE kind = 7")) == 1
    assert len(rows(world.centre.database, "SELECT FROM evidence")) == 1
    world.wait(number, CONFIRM_WITHIN)
    world.turn()
    assert not world.holds("north")
    for table in ("list_entries", "list_hashes", "evidence", "evidence_of", "alert_members", "events WHERE kind = 7"):
        assert rows(world.centre.database, f"SELECT FROM {table}") == [], table
    assert [alert[0] for alert in world.houses["north"].alerts() if alert[-1] == "open"] == []
    assert "cleared" in world.houses["north"].told(), "a page that shows it hears that it is over"
    lapsed = li.get("/api/v1/cordons?over=true").json()
    assert [(each["state"], each["why"]) for each in lapsed] == [("lapsed", "nobody has confirmed it")]
    assert ("cordon lapsed unconfirmed", "started by li") in world.audited()
    world.answer(*SITES)
    assert states(li, number) == ["released"] * 3
    world.hit("south", number, track=5, ago_s=3600)
    assert len(rows(world.centre.database, "SELECT FROM events WHERE kind = 7")) == 1
    world.turn()
    assert rows(world.centre.database, "SELECT FROM events WHERE kind = 7") == [], "a box that was cut off brought it"


def test_one_that_is_shorter_than_it_may_wait_lapses_at_its_end_like_any_other(world: World, person: Person) -> None:
    li = person("li", "shift-leader")
    number = started(li, hours=0.1)["number"]
    world.wait(number, timedelta(minutes=6))
    world.turn()
    assert [each["state"] for each in li.get("/api/v1/cordons?over=true").json()] == ["lapsed"]
    assert ("cordon lapsed unconfirmed", "started by li") in world.audited()
    assert li.post("/api/v1/cordons", json=ASKED).status_code == 409


def test_nobody_starts_another_one_of_a_plate_that_waits(world: World, person: Person) -> None:
    li, zhou, wang = person("li", "shift-leader"), person("zhou", "shift-leader"), person("wang", "list-approver")
    number = started(li)["number"]
    assert zhou.post("/api/v1/cordons", json=ASKED).status_code == 409, "or it would wait for an hour"
    wang.post(f"/api/v1/cordons/{number}/confirm").raise_for_status()
    assert started(zhou, site="south")["state"] == "unconfirmed"
    assert zhou.post("/api/v1/cordons/2/end", json={"why": "no"}).json()["state"] == "lapsed"
    assert zhou.post("/api/v1/cordons", json=ASKED).status_code == 409, "before any job has looked"


def test_what_comes_late_of_a_lapsed_cordon_rings_nobody_and_leaves_no_picture(world: World, person: Person) -> None:
    number = started(person("li", "shift-leader"))["number"]
    world.turn()
    house = world.houses["north"]
    seen = ListHit(now_ms(60), 2, 0, Direction.LEFT_TO_RIGHT, 1, 9, 1, 200, number, 1, 1, 980)
    house.send(seen, agent="gate")
    world.wait(number, CONFIRM_WITHIN)
    world.turn()
    assert rows(world.centre.database, "SELECT FROM events WHERE kind = 7") == []
    told = len(house.told())
    house.send(EvidenceReady(now_ms(), Lane.ALARM, 2, bytes([7]) * 32, 900), agent="gate")
    world.hit("middle", number, track=3, ago_s=120)
    assert [change for change in house.told()[told:] if change == "raised"] == [], "its list had lapsed by now"
    world.turn()
    assert rows(world.centre.database, "SELECT FROM evidence") == []
    assert rows(world.centre.database, "SELECT FROM evidence_of") == []


def test_who_may_approve_for_a_part_confirms_no_cordon_of_the_whole(world: World, person: Person) -> None:
    li, near, far = person("li", "shift-leader"), person("sun", "list-approver@north"), person("wang", "list-approver")
    number = started(li)["number"]
    seen = near.get(f"/api/v1/cordons/{number}").json()
    assert (seen["taking"], len(seen["boxes"])) == (3, 1)
    answer = near.post(f"/api/v1/cordons/{number}/confirm")
    assert (answer.status_code, "checkpoints of others" in answer.text) == (403, True)
    assert far.post(f"/api/v1/cordons/{number}/confirm").status_code == 200


def test_after_that_the_plate_is_barred_for_a_day_and_others_are_not(world: World, person: Person) -> None:
    li, zhou = person("li", "shift-leader"), person("zhou", "shift-leader")
    number = started(li)["number"]
    world.wait(number, CONFIRM_WITHIN)
    world.turn()
    barred = zhou.post("/api/v1/cordons", json=ASKED)
    assert barred.status_code == 409
    assert "draw up a list and have it approved" in barred.json()["detail"]
    assert started(zhou, plate="皖A12346")["state"] == "unconfirmed"
    kept = rows(world.centre.database, "SELECT mark FROM cordon_bars")
    assert [len(bytes(row["mark"])) for row in kept] == [16]  # type: ignore[arg-type]
    world.connection.execute("UPDATE cordon_bars SET until = now()")
    assert started(zhou)["state"] == "unconfirmed"


def test_a_person_has_two_that_nobody_confirmed_and_no_third(world: World, person: Person) -> None:
    li, wang = person("li", "shift-leader"), person("wang", "list-approver")
    first = started(li, plate="皖A00001")["number"]
    started(li, plate="皖A00002")
    refused = li.post("/api/v1/cordons", json={**ASKED, "plate": "皖A00003"})
    assert refused.status_code == 409
    assert "confirmed by nobody" in refused.json()["detail"]
    wang.post(f"/api/v1/cordons/{first}/confirm").raise_for_status()
    third = started(li, plate="皖A00003")["number"]
    assert li.post(f"/api/v1/cordons/{third}/end", json={"why": "a mistake"}).json()["state"] == "lapsed"
    assert li.post("/api/v1/cordons", json={**ASKED, "plate": "皖A00004"}).status_code == 409, (
        "ending it undoes nothing"
    )
    world.connection.execute("UPDATE lists SET drawn_at = drawn_at - interval '24 hours'")
    assert started(li, plate="皖A00004")["state"] == "unconfirmed"


def test_another_list_that_changes_takes_nothing_of_what_a_box_has_said(world: World, person: Person) -> None:
    li, wang = person("li", "shift-leader"), person("wang", "list-approver")
    first = started(li)["number"]
    world.turn()
    world.answer(*SITES)
    second = started(li, plate="皖A00002")["number"]
    world.turn()
    assert (states(li, first), states(li, second)) == (["armed"] * 3, ["waiting"] * 3)
    world.connection.execute("UPDATE agents SET state = 'silent' WHERE site = 'south'")
    assert sorted(states(li, first)) == ["armed", "armed", "waiting"], "of a box that is not there nothing is known"
    wang.post(f"/api/v1/cordons/{first}/confirm").raise_for_status()
    world.turn()
    assert states(li, first).count("armed") == 2, "with its earlier end, which has not come"
    world.connection.execute("UPDATE cordons SET confirm_by = now() WHERE list = %s", (first,))
    assert states(li, first).count("armed") == 0, "there it has ended"
    world.answer(*SITES)
    assert states(li, first) == states(li, second) == ["armed"] * 3
    third = started(wang_too := person("zhao", "shift-leader"), plate="皖A00003")["number"]
    world.turn()
    assert states(li, first) == ["armed"] * 3
    world.connection.execute("UPDATE agents SET health = '{}' WHERE site = 'south'")
    assert sorted(states(li, first)) == ["armed", "armed", "waiting"], "restarted, it compares with nothing yet"
    world.answer(*SITES)
    wang_too.post(f"/api/v1/cordons/{third}/end", json={"why": "found"}).raise_for_status()
    world.turn()
    world.answer(*SITES)
    li.post(f"/api/v1/cordons/{second}/end", json={"why": "found"}).raise_for_status()
    world.turn()
    assert (states(li, first), states(li, second)) == (["armed"] * 3, ["waiting"] * 3)
    world.answer(*SITES)
    assert (states(li, first), states(li, second)) == (["armed"] * 3, ["released"] * 3)


def test_it_ends_by_itself_everywhere_and_says_so(world: World, person: Person) -> None:
    li, wang = person("li", "shift-leader"), person("wang", "list-approver")
    number = started(li, hours=1)["number"]
    wang.post(f"/api/v1/cordons/{number}/confirm").raise_for_status()
    world.turn()
    world.hit("south", number)
    world.answer(*SITES)
    world.wait(number, timedelta(hours=1))
    world.turn()
    assert not any(world.holds(site) for site in SITES)
    assert states(li, number) == ["waiting"] * 3, "what a box has not said itself is not assumed"
    world.answer(*SITES)
    assert states(li, number) == ["released"] * 3
    assert ("cordon ended", "started by li") in world.audited()
    assert len(rows(world.centre.database, "SELECT FROM events WHERE kind = 7")) == 1, "its hits are kept"
    assert rows(world.centre.database, "SELECT FROM list_entries") == []


def test_a_hit_is_cordoned_off_without_anybody_seeing_its_plate(world: World, person: Person) -> None:
    li, wang, zhou = person("li", "shift-leader"), person("wang", "list-approver"), person("zhou", "shift-leader")
    first = started(li, checkpoints=1)["number"]
    wang.post(f"/api/v1/cordons/{first}/confirm").raise_for_status()
    world.turn()
    assert [world.holds(site) for site in SITES] == [True, False, False]
    world.hit("north", first)
    (alert,) = [a for a in zhou.get("/api/v1/alerts").json()["alerts"] if a["condition"] == "list_hit"]
    asked = {**ASKED, "plate": "", "site": "", "alert": alert["id"]}
    second = zhou.post("/api/v1/cordons", json=asked)
    assert second.status_code == 201, second.text
    assert (second.json()["site"], len(second.json()["boxes"])) == ("north", 3)
    assert PLATE not in second.text
    assert zhou.post("/api/v1/cordons", json={**asked, "plate": PLATE}).status_code == 422, "one or the other"
    other = zhou.post("/api/v1/cordons", json={**asked, "alert": 10**6})
    assert other.status_code == 404


def test_no_plate_of_a_cordon_lies_in_the_database_or_the_audit(world: World, person: Person) -> None:
    number = started(person("li", "shift-leader"))["number"]
    world.turn()
    asked = "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace"
    tables = [str(row["name"]) for row in rows(world.centre.database, asked)]
    held = [str(row) for table in tables for row in rows(world.centre.database, f"SELECT t::text FROM {table} t")]
    assert any("accident at the market" in row for row in held), "what is there is found"
    assert [row for row in held if "A1234" in row or "12345" in row] == []
    assert any(what == "POST /api/v1/cordons" for what, _ in world.audited())
    assert number


ROLES = ("operator", "shift-leader", "planner", "auditor", "administrator", "list-requester", "list-approver")
MAY = {
    "start": {"shift-leader", "list-requester"},
    "confirm": {"list-approver"},
    "end": {"shift-leader", "list-requester", "list-approver"},
    "see": {"shift-leader", "list-requester", "list-approver", "auditor", "administrator"},
}


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_does_what_it_is_there_for_in_its_own_part(
    world: World, person: Person, role: str, *, elsewhere: bool
) -> None:
    number = started(person("li", "shift-leader@north"))["number"]
    zhao = person("zhao", role + ("@south" if elsewhere else ""))
    answers = {
        "see": zhao.get(f"/api/v1/cordons/{number}"),
        "start": zhao.post("/api/v1/cordons", json={**ASKED, "plate": "皖A99999"}),
        "confirm": zhao.post(f"/api/v1/cordons/{number}/confirm"),
        "end": zhao.post(f"/api/v1/cordons/{number}/end", json={"why": "because"}),
    }
    for what, answer in answers.items():
        if role not in MAY[what]:
            assert answer.status_code == 403, (what, answer.text)
        elif elsewhere:
            assert answer.status_code == (422 if what == "start" else 404), (what, answer.text)
        else:
            assert answer.status_code in (200, 201), (what, answer.text)
    if elsewhere and role in MAY["start"]:
        own = started(zhao, plate="皖A99999", site="south")
        assert [box["site"] for box in own["boxes"]] == ["south"], "at their own checkpoints"


@pytest.mark.parametrize(("starts", "confirms"), [*product(("li", "boss"), ("li", "boss", "other"))])
def test_one_person_never_both_starts_and_confirms(world: World, person: Person, starts: str, confirms: str) -> None:
    people = {name: person(name, "list-requester", "list-approver") for name in ("li", "boss", "other")}
    number = started(people[starts])["number"]
    answer = people[confirms].post(f"/api/v1/cordons/{number}/confirm")
    assert answer.status_code == (403 if starts == confirms else 200), answer.text


def test_a_key_starts_and_confirms_none(world: World, person: Person) -> None:
    number = started(person("li", "shift-leader"))["number"]
    with world.centre.client(key=world.centre.key("program", "list-requester")) as program:
        assert program.post("/api/v1/cordons", json={**ASKED, "plate": "皖A00009"}).status_code == 403
        assert program.get(f"/api/v1/cordons/{number}").status_code == 200
        assert program.post(f"/api/v1/lists/{number}/withdraw", json={"why": "over"}).status_code == 409
        assert program.post(f"/api/v1/cordons/{number}/confirm").status_code == 403


@pytest.mark.parametrize(
    "bad",
    [
        {"plate": "A1"},
        {"plate": ""},
        {"hours": 12.5},
        {"hours": 0},
        {"checkpoints": 0},
        {"purpose": ""},
        {"title": "皖A12345 again"},
        {"site": ""},
        {"alert": 3},
    ],
)
def test_a_cordon_without_a_plate_a_purpose_or_an_end_is_refused(
    world: World, person: Person, bad: dict[str, Any]
) -> None:
    answer = person("li", "shift-leader").post("/api/v1/cordons", json={**ASKED, **bad})
    assert answer.status_code == 422, answer.text
    assert rows(world.centre.database, "SELECT FROM lists") == []


def test_positions_rank_and_are_all_taken_or_none(world: World, person: Person) -> None:
    planner, li = person("sun", "planner"), person("li", "shift-leader")
    at = {"south": 0.0, "middle": 9.0, "north": 11.0}
    positions = [
        {"site": s, "agent": "gate", "latitude": 31 + km / 111.2, "longitude": 117.0, "road": "G1", "road_km": km}
        for s, km in at.items()
    ]
    put = planner.put("/api/v1/checkpoints/positions", json={"positions": positions})
    assert put.status_code == 200, put.text
    assert len(planner.get("/api/v1/checkpoints/positions").json()) == 3
    boxes = started(li)["boxes"]
    assert [(box["site"], box["km"] and round(box["km"])) for box in boxes] == [
        ("north", 0),
        ("middle", 2),
        ("south", 11),
    ]
    for bad in ([*positions, positions[0]], [{**positions[0], "site": "nowhere"}], [{**positions[0], "latitude": 91}]):
        assert planner.put("/api/v1/checkpoints/positions", json={"positions": bad}).status_code == 422
    assert li.put("/api/v1/checkpoints/positions", json={"positions": positions}).status_code == 403
