"""From a workbook to what each box watches, by commands: nothing twice, and passwords to who may open them."""

import base64
import csv
from pathlib import Path

import httpx
import pytest
from psycopg.types.json import Jsonb

from aggregator.domains.configurations.cli import app as configuration_app
from aggregator.store import Database
from aggregator.store.database import Connection
from edge_agent.configuration.store import Store
from provisioning.sites.cli import app as site_app
from provisioning.sites.words import Language
from provisioning.sites.workbook import write_plan
from shared.configuration import decode_sent
from shared.topics import Address
from shared.trust.sealed import new_sealing_key, open_sealed, public_part
from tests.integration.commands import told
from tests.integration.people import guarded

ON = {"site": "north", "box": "gate-1"}
SHEETS = {
    "units": [{"unit": "office", "title": "物业", "phone": "110"}],
    "places": [
        {"place": "north", "title": "北", "kind": "estate", "unit": "office", "longitude": "116.4", "latitude": "39.9"}
    ],
    "boxes": [{**ON, "serial": "1"}, {"site": "north", "box": "gate-2", "serial": "2"}],
    "cameras": [
        {**ON, "camera": "gate", "url": "rtsp://10.1.2.3/small", "user": "hawk", "use": "gate", "mounted": "gate"},
        {"site": "north", "box": "gate-2", "camera": "yard", "url": "rtsp://10.1.2.4/small", "use": "yard",
         "mounted": "yard"},
    ],
    "lines": [{**ON, "camera": "gate", "line": "北门", "points": "0.1,0.7 0.9,0.7", "direction": "both"}],
}  # fmt: skip
OWN = 'site = "north"\nagent = "gate-1"\ndata_dir = "data"\n'


