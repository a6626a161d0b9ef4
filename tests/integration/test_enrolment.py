"""The boxes' door: who gets in with what, who does not, and that a wrong clock or a long pause keeps no box out."""

import base64
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from aggregator.api import server as doors
from aggregator.store import Database, audit
from aggregator.store.errors import ConflictError
from aggregator.store.scope import EVERYWHERE
from aggregator.trust import authority, enrolment, register
from edge_agent.uplink.trust import CertificateRenewal, Door, enrol, renew
from shared.errors import ConfigError, UnavailableError
from shared.net import pick_free_port
from shared.topics import Address
from shared.trust import (
    Credentials,
    TrustClock,
    TrustError,
    address_of,
    client_context,
    common_name,
    new_key,
    new_request,
    server_context,
)
from shared.trust.tls import fingerprint, unverified_context
from tests.integration.trusted import SERIAL, Deployment, serving

GATE, YARD = Address("north", "gate"), Address("north", "yard")
EST = "/.well-known/est"


@pytest.fixture
def deployment(tmp_path: Path, database: Database) -> Iterator[Deployment]:
    with Deployment(tmp_path, database).open() as deployment:
        yield deployment


def asking(deployment: Deployment, credentials: Path | None = None) -> httpx.Client:
    """A client that believes our root, and shows what it has."""
    return httpx.Client(
        base_url=deployment.url,
        verify=client_context(deployment.vault.root(), credentials),
        trust_env=False,
        timeout=10,
    )


def est_body(name: str = "whatever") -> bytes:
    return base64.b64encode(new_request(new_key(), name).public_bytes(Encoding.DER))


def bring(client: httpx.Client, address: Address, **more: Any) -> httpx.Response:
    """Bring a picture that was not announced: a box that may gets a 409."""
    asked = {"site": address.site, "agent": address.agent, "epoch": 1, "lane": 0, "seq": 1}
    return client.put(f"/api/v1/evidence/{'ab' * 32}", params=asked, content=b"jpeg", **more)


def test_a_box_enrols_is_itself_and_renews(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    first = door.identity()
    assert deployment.admitted == [GATE]
    assert address_of(first.certificate) == GATE
    assert not (door.folder / "pending.pem").exists()
    with asking(deployment, door.identity_path) as client:
        assert bring(client, GATE).status_code == 409
        refused = bring(client, YARD)
        assert refused.status_code == 403
        assert "north/gate" in refused.text
    second = renew(door)
    assert second.certificate.serial_number != first.certificate.serial_number
    assert second.key.private_numbers() != first.key.private_numbers()
    # The one before holds on: a power cut between answer and disk loses nothing.
    first.write(door.identity_path)
    with asking(deployment, door.identity_path) as client:
        assert bring(client, GATE).status_code == 409
    third = renew(door)
    with deployment.database.connect("test") as connection:
        found = enrolment.devices(connection, EVERYWHERE)
    assert [(row.site, row.agent, row.serial, row.state) for row in found] == [("north", "gate", SERIAL, "enrolled")]
    assert found[0].expires_at == third.expires_at


def test_others_that_speak_est_enrol_too(deployment: Deployment, tmp_path: Path) -> None:
    """curl and openssl, which know nothing of us."""
    if not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("curl or openssl is missing (Debian: curl, openssl)")

    def run(*command: str, content: bytes | None = None) -> bytes:
        return subprocess.run(command, input=content, capture_output=True, check=True, cwd=tmp_path, timeout=30).stdout

    curl = ("curl", "-sS", "--fail", "--cacert", str(deployment.vault.root_path))
    chain = run(*curl, f"{deployment.url}{EST}/cacerts")
    names = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", "-noout", content=base64.b64decode(chain))
    assert b"Trial root" in names
    assert b"Trial issuer" in names
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "box.key")
    request = run("openssl", "req", "-new", "-key", "box.key", "-subj", "/CN=anything", "-outform", "DER")
    (tmp_path / "request.b64").write_bytes(base64.encodebytes(request))
    answer = run(
        *curl, "-u", f"{SERIAL}:{deployment.claim(GATE)}", "-H", "content-type: application/pkcs10",
        "--data-binary", "@request.b64", f"{deployment.url}{EST}/simpleenroll",
    )  # fmt: skip
    issued = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", content=base64.b64decode(answer))
    assert address_of(x509.load_pem_x509_certificate(issued)) == GATE


