"""Every route, role and scope: nothing of others is told, and what is not theirs sounds as if it were not there."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from aggregator.api import feed, pages
from aggregator.api.principal import Needs, right_of
from aggregator.people import grants
from aggregator.people.grants import Holder
from aggregator.people.rights import ROLES, Right
from aggregator.signals.declarations import domains
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from shared.events import ConfigApplied, EvidenceReady, Lane, LineSpec
from tests.integration.house import POINTS, House, crossed, now_ms
from tests.integration.people import EVERYTHING, FOUNDER, Centre, guarded

OWN, FOREIGN, NOTHING = "e", "w", "n"
"""East is theirs who ask, west is of others, north is not there at all."""
PICTURES = {side: b"\xff\xd8\xff\xe0 a picture of " + side.encode() for side in (OWN, FOREIGN, NOTHING)}
NAMES = {"place": "{0}-station", "site": "{0}-village", "agent": "{0}-box", "camera": "{0}-gate", "line": "{0}-fence"}


def named(side: str, what: str) -> str:
    return NAMES[what].format(side * 3)


def foreign_words() -> list[str]:
    return [named(FOREIGN, what) for what in NAMES] + [sha(FOREIGN)]


def sha(side: str) -> str:
    return hashlib.sha256(PICTURES[side]).hexdigest()


@dataclass(frozen=True, slots=True)
class World:
    centre: Centre
    alerts: dict[str, int]
    maintenance: dict[str, int]


@pytest.fixture
def world(database: Database, tmp_path: Path, connection: Connection) -> Iterator[World]:
    """Two stations with all there can be of each, and an alert of both."""
    with connection.transaction():
        put_place(connection, EVERYWHERE, "city")
        for side in (OWN, FOREIGN):
            put_place(connection, EVERYWHERE, named(side, "place"), above="city")
            put_place(connection, EVERYWHERE, named(side, "site"), above=named(side, "place"))
    alerts, maintenance = dict[str, int](), dict[str, int]()
    pictures = PictureStore(tmp_path / "evidence")
    for side in (OWN, FOREIGN):
        alerts[side], maintenance[side] = fill(database, connection, pictures, side)
    row = connection.execute(
        "INSERT INTO alerts (key, condition, priority, subject, first_at, last_at, confirmed_at, members)"
        " VALUES ('many:box_silent', 'box_silent', 2, 'box', now(), now(), now(), 2) RETURNING id"
    ).fetchone()
    assert row
    alerts["both"] = row["id"]
    for side in (OWN, FOREIGN):
        connection.execute("INSERT INTO alert_sites VALUES (%s, %s)", (row["id"], named(side, "site")))
        connection.execute(
            "INSERT INTO conditions (subject, site, agent, camera, name, condition, active, since, told_at, priority,"
            " detail, alert_id) VALUES ('box', %s, %s, '', '', 'box_silent', true, now(), now(), 2, '{}', %s)",
            (named(side, "site"), named(side, "agent"), row["id"]),
        )
    with guarded(database, tmp_path) as centre:
        yield World(centre, alerts, maintenance)


def fill(database: Database, connection: Connection, pictures: PictureStore, side: str) -> tuple[int, int]:
    site, agent, camera, line = (named(side, what) for what in ("site", "agent", "camera", "line"))
    house = House(database, connection, site=site)
    house.beat(agent, health=json.dumps({"cameras": [{"name": camera, "state": "watching"}]}))
    content = PICTURES[side]
    digest = hashlib.sha256(content).digest()
    house.send(
        ConfigApplied(now_ms(), 1, (camera,), (LineSpec(0, line, POINTS, "both", 2),)),
        crossed(1, 5),
        EvidenceReady(now_ms(), Lane.ALARM, 2, digest, len(content)),
        agent=agent,
    )
    path = pictures.path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    for statement in (
        "UPDATE evidence SET stored_at = now() WHERE sha256 = %(sha256)s",
        "INSERT INTO sensors (site, agent, sensor, what, state, since, told_at, detail)"
        " VALUES (%(site)s, %(agent)s, %(camera)s, 'door', 'normal', now(), now(), '')",
        "INSERT INTO partitions (site, agent, partition, state, changed_by, hinders, detail, not_armed, wanted,"
        " answered, deeds, since, told_at)"
        " VALUES (%(site)s, %(agent)s, %(camera)s, 'disarmed', '', '{}', '', false, '', 0, 0, now(), now())",
        "INSERT INTO arming (site, agent, camera, name, armed, changed_by)"
        " VALUES (%(site)s, %(agent)s, %(camera)s, %(line)s, true, 'li')",
        "INSERT INTO desired_sections (site, agent, section, version) VALUES (%(site)s, %(agent)s, 'arming', 5)",
        "INSERT INTO gaps (producer_id, lane, first, last, reason) SELECT id, 0, 90, 91, 'lost' FROM producers"
        " WHERE site = %(site)s",
        "INSERT INTO health_samples (site, agent, at, cameras, watching, dropped, waiting, pictures, disk_free,"
        " load_1m, clock_off_s) VALUES (%(site)s, %(agent)s, now(), 1, 1, 0, 0, 0, 1, 0, 0)",
        "INSERT INTO coverage (site, agent, camera, day) VALUES (%(site)s, %(agent)s, '', current_date - 1),"
        " (%(site)s, %(agent)s, %(camera)s, current_date - 1)",
        "UPDATE producers SET first_seen_at = now() - interval '2 days' WHERE site = %(site)s",
        "INSERT INTO alert_pictures (alert_id, taken_at, sha256) SELECT id, now(), %(sha256)s FROM alerts"
        " WHERE site = %(site)s ON CONFLICT DO NOTHING",
        "INSERT INTO box_configurations (site, agent, number, content, files, over, made_by, why)"
        " VALUES (%(site)s, %(agent)s, 5, %(camera)s, '{}', '', 'li', %(line)s)",
        "INSERT INTO posts (name, title, place) VALUES (%(site)s, %(line)s, %(site)s)",
        "INSERT INTO shifts (post, who, note) VALUES (%(site)s, %(agent)s, %(camera)s)",
        "INSERT INTO claims (site, agent, serial, code, made_by, expires_at)"
        " VALUES (%(site)s, %(agent)s, %(camera)s, %(sha256)s, 'li', now() + interval '1 day')",
    ):
        values = {"site": site, "agent": agent, "camera": camera, "line": line, "sha256": digest}
        connection.execute(statement, values)  # type: ignore[arg-type]
    alert = connection.execute("SELECT id FROM alerts WHERE site = %s", (site,)).fetchone()
    work = connection.execute(
        "INSERT INTO maintenance (place, agent, camera, reason, by, until)"
        " VALUES (%s, '', '', %s, 'li', now() + interval '1 day') RETURNING id",
        (site, camera),
    ).fetchone()
    assert alert
    assert work
    connection.execute(
        "INSERT INTO lists (number, kind, title, purpose, case_number, place, priority, instructions, ends_at,"
        " drawn_by) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, 'watch', %s, %s, %s, %s, 1, 'none', now() + interval '1 day', 'li')",
        (work["id"], camera, line, agent, site),
    )
    connection.execute(
        "INSERT INTO sensor_bypasses (number, site, agent, sensor, way, until, reason, begun_by)"
        " VALUES (%s, %s, %s, %s, 'once', now() + interval '1 day', %s, 'li')",
        (work["id"], site, agent, camera, line),
    )
    connection.execute(
        "INSERT INTO exports (id, sha256, site, agent, who, case_id, purpose, recipient) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, %s, %s, %s, 'key east', 1, %s, %s)",
        (work["id"], digest, site, agent, camera, line),
    )
    connection.execute(
        "INSERT INTO surveys (number, site, agent, camera, scene, asked_by, settled_at, why)"
        " VALUES (%s, %s, %s, %s, '', 'key east', now(), %s)",
        (work["id"], site, agent, camera, line),
    )
    return alert["id"], work["id"]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    right: Right | None
    rights: frozenset[Right]
    """Any of them will do."""
    of_centre: bool
    queries: frozenset[str]


def routes() -> list[Route]:
    routers: list[APIRouter] = [feed.router, pages.router, *(resolve_name(name) for name in domains().routers)]
    found = []
    for route in (route for router in routers for route in router.routes if isinstance(route, APIRoute)):
        said = right_of(route.dependant)
        assert said != "", f"{route.path} does not say which right it needs"
        needs = next((each.call for each in flat(route.dependant) if isinstance(each.call, Needs)), None)
        parts = [route.dependant, *flat(route.dependant)]
        queries = frozenset(each.alias for part in parts for each in part.query_params)
        for method in route.methods - {"HEAD"}:
            right = said if isinstance(said, Right) else None
            rights = frozenset((needs.right, *needs.others)) if needs else frozenset[Right]()
            found.append(Route(method, route.path, right, rights, bool(needs and needs.of_centre), queries))
    return found


def flat(dependant: Dependant) -> list[Dependant]:
    return [each for own in dependant.dependencies for each in (own, *flat(own))]


def filled(path: str, side: str, world: World) -> str:
    values = {
        "alert_id": world.alerts.get(side, 10**9),
        "number": world.maintenance.get(side, 10**9),
        "sha256": sha(side),
        "letter_id": 10**9,
        "name": named(side, "site"),
        "site": named(side, "site"),
        "agent": named(side, "agent"),
        "camera": named(side, "camera"),
    }
    return path.format(**values)


def heard(text: str, *sides: str) -> str:
    """What was answered, without the names in which the sides differ."""
    for side in sides:
        for what in NAMES:
            text = text.replace(named(side, what), f"<{what}>")
        text = text.replace(sha(side), "<sha256>")
    return text


def get(client: httpx.Client, path: str, **asked: str) -> tuple[int, str]:
    if not path.endswith("/feed"):
        answer = client.get(path, params=asked)
        return answer.status_code, answer.text
    with client.stream("GET", path, params={"after": "0", **asked}) as answer:
        if answer.status_code != 200:
            return answer.status_code, answer.read().decode()
        text = ""
        for part in answer.iter_text():
            text += part
            if text.count("event: ping") > 1:
                break
        return 200, text


LISTED = [
    "/api/v1/alerts", "/api/v1/boxes", "/api/v1/events", "/api/v1/counts", "/api/v1/counts/series", "/api/v1/gaps",
    "/api/v1/producers", "/api/v1/ledger.csv", "/api/v1/availability", "/api/v1/availability/gaps", "/api/v1/sensors",
    "/api/v1/devices", "/api/v1/maintenance", "/api/v1/places", "/api/v1/lines/verdicts",
    "/api/v1/posts", "/api/v1/coverage/now", "/api/v1/lists", "/api/v1/partitions", "/api/v1/bypasses",
    "/api/v1/configurations", "/api/v1/rollout",
]  # fmt: skip


def test_nothing_of_others_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every GET, asked for everything, for their own and for what is of others, with every right in one station."""
    monkeypatch.setattr("aggregator.feed.hub._PING_S", 0.2)
    mine = f"@{named(OWN, 'place')}"
    key = world.centre.key("east", *(f"{role}{mine}" for role in (*EVERYTHING, "planner")))
    whole = world.centre.key("whole", *EVERYTHING)
    with world.centre.client(key) as client, world.centre.client(whole) as all_client:
        for path in LISTED:
            status, text = get(client, path)
            assert status == 200, (path, text)
            assert named(OWN, "site") in text, f"{path}: the test has nothing of their own there"
            assert named(FOREIGN, "site") in get(all_client, path)[1], f"{path}: the test has nothing of others there"
        for route in (route for route in routes() if route.method == "GET" and not route.of_centre):
            for side in (OWN, FOREIGN):
                _, text = get(client, filled(route.path, side, world))
                said = [word for word in foreign_words() if word in heard_of(text, side)]
                assert not said, (route.path, side, text)
            foreign = get(client, filled(route.path, FOREIGN, world))
            nothing = get(client, filled(route.path, NOTHING, world))
            if "{" in route.path:
                alike = [(code, heard(neutral(said, world), FOREIGN, NOTHING)) for code, said in (foreign, nothing)]
                assert alike[0] == alike[1], (route.path, foreign, nothing)
            for query in {"place", "site", "agent", "camera", "line"} & route.queries:
                path = filled(route.path, OWN, world)
                answers = [get(client, path, **{query: named(side, query)}) for side in (FOREIGN, NOTHING)]
                alike = [(code, heard(said, FOREIGN, NOTHING)) for code, said in answers]
                assert alike[0] == alike[1], (route.path, query, answers)