class Planner:
    """Somebody with a workbook, at the centre's commands."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.plan, self.passwords = folder / "plan.xlsx", folder / "passwords.csv"
        self.passwords.write_text("site,box,camera,password\nnorth,gate-1,gate,p@ss word\n")
        write_plan(self.plan, SHEETS, Language.CHINESE)
        self.site("apply", self.plan)

    def site(self, *words: object, code: int = 0) -> str:
        return told(site_app, *words, "--url", self.client.base_url, code=code)

    def configuration(self, *words: object, code: int = 0) -> str:
        return told(configuration_app, *words, "--url", self.client.base_url, code=code)

    def send(self, *words: object, code: int = 0) -> str:
        return self.site("send", "--lang", "en", "--passwords", self.passwords, *words, code=code)

    def numbers(self) -> dict[str, int]:
        return {row["agent"]: row["number"] for row in self.client.get("/api/v1/configurations").json()}

    def comes_in(self, key: bytes) -> None:
        body = {"key": base64.b64encode(public_part(key)).decode()}
        asked = {"site": "north", "agent": "gate-1"}
        assert self.client.put("/api/v1/sealing-key", params=asked, json=body).status_code == 204

    def opened(self, key: bytes) -> str:
        asked: dict[str, str | int] = {"site": "north", "agent": "gate-1", "number": self.numbers()["gate-1"]}
        sent = decode_sent(self.client.get("/api/v1/configuration", params=asked).content)
        return open_sealed(sent.passwords["gate"], key, Address("north", "gate-1"), "gate")


@pytest.fixture
def planner(client: httpx.Client, tmp_path: Path) -> Planner:
    return Planner(client, tmp_path)


def test_what_is_sent_is_what_the_box_reads(planner: Planner) -> None:
    planner.send("--without-recovery")
    asked: dict[str, str | int] = {"site": "north", "agent": "gate-1", "number": planner.numbers()["gate-1"]}
    sent = decode_sent(planner.client.get("/api/v1/configuration", params=asked).content)
    config = planner.folder / "box" / "agent.toml"
    config.parent.mkdir()
    config.write_text(OWN)
    store = Store(config)
    planner.comes_in(store.sealing_key())
    planner.send("--without-recovery")
    asked["number"] = planner.numbers()["gate-1"]
    sent = decode_sent(planner.client.get("/api/v1/configuration", params=asked).content)
    store.put(sent)
    store.try_out(sent.number, ())
    in_force = Store(config).begin()
    (camera,) = in_force.cameras
    assert [watch.name for watch in camera.scene.watches] == ["北门"]
    assert getattr(camera.settings.source, "url", "") == "rtsp://hawk:p%40ss%20word@10.1.2.3/small"


def test_passwords_are_sent_once_their_box_has_come_in(planner: Planner) -> None:
    assert "there is no recovery key" in planner.send(code=2)
    assert planner.numbers() == {}
    stick = planner.folder / "recovery.key"
    planner.configuration("recovery-key", stick)
    assert "may be needed" in planner.configuration("recovery-key", stick, code=2)
    said = planner.send()
    assert "2 boxes take it" in said
    assert "0 passwords sent" in said
    assert "1 boxes have not come in yet" in said
    box = new_sealing_key()
    planner.comes_in(box)
    said = planner.send()
    assert "1 boxes take it, 1 have it already; 1 passwords sent" in said
    assert planner.opened(box) == "p@ss word"
    before = planner.numbers()
    said = planner.send()
    assert "0 boxes take it, 2 have it already; 0 passwords sent, 1 are there already" in said
    assert planner.numbers() == before
    planner.passwords.write_text("site,box,camera,password\nnorth,gate-1,gate,another\n")
    planner.send("--anew")
    assert planner.opened(box) == "another"
    # Another machine takes its place.
    other = new_sealing_key()
    planner.comes_in(other)
    assert "1 passwords sealed" in planner.configuration("reseal", "north/gate-1", "--recovery-key", stick)
    assert planner.opened(other) == "another"
    planner.passwords.write_text("site,box,camera,password\n")
    said = planner.site("send", "--lang", "zh")
    assert "0 台设备将更新" in said


def test_another_machine_takes_a_place(
    database: Database, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute(
        "INSERT INTO devices (site, agent, serial, key, enrolled_at, renewed_at, expires_at)"
        " VALUES ('north', 'gate-1', '1', '', now(), now(), now() + interval '90 days')"
    )
    with guarded(database, tmp_path) as centre, centre.client(centre.key("chen", "planner")) as client:
        monkeypatch.setenv("HAWKLINE_TOKEN", client.headers["authorization"].removeprefix("Bearer "))
        planner = Planner(client, tmp_path)
        stick = tmp_path / "recovery.key"
        planner.configuration("recovery-key", stick)
        planner.send()
        values = {"sealed": b"x", "sealed_to": b"y", "spare": b"z"}
        connection.execute(
            "INSERT INTO camera_passwords (site, agent, camera, sealed, sealed_to, spare, sent_by)"
            " VALUES ('north', 'gate-1', 'gate', %(sealed)s, %(sealed_to)s, %(spare)s, 'chen')",
            values,
        )
        again = "--why", "struck by lightning", "--lang", "zh", "-o", "json"
        assert "no machine ever had this place" in planner.site(
            "replace", "north/gate-9", "--serial", "7", *again, code=2
        )
        assert "is that machine already" in planner.site("replace", "north/gate-1", "--serial", "1", *again, code=2)
        said = planner.site("replace", "north/gate-1", "--serial", "7", *again)
        assert "原设备（1）已吊销" in said
        assert "configuration reseal north/gate-1" in said
        assert "规划中的序列号是 1" in said
        row = connection.execute("SELECT revoked_why, serial FROM devices").fetchone()
        assert row == {"revoked_why": "struck by lightning", "serial": "1"}
        claim = connection.execute("SELECT serial FROM claims WHERE withdrawn_at IS NULL").fetchone()
        assert claim == {"serial": "7"}
        early = planner.configuration("reseal", "north/gate-1", "--recovery-key", stick, code=2)
        assert "the new machine has not come in yet" in early
        assert planner.numbers()["gate-1"], "its configuration stays"


def test_a_camera_without_its_password_is_named(planner: Planner) -> None:
    said = planner.site("send", "--lang", "en")
    assert "1 cameras have a user and no password, and their boxes wait (--passwords): north/gate-1/gate" in said


def test_one_box_goes_back_and_what_was_changed_there_stands(planner: Planner, connection: Connection) -> None:
    planner.site("send")
    first = planner.numbers()
    sheets = {**SHEETS, "lines": [{**SHEETS["lines"][0], "points": "0.2,0.7 0.8,0.7"}]}
    planner.plan.unlink()
    write_plan(planner.plan, sheets, Language.CHINESE)
    planner.site("apply", planner.plan)
    planner.site("send", "--why", "a shorter line")
    second = planner.numbers()
    assert second["gate-2"] == first["gate-2"], "what is not changed begins nothing anew"
    assert "0.2" in planner.configuration("show", "north/gate-1")
    planner.configuration("back", "north/gate-1", "--why", "it was right")
    assert "0.2" not in planner.configuration("show", "north/gate-1")
    rows = list(csv.DictReader(planner.configuration("log", "north/gate-1", "-o", "csv").splitlines()))
    assert [row["why"] for row in rows] == ["it was right", "a shorter line", ""]
    health = Jsonb({"configuration": {"number": 1, "content": "x", "changed": ["scene-gate.toml"]}})
    connection.execute(
        "INSERT INTO agents (site, agent, state, health) VALUES ('north', 'gate-1', 'online', %s)", (health,)
    )
    assert "somebody has changed files at north/gate-1" in planner.site("send", code=2)
    assert "somebody has changed" in planner.configuration("back", "north/gate-1", "--own-file", code=2)
    planner.configuration("back", "north/gate-1", "--own-file", "--over-changes")
    (row,) = csv.DictReader(planner.configuration("list", "--agent", "gate-1", "-o", "csv").splitlines())
    assert (row["state"], row["changed"]) == ("waiting", "scene-gate.toml")
