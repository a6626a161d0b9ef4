"""Exports from the wish to the file: a case, the box that renders, the door it brings to, and the audit of it all."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from aggregator.domains.boxes import desired as sections
from aggregator.domains.evidence import exports
from aggregator.domains.evidence.forgetting import forget_pictures
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from edge_agent.orders.desired import Desired
from edge_agent.orders.exports import Area, Exports, RenderError
from edge_agent.uplink.exports import ExportDoor
from edge_agent.uplink.own_door import GoneError, OwnDoor, RefusedError
from edge_agent.uplink.pictures import PictureRing
from shared.desired import DesiredState
from shared.envelope import encode_message
from shared.errors import UnavailableError
from shared.events import EvidenceReady, Lane
from shared.topics import Address
from tests.integration.house import House, crossed, now_ms
from tests.integration.people import Centre, guarded, rows
from tests.integration.trusted import Deployment

CONTENT = b"\xff\xd8\xff\xe0 a picture with people \xff\xd9"
DIGEST = hashlib.sha256(CONTENT)
BOX, OTHER = Address("north", "gate"), Address("south", "gate")
PATH = "/api/v1/exports"


def veiled(jpeg: bytes, areas: Sequence[Area]) -> bytes:
    assert jpeg == CONTENT
    return b"\xff\xd8\xff nobody, %d areas \xff\xd9" % len(areas)


@pytest.fixture
def centre(database: Database, tmp_path: Path, connection: Connection) -> Iterator[Centre]:
    """With an alert that has a picture, and the boxes' door beside it."""
    house = House(database, connection, site="north")
    house.beat("gate")
    house.send(crossed(1, 5), EvidenceReady(now_ms(), Lane.ALARM, 1, DIGEST.digest(), len(CONTENT)), agent="gate")
    PictureStore(tmp_path / "evidence").add(DIGEST.digest(), 0, CONTENT, len(CONTENT))
    connection.execute("UPDATE evidence SET stored_at = now()")
    connection.execute("UPDATE evidence_of SET arrived_at = now()")
    with guarded(database, tmp_path) as centre:
        for name in ("li", "wang"):
            centre.account(name, "operator")
        yield centre


@pytest.fixture
def li(centre: Centre) -> Iterator[httpx.Client]:
    with centre.client(cookie=centre.cookie("li")) as li:
        yield li


@pytest.fixture
def deployment(database: Database, tmp_path: Path, centre: Centre) -> Iterator[Deployment]:
    with Deployment(tmp_path / "door", database).open() as deployment:
        store = PictureStore(tmp_path / "door" / "evidence")
        store.add(DIGEST.digest(), 0, CONTENT, len(CONTENT))
        yield deployment


def asked(li: httpx.Client, **other: object) -> httpx.Response:
    case = li.post("/api/v1/cases", json={"purpose": "claim 2026-88"}).json()["id"]
    return li.post(PATH, json={"sha256": DIGEST.hexdigest(), "case": case, "recipient": "the insurer", **other})


class Box:
    """A box's side, from the section that it hears on."""

    def __init__(self, deployment: Deployment, address: Address, ring: "PictureRing | Empty", render=veiled) -> None:  # type: ignore[no-untyped-def]
        self.address = address
        door = deployment.enrol(address)
        self.door = ExportDoor(OwnDoor(deployment.url, address, door.context()))
        self.part = Exports(ring, self.door, render)
        self.desired = Desired(door.folder / "desired.bin", [self.part])

    def hear(self, connection: Connection) -> DesiredState:
        versions = {each.section: each.version for each in sections.sections(connection, self.address)}
        with connection.transaction():
            state = sections.compose(connection, self.address, versions)
        self.desired.take(state)
        self.part.look()
        return state


class Empty:
    """A ring that has given all pictures up."""

    def content(self, digest: bytes) -> bytes:
        raise FileNotFoundError(digest.hex())