def heard_of(text: str, side: str) -> str:
    """An answer may repeat what was asked for, in words that say it does not exist."""
    return text if side == OWN or '"detail"' not in text else heard(text, side)


def neutral(text: str, world: World) -> str:
    for number in (world.alerts[FOREIGN], world.maintenance[FOREIGN], 10**9):
        for what in ("alert", "maintenance", "case", "shift", "export", "bypass", "survey"):
            text = text.replace(f"{what} {number}", f"{what} #")
    return text


def test_every_role_gets_what_it_has_and_the_name_of_what_it_lacks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.feed.hub._PING_S", 0.2)
    places = {"own": f"@{named(OWN, 'place')}", "above": "@city", "everywhere": ""}
    for role, rights in ROLES.items():
        for where, at in places.items():
            if Right.LISTS_APPROVE in rights:
                continue  # people have it, not keys
            key = world.centre.key(f"{role}-{where}", f"{role}{at}")
            with world.centre.client(key) as client:
                for route in (route for route in routes() if route.method == "GET"):
                    status, text = get(client, filled(route.path, OWN, world))
                    if route.right is None:
                        assert status in (200, 503), (role, route)
                    elif not route.rights & rights:
                        missing = f"the right {route.right} is missing"
                        assert (status, missing in text) == (403, True), (role, route, text)
                    elif route.of_centre and where != "everywhere":
                        assert (status, "everywhere" in text) == (403, True), (role, where, route, text)
                    else:
                        assert status in (200, 404), (role, where, route, text)


