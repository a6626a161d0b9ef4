"""What root and issuers have taken back: who may say so, that it stays said, and who is not believed any more."""

import base64
import errno
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7

from aggregator.trust import authority
from aggregator.trust.vault import CLIENTS, SERVER, Revoked, Vault, issuer_identifier
from edge_agent.uplink import bounded_http
from edge_agent.uplink.trust import Door
from shared.trust import (
    Credentials,
    SignedTime,
    TrustClock,
    TrustError,
    WithdrawnFile,
    read_signed_time,
    sign_time,
    withdrawn,
)
from shared.trust.keys import Key
from shared.trust.withdrawn import ToldLists, bundle, over_lists, read_withdrawn

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
NAMES = ("localhost",)
KEY = b"a long secret"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    vault = Vault(tmp_path / "trust")
    vault.create("Trial", tmp_path / "root.key", KEY, NOW)
    vault.renew_services(NAMES, NOW)
    return vault


def server_of(vault: Vault) -> x509.Certificate:
    return Credentials.read(vault.credentials_path(SERVER)).certificate


def taken_back(certificate: x509.Certificate) -> Revoked:
    return Revoked(issuer_identifier(certificate), certificate.serial_number, NOW, of_service=True)


def lists_of(vault: Vault) -> bytes:
    return vault.withdrawn_path.read_bytes()


def test_a_service_is_on_the_list_for_boxes_and_a_box_is_not(vault: Vault) -> None:
    server, issuer = server_of(vault), vault.issuers()[0]
    box = Revoked(issuer_identifier(server), 4711, NOW, of_service=False)
    vault.write_revoked([taken_back(server), box], NOW)
    told = read_withdrawn(lists_of(vault), vault.root())
    assert server in told
    assert issuer.certificate not in told
    assert told.numbers() == {(issuer_identifier(server), server.serial_number)}
    assert WithdrawnFile(vault.withdrawn_path, vault.root)(server)


def test_what_shows_a_withdrawn_certificate_gets_another(vault: Vault) -> None:
    server = server_of(vault)
    vault.write_revoked([taken_back(server)], NOW)
    assert vault.renew_services(NAMES, NOW) == [SERVER]
    assert server_of(vault) != server


def withdraw(vault: Vault, key_file: Path, certificate: x509.Certificate, at: datetime) -> None:
    vault.withdraw(certificate.serial_number, key_file, KEY, at)
    vault.write_revoked((), at)


def test_an_issuer_goes_with_all_that_it_has_signed(vault: Vault, tmp_path: Path) -> None:
    stolen, at = vault.issuers()[0], NOW + timedelta(days=1)
    server = server_of(vault)
    assert vault.has_issued(server)
    with pytest.raises(TrustError, match="hawkline ca show"):
        vault.withdraw(4711, tmp_path / "root.key", KEY, at)
    with pytest.raises(TrustError, match="another passphrase"):
        vault.withdraw(stolen.certificate.serial_number, tmp_path / "root.key", b"something else", at)
    assert vault.issuers()[0].certificate == stolen.certificate, "nothing was done without the root's key"
    withdraw(vault, tmp_path / "root.key", stolen.certificate, at)
    assert [each.certificate != stolen.certificate for each in vault.issuers()] == [True], "another signs"
    assert not vault.has_issued(server)
    assert vault.renew_services(NAMES, at) == [SERVER, *CLIENTS]
    assert stolen.certificate in read_withdrawn(lists_of(vault), vault.root())
    # A second one is withdrawn beside it, and an earlier one that does not sign leaves the one that does.
    signs = vault.rotate(tmp_path / "root.key", KEY, at + timedelta(days=1))
    withdraw(vault, tmp_path / "root.key", vault.issuers()[0].certificate, at + timedelta(days=2))
    assert [each.certificate for each in vault.issuers()] == [signs.certificate]
    assert len(read_withdrawn(lists_of(vault), vault.root()).numbers()) == 2


