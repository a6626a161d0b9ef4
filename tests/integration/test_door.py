"""Both doors, held open by who likes to: bodies that do not end, and requests that are not brought to their end."""

import asyncio
import contextlib
import hashlib
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from cryptography import x509
from fastapi import HTTPException
from starlette.types import Message, Receive, Scope, Send

from aggregator.api import bodies, door
from aggregator.api.door import Door
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.trust import enrolment
from shared.errors import UnavailableError
from shared.topics import Address
from shared.trust import client_context
from tests.integration.test_bodies import LONGEST, announce, bringing
from tests.integration.trusted import Deployment

GATE = Address("north", "gate")


def test_who_hangs_up_costs_a_line_and_no_traceback(
    client: httpx.Client, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    path = announce(connection, "a", LONGEST)
    place = urlsplit(str(client.base_url))
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            with bringing(client, path, len(LONGEST)):
                pass
        for _ in range(20):
            with socket.create_connection((place.hostname or "", place.port or 0), 20) as end:
                end.sendall(b"PUT /api/v1/places/north HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 50\r\n\r\n{")
        deadline_s = time.monotonic() + 10
        while time.monotonic() < deadline_s and "not brought to their end" not in caplog.text:
            time.sleep(0.05)
        time.sleep(0.5)
    assert client.get("/api/v1/places").status_code == 200
    assert "Traceback" not in caplog.text
    assert caplog.text.count("not brought to their end") == 1


def test_a_body_of_people_has_an_end_though_no_length_is_told(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(400):
            yield b"x" * 65536

    # A server that answers before all is sent may end the connection: either says no.
    with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        answer = client.put("/api/v1/places/north", content=endless(), headers={"content-type": "application/json"})
        assert answer.status_code == 413
    assert client.get("/api/v1/places").json() == []


def test_a_body_that_drips_is_waited_for_no_longer_than_all_of_it_may_take() -> None:
    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def drip() -> Message:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def whole() -> Message:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def nothing(_message: Message) -> None:
        return None

    scope: Scope = {"type": "http", "path": "/api/v1/places/north", "client": ("192.0.2.1", 1)}
    began_s = time.monotonic()
    with pytest.raises(HTTPException) as refused:
        asyncio.run(Door(app, within_s=0.5)(scope, drip, nothing))
    assert refused.value.status_code == 408
    assert time.monotonic() - began_s < 3
    with pytest.raises(HTTPException) as refused:
        asyncio.run(Door(app, most_bytes=10)(scope, drip, nothing))
    assert refused.value.status_code == 413
    asyncio.run(Door(app)(scope, whole, nothing))


def test_who_waits_for_the_end_of_a_connection_is_not_timed() -> None:
    """A stream of the feed asks whether its reader is still there, for hours."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"

    async def run() -> None:
        messages = iter([{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}])

        async def receive() -> Message:
            await asyncio.sleep(0.2)
            return next(messages)

        async def nothing(_message: Message) -> None:
            return None

        await Door(app, within_s=0.3)({"type": "http", "path": "/api/v1/feed"}, receive, nothing)

    asyncio.run(run())


@contextlib.contextmanager
def announced(deployment: Deployment, connection: Connection) -> Iterator[tuple[socket.socket, bytes]]:
    """A connection of a box that has begun to bring a picture, of which a thousand bytes are there."""
    content = b"\xff\xd8\xff".ljust(50_000, b".")
    digest = hashlib.sha256(content).digest()
    box = deployment.enrol(GATE)
    connection.execute("INSERT INTO evidence VALUES (%s, %s, now())", (digest, len(content)))
    connection.execute("INSERT INTO producers (site, agent, epoch) VALUES ('north', 'gate', 1)")
    connection.execute(
        "INSERT INTO evidence_of (producer_id, lane, seq, sha256) SELECT id, 0, 1, %s FROM producers", (digest,)
    )
    of = urlencode({"site": "north", "agent": "gate", "epoch": 1, "lane": 0, "seq": 1})
    head = (
        f"PUT /api/v1/evidence/{digest.hex()}?{of} HTTP/1.1\r\nhost: localhost\r\n"
        f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
    ).encode()
    context: ssl.SSLContext = client_context(deployment.vault.root(), box.identity_path)
    with (
        socket.create_connection(("localhost", deployment.port), 20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as end,
    ):
        end.sendall(head + content[:1000])
        time.sleep(1.0)
        yield end, content


def test_a_box_that_is_revoked_while_its_picture_comes_does_not_get_it_stored(
    tmp_path: Path, database: Database, connection: Connection
) -> None:
    deployment = Deployment(tmp_path, database)
    with deployment.open(), announced(deployment, connection) as (end, content):
        deployment.revoke(GATE)
        end.sendall(content[1000:])
        assert end.recv(1000).split()[1] == b"401"


def test_a_box_that_is_revoked_is_cut_off_in_the_middle_of_its_picture(
    tmp_path: Path, database: Database, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_ASK_S", 0.1)
    deployment = Deployment(tmp_path, database)
    with deployment.open(), announced(deployment, connection) as (end, content):
        for at in range(1000, 6000, 1000):  # it goes on as long as the box may
            end.sendall(content[at : at + 1000])
            time.sleep(0.15)
        deployment.revoke(GATE)
        end.settimeout(10)
        end.sendall(content[6000:7000])
        assert end.recv(1000).split()[1] == b"401", "and not only when all of it is there"


def test_an_issuer_that_is_withdrawn_cuts_its_boxes_off_and_a_database_that_is_away_does_not(
    tmp_path: Path, database: Database, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_ASK_S", 0.1)
    deployment = Deployment(tmp_path, database)
    away = list[bool]()

    def admit(connection: Connection, shown: x509.Certificate) -> Address:
        if away:
            raise UnavailableError("the database does not answer")
        return admitted(connection, shown)

    admitted = enrolment.admit
    monkeypatch.setattr(enrolment, "admit", admit)
    with deployment.open(), announced(deployment, connection) as (end, content):
        away.append(True)
        for at in range(1000, 4000, 1000):
            end.sendall(content[at : at + 1000])
            time.sleep(0.15)
        away.clear()
        deployment.withdraw_issuer()
        end.settimeout(10)
        end.sendall(content[4000:5000])
        assert end.recv(1000).split()[1] == b"401"
    row = connection.execute("SELECT stored_at FROM evidence").fetchone()
    assert row == {"stored_at": None}
    assert not list((tmp_path / "evidence").glob("*/*.jpg"))


def test_the_bounds_are_those_of_the_product() -> None:
    assert (door.MOST_BYTES, door.WITHIN_S) == (1024 * 1024, 30.0)