def test_what_is_of_others_cannot_be_changed_and_sounds_as_if_it_were_not_there(
    world: World, connection: Connection
) -> None:
    mine = f"@{named(OWN, 'place')}"
    key = world.centre.key("east", *(f"{role}{mine}" for role in EVERYTHING), f"planner{mine}")
    before = kept(connection)
    with world.centre.client(key) as client:
        for route in (route for route in routes() if route.method != "GET" and not route.of_centre and route.right):
            answers = []
            for side in (FOREIGN, NOTHING):
                said = body(route, side) if route.method != "DELETE" else None
                answer = client.request(route.method, filled(route.path, side, world), json=said)
                answers.append((answer.status_code, heard(neutral(answer.text, world), FOREIGN, NOTHING)))
            assert answers[0] == answers[1], (route, answers)
            assert answers[0][0] in (403, 404, 409, 422), (route, answers)
        assert kept(connection) == before
        both = world.alerts["both"]
        shown = client.get(f"/api/v1/alerts/{both}").json()
        subjects = client.get(f"/api/v1/alerts/{both}/subjects").json()
        assert (shown["members"], [each["site"] for each in subjects]) == (0, [named(OWN, "site")])
        listed = {each["id"]: each["members"] for each in client.get("/api/v1/alerts").json()["alerts"]}
        assert listed[both] == 0
        refused = client.post(f"/api/v1/alerts/{both}/acknowledge")
        assert (refused.status_code, "of others" in refused.text) == (403, True)
        with world.centre.client(world.centre.key("city", "operator@city")) as above:
            assert above.get(f"/api/v1/alerts/{both}").json()["members"] == 2, "all of its places are theirs"
            assert above.post(f"/api/v1/alerts/{both}/acknowledge").status_code == 200
        done = client.post(f"/api/v1/alerts/{world.alerts[OWN]}/acknowledge")
        assert (done.status_code, done.json()["acknowledged_by"]) == (200, "key east")


