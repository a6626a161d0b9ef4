"""Hundreds of connections that hold a door and ask for nothing keep no box out; who gets or brings something stays."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from aggregator.alerting.alerts import Publishing
from aggregator.api import server as doors
from aggregator.console_api import build
from aggregator.store import Database
from aggregator.store.pictures import PictureStore
from shared.net import pick_free_port
from shared.trust import client_context
from tests.integration.trusted import Deployment, serving

HOSTILE, PLACES = 300, 80
WITHIN_S = 10.0
"""Far more than it takes, and far less than a connection may hold a place."""


@pytest.fixture
def plain(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port for people, in plain text; few places, little time."""
    monkeypatch.setattr(doors, "_MOST", PLACES)
    port = pick_free_port()
    app = build(database, PictureStore(tmp_path / "evidence"), Publishing(), console=tmp_path)
    with serving(*doors.server(app, "127.0.0.1", port, None)):
        yield port


def get(port: int) -> int:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    with contextlib.closing(client):
        client.request("GET", "/healthz")
        return client.getresponse().status


def one_byte_after_a_request(end: socket.socket) -> None:
    end.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    end.recv(1000)
    end.sendall(b"G")


def slow_head(end: socket.socket) -> None:
    end.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ")


def slow_body(end: socket.socket) -> None:
    end.sendall(b"POST /api/v1/alerts/1/acknowledge HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9999\r\n\r\n{")


def nothing(end: socket.socket) -> None:
    del end


def idle(end: socket.socket) -> None:
    end.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")


KINDS = [one_byte_after_a_request, slow_head, slow_body, nothing, idle]


def besiege(stack: contextlib.ExitStack, port: int, kinds: list[Callable[[socket.socket], None]]) -> None:
    """Take as many connections as one gets."""
    for number in range(HOSTILE):
        end = stack.enter_context(socket.create_connection(("127.0.0.1", port), WITHIN_S))
        with contextlib.suppress(OSError):
            kinds[number % len(kinds)](end)


def test_operators_come_in_and_their_feeds_stay(plain: int) -> None:
    with contextlib.ExitStack() as stack:
        feed = stack.enter_context(socket.create_connection(("127.0.0.1", plain), WITHIN_S))
        feed.sendall(b"GET /api/v1/feed HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        besiege(stack, plain, KINDS)
        began_s = time.monotonic()
        assert [get(plain) for _ in range(20)] == [200] * 20
        assert time.monotonic() - began_s < WITHIN_S
        assert feed.recv(10_000).startswith(b"HTTP/1.1 200")
        while b"event: ping" not in feed.recv(10_000):  # it goes on
            pass


def test_boxes_come_in(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_MOST_TLS", PLACES)
    deployment = Deployment(tmp_path, database)
    context = client_context(deployment.vault.root())
    kinds: list[Callable[[socket.socket], None]] = [nothing, lambda end: end.sendall(b"\x16")]
    with deployment.open(), contextlib.ExitStack() as stack:
        besiege(stack, deployment.port, kinds)
        with httpx.Client(base_url=deployment.url, verify=context, trust_env=False, timeout=WITHIN_S) as client:
            assert client.get("/.well-known/est/cacerts").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_waited_for(
    plain: int, kind: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "_HEAD_S", 0.5)
    monkeypatch.setattr(doors, "_BODY_S", 0.5)
    with socket.create_connection(("127.0.0.1", plain), WITHIN_S) as end:
        kind(end)
        with contextlib.suppress(ConnectionResetError):
            while end.recv(1000):
                pass


def test_a_body_over_a_thin_link_arrives(plain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_HEAD_S", 0.3)
    monkeypatch.setattr(doors, "_BODY_S", 0.3)
    body = b'{"by":"' + b"a" * 60 + b'"}' + b" " * 20_000
    with socket.create_connection(("127.0.0.1", plain), WITHIN_S) as end:
        head = b"POST /api/v1/alerts/1/acknowledge HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        end.sendall(head + b"content-length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), 1000):
            end.sendall(body[at : at + 1000])
            threading.Event().wait(0.05)
        assert end.recv(1000).startswith(b"HTTP/1.1 404")


@pytest.fixture
def long_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port at which anybody may ask for eight megabytes."""
    monkeypatch.setattr(doors, "_MOST", PLACES)
    (tmp_path / "long.js").write_bytes(b"x" * LONG)
    app = Starlette(
        routes=[
            Route("/long.js", lambda _: FileResponse(tmp_path / "long.js")),
            Route("/healthz", lambda _: Response()),
        ]
    )
    port = pick_free_port()
    with serving(*doors.server(app, "127.0.0.1", port, None, 128 * 1024)):
        yield port


LONG = 8_000_000


def ask_and_read_nothing(port: int, number: int) -> socket.socket:
    """From one of three addresses, of which none may have all places."""
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    end.settimeout(WITHIN_S)
    end.bind((f"127.0.0.{2 + number % 3}", 0))
    end.connect(("127.0.0.1", port))
    with contextlib.suppress(OSError):
        end.sendall(b"GET /long.js HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    return end


def test_who_reads_nothing_makes_room(long_answers: int) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(2 * PLACES):
            stack.enter_context(ask_and_read_nothing(long_answers, number))
        time.sleep(0.5)
        began_s = time.monotonic()
        assert [get(long_answers) for _ in range(20)] == [200] * 20
        assert time.monotonic() - began_s < WITHIN_S


def test_who_reads_nothing_is_left_and_who_reads_slowly_gets_all(
    long_answers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "_STALLED_S", 0.5)

    def read(pause_s: float) -> int:
        """Bytes until the end, with a pause first and a short one every 200 KB."""
        with ask_and_read_nothing(long_answers, 0) as end:
            time.sleep(pause_s)
            length = 0
            with contextlib.suppress(ConnectionResetError):
                while length < LONG and (piece := end.recv(200_000)):
                    length += len(piece)
                    if length % 5 == 0:
                        time.sleep(0.001)
            return length

    assert read(0.0) >= LONG
    assert read(4.0) < LONG