def test_what_was_left_undone_is_done_by_saying_it_again(vault: Vault, tmp_path: Path) -> None:
    stolen, at = vault.issuers()[0], NOW + timedelta(days=1)
    path = next((vault.folder / "issuers").glob("*.pem"))
    content = path.read_bytes()
    withdraw(vault, tmp_path / "root.key", stolen.certificate, at)
    path.write_bytes(content)  # as after a power cut before it was deleted
    assert vault.is_of_root(stolen.certificate.serial_number)
    withdraw(vault, tmp_path / "root.key", stolen.certificate, at)
    assert [each.certificate == stolen.certificate for each in vault.issuers()] == [False]


@pytest.mark.parametrize("lost", ["gone", "damaged"])
def test_the_roots_list_outlives_its_file(vault: Vault, tmp_path: Path, lost: str) -> None:
    first = vault.issuers()[0].certificate
    withdraw(vault, tmp_path / "root.key", first, NOW + timedelta(days=1))
    path = vault.folder / "root.crl"
    if lost == "gone":
        path.unlink()
    else:
        path.write_bytes(b"-----BEGIN X509 CRL-----\nxx\n-----END X509 CRL-----\n")
    vault.write_revoked((), NOW + timedelta(days=2))
    second = vault.issuers()[0].certificate
    withdraw(vault, tmp_path / "root.key", second, NOW + timedelta(days=3))
    told = read_withdrawn(lists_of(vault), vault.root())
    assert first in told
    assert second in told


def test_numbers_of_lists_grow_though_the_clock_was_set_back(vault: Vault, tmp_path: Path) -> None:
    ahead = NOW + timedelta(days=400)
    withdraw(vault, tmp_path / "root.key", vault.issuers()[0].certificate, ahead)
    known = read_withdrawn(lists_of(vault), vault.root())
    second = vault.issuers()[0].certificate
    withdraw(vault, tmp_path / "root.key", second, NOW)
    assert second in known.newest(read_withdrawn(lists_of(vault), vault.root())), "of the root"
    vault.renew_services(NAMES, ahead)
    vault.write_revoked((), ahead)
    known, server = read_withdrawn(lists_of(vault), vault.root()), server_of(vault)
    vault.write_revoked([taken_back(server)], NOW)
    assert server in known.newest(read_withdrawn(lists_of(vault), vault.root())), "and of an issuer"


def test_what_the_root_took_back_once_stays_so(vault: Vault, tmp_path: Path) -> None:
    """A centre that was restored from before, and has lost its lists, signs one that leaves the first theft out."""
    first, root_key = vault.issuers()[0].certificate, tmp_path / "root.key"
    root = Credentials(key_of(root_key), vault.root(), ())
    withdraw(vault, root_key, first, NOW + timedelta(days=1))
    known = read_withdrawn(lists_of(vault), vault.root())
    second = vault.issuers()[0].certificate
    other = authority.revocation_list(root, [(second.serial_number, NOW)], NOW + timedelta(days=9))
    newest = known.newest(read_withdrawn(bundle((), [other]), vault.root()))
    assert first in newest
    assert second in newest
    again = read_withdrawn(newest.to_pem(), vault.root())
    assert first in again
    assert second in again
    both = [(first.serial_number, NOW), (second.serial_number, NOW)]
    whole = bundle((), [authority.revocation_list(root, both, NOW + timedelta(days=10))])
    assert again.newest(read_withdrawn(whole, vault.root())).before == (), "nothing is kept that a later one says, too"


def key_of(path: Path) -> Key:
    key = load_pem_private_key(path.read_bytes(), KEY)
    assert isinstance(key, Key)
    return key


def test_who_told_the_time_may_do_so_no_more(vault: Vault, tmp_path: Path) -> None:
    signer, nonce = vault.time_signer(), b"x" * 16
    told: SignedTime = sign_time(signer, nonce, NOW)
    assert read_signed_time(told, nonce, vault.root()) == NOW
    vault.withdraw(signer.certificate.serial_number, tmp_path / "root.key", KEY, NOW + timedelta(hours=1))
    vault.write_revoked((), NOW)
    kept = WithdrawnFile(vault.withdrawn_path, vault.root)
    with pytest.raises(TrustError, match="withdrawn"):
        read_signed_time(told, nonce, vault.root(), kept)
    assert read_signed_time(sign_time(vault.time_signer(), nonce, NOW), nonce, vault.root(), kept) == NOW


