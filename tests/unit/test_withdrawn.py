"""What root and issuers have taken back: who may say so, that it stays said, and who is not believed any more."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.trust import authority
from aggregator.trust.vault import CLIENTS, SERVER, Revoked, Vault, issuer_identifier
from edge_agent.uplink.trust import Door, bounded_http
from shared.trust import Credentials, SignedTime, TrustClock, TrustError, WithdrawnFile, read_signed_time, sign_time
from shared.trust.withdrawn import bundle, read_withdrawn

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


def test_an_issuer_goes_with_all_that_it_has_signed(vault: Vault, tmp_path: Path) -> None:
    stolen, at = vault.issuers()[0], NOW + timedelta(days=1)
    server = server_of(vault)
    assert vault.has_issued(server)
    with pytest.raises(TrustError, match="hawkline ca show"):
        vault.withdraw(4711, tmp_path / "root.key", KEY, at)
    with pytest.raises(TrustError, match="another passphrase"):
        vault.withdraw(stolen.certificate.serial_number, tmp_path / "root.key", b"something else", at)
    assert vault.issuers()[0].certificate == stolen.certificate, "nothing was done without the root's key"
    vault.withdraw(stolen.certificate.serial_number, tmp_path / "root.key", KEY, at)
    vault.write_revoked((), at)
    assert [each.certificate != stolen.certificate for each in vault.issuers()] == [True], "another signs"
    assert not vault.has_issued(server)
    assert vault.renew_services(NAMES, at) == [SERVER, *CLIENTS]
    assert stolen.certificate in read_withdrawn(lists_of(vault), vault.root())
    # A second one is withdrawn beside it, and an earlier one that does not sign leaves the one that does.
    signs = vault.rotate(tmp_path / "root.key", KEY, at + timedelta(days=1))
    vault.withdraw(vault.issuers()[0].certificate.serial_number, tmp_path / "root.key", KEY, at + timedelta(days=2))
    assert [each.certificate for each in vault.issuers()] == [signs.certificate]
    vault.write_revoked((), at)
    assert len(read_withdrawn(lists_of(vault), vault.root()).numbers()) == 2


def test_who_told_the_time_may_do_so_no_more(vault: Vault, tmp_path: Path) -> None:
    signer, nonce = vault.time_signer(), b"x" * 16
    told: SignedTime = sign_time(signer, nonce, NOW)
    assert read_signed_time(told, nonce, vault.root()) == NOW
    vault.withdraw(signer.certificate.serial_number, tmp_path / "root.key", KEY, NOW + timedelta(hours=1))
    vault.write_revoked((), NOW)
    withdrawn = WithdrawnFile(vault.withdrawn_path, vault.root)
    with pytest.raises(TrustError, match="withdrawn"):
        read_signed_time(told, nonce, vault.root(), withdrawn)
    assert read_signed_time(sign_time(vault.time_signer(), nonce, NOW), nonce, vault.root(), withdrawn) == NOW


def test_the_thief_of_an_issuer_takes_nothing_back(vault: Vault, tmp_path: Path) -> None:
    """He lists our own server as withdrawn, with a number far in the future: until the root takes the issuer back."""
    stolen, server = vault.issuers()[0], server_of(vault)
    future = NOW + timedelta(days=300)
    forged = authority.revocation_list(stolen, [(server.serial_number, NOW)], future)
    believed = read_withdrawn(bundle([stolen.certificate], [forged]), vault.root())
    assert server in believed, "his key is good so far"
    vault.withdraw(stolen.certificate.serial_number, tmp_path / "root.key", KEY, NOW + timedelta(days=1))
    vault.write_revoked((), NOW + timedelta(days=1))
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


@pytest.fixture
def door(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    """A box's, behind a cable over which comes what `answer` holds."""
    door = Door("https://localhost:1", tmp_path / "box", TrustClock(system=lambda: NOW))
    door.folder.mkdir()
    door.root_path.write_bytes(vault.root().public_bytes(Encoding.PEM))
    monkeypatch.setattr(bounded_http, "ask", lambda *_, **__: bounded_http.Answer(200, lists_of(vault)))
    return door


def test_a_box_hears_and_does_not_forget(vault: Vault, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    server, empty = server_of(vault), lists_of(vault)
    assert not door.ask_withdrawn()
    vault.write_revoked([taken_back(server)], NOW + timedelta(minutes=1))
    assert door.ask_withdrawn(), "something was withdrawn that it did not know"
    assert not door.ask_withdrawn(), "and it is told once"
    vault.withdrawn_path.write_bytes(empty)
    assert not door.ask_withdrawn()
    assert door.withdrawn(server), "a list of before brings nothing back"
    vault.withdrawn_path.write_bytes(b"")
    assert not door.ask_withdrawn()
    assert door.withdrawn(server), "nor does none"
    assert not caplog.records
    again = Door(door.url, door.folder, TrustClock(system=lambda: NOW + timedelta(days=9)))
    again.ask_withdrawn()
    assert "the lists of what is withdrawn are of 2026-07-01; expected some of today" in caplog.text
    assert again.withdrawn(server), "kept over a restart"


def test_a_forged_list_is_told_and_changes_nothing(vault: Vault, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    server = server_of(vault)
    stranger = authority.new_issuer(authority.new_root("Trial", NOW), "Trial", NOW)
    forged = authority.revocation_list(stranger, [(server.serial_number, NOW)], NOW)
    vault.withdrawn_path.write_bytes(bundle([stranger.certificate], [forged]))
    assert not door.ask_withdrawn()
    assert "not signed by our root or an issuer of it; what we know to be withdrawn stays so" in caplog.text
    assert not door.withdrawn(server)


def test_a_damaged_file_is_told_and_what_was_known_counts(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    server = server_of(vault)
    vault.write_revoked([taken_back(server)], NOW)
    withdrawn = WithdrawnFile(vault.withdrawn_path, vault.root)
    assert withdrawn(server)
    vault.withdrawn_path.write_bytes(b"-----BEGIN X509 CRL-----\nxx\n-----END X509 CRL-----\n")
    assert withdrawn(server)
    assert "what was known before counts" in caplog.text
