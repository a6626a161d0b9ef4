"""The HTTP side as a client sees it: a real server on loopback, a real database behind it."""

import errno
import hashlib
import hmac
import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from aggregator.alerting import alerts
from aggregator.alerting.alerts import Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.config import WebhookSettings
from aggregator.domains.evidence import forgetting
from aggregator.domains.webhooks.sender import WebhookSender
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.people.principal import Principal
from aggregator.store import Database
from aggregator.store.scope import EVERYWHERE
from shared.clock import SystemClock
from shared.events import EvidenceReady, Lane
from tests.integration.test_ingest import NOW_S, crossed, message

LI = Principal("li", EVERYWHERE)

JPEG = b"\xff\xd8\xff\xe0 a picture"
SHA256 = hashlib.sha256(JPEG).hexdigest()
OF = {"site": "s", "agent": "a", "epoch": 1, "lane": 0, "seq": 1}


@pytest.fixture
def raise_alerts(database: Database) -> Callable[..., None]:
    """Crossings of these tracks, all the way to alerts."""
    committer, engine = Committer("test"), AlertingEngine(database, Publishing(), timedelta(seconds=30))
    first = 1

    def run(*tracks: int, picture_of_first: bool = False) -> None:
        nonlocal first
        # Now, and not when this file was read: what is a quarter of an hour old is news of the past.
        now_s = time.time()
        events: list[Any] = [crossed(track, after_s=now_s - NOW_S) for track in tracks]
        if picture_of_first:
            events.append(EvidenceReady(int(NOW_S * 1000), Lane.ALARM, first, bytes.fromhex(SHA256), len(JPEG)))
        with database.connect("test") as connection:
            committer.commit(connection, read([message(events, first, now_s=now_s)], Lane.ALARM))
            while engine.take(connection):
                pass
        first += len(events)

    return run


def follow(client: httpx.Client, count: int, **headers: str) -> list[tuple[str, str, Any]]:
    """The first `count` events of the feed that are no pings: id, event, data."""
    found: list[tuple[str, str, Any]] = []
    number = event = ""
    with client.stream("GET", "/api/v1/feed", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            field, _, value = line.partition(": ")
            if field == "id":
                number = value
            elif field == "event":
                event = value
            elif field == "data" and event != "ping":
                found.append((number, event, json.loads(value)))
                if len(found) == count:
                    break
    return found


def test_alerts_are_listed_page_by_page(client: httpx.Client, raise_alerts: Callable[..., None]) -> None:
    raise_alerts(1, 2, 3)
    first = client.get("/api/v1/alerts", params={"limit": 2}).json()
    rest = client.get("/api/v1/alerts", params={"limit": 2, "before": first["next_before"]}).json()
    assert len(first["alerts"]) == 2
    assert len(rest["alerts"]) == 1
    assert rest["next_before"] is None
    assert len({alert["id"] for alert in first["alerts"] + rest["alerts"]}) == 3


def test_acknowledge_and_clear(client: httpx.Client, raise_alerts: Callable[..., None]) -> None:
    raise_alerts(1)
    number = client.get("/api/v1/alerts").json()["alerts"][0]["id"]
    assert client.post(f"/api/v1/alerts/{number}/acknowledge", json={}).json()["acknowledged_by"] == "this machine"
    assert client.post(f"/api/v1/alerts/{number}/clear", json={"verdict": "true"}).json()["verdict"] == "true"
    assert client.post(f"/api/v1/alerts/{number}/clear", json={"verdict": "test"}).status_code == 409
    assert client.get("/api/v1/alerts", params={"open": True}).json()["alerts"] == []
    assert client.get("/api/v1/lines/verdicts").json()[0]["true_alarms"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/alerts/999", None, 404),
        ("GET", "/api/v1/alerts/0", None, 422),
        ("GET", f"/api/v1/alerts/{2**63}", None, 422),
        ("GET", "/api/v1/alerts?limit=0", None, 422),
        ("POST", "/api/v1/alerts/999/acknowledge", {}, 404),
        ("POST", "/api/v1/alerts/1/clear", {"verdict": "true", "by": "li"}, 422),
        ("POST", "/api/v1/alerts/1/clear", {"verdict": "maybe"}, 422),
        ("GET", "/api/v1/evidence/" + "0" * 64, None, 404),
        ("GET", "/api/v1/evidence/../../etc/passwd", None, 404),
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", "/api/v1/alerts?opne=true", None, 422),
        ("GET", "/api/v1/boxes?stie=x", None, 422),
    ],
)
def test_bad_requests_are_refused(client: httpx.Client, method: str, path: str, body: Any, status: int) -> None:
    assert client.request(method, path, json=body).status_code == status


