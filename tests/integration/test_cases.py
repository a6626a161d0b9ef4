"""What pictures are looked at for: an alert that is handled, or a case that somebody has opened."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from shared.events import EvidenceReady, Lane
from tests.integration.house import House, crossed, now_ms
from tests.integration.people import Centre, guarded, rows

CONTENT = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
SHA256 = hashlib.sha256(CONTENT)
PATH = f"/api/v1/evidence/{SHA256.hexdigest()}"


@pytest.fixture
def centre(database: Database, tmp_path: Path, connection: Connection) -> Iterator[Centre]:
    """With an alert that has a picture."""
    house = House(database, connection, site="north")
    house.beat("gate")
    house.send(crossed(1, 5), EvidenceReady(now_ms(), Lane.ALARM, 1, SHA256.digest(), len(CONTENT)), agent="gate")
    PictureStore(tmp_path / "evidence").add(SHA256.digest(), 0, CONTENT, len(CONTENT))
    connection.execute("UPDATE evidence SET stored_at = now()")
    connection.execute(
        "INSERT INTO alert_pictures (alert_id, taken_at, sha256) SELECT a.id, now(), e.sha256 FROM alerts a, evidence e"
        " ON CONFLICT DO NOTHING"
    )
    with guarded(database, tmp_path) as centre:
        for name in ("li", "wang"):
            centre.account(name, "operator")
        yield centre


def test_who_handles_an_alert_is_not_asked(centre: Centre, connection: Connection, database: Database) -> None:
    (alert,) = rows(database, "SELECT id FROM alerts")
    with centre.client(cookie=centre.cookie("li")) as li:
        answer = li.get(PATH)
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert "max-age=900" in answer.headers["cache-control"], "who looks later is written down anew"
        assert li.post(f"/api/v1/alerts/{alert['id']}/clear", json={"verdict": "true"}).is_success
        assert li.get(PATH).status_code == 200, "just cleared: it may be taken back"
        connection.execute("UPDATE alerts SET cleared_at = now() - interval '16 minutes'")
        assert li.get(PATH).status_code == 428
    seen = rows(database, "SELECT DISTINCT who, why FROM audit WHERE what = 'picture seen'")
    assert seen == [{"who": "li", "why": f"alert {alert['id']}"}]


def test_who_looks_back_says_once_what_for(centre: Centre, connection: Connection, database: Database) -> None:
    connection.execute("UPDATE alerts SET cleared_at = now() - interval '1 day'")
    with centre.client(cookie=centre.cookie("li")) as li, centre.client(cookie=centre.cookie("wang")) as wang:
        for odd in ("", "   ", "abc", "x" * 201):
            assert li.post("/api/v1/cases", json={"purpose": odd}).status_code == 422
        case = li.post("/api/v1/cases", json={"purpose": "案件 12：东门盗窃"}).json()
        for _ in range(2):
            assert li.get(PATH, params={"case": case["id"]}).content == CONTENT
        (shown,) = li.get("/api/v1/cases").json()
        assert (shown["purpose"], shown["pictures"]) == ("案件 12：东门盗窃", 2)
        assert wang.get(PATH, params={"case": case["id"]}).status_code == 404, "nobody looks in another's name"
        assert wang.post(f"/api/v1/cases/{case['id']}/close").status_code == 404
        assert li.post(f"/api/v1/cases/{case['id']}/close").status_code == 204
        assert li.get(PATH, params={"case": case["id"]}).status_code == 404
        other = li.post("/api/v1/cases", json={"purpose": "another"}).json()["id"]
        connection.execute("UPDATE cases SET ends_at = now() WHERE id = %s", (other,))
        assert li.get(PATH, params={"case": other}).status_code == 404, "it ends by itself"
        missing = li.get("/api/v1/evidence/" + "0" * 64, params={"case": other})
        assert missing.status_code == 404
    with connection.transaction():
        put_place(connection, EVERYWHERE, "south")
    with centre.client(centre.key("far", "operator@south")) as key:
        assert key.get(PATH).status_code == 404, "not theirs, whatever they say"
    (alert,) = rows(database, "SELECT id FROM alerts")
    seen = rows(database, "SELECT who, why, detail FROM audit WHERE what = 'picture seen'")
    of = f"alert {alert['id']} north/gate"
    assert seen == [{"who": "li", "why": f"case {case['id']}: 案件 12：东门盗窃", "detail": of}] * 2
    opened = rows(database, "SELECT subject, detail FROM audit WHERE what = 'POST /api/v1/cases' ORDER BY number")
    assert opened[0] == {"subject": f"case {case['id']}", "detail": "案件 12：东门盗窃"}
