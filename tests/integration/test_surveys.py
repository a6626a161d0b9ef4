"""Surveys at the centre: asked for by who draws, brought by the box, seen by who asked, and gone ten minutes later."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from aggregator.domains.surveys import surveys
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from edge_agent.uplink.own_door import GoneError, OwnDoor, RefusedError
from edge_agent.uplink.surveys import SurveyDoor
from shared.errors import UnavailableError
from shared.scene import Scene, Tripwire
from shared.surveys import Finding, Outcome, SurveyAnswer
from shared.topics import Address
from tests.integration.people import Centre, guarded
from tests.integration.trusted import Deployment

JPEG = b"\xff\xd8\xff\xe0 a place \xff\xd9"
BOX, OTHER = Address("north", "gate-1"), Address("south", "gate-1")
PATH = "/api/v1/boxes/north/gate-1/surveys"
SCENE = Scene([Tripwire("line", [(0.0, 0.5), (1.0, 0.5)])])
OUTCOME = Outcome(58.5, 4, (Finding(1_700_000_000_000, "line", "line_crossed", "left_to_right"),), ("a warning",))
ANSWER = SurveyAnswer(1_700_000_000_000, JPEG, OUTCOME)


@pytest.fixture
def centre(database: Database, tmp_path: Path, connection: Connection) -> Iterator[Centre]:
    for site in ("north", "south"):
        with connection.transaction():
            put_place(connection, EVERYWHERE, site)
        connection.execute("INSERT INTO agents (site, agent, state) VALUES (%s, 'gate-1', 'online')", (site,))
    with guarded(database, tmp_path) as centre:
        yield centre


@pytest.fixture
def chen(centre: Centre) -> Iterator[httpx.Client]:
    """A planner."""
    centre.account("chen", "planner")
    with centre.client(cookie=centre.cookie("chen")) as chen:
        yield chen


class Boxes:
    """The boxes' door, and boxes that come to it: each is enrolled once."""

    def __init__(self, deployment: Deployment) -> None:
        self._url, self._enrol = deployment.url, cache(deployment.enrol)

    def own_door(self, box: Address = BOX, who: Address | None = None) -> OwnDoor:
        """The door as a box comes to it, or another that says it is that one."""
        return OwnDoor(self._url, box, self._enrol(who or box).context())

    def door(self, box: Address = BOX, who: Address | None = None) -> SurveyDoor:
        return SurveyDoor(self.own_door(box, who))


@pytest.fixture
def boxes(database: Database, tmp_path: Path, centre: Centre) -> Iterator[Boxes]:
    with Deployment(tmp_path / "door", database).open() as deployment:
        yield Boxes(deployment)


def asked(client: httpx.Client, code: int = 200, path: str = PATH, **more: Any) -> Any:
    answer = client.post(path, json={"camera": "gate", **more})
    assert answer.status_code == code, answer.text
    return answer.json()


def told(client: httpx.Client, number: int, code: int = 200) -> Any:
    answer = client.get(f"/api/v1/surveys/{number}")
    assert answer.status_code == code, answer.text
    return answer.json()


def test_the_box_is_told_and_who_asked_sees_what_it_brings(
    chen: httpx.Client, boxes: Boxes, connection: Connection
) -> None:
    number = asked(chen, scene=msgspec.to_builtins(SCENE))["number"]
    (wanted,) = surveys.wanted(connection, BOX).wanted
    assert (wanted.number, wanted.camera) == (number, "gate")
    assert msgspec.json.decode(wanted.scene, type=Scene) == SCENE
    assert told(chen, number)["state"] == "waiting"
    assert chen.get(f"/api/v1/surveys/{number}/picture").status_code == 404
    boxes.door().bring(number, ANSWER)
    ready = told(chen, number)
    assert (ready["state"], ready["taken_at"]) == ("ready", "2023-11-14T22:13:20Z")
    assert ready["outcome"] == msgspec.json.decode(msgspec.json.encode(OUTCOME))
    picture = chen.get(f"/api/v1/surveys/{number}/picture")
    assert (picture.content, picture.headers["cache-control"]) == (JPEG, "no-store")
    assert not surveys.wanted(connection, BOX).wanted
    with pytest.raises(GoneError):
        boxes.door().bring(number, ANSWER)
    (entry,) = connection.execute("SELECT * FROM audit WHERE subject = 'camera north/gate-1/gate'").fetchall()
    assert (entry["who"], entry["detail"]) == ("chen", f"picture {number}, to draw lines")


