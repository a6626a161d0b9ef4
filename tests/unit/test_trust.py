"""Certificates, names, the time from elsewhere, and what the broker is told: without a network."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.trust import authority, roles
from aggregator.trust.vault import CLIENTS, SERVER, Revoked, Vault, issuer_identifier
from shared.errors import ConfigError
from shared.topics import Address
from shared.trust import (
    Credentials,
    TrustClock,
    TrustError,
    address_of,
    common_name,
    new_key,
    new_request,
    read_root,
    read_signed_time,
    sign_time,
)
from shared.trust.signed_time import SignedTime
from shared.trust.withdrawn import own_identifier

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GATE = Address("north", "gate")


@pytest.fixture
def root() -> Credentials:
    return authority.new_root("Trial", NOW)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    vault = Vault(tmp_path / "trust")
    vault.create("Trial", tmp_path / "root.key", b"a long secret", NOW)
    return vault


def test_a_box_is_named_once_and_its_name_is_read_back(root: Credentials) -> None:
    issuer = authority.new_issuer(root, "Trial", NOW)
    certificate = authority.issue_box(issuer, GATE, new_key().public_key(), NOW)
    assert address_of(certificate) == GATE
    assert certificate.not_valid_after_utc - NOW == authority.BOX_LIFE
    with pytest.raises(TrustError, match="no box"):
        address_of(authority.new_client(issuer, "aggregator", NOW).certificate)
    with pytest.raises(TrustError, match="does not name one"):
        address_of(root.certificate)


def test_no_name_of_a_box_is_that_of_another_or_of_a_service() -> None:
    assert common_name(Address("a", "b-c")) != common_name(Address("a-b", "c"))
    assert not roles.is_box(roles.ADMIN)
    assert not roles.is_box(roles.AGGREGATOR)
    assert roles.is_box(common_name(Address("aggregator", "broker-admin")))
    with pytest.raises(ConfigError, match="at most 63"):
        common_name(Address("s" * 32, "a" * 32))


def test_nothing_outlives_its_issuer(root: Credentials) -> None:
    late = root.expires_at - timedelta(days=10)
    issuer = authority.new_issuer(root, "Trial", late)
    assert issuer.expires_at == root.expires_at
    assert authority.issue_box(issuer, GATE, new_key().public_key(), late).not_valid_after_utc == root.expires_at
    assert authority.revocation_list(issuer, (), late).next_update_utc == root.expires_at


def test_a_boxs_certificate_serves_nobody_and_signs_nothing(root: Credentials) -> None:
    issuer = authority.new_issuer(root, "Trial", NOW)
    of_box = authority.issue_box(issuer, GATE, new_key().public_key(), NOW).extensions
    usage = of_box.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [each._name for each in usage] == ["clientAuth"]
    assert not of_box.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not of_box.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert issuer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_the_vault_is_for_its_owner_and_the_roots_key_is_elsewhere(vault: Vault, tmp_path: Path) -> None:
    vault.renew_services(("localhost",), NOW)
    secret = [path for path in vault.folder.rglob("*.pem") if b"PRIVATE KEY" in path.read_bytes()]
    assert len(secret) == 1 + 1 + 1 + len(CLIENTS)
    for path in (*secret, tmp_path / "root.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert b"ENCRYPTED" in (tmp_path / "root.key").read_bytes()
    with pytest.raises(ConfigError, match="lock out every box"):
        vault.create("Other", tmp_path / "other.key", b"", NOW)


def test_a_name_that_does_not_fit_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "trust")
    with pytest.raises(ConfigError, match="a Chinese character has three"):
        vault.create("北部边境第三警务区综合监控中心站点", tmp_path / "root.key", b"", NOW)
    assert not (tmp_path / "root.key").exists()
    vault.create("North, county + 北村" + "x" * 9, tmp_path / "root.key", b"", NOW)
    vault.rotate(tmp_path / "root.key", b"", NOW + timedelta(days=1))
    names = {str(issuer.certificate.subject.rdns[0]).partition(" issuer")[0] for issuer in vault.issuers()}
    assert len(names) == 1
    with pytest.raises(ConfigError, match="cannot be written"):
        Vault(tmp_path / "other").create("x", tmp_path / "nowhere" / "root.key", b"", NOW)


def test_rotation_needs_the_root_and_leaves_what_was_signed(vault: Vault, tmp_path: Path) -> None:
    old = vault.issuers()[-1]
    with pytest.raises(TrustError, match="another passphrase"):
        vault.rotate(tmp_path / "root.key", b"something else", NOW)
    with pytest.raises(TrustError, match="bring it from where it is kept"):
        vault.rotate(tmp_path / "gone.key", b"a long secret", NOW)
    (tmp_path / "foreign.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(TrustError, match="not the root's key"):
        vault.rotate(tmp_path / "foreign.key", b"", NOW)
    assert len(vault.issuers()) == 1
    new = vault.rotate(tmp_path / "root.key", b"a long secret", NOW + timedelta(days=365))
    assert [own_identifier(issuer.certificate) for issuer in vault.issuers()] == [
        own_identifier(old.certificate),
        own_identifier(new.certificate),
    ]
    assert new.certificate.subject != old.certificate.subject
    new.certificate.verify_directly_issued_by(vault.root())
    # A list for each of them, with its own certificates only.
    of_old = authority.issue_box(old, GATE, new_key().public_key(), NOW)
    vault.write_revoked([Revoked(issuer_identifier(of_old), of_old.serial_number, NOW, of_service=False)], NOW)
    parts = vault.revoked_path.read_bytes().split(b"-----END X509 CRL-----\n")[:-1]
    lists = [x509.load_pem_x509_crl(part + b"-----END X509 CRL-----\n") for part in parts]
    assert [len(list(each)) for each in lists] == [1, 0]
    assert lists[0].is_signature_valid(old.certificate.public_key())  # type: ignore[arg-type]
    assert vault.revoked_until() == NOW + authority.CRL_LIFE
    # An issuer that has expired needs none any more.
    vault.write_revoked((), old.expires_at)
    assert vault.revoked_path.read_bytes().count(b"BEGIN X509 CRL") == 1


def test_the_key_of_an_issuer_goes_when_it_has_expired_and_never_the_one_that_signs(
    vault: Vault, tmp_path: Path
) -> None:
    first = vault.issuers()[0]
    vault.rotate(tmp_path / "root.key", b"a long secret", NOW + timedelta(days=300))
    assert vault.forget_expired(first.expires_at) == []
    assert vault.forget_expired(NOW + timedelta(days=36500)) == [], "a clock that runs ahead takes nothing"
    assert [each.certificate for each in vault.forget_expired(first.expires_at + timedelta(days=40))] == [
        first.certificate
    ]
    assert len(vault.issuers()) == 1
    assert vault.forget_expired(NOW + timedelta(days=36500)) == [], "a clock that runs ahead takes no key that signs"
    assert len(vault.issuers()) == 1


def test_services_are_renewed_in_time_and_when_their_names_change(vault: Vault) -> None:
    everything = [SERVER, *CLIENTS]
    assert vault.renew_services(("localhost",), NOW) == everything
    assert vault.renew_services(("localhost",), NOW + authority.SERVICE_LIFE * 0.6) == []
    assert vault.renew_services(("localhost", "192.0.2.1"), NOW) == [SERVER]
    assert vault.renew_services(("localhost", "192.0.2.1"), NOW + authority.SERVICE_LIFE * 0.7) == everything
    assert vault.renew_services(("localhost", "192.0.2.1"), NOW - timedelta(days=400)) == everything


def test_credentials_whose_parts_do_not_fit_are_refused(vault: Vault, tmp_path: Path) -> None:
    vault.renew_services(("localhost",), NOW)
    one, other = (vault.credentials_path(name).read_bytes() for name in CLIENTS)
    end = b"-----END PRIVATE KEY-----\n"
    mixed = tmp_path / "mixed.pem"
    for content, words in (
        (one.partition(end)[0] + end + other.partition(end)[2], "another key"),
        (one.partition(end)[2], "not a key"),
        (b"", "mixed.pem"),
        (b"\xff\x00", "mixed.pem"),
    ):
        mixed.write_bytes(content)
        with pytest.raises(TrustError, match=words):
            Credentials.read(mixed)
    with pytest.raises(TrustError, match="not a root"):
        (tmp_path / "leaf.pem").write_bytes(one.partition(end)[2])
        read_root(tmp_path / "leaf.pem")


def test_the_time_is_believed_from_whom_the_root_vouches_for(root: Credentials) -> None:
    signer, nonce = authority.new_time_signer(root, NOW), b"n" * 16
    told = sign_time(signer, nonce, NOW)
    assert read_signed_time(told, nonce, root.certificate) == NOW
    stranger = authority.new_root("Trial", NOW)
    wrong: list[tuple[SignedTime, bytes]] = [
        (told, b"m" * 16),
        (SignedTime(told.time_ms + 1, told.signature, told.certificate), nonce),
        (SignedTime(told.time_ms, b"", told.certificate), nonce),
        (SignedTime(told.time_ms, told.signature, b"junk"), nonce),
        (sign_time(authority.new_time_signer(stranger, NOW), nonce, NOW), nonce),
        # Others whom the root, or one of its issuers, vouches for, and not for this.
        (sign_time(root, nonce, NOW), nonce),
        (sign_time(authority.new_issuer(root, "Trial", NOW), nonce, NOW), nonce),
        (sign_time(signer, nonce, NOW - timedelta(days=2)), nonce),
        (sign_time(signer, nonce, NOW + authority.ROOT_LIFE + timedelta(days=1)), nonce),
    ]
    for moment, asked in wrong:
        with pytest.raises(TrustError):
            read_signed_time(moment, asked, root.certificate)


def test_a_clock_that_was_corrected_goes_on_evenly() -> None:
    wall, even = [datetime(1970, 1, 1, tzinfo=UTC)], [100.0]
    clock = TrustClock(lambda: wall[0], lambda: even[0])
    assert clock.now() == wall[0]
    assert clock.correct(NOW) == NOW - wall[0]
    even[0] += 60
    wall[0] += timedelta(days=9)
    assert clock.now() == NOW + timedelta(seconds=60)


def test_a_role_names_topics_and_no_patterns() -> None:
    acls = roles.box_acls(GATE)
    assert {acl["acltype"] for acl in acls} == {"publishClientSend", "subscribeLiteral"}
    assert not any(sign in acl["topic"] for acl in acls for sign in "+#$")
    own = {acl["topic"] for acl in acls if acl["acltype"] == "publishClientSend"}
    assert all(topic.startswith("hl/1/north/gate/") for topic in own)


def test_a_broker_is_told_what_differs_and_nothing_else() -> None:
    yard = Address("north", "yard")
    known = {name: [name] for name in (roles.ADMIN, "north.gate", "north.old")}
    allowed = {roles.ADMIN: roles.admin_acls(), "north.gate": roles.box_acls(GATE), "north.old": [], "north.rest": []}
    commands, added, removed = roles.difference([GATE, yard], known, allowed)
    assert (added, removed) == (1, 2)
    assert [[command["command"] for command in of_box] for of_box in commands] == [
        ["createRole", "createClient"],
        ["deleteClient", "deleteRole"],
        ["deleteRole"],
    ]
    assert roles.difference([GATE], {"north.gate": ["north.gate"]}, {"north.gate": roles.box_acls(GATE)})[0] == []
    # A role that allows more, or a client with another role, is made anew.
    more = [*roles.box_acls(GATE), *roles.box_acls(yard)]
    assert roles.difference([GATE], {"north.gate": ["north.gate"]}, {"north.gate": more})[1] == 1
    assert roles.difference([GATE], {"north.gate": [roles.ADMIN]}, {"north.gate": roles.box_acls(GATE)})[1] == 1


def test_a_request_says_its_name_and_proves_its_key() -> None:
    request = new_request(new_key(), "north.gate")
    assert request.is_signature_valid
    content = bytearray(request.public_bytes(Encoding.DER))
    content[-4] ^= 1
    assert not x509.load_der_x509_csr(bytes(content)).is_signature_valid


def test_the_library_still_knows_the_flag_that_leaves_dates_to_us() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags = int(context.verify_flags) | 0x200000  # type: ignore[assignment]
    assert int(context.verify_flags) & 0x200000
