"""Hundreds of connections that hold a door and ask for nothing keep no box out; who gets or brings something stays."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
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
from aggregator.trust.vault import Vault
from shared.net import pick_free_port
from shared.trust import client_context, server_context
from tests.acceptance.site import await_true
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


LONG = 2_000_000


@pytest.fixture(params=["plain", "tls"])
def long_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator["Opener"]:
    """A door at which anybody may ask for two megabytes; opens connections to it, of which little is read ahead."""
    monkeypatch.setattr(doors, "_MOST", PLACES)
    monkeypatch.setattr(doors, "_MOST_TLS", PLACES)
    (tmp_path / "long.js").write_bytes(b"x" * LONG)
    app = Starlette(
        routes=[
            Route("/long.js", lambda _: FileResponse(tmp_path / "long.js"), methods=["GET", "POST"]),
            Route("/healthz", lambda _: Response()),
        ]
    )
    port, tls, ours = pick_free_port(), None, None
    if request.param == "tls":
        now, vault = datetime.now(UTC), Vault(tmp_path / "trust")
        vault.create("Trial", tmp_path / "root.key", b"", now)
        vault.renew_services(("localhost",), now)
        tls, ours = server_context(vault.credentials_path("server")), client_context(vault.root())
    with serving(*doors.server(app, "127.0.0.1", port, tls, 32 * 1024)):
        yield Opener(port, ours)


class Opener:
    """Connects, from one of three addresses, of which none may have all places."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        self._port, self._tls, self._count = port, tls, 0

    def __call__(self, said: bytes) -> socket.socket:
        self._count += 1
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        end.settimeout(WITHIN_S)
        end.bind((f"127.0.0.{2 + self._count % 3}", 0))
        end.connect(("127.0.0.1", self._port))
        with contextlib.suppress(OSError):
            end = self._tls.wrap_socket(end, server_hostname="localhost") if self._tls else end
            end.sendall(said)
        return end


def ask(path: str, body: str = "") -> bytes:
    return f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nhost: localhost\r\n{body}\r\n".encode()


def status(end: socket.socket) -> bytes:
    with end:
        return end.recv(1000).split()[1]


def is_well(end: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        return status(end) == b"200"
    return False


UNWANTED = "content-length: 1000000000\r\n"
"""A body that the asker says comes, and of which it brings as much as nobody reads."""


@pytest.mark.parametrize("said", [ask("/long.js"), ask("/long.js", UNWANTED) + b"x" * 70_000], ids=["get", "post"])
def test_who_reads_nothing_makes_room(long_answers: Opener, said: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2 * PLACES):
            stack.enter_context(long_answers(said))
        # On a busy machine some of them are let in only now, and the newest is the one who asks for nothing yet.
        await_true("they are all in", lambda: is_well(long_answers(ask("/healthz"))))
        time.sleep(0.5)
        began_s = time.monotonic()
        assert [status(long_answers(ask("/healthz"))) for _ in range(20)] == [b"200"] * 20
        assert time.monotonic() - began_s < WITHIN_S


@pytest.mark.parametrize("said", [ask("/long.js"), ask("/long.js", UNWANTED) + b"x" * 70_000], ids=["get", "post"])
def test_who_reads_nothing_is_left(long_answers: Opener, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_STALLED_S", 0.5)
    with long_answers(said) as end:
        time.sleep(3.5)
        assert read_all(end) < LONG


def test_who_reads_slowly_gets_all(long_answers: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """At sixty times the slowest rate, in a sixtieth of the time that the door waits."""
    monkeypatch.setattr(doors, "_STALLED_S", 1.0)
    with long_answers(ask("/long.js")) as end:
        assert read_all(end, bytes_a_s=400_000) >= LONG


def read_all(end: socket.socket, bytes_a_s: float | None = None) -> int:
    """Bytes until the end."""
    length, began_s = 0, time.monotonic()
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        while length < LONG and (piece := end.recv(65_536)):
            length += len(piece)
            if bytes_a_s:
                time.sleep(max(0.0, length / bytes_a_s - (time.monotonic() - began_s)))
    return length