def test_the_thief_of_an_issuer_takes_nothing_back(vault: Vault, tmp_path: Path) -> None:
    """He lists our own server as withdrawn, with a number far in the future: until the root takes the issuer back."""
    stolen, server = vault.issuers()[0], server_of(vault)
    future = NOW + timedelta(days=300)
    forged = authority.revocation_list(stolen, [(server.serial_number, NOW)], future)
    believed = read_withdrawn(bundle([stolen.certificate], [forged]), vault.root())
    assert server in believed, "his key is good so far"
    withdraw(vault, tmp_path / "root.key", stolen.certificate, NOW + timedelta(days=1))
    newest = believed.newest(read_withdrawn(lists_of(vault), vault.root()))
    assert server not in newest
    assert stolen.certificate in newest
    assert stolen.certificate in newest.newest(believed), "and he cannot bring it back"


@pytest.mark.parametrize("who", ["stranger", "time", "service", "damaged", "no list"])
def test_who_may_not_take_back_is_not_believed(vault: Vault, who: str) -> None:
    server = server_of(vault)
    root = authority.new_root("Trial", NOW)
    signer = {
        "stranger": authority.new_issuer(root, "Trial", NOW),
        "time": vault.time_signer(),  # the root's own word, too, and no issuer
        "service": Credentials.read(vault.credentials_path(SERVER)),
    }.get(who, vault.issuers()[0])
    forged = bundle([signer.certificate], [authority.revocation_list(signer, [(server.serial_number, NOW)], NOW)])
    if who == "damaged":
        forged = forged.replace(b"CRL-----\nM", b"CRL-----\nN", 1)
    if who == "no list":
        assert not read_withdrawn(b"<html>sign in to the wireless network</html>", vault.root()).numbers()
        return
    with pytest.raises(TrustError, match=r"not signed by our root|not a list"):
        read_withdrawn(forged, vault.root())


@pytest.mark.parametrize("odd", ["version", "twice", "no number", "long"])
def test_what_no_list_looks_like_is_refused_in_words_and_soon(vault: Vault, odd: str) -> None:
    """Before anything is proven it may come from anybody on the cable."""
    issuer = vault.issuers()[0]
    good = authority.revocation_list(issuer, (), NOW).public_bytes(Encoding.DER)
    if odd == "version":
        content = pem_of(good.replace(b"\x02\x01\x01", b"\x02\x01\x07", 1))
    elif odd == "twice":
        content = pem_of(good.replace(b"\x55\x1d\x14", b"\x55\x1d\x23", 1))
    elif odd == "no number":
        made = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
        signed = made.last_update(NOW).next_update(NOW + timedelta(days=1)).sign(issuer.key, hashes.SHA256())
        content = bundle((), [signed])
    else:
        content = b"-----BEGIN X509 CRL-----" * 2700 + b"-----END X509 CRL-----"
    began_s = time.monotonic()
    with pytest.raises(TrustError):
        read_withdrawn(bundle([issuer.certificate], ()) + content, vault.root())
    assert time.monotonic() - began_s < 5


def pem_of(der: bytes) -> bytes:
    return b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(der) + b"-----END X509 CRL-----\n"


