"""Receivers of alerts inside an organisation: with a certificate of its own authority, and busy ones."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aggregator.config import WebhookSettings, load_aggregator_settings
from aggregator.domains.webhooks.sender import WebhookSender
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.trust.outside import outside_context
from shared.clock import ManualClock
from shared.errors import ConfigError


class Receiver:
    """Answers with one status, and counts."""

    def __init__(self, status: int, retry_after: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.bodies: list[bytes] = []
        self.status = status
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(receiver.status)
                if retry_after:
                    self.send_header("retry-after", retry_after)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://localhost:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def count(self) -> int:
        return len(self.bodies)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def own_ca(tmp_path: Path) -> Path:
    """A certificate of an authority that the machine does not know, for localhost; its key lies beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "own.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    path.with_suffix(".key").write_bytes(pem)
    return path


@pytest.fixture
def inside(own_ca: Path) -> Iterator[Receiver]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own_ca, own_ca.with_suffix(".key"))
    receiver = Receiver(204, tls=tls)
    yield receiver
    receiver.close()


def post(url: str, ca: Path | None) -> int:
    with httpx.Client(verify=outside_context(ca), trust_env=False) as client:
        return client.post(url, content=b"{}").status_code


def test_a_receiver_of_an_own_authority_is_believed_where_it_is_named(
    inside: Receiver, own_ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        post(inside.url, None)
    assert post(inside.url, own_ca) == 204
    monkeypatch.setenv("SSL_CERT_FILE", str(own_ca))
    assert post(inside.url, None) == 204


def deliver(sender: WebhookSender, connection: Connection) -> int:
    """How many deliveries are tried at this moment."""
    connection.execute("UPDATE deliveries SET next_at = least(next_at, now()) WHERE attempts = 0")
    with httpx.Client(trust_env=False) as http:
        return sum(1 for _ in range(10) if sender.deliver_one(connection, http))


def test_a_busy_receiver_is_left_alone_with_all_deliveries(database: Database, connection: Connection) -> None:
    receiver, clock = Receiver(429, "120"), ManualClock()
    sender = WebhookSender(WebhookSettings(name="duty", url=receiver.url, secret="k" * 32), clock)
    connection.execute("SET session_replication_role = replica")  # the alerts themselves do not matter
    for alert in (1, 2):
        connection.execute("INSERT INTO deliveries (webhook, alert_id, body) VALUES ('duty', %s, '{}')", (alert,))
    assert deliver(sender, connection) == 1
    row = connection.execute(
        "SELECT extract(epoch FROM next_at - now()) AS wait_s, last_error FROM deliveries WHERE attempts = 1"
    ).fetchone()
    assert row
    assert float(row["wait_s"]) > 118, "also after a restart of ours"
    assert row["last_error"] == "HTTP 429, asks to be left alone for 120 s"
    clock.advance(119)
    assert deliver(sender, connection) == 0, "not with the other one either"
    assert receiver.count == 1
    receiver.status = 200
    clock.advance(2)
    assert deliver(sender, connection) == 1
    receiver.close()


def test_a_ca_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path, own_ca: Path) -> None:
    config = tmp_path / "aggregator.toml"

    def load(ca: str, url: str = "https://x/") -> WebhookSettings:
        hook = f'[[webhooks]]\nname = "a"\nurl = "{url}"\nsecret = "0123456789abcdef"\nca = "{ca}"\n'
        config.write_text(f'data_dir = "data"\n{hook}')
        return load_aggregator_settings(config).webhooks[0]

    assert load("own.pem").ca == own_ca
    (tmp_path / "empty.pem").touch()
    for ca, url, why in (
        ("absent.pem", "https://x/", r"webhooks\[0\]\.ca: .*absent\.pem.* cannot be used \(No such file"),
        ("empty.pem", "https://x/", r"webhooks\[0\]\.ca: .*empty\.pem.* \(no certificate in PEM is in it\)"),
        ("own.pem", "http://x/", "goes with https:// only"),
    ):
        with pytest.raises(ConfigError, match=why):
            load(ca, url)


def test_a_delivery_without_an_error_says_so_with_an_empty_string(client: httpx.Client, connection: Connection) -> None:
    """Programs cut it to a length, and `null` has none."""
    connection.execute("SET session_replication_role = replica")  # the alerts themselves do not matter
    connection.execute(
        "INSERT INTO deliveries (webhook, alert_id, body, delivered_at, last_error)"
        " VALUES ('duty', 1, '{}', now(), NULL), ('duty', 2, '{}', NULL, NULL), ('duty', 3, '{}', NULL, 'HTTP 500')"
    )
    told = {row["alert_id"]: row["last_error"] for row in client.get("/api/v1/deliveries").json()}
    assert told == {1: "", 2: "", 3: "HTTP 500"}
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    assert schemas["DeliverySummary"]["properties"]["last_error"]["type"] == "string"