def test_the_root_is_learnt_by_its_fingerprint_alone(deployment: Deployment) -> None:
    door = Door(deployment.url, deployment.folder / "new")
    with pytest.raises(TrustError, match="another aggregator"):
        door.learn_root("ab" * 32)
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        door.learn_root("9f2c")
    assert not door.root_path.exists()
    door.learn_root(":".join(fingerprint(deployment.vault.root()).upper()[at : at + 2] for at in range(0, 64, 2)))
    enrol(door, GATE, deployment.claim(GATE).lower().replace("-", " "), SERIAL)


def test_an_answer_that_was_lost_is_asked_for_again(deployment: Deployment) -> None:
    door, code = deployment.door("a"), deployment.claim(GATE)
    key = new_key()
    request = new_request(key, "x")
    numbers = set()
    for _ in range(2):
        body = base64.b64encode(request.public_bytes(Encoding.DER))
        with asking(deployment) as client:
            answer = client.post(f"{EST}/simpleenroll", content=body, auth=(SERIAL, code))
        assert answer.status_code == 200, answer.text
        numbers.add(answer.content)
    assert len(numbers) == 2
    # Not with another key, and not after the hour.
    with pytest.raises(TrustError, match="used already"):
        enrol(door, GATE, code, SERIAL)
    with deployment.database.connect("test") as connection:
        connection.execute("UPDATE claims SET used_at = used_at - interval '61 minutes'")
    with asking(deployment) as client:
        assert "used already" in client.post(f"{EST}/simpleenroll", content=body, auth=(SERIAL, code)).text


def test_a_claim_works_once_for_one_machine(deployment: Deployment) -> None:
    code = deployment.claim(GATE)
    deployment.enrol(YARD)
    with pytest.raises(TrustError, match="another serial number"):
        enrol(deployment.door("thief"), GATE, code, "another machine")
    with pytest.raises(TrustError, match="no such claim"):
        enrol(deployment.door("thief"), GATE, "00000-00000-00000-00000", SERIAL)
    enrol(deployment.door("gate"), GATE, code, SERIAL)
    with pytest.raises(TrustError, match="used already"):
        enrol(deployment.door("thief"), GATE, code, SERIAL)
    with pytest.raises(enrolment.DeviceError, match="device revoke north/gate"):
        deployment.claim(GATE)


def test_a_claim_is_locked_when_too_many_try_it(deployment: Deployment) -> None:
    code = deployment.claim(GATE)
    for number in range(enrolment.MOST_REFUSED):
        with pytest.raises(TrustError, match="another serial number"):
            enrol(deployment.door("thief"), GATE, code, f"machine {number}")
    with pytest.raises(TrustError, match="locked"):
        enrol(deployment.door("gate"), GATE, code, SERIAL)
    with deployment.database.connect("test") as connection:
        assert [row.state for row in enrolment.devices(connection, EVERYWHERE)] == ["locked"]
    enrol(deployment.door("gate"), GATE, deployment.claim(GATE), SERIAL)


def test_claims_that_are_over(deployment: Deployment) -> None:
    replaced, code = deployment.claim(GATE), deployment.claim(GATE)
    with pytest.raises(TrustError, match="replaced by a newer one"):
        enrol(deployment.door("gate"), GATE, replaced, SERIAL)
    with deployment.database.connect("test") as connection:
        connection.execute("UPDATE claims SET expires_at = now() - interval '1 s'")
    with pytest.raises(TrustError, match="has expired"):
        enrol(deployment.door("gate"), GATE, code, SERIAL)
    code = deployment.claim(GATE)
    deployment.revoke(GATE)
    with pytest.raises(TrustError, match="withdrawn"):
        enrol(deployment.door("gate"), GATE, code, SERIAL)
    assert deployment.admitted == []


def test_two_who_come_at_once_with_one_claim_are_not_both_let_in(deployment: Deployment) -> None:
    code = deployment.claim(GATE)

    def come(number: int) -> int:
        with asking(deployment) as client:
            return client.post(f"{EST}/simpleenroll", content=est_body(), auth=(SERIAL, code)).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(come, range(8)))
    assert sorted(answers) == [200, *[401] * 7]


def test_a_box_that_is_configured_as_another_says_so_and_loses_nothing(deployment: Deployment) -> None:
    door, code = deployment.door("box"), deployment.claim(GATE)
    with pytest.raises(TrustError, match=r"for north/gate, and this box is north/yard"):
        enrol(door, YARD, code, SERIAL)
    assert not door.identity_path.exists()
    with deployment.database.connect("test") as connection:
        assert [device.state for device in enrolment.devices(connection, EVERYWHERE)] == ["claimed"], (
            "it has not become the other"
        )
    enrol(door, GATE, code, SERIAL)