def test_feed_is_live_and_resumes_without_gap_or_repeat(
    client: httpx.Client, raise_alerts: Callable[..., None]
) -> None:
    raise_alerts(1, 2)
    start = follow(client, 2, **{"last-event-id": "0"})
    assert [data["alert"]["id"] for _, _, data in start] == [1, 2]
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.extend(follow(client, 2)))
    thread.start()
    time.sleep(0.5)
    raise_alerts(3, 4)
    thread.join(10)
    assert [data["alert"]["id"] for _, _, data in got] == [3, 4]
    resumed = follow(client, 3, **{"last-event-id": start[0][0]})
    assert [data["alert"]["id"] for _, _, data in resumed] == [2, 3, 4]


def test_place_that_is_gone_asks_for_a_reload(client: httpx.Client, raise_alerts: Callable[..., None]) -> None:
    raise_alerts(1)
    assert follow(client, 1, **{"last-event-id": "12345"})[0][1] == "reset"


def test_long_backlog_is_read_from_the_database(client: httpx.Client, database: Database) -> None:
    with database.connect("test") as connection:
        for n in range(5000):
            connection.execute(
                "INSERT INTO feed (id, topic, message) VALUES (nextval('feed_ids'), 'box', %s)", (str(n),)
            )
    got = follow(client, 5000, **{"last-event-id": "0"})
    assert [data for _, _, data in got] == list(range(5000))


def test_picture_comes_after_its_announcement(client: httpx.Client, raise_alerts: Callable[..., None]) -> None:
    path = f"/api/v1/evidence/{SHA256}"
    assert client.put(path, params=OF, content=JPEG).status_code == 409, "not announced"
    raise_alerts(1, picture_of_first=True)
    assert client.get(path).status_code == 404
    assert client.put(path, params=OF, content=b"\xff\xd8\xff other").status_code == 422
    assert client.put(path, params={**OF, "seq": 2}, content=JPEG).status_code == 409
    assert client.put(path, params=OF, content=JPEG + b"0" * 9_000_000).status_code == 413
    assert client.put(path, params=OF, content=JPEG).status_code == 204
    assert client.put(path, params=OF, content=JPEG).status_code == 204
    assert client.get(path).content == JPEG
    assert client.get("/api/v1/alerts/1").json()["evidence"] == [SHA256]
    changes = [data["change"] for _, _, data in follow(client, 2, **{"last-event-id": "0"})]
    assert changes == ["raised", "pictured"]


def test_a_picture_in_pieces_goes_on_where_it_ended(client: httpx.Client, raise_alerts: Callable[..., None]) -> None:
    path, total = f"/api/v1/evidence/{SHA256}", len(JPEG)
    raise_alerts(1, picture_of_first=True)

    def put(first: int, last: int, content: bytes | None = None, said: str | None = None) -> tuple[int, str | None]:
        piece = JPEG[first : last + 1] if content is None else content
        headers = {"content-range": said or f"bytes {first}-{last}/{total}"}
        answer = client.put(path, params=OF, content=piece, headers=headers)
        return answer.status_code, answer.headers.get("upload-offset")

    assert put(0, 4) == (202, "5")
    assert put(0, 4) == (202, "5"), "again changes nothing"
    assert put(9, 12) == (202, "5"), "a hole is not filled with nothing"
    assert client.get(path).status_code == 404
    assert put(5, 9) == (202, "10")
    for said in ("bytes 5-9", "bytes 9-5/40", f"bytes 10-{total}/{total}", "bytes 0-0/99999999999", "nonsense"):
        assert put(10, 12, said=said)[0] == 422
    assert put(10, 12, said="bytes 10-12/9000000")[0] == 413
    assert put(10, 12, said=f"bytes 10-12/{total + 1}")[0] == 422, "not what was announced"
    assert put(10, total - 1, b"?" * (total - 10))[0] == 422, "another content"
    assert put(10, total - 1) == (202, "0"), "what was wrong is gone, and it begins anew"
    assert put(0, 4) == (202, "5")
    assert client.put(path, params=OF, content=JPEG).status_code == 204, "whole, as an older version sends it"
    assert client.get(path).content == JPEG
    assert put(0, 4) == (204, None), "all is here"


def test_a_picture_comes_in_only_while_no_files_are_deleted(
    client: httpx.Client, raise_alerts: Callable[..., None], database: Database
) -> None:
    """Else retention deletes the file of a picture whose record says that it is here."""
    raise_alerts(1, picture_of_first=True)
    with ThreadPoolExecutor(1) as pool:
        with database.connect("test") as deleting:
            deleting.execute(forgetting.SQL["hold_pictures"])
            coming = pool.submit(client.put, f"/api/v1/evidence/{SHA256}", params=OF, content=JPEG)
            with pytest.raises(TimeoutError):
                coming.result(0.5)
        assert coming.result(10).status_code == 204


