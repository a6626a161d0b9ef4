"""Configurations of boxes at the centre: all of them or none, on top of what was known; passwords that nobody reads."""

import base64
import json
from typing import Any

import httpx
import msgspec
import pytest
from psycopg.types.json import Jsonb

from aggregator.domains.boxes.domain import look
from aggregator.store.database import Connection
from shared.configuration import MAIN, content_of, decode_sent
from shared.desired import CONFIGURATION
from shared.events import ConfigurationHealth
from shared.topics import Address
from shared.trust.sealed import new_sealing_key, open_sealed, public_part, seal

PATH = "/api/v1/configurations"
FILES = {MAIN: '[[cameras]]\nname = "gate"\n', "scene-gate.toml": ""}
BOX = {"site": "north", "agent": "gate-1"}


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def wanted(agent: str = "gate-1", based_on: int = 0, files: Any = None, **more: Any) -> dict[str, Any]:
    return {"site": "north", "agent": agent, "based_on": based_on, "files": FILES if files is None else files, **more}


def put(client: httpx.Client, *boxes: dict[str, Any], code: int = 200, **how: Any) -> Any:
    answer = client.put(PATH, json={"boxes": list(boxes), **how})
    assert answer.status_code == code, answer.text
    return answer.json()


def listed(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {row["agent"]: row for row in client.get(PATH).json()}


def fetched(client: httpx.Client, number: int, agent: str = "gate-1", code: int = 200) -> bytes:
    answer = client.get("/api/v1/configuration", params={"site": "north", "agent": agent, "number": number})
    assert answer.status_code == code, answer.text
    return answer.content


def says(connection: Connection, version: int = 0, refused: int = 0, error: str = "", **said: Any) -> None:
    """The box's newest heartbeat."""
    section = {"name": CONFIGURATION, "version": version, "refused": refused, "error": error}
    configuration = msgspec.to_builtins(ConfigurationHealth(**said))
    connection.execute(
        "INSERT INTO agents (site, agent, state, health) VALUES ('north', 'gate-1', 'online', %s)"
        " ON CONFLICT (site, agent) DO UPDATE SET health = excluded.health",
        (Jsonb({"sections": [section], "configuration": configuration}),),
    )


def version(connection: Connection) -> int:
    row = connection.execute("SELECT version FROM desired_sections WHERE agent = 'gate-1'").fetchone()
    return int(row["version"]) if row else 0


def test_what_is_put_is_wanted_fetched_and_answered_for(client: httpx.Client, connection: Connection) -> None:
    done = put(client, wanted(), wanted("gate-2"), why="two gates", plan=3)
    assert (done["changed"], done["unchanged"]) == (2, 0)
    row = listed(client)["gate-1"]
    assert (row["state"], row["plan"], row["why"], row["content"]) == ("waiting", 3, "two gates", content_of(FILES))
    sent = decode_sent(fetched(client, row["number"]))
    assert (sent.number, sent.files, sent.passwords) == (row["number"], FILES, {})
    fetched(client, row["number"] + 1, code=404)
    fetched(client, row["number"], agent="gate-3", code=404)
    says(connection, error="it is fetched")
    assert listed(client)["gate-1"]["why_not"] == "it is fetched"
    says(connection, tried=row["number"])
    assert listed(client)["gate-1"]["state"] == "tried"
    says(connection, version(connection), number=row["number"], content=row["content"])
    assert listed(client)["gate-1"]["state"] == "kept"
    again = put(client, wanted(based_on=row["number"]))
    assert (again["changed"], again["unchanged"]) == (0, 1)
    assert listed(client)["gate-1"]["number"] == row["number"]
    other = put(client, wanted(based_on=row["number"], files={}))
    assert other["changed"] == 1
    newest = listed(client)["gate-1"]
    assert newest["number"] > row["number"]
    says(connection, 0, version(connection), "no camera came", number=row["number"], content=row["content"])
    assert (listed(client)["gate-1"]["state"], listed(client)["gate-1"]["why_not"]) == ("refused", "no camera came")
    versions = client.get(f"{PATH}/north/gate-1/versions").json()
    assert [each["number"] for each in versions] == [newest["number"], row["number"]]
    before = client.get(f"{PATH}/north/gate-1", params={"number": row["number"]}).json()
    assert before["files"] == FILES
    assert client.get(f"{PATH}/north/gate-3").status_code == 404


def test_all_of_them_or_none(client: httpx.Client, connection: Connection) -> None:
    put(client, wanted())
    number = listed(client)["gate-1"]["number"]
    refused = put(client, wanted("gate-2"), wanted(based_on=0), code=409)
    assert "another one was put meanwhile for north/gate-1" in refused["detail"]
    for files in ({"scene-a.toml": ""}, {MAIN: "", "../../etc/passwd": ""}, {MAIN: "", "agent.toml": ""}):
        put(client, wanted("gate-2"), wanted(based_on=number, files=files), code=422)
    put(client, wanted("gate-2"), wanted("gate-2"), code=422)
    put(client, wanted("gate-2", files={MAIN: "\0"}), code=422)
    assert set(listed(client)) == {"gate-1"}
    rows = connection.execute("SELECT what, subject, detail FROM audit WHERE what LIKE 'PUT%configurations'").fetchall()
    assert [(row["subject"], json.loads(row["detail"])["changed"]) for row in rows] == [("configurations", 1)]


def test_what_was_changed_at_a_box_is_shown_and_gives_way_only_to_who_says_so(
    client: httpx.Client, connection: Connection
) -> None:
    put(client, wanted())
    number = listed(client)["gate-1"]["number"]
    says(connection, version(connection), number=number, content="other", changed=("scene-gate.toml",))
    assert listed(client)["gate-1"]["changed"] == ["scene-gate.toml"]
    told = [each for each in look(connection, lost_too=False) if each.condition == "changed_at_box"]
    assert [(each.active, each.detail) for each in told] == [(True, {"files": "scene-gate.toml"})]
    files = {**FILES, "scene-gate.toml": "# x\n"}
    refused = put(client, wanted(based_on=number, files=files), code=409)
    assert "somebody has changed files at north/gate-1" in refused["detail"]
    put(client, wanted(based_on=number, files=files), over_changes=True)
    row = connection.execute("SELECT over FROM box_configurations ORDER BY number DESC LIMIT 1").fetchone()
    assert row
    assert row["over"] == "other"


def test_ten_are_kept(client: httpx.Client) -> None:
    number = 0
    for each in range(12):
        put(client, wanted(based_on=number, files={MAIN: f"# {each}\n"}))
        number = listed(client)["gate-1"]["number"]
    assert len(client.get(f"{PATH}/north/gate-1/versions").json()) == 10


def test_a_password_is_nowhere_at_the_centre(client: httpx.Client, connection: Connection) -> None:
    box, private, recovery = Address("north", "gate-1"), new_sealing_key(), new_sealing_key()
    assert client.get("/api/v1/recovery-key").json() is None
    assert client.put("/api/v1/recovery-key", json={"key": coded(public_part(recovery))}).status_code == 200
    assert client.get("/api/v1/recovery-key").json()["key"] == coded(public_part(recovery))
    secret = "a password of 2026"
    public = public_part(private)
    password = {
        "sealed": coded(seal(secret, public, box, "gate")),
        "sealed_to": coded(public),
        "spare": coded(seal(secret, public_part(recovery), box, "gate")),
    }
    refused = put(client, wanted(passwords={"gate": password}), code=409)
    assert "sealed to a key that is not theirs" in refused["detail"]
    told = client.put("/api/v1/sealing-key", params=BOX, json={"key": coded(public)})
    assert told.status_code == 204, told.text
    assert client.get("/api/v1/sealing-keys").json() == [{**BOX, "key": coded(public)}]
    assert put(client, wanted(passwords={"gate": password}))["passwords"] == 1
    row = listed(client)["gate-1"]
    assert (row["passwords"], row["takes_passwords"], row["passwords_for_another"]) == (1, True, 0)
    sent = decode_sent(fetched(client, row["number"]))
    assert open_sealed(sent.passwords["gate"], private, box, "gate") == secret
    (spare,) = client.get(f"{PATH}/north/gate-1/spares").json()
    assert open_sealed(base64.b64decode(spare["spare"]), recovery, box, "gate") == secret
    everything = [
        str(connection.execute(f"SELECT array_agg(t::text) AS rows FROM {table} t").fetchone())  # type: ignore[arg-type]
        for table in ("camera_passwords", "box_configurations", "audit", "sealing_keys", "recovery_keys")
    ]
    assert secret not in "".join(everything)
    assert secret.encode().hex() not in "".join(everything)
    # Another machine takes its place: what was sealed to the one before does not open there, and is told.
    client.put("/api/v1/sealing-key", params=BOX, json={"key": coded(public_part(new_sealing_key()))})
    assert listed(client)["gate-1"]["passwords_for_another"] == 1
    assert [each["opens"] for each in client.get("/api/v1/camera-passwords").json()] == [False]


@pytest.mark.parametrize("key", ["", "x" * 44, coded(b"short"), coded(b"x" * 33)])
def test_what_is_no_key_is_not_kept(client: httpx.Client, key: str) -> None:
    assert client.put("/api/v1/sealing-key", params=BOX, json={"key": key}).status_code == 422
    assert client.put("/api/v1/recovery-key", json={"key": key}).status_code == 422
    assert client.get("/api/v1/sealing-keys").json() == []


def test_how_far_each_box_has_got(client: httpx.Client, connection: Connection) -> None:
    sheets = {
        "places": [{"place": "north", "title": "北苑"}],
        "boxes": [{"site": "north", "box": name, "model": "pi5"} for name in ("gate-1", "gate-2", "gate-3", "gate-4")],
        "cameras": [{"site": "north", "box": "gate-1", "camera": name} for name in ("gate", "fence")],
    }
    assert client.put("/api/v1/plan", json={"based_on": 0, "sheets": sheets}).status_code == 200
    put(client, wanted())
    number = listed(client)["gate-1"]["number"]
    says(connection, version(connection), number=number, content=content_of(FILES))
    told = [{"name": "gate", "state": "watching"}, {"name": "fence", "state": "unreachable"},
            {"name": "not planned", "state": "watching"}]  # fmt: skip
    connection.execute("UPDATE agents SET last_seen_at = now(), health = health || %s", (Jsonb({"cameras": told}),))
    claim = (
        "INSERT INTO claims (site, agent, serial, code, made_by, expires_at) VALUES ('north', %s, '1', %s, 'li', %s)"
    )
    connection.execute(claim, ("gate-2", b"2", "2100-01-01Z"))
    connection.execute(claim, ("gate-3", b"3", "2020-01-01Z"))
    connection.execute("INSERT INTO agents (site, agent, last_seen_at) VALUES ('north', 'stray', now())")
    rows = {row["agent"]: row for row in client.get("/api/v1/rollout").json()}
    kept = rows["gate-1"]
    assert (kept["state"], kept["configuration"], kept["in_force"], kept["title"]) == ("online", "kept", number, "北苑")
    assert (kept["cameras_planned"], kept["cameras_seeing"]) == (2, 1)
    assert [rows[name]["state"] for name in ("gate-2", "gate-3", "gate-4", "stray")] == [
        "claimed", "awaited", "awaited", "away",
    ]  # fmt: skip
    assert [row["agent"] for row in rows.values() if not row["planned"]] == ["stray"]
    assert [row["agent"] for row in client.get("/api/v1/rollout", params={"agent": "gate-2"}).json()] == ["gate-2"]


DRAWN = {"tripwires": [{"name": "fence", "points": [[0.1, 0.5], [0.9, 0.5]]}]}
PLANNED = {
    MAIN: "".join(f'[[cameras]]\nname = "{name}"\nscene = "scene-{name}.toml"\n' for name in ("gate", "yard")),
    "scene-gate.toml": '[[tripwires]]\nname = "planned"\npoints = [[0.0, 0.7], [1.0, 0.7]]\n',
    "scene-yard.toml": "",
}


def scenes(client: httpx.Client) -> dict[str, dict[str, Any]]:
    answer = client.get(f"{PATH}/north/gate-1/scenes")
    assert answer.status_code == 200, answer.text
    return {row["camera"]: row for row in answer.json()}


def draw(client: httpx.Client, camera: str = "gate", code: int = 200, scene: Any = None, **more: Any) -> Any:
    body = {"based_on": listed(client)["gate-1"]["number"], "scene": DRAWN if scene is None else scene, **more}
    answer = client.put(f"{PATH}/north/gate-1/scenes/{camera}", json=body)
    assert answer.status_code == code, answer.text
    return answer.json()


def test_lines_that_were_drawn_stay_when_the_plan_is_sent_again(client: httpx.Client) -> None:
    put(client, wanted(files=PLANNED))
    assert not scenes(client)["gate"]["drawn"]
    assert draw(client, why="the fence is further left")["changed"] == 1
    there = scenes(client)
    assert (there["gate"]["drawn"], there["gate"]["scene"]) == (True, DRAWN)
    assert (there["yard"]["drawn"], there["yard"]["scene"]) == (False, {})
    assert draw(client)["changed"] == 0, "the same again changes nothing"
    number = listed(client)["gate-1"]["number"]
    # The plan has another camera now, and other lines.
    more = PLANNED | {MAIN: PLANNED[MAIN] + "# newer\n", "scene-gate.toml": ""}
    done = put(client, wanted(files=more, based_on=number), keep_drawn=True)
    assert (done["changed"], done["drawn"]) == (1, ["north/gate-1/gate"])
    assert scenes(client)["gate"]["scene"] == DRAWN
    number = listed(client)["gate-1"]["number"]
    assert put(client, wanted(files=more, based_on=number), keep_drawn=True)["changed"] == 0
    without = {MAIN: '[[cameras]]\nname = "yard"\nscene = "scene-yard.toml"\n', "scene-yard.toml": ""}
    assert put(client, wanted(files=without, based_on=number), keep_drawn=True)["drawn"] == []
    number = listed(client)["gate-1"]["number"]
    assert put(client, wanted(files=PLANNED, based_on=number), keep_drawn=True)["drawn"] == [], "it was gone"
    draw(client)
    number = listed(client)["gate-1"]["number"]
    assert put(client, wanted(files=PLANNED, based_on=number))["drawn"] == []
    assert scenes(client)["gate"]["scene"]["tripwires"][0]["name"] == "planned"


def test_what_cannot_be_drawn_is_refused_with_its_reason(client: httpx.Client, connection: Connection) -> None:
    answer = client.put(f"{PATH}/north/gate-1/scenes/gate", json={"based_on": 1, "scene": DRAWN})
    assert answer.status_code == 404, "nothing was sent to it"
    assert client.get(f"{PATH}/north/gate-1/scenes").status_code == 404
    partition = '[[partitions]]\nname = "house"\nlines = ["gate/planned"]\n'
    put(client, wanted(files=PLANNED | {MAIN: PLANNED[MAIN] + partition}))
    assert "no camera 'roof'" in draw(client, "roof", 404)["detail"]
    assert "partition 'house' arms gate/planned" in draw(client, code=422)["detail"]
    crooked = {"zones": [{"name": "z", "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}]}
    assert "sides 1 and 3 cross" in draw(client, code=422, scene=crooked)["detail"]
    assert "another configuration meanwhile" in draw(client, code=409, based_on=1)["detail"]
    keeps = {"tripwires": [*DRAWN["tripwires"], {"name": "planned", "points": [[0, 0.4], [1, 0.4]]}]}
    number = listed(client)["gate-1"]["number"]
    says(connection, number=number, content="x", changed=("scene-gate.toml",))
    assert "somebody has changed files" in draw(client, code=409, scene=keeps)["detail"]
    assert draw(client, scene=keeps, over_changes=True)["changed"] == 1


def test_a_camera_without_a_scene_gets_one(client: httpx.Client) -> None:
    put(client, wanted(files={MAIN: '[[cameras]]\nname = "gate"\n'}))
    assert scenes(client)["gate"]["scene"] == {}
    draw(client)
    assert scenes(client)["gate"]["scene"] == DRAWN
    files = client.get(f"{PATH}/north/gate-1").json()["files"]
    assert 'scene = "scene-gate.toml"' in files[MAIN]