def test_it_is_of_who_asked_and_of_those_who_may(centre: Centre, chen: httpx.Client, boxes: Boxes) -> None:
    number = asked(chen)["number"]
    boxes.door().bring(number, ANSWER)
    for name, role, code in (("li", "operator", 403), ("root", "administrator", 403), ("fang", "planner", 404)):
        centre.account(name, role)
        with centre.client(cookie=centre.cookie(name)) as client:
            told(client, number, code)
            assert client.get(f"/api/v1/surveys/{number}/picture").status_code == code
    centre.account("su", "planner@south")
    with centre.client(cookie=centre.cookie("su")) as su:
        asked(su, 404)
        assert asked(su, path="/api/v1/boxes/south/gate-1/surveys")["state"] == "waiting"


def test_another_box_brings_nothing_and_a_box_brings_an_answer(chen: httpx.Client, boxes: Boxes) -> None:
    number = asked(chen)["number"]
    with pytest.raises(GoneError):
        boxes.door(OTHER).bring(number, ANSWER)
    posing = boxes.door(BOX, OTHER)
    with pytest.raises(UnavailableError, match="403"):
        posing.bring(number, ANSWER)
    with pytest.raises(RefusedError, match="422"):
        boxes.door().bring(number, SurveyAnswer(1, b"GIF89a"))
    with pytest.raises(RefusedError, match="422"):
        boxes.own_door().ask("PUT", f"/api/v1/surveys/{number}/answer", b"\xc1", "application/vnd.msgpack")
    boxes.door().tell_failed(number, "the camera gives no pictures: unreachable")
    failed = told(chen, number)
    assert (failed["state"], failed["why"]) == ("failed", "the camera gives no pictures: unreachable")


def test_what_cannot_be_is_refused_with_its_reason(chen: httpx.Client, connection: Connection) -> None:
    lines = [{"name": "a", "points": [[0, 0]]}]
    assert "`$.tripwires[0].points`" in asked(chen, 422, scene={"tripwires": lines})["detail"]
    assert "there is no box" in asked(chen, 404, path="/api/v1/boxes/north/gate-9/surveys")["detail"]
    first, second = asked(chen), asked(chen)
    assert [each.number for each in surveys.wanted(connection, BOX).wanted] == [first["number"], second["number"]]
    connection.execute("UPDATE agents SET state = 'silent'")
    assert "is away" in asked(chen, 409)["detail"]


def test_nobody_is_watched_and_nothing_stays(chen: httpx.Client, connection: Connection, boxes: Boxes) -> None:
    number = asked(chen)["number"]
    connection.execute("UPDATE surveys SET asked_at = now() - interval '121 s'")
    assert (told(chen, number)["state"], told(chen, number)["why"]) == ("failed", "the box has not answered")
    assert not surveys.wanted(connection, BOX).wanted
    with pytest.raises(GoneError):
        boxes.door().bring(number, ANSWER)
    again = asked(chen)["number"]
    assert again > number
    boxes.door().bring(again, ANSWER)
    connection.execute(
        "INSERT INTO surveys (number, site, agent, camera, scene, asked_by, settled_at)"
        " SELECT n, 'north', 'gate-1', 'gate', '', 'chen', now() FROM generate_series(1, %s) n",
        (surveys.MOST,),
    )
    assert "wait a little" in asked(chen, 409)["detail"]
    connection.execute("UPDATE surveys SET asked_at = now() - interval '601 s'")
    told(chen, again, 404)
    assert chen.get(f"/api/v1/surveys/{again}/picture").status_code == 404
    surveys.forgetting(None)(connection)  # type: ignore[arg-type]
    assert connection.execute("SELECT count(*) AS n FROM surveys").fetchone() == {"n": 0}