def test_an_export_is_rendered_by_its_box_and_taken_away(
    li: httpx.Client, deployment: Deployment, connection: Connection, database: Database
) -> None:
    wish = asked(li, areas=[[0.1, 0.2, 0.3, 0.4]])
    assert wish.status_code == 201, wish.text
    number = wish.json()["id"]
    assert wish.json()["state"] == "waiting"
    assert li.get(f"{PATH}/{number}/picture").status_code == 409
    box = Box(deployment, BOX, Empty())
    box.hear(connection)
    done = li.get(f"{PATH}/{number}").json()
    made = hashlib.sha256(veiled(CONTENT, [(0.0, 0.0, 1.0, 1.0)])).hexdigest()
    assert (done["state"], done["taken"], done["export_sha256"]) == ("ready", 0, made)
    assert done["areas"] == [pytest.approx([0.1, 0.2, 0.3, 0.4])]
    seen = li.get(f"{PATH}/{number}/picture")
    assert li.get(PATH).json()[0]["taken"] == 0, "who looks at it has not taken it"
    taken = li.get(f"{PATH}/{number}/picture?take=true")
    assert seen.content == taken.content
    assert taken.content == veiled(CONTENT, [(0.0, 0.0, 1.0, 1.0)])
    assert taken.headers["content-disposition"] == f'attachment; filename="hawkline-export-{number}.jpg"'
    assert taken.headers["cache-control"] == "no-store"
    assert li.get(PATH).json()[0]["taken"] == 1
    assert not exports.compose(connection, BOX).wanted, "the box is told of it no more"
    told = "SELECT who, what, subject, why, detail FROM audit WHERE starts_with(subject, 'export ') ORDER BY number"
    said = rows(database, told)
    assert [(row["who"], row["what"]) for row in said] == [
        ("li", "POST /api/v1/exports"),
        ("box north/gate", "export rendered"),
        ("li", "export seen"),
        ("li", "export taken"),
    ]
    assert all(row["subject"] == f"export {number}" for row in said)
    assert "the insurer" in said[0]["detail"]
    assert "claim 2026-88" in said[0]["detail"]
    assert said[1]["detail"] == f"{made} made of {DIGEST.hexdigest()}"
    for each in said[2:]:
        assert (each["why"], "the insurer" in each["detail"]) == ("claim 2026-88", True)


def test_what_makes_no_sense_is_refused(li: httpx.Client, centre: Centre, connection: Connection) -> None:
    for area in (
        [0.1, 0.2, 0.1, 0.4],
        [0.5, 0.2, 0.3, 0.4],
        [-0.1, 0, 1, 1],
        [0, 0, 1],
        [0, 0, 1, "nan"],
        [0, 0, 1e-300, 1],
        [0.4, 0.2, 0.401, 0.201],
        [0, 0, 1e-320, 1e-320, 1],
    ):
        assert asked(li, areas=[area]).status_code == 422, area
    assert asked(li, areas=[[0, 0, 1, 1]] * 65).status_code == 422
    for recipient in ("", " ", "x" * 201):
        assert asked(li, recipient=recipient).status_code == 422
    assert asked(li, case=999).status_code == 404
    assert asked(li, sha256="0" * 64).status_code == 404
    with centre.client(cookie=centre.cookie("wang")) as wang:
        case = wang.post("/api/v1/cases", json={"purpose": "a reason of wang's"}).json()["id"]
    assert asked(li, case=case).status_code == 404, "nobody exports in another's name"
    connection.execute("UPDATE evidence SET stored_at = NULL")
    assert asked(li).status_code == 404, "it has not arrived yet"