def test_a_picture_that_cannot_be_written_comes_again(
    client: httpx.Client, raise_alerts: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_alerts(1, picture_of_first=True)
    path = f"/api/v1/evidence/{SHA256}"
    with monkeypatch.context() as broken:
        broken.setattr("aggregator.store.pictures.os.fsync", full_disk)
        answer = client.put(path, params=OF, content=JPEG)
        assert answer.status_code == 507
        assert "No space left" in answer.json()["detail"]
        half = {"content-range": f"bytes 0-9/{len(JPEG)}"}
        assert client.put(path, params=OF, content=JPEG[:10], headers=half).status_code == 507
        assert client.get(path).status_code == 404
    assert client.put(path, params=OF, content=JPEG[:10], headers=half).headers["upload-offset"] == "10"
    assert client.put(path, params=OF, content=JPEG).status_code == 204
    assert client.get(path).content == JPEG


def full_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "https://127.0.0.1"},
        {"origin": "chrome-extension://127.0.0.1"},
        {"host": ""},
    ],
)
def test_pages_of_other_origins_are_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.get("/api/v1/alerts", headers=headers).status_code == 403
    assert client.post("/api/v1/alerts/1/acknowledge", json={}, headers=headers).status_code == 403


def test_operations(client: httpx.Client, raise_alerts: Callable[..., None]) -> None:
    raise_alerts(1)
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["reasons"]) == (
        503,
        [f"{name} has not started" for name in ("presence", "ingest-alarm", "ingest-bulk", "alerting", "jobs")],
    )
    text = client.get("/metrics").text
    assert 'hawkline_ingest_events_total{label="line_crossed"} 1.0' in text
    assert "hawkline_alerts_open 1.0" in text
    for path in ("boxes", "producers", "jobs", "gaps", "counts", "dead-letters", "deliveries"):
        assert client.get(f"/api/v1/{path}").status_code == 200
    assert client.get("/api/v1/dead-letters/1").status_code == 404
    assert client.post("/api/v1/dead-letters/1/replay").status_code == 404
    document = client.get("/api/v1/openapi.json").json()
    assert document["info"]["title"] == "Hawkline"
    assert "/api/v1/alerts/{alert_id}/clear" in document["paths"]


class Receiver:
    """A webhook's receiver that fails as often as it is told."""

    def __init__(self, failures: int) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((dict(self.headers.items()), body))
                self.send_response(500 if len(receiver.got) <= failures else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


def test_webhook_is_signed_and_tried_again(database: Database) -> None:
    receiver = Receiver(failures=2)
    webhook = WebhookSettings(name="duty", url=receiver.url, secret="k" * 32, max_priority=2)
    publishing = Publishing([webhook])
    engine = AlertingEngine(database, publishing, timedelta(seconds=30))
    sender = WebhookSender(webhook, SystemClock())
    with database.connect("test", autocommit=True) as connection, httpx.Client() as http:
        Committer("test").commit(connection, read([message([crossed(1), crossed(2, priority=3)], 1)], Lane.ALARM))
        while engine.take(connection):
            pass
        alerts.acknowledge(connection, LI, 1, publishing)
        tries = 0
        while not connection.execute("SELECT 1 FROM deliveries WHERE delivered_at IS NOT NULL").fetchone():
            tries += sender.deliver_one(connection, http)
            connection.execute("UPDATE deliveries SET next_at = now()")
            assert tries < 10
        assert not sender.deliver_one(connection, http)
        row = connection.execute("SELECT attempts, last_error FROM deliveries").fetchall()
    receiver.server.shutdown()
    receiver.server.server_close()
    assert [tuple(one.values()) for one in row] == [(3, None)], (
        "one delivery: priority 3 and acknowledging were not asked for"
    )
    assert len(receiver.got) == 3
    headers, body = receiver.got[-1]
    content = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = "v1," + b64encode(hmac.new(b"k" * 32, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == expected
    assert len({sent["webhook-id"] for sent, _ in receiver.got}) == 1, "the receiver can tell a repeat"
    assert json.loads(body)["change"] == "raised"


def test_feed_tells_what_was_written_while_no_server_ran(
    client: httpx.Client, database: Database, raise_alerts: Callable[..., None]
) -> None:
    """As after a restart: the hub has seen no message yet, the log holds some."""
    raise_alerts(1, 2)
    hub = client.get("/api/v1/alerts")
    assert hub.status_code == 200
    got = follow(client, 1, **{"last-event-id": "1"})
    assert [data["alert"]["id"] for _, _, data in got] == [2]


def test_head_answers_as_get_without_a_body(client: httpx.Client, raise_alerts: Callable[..., None]) -> None:
    raise_alerts(1)
    routes = client.get("/api/v1/openapi.json").json()["paths"]
    paths = [path for path, methods in routes.items() if "get" in methods]
    assert len(paths) > 20
    values = {"alert_id": 1, "name": "north", "site": "s", "agent": "a", "letter_id": 1, "sha256": SHA256, "number": 1}
    for path in [*(path.format(**values) for path in paths), "/api/v1/alerts?limit=nonsense", "/api/v1/openapi.json"]:
        head = client.head(path)
        assert head.content == b""
        with client.stream("GET", path) as answer:
            assert head.status_code == answer.status_code, path
            assert head.headers["content-type"] == answer.headers["content-type"]
    assert client.head("/healthz").headers["content-length"] == str(len(client.get("/healthz").content))