def test_a_role_for_some_kinds_of_alerts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the other station they have the alerts of lines: with members, picture and feed, and nothing else."""
    monkeypatch.setattr("aggregator.feed.hub._PING_S", 0.2)
    centre, west = world.centre, named(FOREIGN, "place")
    key = centre.key("lines", f"operator@{named(OWN, 'place')}")
    with centre.client(centre.key("whole", *EVERYTHING)) as whole:
        given = {"key": "lines", "role": "shift-leader", "place": west, "kinds": ["line"]}
        assert whole.post("/api/v1/grants", json={**given, "kinds": ["smok"]}).status_code == 422
        assert whole.post("/api/v1/grants", json={**given, "role": "auditor"}).status_code == 409
        assert whole.post("/api/v1/grants", json=given).json()["kinds"] == ["line"]
        assert whole.post("/api/v1/grants", json=given).is_success, "again changes nothing"
        other = whole.post("/api/v1/grants", json={**given, "kinds": None})
        assert (other.status_code, "for other kinds" in other.text) == (409, True)
    with centre.client(key) as lines:
        alerts = {each["id"]: each for each in lines.get("/api/v1/alerts").json()["alerts"]}
        assert set(alerts) == set(world.alerts.values())
        foreign, both = world.alerts[FOREIGN], world.alerts["both"]
        assert alerts[both]["members"] == 0, "what is of boxes is not theirs there"
        assert [each["site"] for each in lines.get(f"/api/v1/alerts/{both}/subjects").json()] == [named(OWN, "site")]
        assert lines.get(f"/api/v1/alerts/{foreign}/members").json()["members"][0]["site"] == named(FOREIGN, "site")
        assert lines.get(f"/api/v1/evidence/{sha(FOREIGN)}").status_code == 200
        assert len(lines.get("/api/v1/lines/verdicts").json()) == 2
        assert named(FOREIGN, "site") in get(lines, "/api/v1/feed")[1]
        assert lines.post(f"/api/v1/alerts/{foreign}/acknowledge").status_code == 200
        assert lines.post(f"/api/v1/alerts/{both}/acknowledge").status_code == 403
        (right,) = (each for each in lines.get("/api/v1/me").json()["rights"] if each["right"] == "alerts.read")
        assert right["narrow"] == [{"place": west, "kind": "line"}]
        assert named(FOREIGN, "site") in lines.get("/api/v1/boxes").text, "rights about other things have no kinds"
    with centre.client(centre.key("sensors", f"operator@{named(OWN, 'place')}")) as sensors:
        with centre.database.connect("test") as connection:
            give = partial(grants.give, connection, FOUNDER, Holder(key="sensors"), "operator")
            give(west, {"sensor"})
        time.sleep(1.1)
        assert {each["id"] for each in sensors.get("/api/v1/alerts").json()["alerts"]} == {
            world.alerts[OWN],
            world.alerts["both"],
        }
        assert sensors.get(f"/api/v1/alerts/{world.alerts[FOREIGN]}").status_code == 404
        assert sensors.get(f"/api/v1/evidence/{sha(FOREIGN)}").status_code == 404
        assert named(FOREIGN, "site") not in get(sensors, "/api/v1/feed")[1]


def test_a_role_for_one_kind_everywhere_handles_what_is_of_the_centre(world: World, connection: Connection) -> None:
    row = connection.execute(
        "INSERT INTO alerts (key, condition, priority, subject, first_at, last_at, confirmed_at, members)"
        " VALUES ('job', 'job_failed', 3, 'job', now(), now(), now(), 0) RETURNING id"
    ).fetchone()
    assert row
    key = world.centre.key("jobs", f"operator@{named(OWN, 'place')}")
    grants.give(connection, FOUNDER, Holder(key="jobs"), "operator", None, {"job_failed"})
    with world.centre.client(key) as jobs:
        assert {each["id"] for each in jobs.get("/api/v1/alerts").json()["alerts"]} == {
            world.alerts[OWN], world.alerts["both"], row["id"],
        }  # fmt: skip
        assert jobs.post(f"/api/v1/alerts/{row['id']}/acknowledge").status_code == 200


def body(route: Route, side: str) -> dict[str, Any]:
    """What a change needs to be understood, said of a side."""
    site, agent, camera, line = (named(side, what) for what in ("site", "agent", "camera", "line"))
    bodies: dict[str, dict[str, Any]] = {
        "/clear": {"verdict": "test"},
        "/correct": {"verdict": "test", "why": "x"},
        "/maintenance": {"place": site, "reason": "x", "hours": 1},
        "/claims": {"site": site, "agent": agent, "serial": "1"},
        "/revoke": {"why": "x"},
        "/arming": {"camera": camera, "name": line, "armed": False},
        "/places/{name}": {"title": "x"},
        "/posts/{name}": {"place": site},
        "/cases": {"purpose": ""},
        "/exports": {"sha256": sha(side), "case": 1, "recipient": "the insurer"},
        "/sensors": {"sensor": camera, "location": "x"},
        "/partitions": {"partition": camera, "deed": "away"},
        "/surveys": {"camera": camera},
        "/acceptances/{site}": {
            "agent": agent,
            "kind": "line",
            "camera": camera,
            "name": line,
            "passed": False,
            "note": "xx",
        },
        "/scenes/{camera}": {"based_on": 5, "scene": {}},
        "/bypasses": {"sensor": camera, "way": "once", "reason": "x"},
    }
    return next((each for end, each in bodies.items() if route.path.endswith(end)), {})


def kept(connection: Connection) -> dict[str, object]:
    """What is of others, in the tables that a change could change."""
    site = named(FOREIGN, "site")
    asked = {
        "alerts": "SELECT * FROM alerts WHERE site = %s OR site = ''",
        "maintenance": "SELECT * FROM maintenance WHERE place = %s",
        "arming": "SELECT * FROM arming WHERE site = %s",
        "claims": "SELECT * FROM claims WHERE site = %s",
        "places": "SELECT * FROM places WHERE name = %s",
        "posts": "SELECT * FROM posts WHERE place = %s",
        "shifts": "SELECT * FROM shifts WHERE post = %s",
        "exports": "SELECT * FROM exports WHERE site = %s",
        "facts": "SELECT * FROM sensor_facts WHERE site = %s",
        "orders": "SELECT * FROM partition_orders WHERE site = %s",
        "bypasses": "SELECT * FROM sensor_bypasses WHERE site = %s",
        "acceptances": "SELECT * FROM acceptances WHERE site = %s",
        "surveys": "SELECT * FROM surveys WHERE site = %s",
        "configurations": "SELECT * FROM box_configurations WHERE site = %s",
    }
    return {
        name: connection.execute(text, (site,)).fetchall()  # type: ignore[arg-type]
        for name, text in asked.items()
    }


def test_a_place_where_a_scope_begins_is_not_taken_away(world: World) -> None:
    whole, place = world.centre.key("whole", *EVERYTHING, "planner"), named(FOREIGN, "place")
    world.centre.account("wang", f"operator@{place}")
    with world.centre.client(whole) as client:
        assert client.put("/api/v1/places/empty", json={"above": "city"}).status_code == 204
        client.post("/api/v1/grants", json={"account": "wang", "role": "operator", "place": "empty"})
        refused = client.delete("/api/v1/places/empty")
        assert (refused.status_code, "wang may do something" in refused.text) == (409, True)
        gone = client.post("/api/v1/grants", json={"account": "wang", "role": "operator", "place": "nowhere"})
        assert (gone.status_code, "does not exist" in gone.text) == (422, True)


def test_nobody_gets_a_site_of_boxes_into_his_places_or_out_of_those_of_all(
    world: World, connection: Connection
) -> None:
    mine = named(OWN, "place")
    connection.execute("INSERT INTO agents (site, agent) VALUES ('stray', 'box')")
    with world.centre.client(world.centre.key("planner", f"planner@{mine}")) as planner:
        taken = planner.put("/api/v1/places/stray", json={"above": mine})
        assert (taken.status_code, "taken elsewhere" in taken.text) == (409, True)
        kept = planner.delete(f"/api/v1/places/{named(OWN, 'site')}")
        assert (kept.status_code, "nobody of its places would hear them" in kept.text) == (409, True)
        assert planner.put("/api/v1/places/fresh", json={"above": mine}).status_code == 204
        assert planner.delete("/api/v1/places/fresh").status_code == 204
    with world.centre.client(world.centre.key("whole", "planner")) as whole:
        assert whole.put("/api/v1/places/stray", json={"above": mine}).status_code == 204


def test_maintenance_above_ones_places_is_seen_and_not_ended(world: World) -> None:
    with world.centre.client(world.centre.key("whole", *EVERYTHING)) as whole:
        begun = whole.post("/api/v1/maintenance", json={"place": "city", "reason": "storm", "hours": 1}).json()
    with world.centre.client(world.centre.key("lead", f"shift-leader@{named(OWN, 'place')}")) as lead:
        assert "storm" in lead.get("/api/v1/maintenance").text, "why nothing rings here"
        assert lead.post(f"/api/v1/maintenance/{begun['id']}/end").status_code == 404