def test_a_claim_that_was_handed_out_is_replaced_only_when_told(deployment: Deployment) -> None:
    code = deployment.claim(GATE)
    with deployment.database.connect("test") as connection:
        with pytest.raises(enrolment.DeviceError, match=r"north/gate has a claim .* stays as it is"):
            enrolment.make_claim(connection, GATE, SERIAL, "li", replace=False)
        enrolment.make_claim(connection, YARD, SERIAL, "li", replace=False)
    enrol(deployment.door("gate"), GATE, code, SERIAL)


@pytest.mark.parametrize("machine_says", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2038, 1, 20, tzinfo=UTC)])
def test_a_clock_that_is_wrong_keeps_nobody_out(deployment: Deployment, machine_says: datetime) -> None:
    clock = TrustClock(lambda: machine_says)
    door = deployment.door("box", clock)
    # Without having asked for the time it would not believe the aggregator.
    with pytest.raises(UnavailableError, match="and we believe it is"):
        door.chain(client_context(door.root(), clock=clock.now))
    enrol(door, GATE, deployment.claim(GATE), SERIAL)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
    # The next start: it has the certificate, and still no clock.
    again = deployment.door("box", TrustClock(lambda: machine_says))
    renewal = CertificateRenewal(again)
    before = again.identity().certificate.serial_number
    renewal.look()
    assert again.identity().certificate.serial_number == before
    with asking_with(deployment, renewal.context) as client:
        assert bring(client, GATE).status_code == 409