class Cable:
    """What comes over a box's cable: the centre's answer, unless somebody has put another in its place."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.instead: bytes | None = None
        self.older: bytes | None = None

    def ask(self, _method: str, url: str, **_: object) -> bounded_http.Answer:
        if self.instead is not None:
            return bounded_http.Answer(200, self.instead)
        nonce = bytes.fromhex(url.rpartition("=")[2])
        lists = lists_of(self.vault)
        signed = sign_time(self.vault.time_signer(), over_lists(nonce, lists), NOW)
        told = ToldLists(self.older or lists, signed.time_ms, signed.signature, signed.certificate)
        return bounded_http.Answer(200, msgspec.json.encode(told))


@pytest.fixture
def cable(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Cable:
    cable = Cable(vault)
    monkeypatch.setattr(bounded_http, "ask", cable.ask)
    return cable


@pytest.fixture
def door(cable: Cable, tmp_path: Path) -> Door:
    door = Door("https://localhost:1", tmp_path / "box", TrustClock(system=lambda: NOW))
    door.folder.mkdir()
    door.root_path.write_bytes(cable.vault.root().public_bytes(Encoding.PEM))
    return door


def test_a_box_hears_and_does_not_forget(vault: Vault, door: Door, cable: Cable) -> None:
    server, empty = server_of(vault), lists_of(vault)
    door.ask_withdrawn()
    vault.write_revoked([taken_back(server)], NOW + timedelta(minutes=1))
    cable.older = empty
    with pytest.raises(TrustError, match="not signed by a service"):
        door.ask_withdrawn()  # who keeps the newest back is found out
    cable.older = None
    door.ask_withdrawn()
    assert door.withdrawn(server)
    vault.withdrawn_path.write_bytes(empty)
    door.ask_withdrawn()
    assert door.withdrawn(server), "a list of before brings nothing back"
    door.withdrawn.path.unlink()
    assert door.withdrawn(server), "nor does a file that is gone"
    again = Door(door.url, door.folder, TrustClock(system=lambda: NOW))
    vault.write_revoked([taken_back(server)], NOW + timedelta(minutes=2))
    again.ask_withdrawn()
    assert Door(door.url, door.folder).withdrawn(server), "kept over a restart"


def test_a_box_that_cannot_write_believes_it_all_the_same(
    vault: Vault, door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = server_of(vault)
    vault.write_revoked([taken_back(server)], NOW + timedelta(minutes=1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(withdrawn, "write_public", full)
    door.ask_withdrawn()
    assert door.withdrawn(server)
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize("instead", [b"<html>sign in</html>", b"{}", b'{"lists":"eA==","time_ms":0,"signature":""}'])
def test_an_answer_that_is_none_is_refused(door: Door, cable: Cable, instead: bytes) -> None:
    cable.instead = instead
    with pytest.raises(TrustError, match="told no list"):
        door.ask_withdrawn()


def test_a_forged_list_is_refused_and_changes_nothing(vault: Vault, door: Door) -> None:
    server = server_of(vault)
    stranger = authority.new_issuer(authority.new_root("Trial", NOW), "Trial", NOW)
    forged = authority.revocation_list(stranger, [(server.serial_number, NOW)], NOW)
    vault.withdrawn_path.write_bytes(bundle([stranger.certificate], [forged]))
    with pytest.raises(TrustError, match="not signed by our root or an issuer of it"):
        door.ask_withdrawn()
    assert not door.withdrawn(server)


def test_a_damaged_file_is_told_and_what_was_known_counts(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    server = server_of(vault)
    vault.write_revoked([taken_back(server)], NOW)
    kept = WithdrawnFile(vault.withdrawn_path, vault.root)
    assert kept(server)
    vault.withdrawn_path.write_bytes(b"-----BEGIN X509 CRL-----\nxx\n-----END X509 CRL-----\n")
    assert kept(server)
    assert "what this process knows counts on" in caplog.text


def of_another_version(certificate: x509.Certificate) -> bytes:
    """As DER, with a version that there is not: the library's exception for it is no ValueError."""
    der = certificate.public_bytes(Encoding.DER).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", 1)
    with pytest.raises(x509.InvalidVersion):
        x509.load_der_x509_certificate(der)
    return der


def test_an_odd_certificate_beside_the_time_is_refused_in_words(vault: Vault) -> None:
    """The answer comes over any way, so what cannot be read is a refusal, and ends no agent."""
    told = sign_time(vault.time_signer(), b"x" * 16, NOW)
    odd = SignedTime(told.time_ms, told.signature, of_another_version(vault.time_signer().certificate))
    with pytest.raises(TrustError, match="not signed by a service"):
        read_signed_time(odd, b"x" * 16, vault.root())


def test_odd_certificates_at_the_door_are_refused_in_words(vault: Vault, door: Door, cable: Cable) -> None:
    good = vault.issuers()[0].certificate
    held = pkcs7.serialize_certificates([good], Encoding.DER)
    cable.instead = base64.encodebytes(held.replace(good.public_bytes(Encoding.DER), of_another_version(good)))
    with pytest.raises(TrustError, match="holds no certificates"):
        door.learn_root("ab" * 32)
