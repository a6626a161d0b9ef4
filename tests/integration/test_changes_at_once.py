"""Many who change something at once: each takes one connection and its turn, and the audit's chain holds."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.alerting.alerts import Publishing
from aggregator.console_api import build
from aggregator.store import Database, audit
from aggregator.store.pictures import PictureStore
from shared.net import pick_free_port
from tests.integration.test_api import raise_alerts  # noqa: F401 - a fixture

RaiseAlerts = Callable[..., None]
MORE_ALERTS = """
INSERT INTO alerts (key, condition, priority, subject, site, agent, camera, name, first_at, last_at, confirmed_at,
                    members)
SELECT key || number, condition, priority, subject, site, agent, camera, name, first_at, last_at, confirmed_at, members
FROM alerts, generate_series(2, 50) AS number
"""


@contextmanager
def served(database: Database, folder: Path, connections: int) -> Iterator[str]:
    """The API with so many connections to the database; yields its address."""
    port = pick_free_port()
    app = build(database, PictureStore(folder / "evidence"), Publishing(), console=folder, connections=connections)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


async def send_at_once(url: str, requests: Sequence[tuple[str, str, object]]) -> list[int]:
    """All of them at the same moment, each on a connection of its own; returns their statuses."""
    limits = httpx.Limits(max_connections=len(requests))
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits, trust_env=False) as client:
        answers = await asyncio.gather(*(client.request(method, path, json=body) for method, path, body in requests))
    return [answer.status_code for answer in answers]


def last_entry(database: Database) -> int:
    """Number of the newest entry of a chain that holds."""
    with database.connect("test") as connection:
        return audit.verify(connection, Ed25519PrivateKey.generate().public_key).last


@pytest.mark.parametrize("connections", [8, 1])
def test_fifty_acknowledgements_at_once(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
    connections: int,
) -> None:
    raise_alerts(1)
    with database.connect("test") as connection:
        connection.execute(MORE_ALERTS)
    requests = [("POST", f"/api/v1/alerts/{number}/acknowledge", {}) for number in range(1, 51)]
    with served(database, tmp_path, connections) as url:
        assert asyncio.run(send_at_once(url, requests)) == [200] * 50
        page = httpx.get(f"{url}/api/v1/alerts", trust_env=False).json()["alerts"]
    assert [alert["acknowledged_by"] for alert in page] == ["this machine"] * 50
    assert last_entry(database) == 50


def fields(described: dict[str, Any], route: dict[str, Any]) -> set[str]:
    """Of the body that a route wants."""
    content = route.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None or "$ref" not in content["schema"]:
        return set()
    name = content["schema"]["$ref"].rpartition("/")[2]
    return set(described["components"]["schemas"][name]["properties"])


def test_every_change_needs_one_connection_alone(
    database: Database,
    tmp_path: Path,
    raise_alerts: RaiseAlerts,
) -> None:
    """With a pool of one, whatever took a second connection beside its first would wait for itself."""
    raise_alerts(1)
    with served(database, tmp_path, 1) as url, httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        described = client.get("/api/v1/openapi.json").json()
        routes = described["paths"]
        known = {"post", "put", "delete", "patch"}
        changes = [(method, path) for path, methods in routes.items() for method in known & set(methods)]
        assert len(changes) >= 20
        values = {"alert_id": 1, "name": "north", "site": "s", "agent": "a", "letter_id": 1, "number": 1}
        values |= {"sha256": "0" * 64, "camera": "c"}
        body = {
            "verdict": "test", "why": "a test", "title": "north", "camera": "c", "name": "l", "armed": True,
            "site": "s", "agent": "new", "serial": "1", "place": "north", "reason": "a test", "hours": 1,
            "account": "li", "role": "operator", "roles": [{"role": "operator"}], "rights": ["alerts.read"],
            "old_password": "x",
            "password": "a long enough one",
        }  # fmt: skip
        for method, path in changes:
            wanted = fields(described, routes[path][method])
            sent = {name: value for name, value in body.items() if name in wanted}
            answer = client.request(method, path.format(**values), json=None if method == "delete" else sent)
            assert answer.status_code < 500, (method, path, answer.text)