@pytest.mark.parametrize("machine_says", ["@1970-01-01 00:00:10", "@2038-01-20 12:00:00"])
def test_the_same_with_the_machines_own_clock_set(deployment: Deployment, machine_says: str) -> None:
    """A process for which everything, OpenSSL too, says another time."""
    if not shutil.which("faketime"):
        pytest.skip("faketime is missing (Debian: faketime)")
    folder = deployment.folder / "box"
    folder.mkdir()
    config = folder / "agent.toml"
    config.write_text(
        f'site = "north"\nagent = "gate"\ndata_dir = "data"\n[trust]\nurl = "{deployment.url}"\n[[cameras]]\n'
        'name = "c"\nscene = "s.toml"\nsource = {kind = "synthetic", scene = "gate"}\n'
    )
    command = [
        "faketime",
        "-f",
        machine_says,
        sys.executable,
        "-m",
        "shared",
        "agent",
        "enrol",
        "--config",
        str(config),
    ]
    told = [
        "--claim",
        deployment.claim(GATE),
        "--root",
        str(deployment.vault.root_path),
        "--serial",
        SERIAL,
        "-o",
        "json",
    ]
    environment = {**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    done = subprocess.run([*command, *told], capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["site"] == "north"
    assert "this machine's clock is" in done.stderr
    with asking(deployment, folder / "data" / "trust" / "identity.pem") as client:
        assert bring(client, GATE).status_code == 409


def test_two_months_in_storage(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    old = deployment.age(door, GATE, datetime.now(UTC) - timedelta(days=60))
    assert old.expires_at < datetime.now(UTC)
    with asking(deployment, door.identity_path) as client, pytest.raises(httpx.TransportError):
        bring(client, GATE)
    # Without a clock, too.
    again = deployment.door("north.gate", TrustClock(lambda: datetime(1970, 1, 1, tzinfo=UTC)))
    renewed = []
    renewal = CertificateRenewal(again, lambda: renewed.append(True))
    renewal.look()
    assert renewed == [True]
    assert again.identity().expires_at > datetime.now(UTC)
    with asking_with(deployment, renewal.context) as client:
        assert bring(client, GATE).status_code == 409


def test_an_answer_to_a_renewal_that_was_lost_locks_nobody_out(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    before = door.identity()
    renew(door)
    # The answer never came, and then the box lay in a store.
    before.write(door.identity_path)
    deployment.age(door, GATE, datetime.now(UTC) - timedelta(days=60))
    renew(door)
    with asking(deployment, door.identity_path) as client:
        assert bring(client, GATE).status_code == 409


def test_an_old_machine_does_not_come_back_behind_the_new_one(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    deployment.age(door, GATE, datetime.now(UTC) - timedelta(days=60))
    deployment.revoke(GATE)
    enrol(deployment.door("new"), GATE, deployment.claim(GATE, "another machine"), "another machine")
    with pytest.raises(TrustError, match="was revoked"):
        renew(door)


def test_storage_has_an_end_and_a_thief_of_the_certificate_has_nothing(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    deployment.age(door, GATE, datetime.now(UTC) - enrolment.STORED - timedelta(days=31))
    with pytest.raises(TrustError, match="away for more than 180 days"):
        renew(door)
    deployment.age(door, GATE, datetime.now(UTC) - timedelta(days=60))
    with asking(deployment) as client:
        answer = client.post(f"{EST}/simplereenroll", content=est_body("north.gate"))
    assert answer.status_code == 401
    assert "no box has this key" in answer.text
    deployment.revoke(GATE)
    with pytest.raises(TrustError, match="was revoked"):
        renew(door)


def test_who_was_revoked_is_nobody_until_claimed_anew(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    with asking(deployment, door.identity_path) as client:
        assert bring(client, GATE).status_code == 409
        deployment.revoke(GATE)
        # On the connection that was open, too.
        assert bring(client, GATE).status_code == 401
        assert client.post(f"{EST}/simplereenroll", content=est_body()).status_code == 401
    with pytest.raises(TrustError, match="revoked"):
        renew(door)
    with pytest.raises(enrolment.DeviceError, match="nothing was changed"):
        deployment.revoke(GATE)
    stolen = door.identity()
    enrol(door, GATE, deployment.claim(GATE, "another machine"), "another machine")
    with asking(deployment, door.identity_path) as client:
        assert bring(client, GATE).status_code == 409
    stolen.write(door.folder / "stolen.pem")
    with asking(deployment, door.folder / "stolen.pem") as client:
        assert bring(client, GATE).status_code == 401


def test_certificates_of_others_are_refused(deployment: Deployment, tmp_path: Path) -> None:
    deployment.enrol(GATE)
    with asking(deployment, deployment.foreign(GATE, tmp_path)) as client, pytest.raises(httpx.TransportError):
        bring(client, GATE)
    now, issuer, key = datetime.now(UTC), deployment.vault.issuers()[-1], new_key()
    # Signed by our own issuer, and in no book: what a copy of the vault would make.
    made = Credentials(key, authority.issue_box(issuer, GATE, key.public_key(), now), (issuer.certificate,))
    made.write(tmp_path / "made.pem")
    for path in (tmp_path / "made.pem", deployment.vault.credentials_path("aggregator")):
        with asking(deployment, path) as client:
            answer = bring(client, GATE)
            assert answer.status_code == 401
            assert "not one that was issued to a box" in answer.text
            assert client.post(f"{EST}/simplereenroll", content=est_body()).status_code == 401
    # Whose certificate is for servers cannot come as a client.
    with asking(deployment, deployment.vault.credentials_path("server")) as client, pytest.raises(httpx.TransportError):
        bring(client, GATE)


def test_a_box_does_not_believe_who_is_not_its_aggregator(deployment: Deployment) -> None:
    stranger = authority.new_root("Trial", datetime.now(UTC)).certificate
    elsewhere = deployment.url.replace("localhost", "127.0.0.2")
    for root, url in ((stranger, deployment.url), (deployment.vault.root(), elsewhere)):
        with httpx.Client(verify=client_context(root), trust_env=False) as client, pytest.raises(httpx.TransportError):
            client.get(f"{url}{EST}/cacerts")


def test_plain_text_gets_no_answer(deployment: Deployment) -> None:
    with socket.create_connection(("127.0.0.1", deployment.port), 5) as end:
        end.settimeout(5)
        end.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nhost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert not end.recv(100).startswith(b"HTTP")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
def test_old_tls_gets_no_answer(deployment: Deployment, version: ssl.TLSVersion) -> None:
    context = unverified_context()
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", deployment.port), 5) as end,
        pytest.raises(ssl.SSLError),
        context.wrap_socket(end, server_hostname="localhost"),
    ):
        pass


@pytest.mark.parametrize(
    "name",
    [
        "x-ssl-client-cert",
        "x-client-cert",
        "x-forwarded-client-cert",
        "ssl-client-s-dn",
        "x-real-ip",
        "x-forwarded-for",
        "forwarded",
    ],
)
def test_what_a_header_says_about_a_certificate_is_nobodys_word(deployment: Deployment, name: str) -> None:
    pem = deployment.enrol(GATE).identity().certificate.public_bytes(Encoding.PEM).decode()
    for value in (pem.replace("\n", "%0A"), pem.strip().replace("\n", " "), "CN=north.gate", "127.0.0.1"):
        with asking(deployment) as client:
            answer = bring(client, GATE, headers={name: value})
        assert answer.status_code == 401
        assert "show the certificate of a box" in answer.text
    # And it takes nothing away from a box that shows a certificate of its own.
    own = deployment.enrol(YARD)
    with asking(deployment, own.identity_path) as client:
        assert bring(client, GATE, headers={name: "CN=north.gate"}).status_code == 403
        assert bring(client, YARD, headers={name: "CN=north.gate"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"junk", 400),
        (base64.b64encode(b"junk"), 400),
        (base64.b64encode(base64.b64decode(est_body()).replace(b"\x02\x01\x00", b"\x02\x01\x07", 1)), 400),
        (b"A" * 20_000, 413),
        (b"-----BEGIN CERTIFICATE REQUEST-----", 400),
    ],
)
def test_requests_that_are_none(deployment: Deployment, body: bytes, status: int) -> None:
    with asking(deployment) as client:
        for path in ("simpleenroll", "simplereenroll"):
            answer = client.post(f"{EST}/{path}", content=body, auth=(SERIAL, deployment.claim(GATE)))
            assert answer.status_code == status, answer.text


@pytest.mark.parametrize("header", [None, "Basic", "Basic !!!", "Basic " + base64.b64encode(b"x").decode(), "Bearer x"])
def test_who_brings_no_claim_is_told_how(deployment: Deployment, header: str | None) -> None:
    with asking(deployment) as client:
        answer = client.post(
            f"{EST}/simpleenroll", content=est_body(), headers={"authorization": header} if header else {}
        )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert "HTTP Basic" in answer.text


def test_rotation_keeps_everybody_in(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    deployment.vault.rotate(deployment.folder / "root.key", b"", datetime.now(UTC))
    with asking(deployment, door.identity_path) as client:
        assert bring(client, GATE).status_code == 409
    before = door.identity().issuers[0]
    renew(door)
    assert door.identity().issuers[0] != before
    with asking(deployment, door.identity_path) as client:
        assert bring(client, GATE).status_code == 409


def test_a_stolen_certificate_of_a_server_is_good_until_it_is_revoked(deployment: Deployment, tmp_path: Path) -> None:
    """The box hears it from the centre, and then no imposter on the cable is believed."""
    door, issuer = deployment.enrol(GATE), deployment.vault.issuers()[-1]
    stolen = authority.new_server(issuer, "server", ("localhost",), datetime.now(UTC))
    stolen.write(tmp_path / "stolen.pem")
    number = stolen.certificate.serial_number
    with deployment.database.connect("test") as connection:
        register.register(connection, stolen.certificate)
        register.register(connection, stolen.certificate)
        assert [(row.number, row.hosts) for row in register.of_services(connection)] == [(f"{number:x}", ["localhost"])]

    def imposter() -> str:
        """What a box says that is led to one."""
        app = Starlette(routes=[Route("/api/v1/self", lambda _: Response(b"{}"))])
        port = pick_free_port()
        with serving(*doors.server(app, "127.0.0.1", port, server_context(tmp_path / "stolen.pem"))):
            try:
                replace(door, url=f"https://localhost:{port}").ask_who_we_are()
            except UnavailableError as error:
                return str(error)
            return "believed"

    assert imposter() == "believed", "until it is revoked, and the box has heard of it"
    with deployment.database.connect("test") as connection:
        assert register.revoke(connection, number, "a planner", "the machine was stolen") == "server"
    with deployment.database.connect("test") as connection:
        assert register.revoke(connection, number, "a planner", "said again") == "server"
        with pytest.raises(ConflictError, match="hawkline ca issued"):
            register.revoke(connection, 4711, "a planner", "nobody has it")
    deployment.sign_lists()
    assert imposter() == "believed"
    door.ask_withdrawn()
    assert f"the certificate of the other side was withdrawn by our deployment, number {number:x}" in imposter()
    door.ask_who_we_are()


def test_what_a_withdrawn_issuer_has_signed_opens_nothing(deployment: Deployment) -> None:
    """The thief knows number and name of a box's certificate, and signs another like it for a key of his own."""
    door = deployment.enrol(GATE)
    stolen = deployment.withdraw_issuer()
    with asking(deployment, door.identity_path) as client:
        for answer in (client.get("/api/v1/self"), bring(client, GATE)):
            assert answer.status_code == 401
            assert "issuer was withdrawn" in answer.text
        answer = client.post(f"{EST}/simplereenroll", content=est_body(common_name(GATE)))
        assert answer.status_code == 401, "nor does it get another certificate"
    key = door.identity().key.private_numbers()
    renew(door)  # it has not heard of it, and learns it from the refusal
    assert door.identity().key.private_numbers() == key, "by its own key, that the thief does not have"
    assert door.identity().issuers[0] != stolen.certificate
    door.ask_who_we_are()
    renew(door)
    assert door.identity().key.private_numbers() != key


def test_a_list_that_is_not_there_yet_is_asked_for_again(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    deployment.vault.withdrawn_path.unlink()
    with pytest.raises(UnavailableError, match="try again in a minute"):
        door.ask_withdrawn()
    with pytest.raises(UnavailableError, match="try again in a minute"):
        enrol(deployment.door("yard"), YARD, deployment.claim(YARD), SERIAL)  # whom it may not believe it cannot know


def test_certificates_are_renewed_though_nobody_tells_what_is_withdrawn(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    door = deployment.enrol(GATE)
    old = deployment.age(door, GATE, datetime.now(UTC) - timedelta(days=25))
    deployment.vault.withdrawn_path.unlink()
    CertificateRenewal(door).look()
    assert door.identity().certificate != old.certificate
    assert "nobody has proven to us what is withdrawn" in caplog.text


def test_who_says_nothing_is_not_waited_for(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_HEAD_S", 0.5)
    context = client_context(deployment.vault.root())
    for said in (b"", b"GET /.well-known/est/cacerts HTTP/1.1\r\nhost: localh"):
        with socket.create_connection(("127.0.0.1", deployment.port), 5) as plain:
            end = context.wrap_socket(plain, server_hostname="localhost")
            end.sendall(said)
            end.settimeout(5)
            assert end.recv(10) == b""
            end.close()
    with asking(deployment) as client:
        assert client.get(f"{EST}/cacerts").status_code == 200


def test_keys_of_another_kind_are_refused(deployment: Deployment) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    body = base64.b64encode(request.public_bytes(Encoding.DER))
    with asking(deployment) as client:
        answer = client.post(f"{EST}/simpleenroll", content=body, auth=(SERIAL, deployment.claim(GATE)))
    assert answer.status_code == 401
    assert "P-256" in answer.text


def test_nobody_collects_certificates(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    for _ in range(enrolment.MOST_A_DAY - 1):
        renew(door)
    with pytest.raises(TrustError, match="within a day"):
        renew(door)


def test_keys_that_are_older_than_the_one_before_open_nothing(deployment: Deployment) -> None:
    door = deployment.enrol(GATE)
    first = door.identity()
    renew(door)
    renew(door)
    with asking(deployment) as client:
        body = base64.b64encode(new_request(first.key, "x").public_bytes(Encoding.DER))
        answer = client.post(f"{EST}/simplereenroll", content=body)
    assert answer.status_code == 401
    assert "no box has this key" in answer.text


def test_a_box_that_is_enrolled_anew_beside_its_agent_shows_the_new_certificate(deployment: Deployment) -> None:
    door, shown = deployment.enrol(GATE), list[bool]()
    renewal = CertificateRenewal(door, lambda: shown.append(True))
    renewal.look()
    deployment.revoke(GATE)
    enrol(deployment.door("north.gate"), GATE, deployment.claim(GATE), SERIAL)
    renewal.look()
    assert shown == [True]
    with asking_with(deployment, renewal.context) as client:
        assert bring(client, GATE).status_code == 409


def test_a_refused_enrolment_is_in_the_audit(deployment: Deployment) -> None:
    with pytest.raises(TrustError):
        enrol(deployment.door("thief"), GATE, deployment.claim(GATE), "another machine")
    with deployment.database.connect("test") as connection:
        entry = audit.entries(connection)[0]
    assert (entry.what, entry.subject) == ("enrolment refused", "north/gate")
    assert "another machine" in entry.detail


def asking_with(deployment: Deployment, context: ssl.SSLContext) -> httpx.Client:
    return httpx.Client(base_url=deployment.url, verify=context, trust_env=False, timeout=10)