def test_an_export_is_of_who_asked_for_it_and_of_their_places(
    li: httpx.Client, centre: Centre, connection: Connection
) -> None:
    number = asked(li).json()["id"]
    with centre.client(cookie=centre.cookie("wang")) as wang:
        for path in (f"{PATH}/{number}", f"{PATH}/{number}/picture"):
            assert wang.get(path).status_code == 404
        assert wang.get(PATH).json() == []
        assert wang.delete(f"{PATH}/{number}").status_code == 404
    with connection.transaction():
        put_place(connection, EVERYWHERE, "south")
    with centre.client(centre.key("far", "operator@south")) as key:
        case = key.post("/api/v1/cases", json={"purpose": "they would like to"}).json()["id"]
        wish = {"sha256": DIGEST.hexdigest(), "case": case, "recipient": "anybody"}
        assert key.post(PATH, json=wish).status_code == 404
    centre.account("zhao", "maintenance")
    with centre.client(cookie=centre.cookie("zhao")) as zhao:
        assert zhao.get(PATH).status_code == 403
    assert li.delete(f"{PATH}/{number}").json()["id"] == number
    assert li.get(f"{PATH}/{number}").status_code == 404


def test_so_many_of_one_person_are_there(li: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST", 2)
    made = [asked(li, areas=[[0, 0, 0.005, 1]]) for _ in range(3)]
    assert [each.status_code for each in made] == [201, 201, 409]
    assert li.delete(f"{PATH}/{made[0].json()['id']}").status_code == 200
    assert asked(li).status_code == 201


def test_who_has_lost_a_place_has_lost_what_they_exported_from_it(
    li: httpx.Client, centre: Centre, connection: Connection
) -> None:
    number = asked(li).json()["id"]
    with connection.transaction():
        put_place(connection, EVERYWHERE, "south")
    connection.execute("UPDATE grants SET place = 'south' WHERE account = 'li'")
    with centre.client(cookie=centre.cookie("li")) as moved:
        assert moved.get(PATH).json() == []
        for path in (f"{PATH}/{number}", f"{PATH}/{number}/picture"):
            assert moved.get(path).status_code == 404
        assert moved.delete(f"{PATH}/{number}").status_code == 404


def test_a_large_picture_goes_through_the_door_and_no_larger_one(
    li: httpx.Client, deployment: Deployment, connection: Connection
) -> None:
    large = b"\xff\xd8\xff" + bytes(3 * 2**20)
    number = asked(li).json()["id"]
    box = Box(deployment, BOX, Empty(), lambda _jpeg, _areas: large)
    box.hear(connection)
    assert li.get(f"{PATH}/{number}/picture").content == large
    another = asked(li).json()["id"]
    too_large = Exports(Empty(), box.door, lambda _jpeg, _areas: bytes(9 * 2**20))
    too_large.obey(encode_message(exports.compose(connection, BOX)))
    too_large.look()
    failed = li.get(f"{PATH}/{another}").json()
    assert (failed["state"], "413" in failed["why"]) == ("failed", True)


def test_a_box_that_was_not_told_of_all_hears_of_the_rest_when_those_are_gone(
    li: httpx.Client, deployment: Deployment, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_AT_ONCE", 1)
    box = Box(deployment, BOX, Empty())
    first, second = asked(li).json()["id"], asked(li).json()["id"]
    connection.execute("DELETE FROM exports WHERE id = %s", (first,))
    known = exports.compose(connection, BOX)
    assert [each.number for each in known.wanted] == [second]
    before = {each.section: each.version for each in sections.sections(connection, BOX)}
    with pytest.raises(GoneError):
        box.door.bring(first, CONTENT)
    after = {each.section: each.version for each in sections.sections(connection, BOX)}
    assert after["exports"] > before["exports"]


def test_a_slow_line_is_kept_free(deployment: Deployment, li: httpx.Client, connection: Connection) -> None:
    number = asked(li).json()["id"]
    box = Box(deployment, BOX, Empty())
    paced = ExportDoor(OwnDoor(deployment.url, BOX, box.door._door._tls, kbit_s=512))
    began_s = time.monotonic()
    paced.bring(number, b"\xff\xd8\xff" + bytes(96 * 1024))
    assert time.monotonic() - began_s > 1.2, "96 kB at 64 kB a second"


def test_another_box_neither_sees_nor_brings_it(
    li: httpx.Client, deployment: Deployment, connection: Connection
) -> None:
    number = asked(li).json()["id"]
    box, other = Box(deployment, BOX, Empty()), Box(deployment, OTHER, Empty())
    for deed in (other.door.original, lambda number: other.door.bring(number, CONTENT)):
        with pytest.raises(GoneError):
            deed(number)
    with pytest.raises(GoneError):
        other.door.tell_failed(number, "no")
    posing = ExportDoor(OwnDoor(deployment.url, BOX, other.door._door._tls))
    with pytest.raises(UnavailableError, match="403"):
        posing.original(number)
    with pytest.raises(RefusedError, match="422"):
        box.door.bring(number, b"no picture at all")
    deployment.revoke(BOX)
    with pytest.raises(UnavailableError, match="401"):
        box.door.bring(number, CONTENT)
    assert li.get(f"{PATH}/{number}").json()["state"] == "waiting"


def test_why_there_is_none_is_told_to_who_asked(
    li: httpx.Client, deployment: Deployment, connection: Connection, database: Database, tmp_path: Path
) -> None:
    def fails(_jpeg: bytes, _areas: Sequence[Area]) -> bytes:
        raise RenderError("people in it cannot be blurred: the model was not built")

    box = Box(deployment, BOX, Empty(), fails)
    number = asked(li).json()["id"]
    connection.execute("UPDATE agents SET state = 'silent'")
    waits = li.get(f"{PATH}/{number}").json()
    assert (waits["state"], waits["box_state"], waits["why"]) == ("waiting", "silent", "")
    box.hear(connection)
    failed = li.get(f"{PATH}/{number}").json()
    assert (failed["state"], failed["why"]) == ("failed", "people in it cannot be blurred: the model was not built")
    assert li.get(f"{PATH}/{number}/picture").status_code == 409
    another = asked(li).json()["id"]
    PictureStore(tmp_path / "door" / "evidence").path(DIGEST.digest()).unlink()
    box.hear(connection)
    lost = li.get(f"{PATH}/{another}").json()
    assert (lost["state"], lost["why"]) == ("failed", "neither the box nor the centre has the picture any more")
    told = rows(database, "SELECT subject FROM audit WHERE what = 'export failed' ORDER BY number")
    assert [row["subject"] for row in told] == [f"export {number}", f"export {another}"]


def test_a_box_of_before_says_that_it_knows_no_exports(
    li: httpx.Client, connection: Connection, database: Database
) -> None:
    number = asked(li).json()["id"]
    version = rows(database, "SELECT version FROM desired_sections WHERE section = 'exports'")[0]["version"]
    said = f'{{"sections": [{{"name": "exports", "version": 0, "refused": {version}, "error": "update the box"}}]}}'
    connection.execute("UPDATE agents SET health = %s::jsonb", (said,))
    waits = li.get(f"{PATH}/{number}").json()
    assert (waits["state"], waits["why"]) == ("waiting", "update the box")


def test_an_export_goes_with_its_picture(
    li: httpx.Client, connection: Connection, database: Database, tmp_path: Path
) -> None:
    asked(li)
    with database.connect("test", autocommit=True) as own:
        forget_pictures(own, PictureStore(tmp_path / "evidence"), [DIGEST.digest()])
    assert li.get(PATH).json() == []


def test_after_a_week_the_audit_alone_knows_of_it(li: httpx.Client, connection: Connection, database: Database) -> None:
    asked(li)
    today = datetime.now(UTC).date()
    assert exports.KEPT.days == 7
    connection.execute("UPDATE exports SET asked_at = now() - interval '8 days'")
    old = connection.execute(exports.SQL["old_days_of_exports"], {"before": today}).fetchall()
    assert [row["day"] for row in old] == [today - timedelta(days=8)]
    assert exports.drop_day(connection, old[0]["day"], None)
    assert li.get(PATH).json() == []
    failed = rows(database, "SELECT who, detail FROM audit WHERE what = 'export failed'")
    assert failed == [{"who": "retention", "detail": "box north/gate has not brought it in 7 days"}]
    assert rows(database, "SELECT FROM audit WHERE what = 'POST /api/v1/exports'")
