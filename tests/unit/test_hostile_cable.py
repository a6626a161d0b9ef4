"""A box whose cable is anybody's: what an answer may cost before its sender is known, and who is believed."""

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aggregator.trust import authority
from edge_agent.uplink import bounded_http
from edge_agent.uplink.bounded_http import ask
from edge_agent.uplink.trust import Door
from shared.errors import UnavailableError
from shared.trust import Credentials, TrustClock, client_context
from shared.trust.tls import DateError, server_context, unverified_context

NOW = datetime.now(UTC)
Behave = Callable[[ssl.SSLSocket], None]


@pytest.fixture(scope="module")
def root() -> Credentials:
    return authority.new_root("Trial", NOW - timedelta(days=1200))


@pytest.fixture
def own(root: Credentials, tmp_path: Path) -> Path:
    """What a stranger shows: any certificate, for nobody has looked at it yet."""
    issuer = authority.new_issuer(root, "Trial", NOW - timedelta(days=1))
    authority.new_server(issuer, "server", ("localhost",), NOW - timedelta(days=1)).write(tmp_path / "server.pem")
    return tmp_path / "server.pem"


@contextmanager
def serving(credentials: Path, behave: Behave) -> Iterator[str]:
    """A server that shakes hands, hears the question, and then does as it likes."""
    context = server_context(credentials)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(client, server_side=True) as secured:
                        secured.recv(65536)
                        behave(secured)
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)


def dripping(content: bytes) -> Behave:
    def drip(client: ssl.SSLSocket) -> None:
        for byte in content:
            client.sendall(bytes([byte]))
            time.sleep(0.2)

    return drip


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello" * 9,
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n" + b"x" * 9,
    ],
    ids=["headers", "body"],
)
def test_an_answer_that_drips_is_waited_for_no_longer_than_the_whole_call_may_take(own: Path, content: bytes) -> None:
    began_s = time.monotonic()
    with serving(own, dripping(content)) as url, pytest.raises(UnavailableError, match="no whole answer within 1 s"):
        ask("GET", url, context=unverified_context(), within_s=1.0)
    assert time.monotonic() - began_s < 5


def saying(content: bytes) -> Behave:
    return lambda client: client.sendall(content)


def test_what_is_compressed_is_refused_before_it_is_unpacked(own: Path) -> None:
    bomb = gzip.compress(b"\0" * 400_000_000, 1)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    with serving(own, saying(head + bomb)) as url, pytest.raises(UnavailableError, match="compressed"):
        ask("GET", url, context=unverified_context())


@pytest.mark.parametrize("head", [b"content-length: 90000000\r\n", b"transfer-encoding: chunked\r\n", b""])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(own: Path, head: bytes) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n" if b"chunked" in head else b"x" * 65536
    sent = []

    def pour(client: ssl.SSLSocket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for _ in range(1000):
            client.sendall(piece)
            sent.append(len(piece))

    with serving(own, pour) as url, pytest.raises(UnavailableError, match="more than 64 KB"):
        ask("GET", url, context=unverified_context())
    assert sum(sent) < 20_000_000


def test_what_is_no_http_is_an_error_of_ours(own: Path) -> None:
    for content in (b"", b"\0" * 100, b"HTTP/9.9 what\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000):
        with serving(own, saying(content)) as url, pytest.raises(UnavailableError):
            ask("GET", url, context=unverified_context(), within_s=5)


def test_a_time_that_was_held_back_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady_s = [1000.0]

    def late(*_: Any, **__: Any) -> bounded_http.Answer:
        steady_s[0] += 12.0
        return bounded_http.Answer(200, b"{}")

    monkeypatch.setattr(bounded_http, "ask", late)
    door = Door("https://localhost:1", tmp_path, TrustClock(monotonic_s=lambda: steady_s[0]))
    with pytest.raises(UnavailableError, match="took 12 s to come and is not believed"):
        door.ask_time()


def stolen(issuer: Credentials, until: datetime) -> Credentials:
    """The key of an issuer in the hands of a thief, who writes into certificates what he likes."""
    return cast("Credentials", SimpleNamespace(certificate=issuer.certificate, key=issuer.key, expires_at=until))


@pytest.mark.parametrize("what", ["ours", "issuer", "leaf", "root"])
def test_every_certificate_of_a_chain_is_dated(root: Credentials, tmp_path: Path, what: str) -> None:
    """The thief of an issuer's key that expired in 2024 makes a server's certificate of today."""
    old = NOW - timedelta(days=1100)
    issuer = authority.new_issuer(root, "Trial", old if what == "issuer" else NOW - timedelta(days=1))
    if what == "issuer":
        assert issuer.expires_at < NOW
    thief = stolen(issuer, NOW + timedelta(days=3650))
    made_at = NOW - timedelta(days=900 if what == "leaf" else 1)
    forged = authority.new_server(thief, "server", ("localhost",), made_at)
    Credentials(forged.key, forged.certificate, (issuer.certificate,)).write(tmp_path / "forged.pem")
    at = root.expires_at + timedelta(days=1) if what == "root" else NOW
    context = client_context(root.certificate, clock=lambda: at)
    with serving(tmp_path / "forged.pem", saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as url:
        if what == "ours":
            assert ask("GET", url, context=context).body == b"ok"
        else:
            with pytest.raises(UnavailableError, match="holds from"):
                ask("GET", url, context=context)


def test_without_a_socket_there_is_no_connection_whose_dates_nobody_looks_at(root: Credentials) -> None:
    context = client_context(root.certificate)
    secured = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    with pytest.raises(DateError, match="on sockets only"):
        secured.do_handshake()
