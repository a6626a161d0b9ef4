"""What the commands that ask an aggregator say, where it answers otherwise than expected."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aggregator.client.client import ApiClient
from aggregator.config import AggregatorSettings
from aggregator.domains.audit.cli import Found
from aggregator.domains.boxes.cli import _for_people
from aggregator.installation.doctor import examine
from aggregator.trust import authority
from shared.errors import ConfigError, UnavailableError


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """A server that speaks TLS and then nothing."""
    now = datetime.now(UTC)
    root = authority.new_root("Trial", now)
    server = authority.new_server(authority.new_issuer(root, "Trial", now), "server", ["127.0.0.1"], now)
    server.write(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, context), daemon=True).start()
        yield int(listening.getsockname()[1])


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        try:
            context.wrap_socket(plain, server_side=True).close()
        except OSError:
            plain.close()


def test_plain_text_to_a_port_that_speaks_tls_is_said(tls_port: int) -> None:
    with pytest.raises(UnavailableError, match="speaks TLS there; use https://127") as said:
        ApiClient(f"http://127.0.0.1:{tls_port}").get("/api/v1/boxes", {})
    assert "aggregator run" not in str(said.value)


def test_tls_to_a_port_that_speaks_plain_text_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def answer() -> None:
            for _ in range(3):
                plain, _ = listening.accept()
                plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                plain.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(UnavailableError, match="does not speak TLS there"):
            ApiClient(f"https://127.0.0.1:{port}").get("/api/v1/boxes", {})


def test_no_password_of_the_address_is_shown() -> None:
    with pytest.raises(UnavailableError) as said:
        ApiClient("http://op:s3cret@127.0.0.1:9").get("/api/v1/boxes", {})
    assert "s3cret" not in str(said.value)


class Pages(ApiClient):
    """An audit in memory: one change in ten thousand pictures that were looked at."""

    def __init__(self, entries: int) -> None:
        self.entries = entries

    def get(self, path: str, asked: Mapping[str, Any]) -> Any:
        newest = (asked["before"] or self.entries + 1) - 1
        numbers = range(newest, max(0, newest - asked["limit"]), -1)
        return [{"number": n, "what": "picture seen" if n % 10_000 else "device revoked"} for n in numbers]


def test_the_audit_does_not_drown_in_pictures() -> None:
    found = Found(Pages(20_005), {})
    assert [row["number"] for row in found.newest(10, "picture seen")] == [20_000, 10_000]
    assert found.hidden == 20_003 and not found.more
    assert len(Found(Pages(20_005), {}).newest(10, None)) == 10
    endless = Found(Pages(10**6 - 1), {})
    assert len(endless.newest(1000, "picture seen")) < 10 and endless.more


@pytest.mark.parametrize(("off_s", "said"), [(-34_560_000.0, "slow by 400 days"), (0.5, "right"), (None, None)])
def test_a_clock_is_told_in_words(off_s: float | None, said: str | None) -> None:
    assert _for_people({"agent": "a", "clock_off_s": off_s, "lost": 0}) == {"agent": "a", "clock": said, "lost": 0}


def test_doctor_finds_nothing_wrong_with_what_a_trial_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    settings = AggregatorSettings(data_dir=tmp_path / "data")
    found = {finding.check: finding for finding in examine(settings, tmp_path / "aggregator.toml")}
    assert found[str(tmp_path / "data" / "secrets")].ok is None


def test_a_key_goes_in_plain_text_nowhere_but_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAWKLINE_TOKEN", "s3cret")
    for url in ("http://192.0.2.1:8420", "HTTP://alarm.example.org", "http://127.0.0.1.example.org:8420"):
        with pytest.raises(ConfigError, match="not sent in plain text beyond this machine"):
            ApiClient(url)
    for url in ("http://127.0.0.1:8420", "http://[::1]:8420", "http://localhost:8420", "https://192.0.2.1:8421"):
        ApiClient(url)
    monkeypatch.delenv("HAWKLINE_TOKEN")
    ApiClient("http://192.0.2.1:8420")
