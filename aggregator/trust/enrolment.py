"""Who becomes a box and stays one: claims, certificates, revocation; decided in the database, one box at a time."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.rows import DictRow, class_row

from aggregator.store import load_queries
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError
from aggregator.store.places import where
from aggregator.store.scope import Scope
from aggregator.trust import authority
from aggregator.trust.vault import issuer_identifier
from shared.errors import ConfigError, UnavailableError
from shared.ids import check_name
from shared.topics import Address
from shared.trust import Credentials, TrustError, common_name, public_digest

SQL = load_queries(__package__)

CLAIM_LASTS = timedelta(days=14)
STORED = timedelta(days=180)
"""So long after its certificate has expired a box may still come back by its old key."""
MOST_A_DAY = 20
"""Certificates for one box: it needs one in twenty days, and a few more where answers get lost."""
MOST_REFUSED = 5
"""After so many tries with another machine's serial number a claim is worth nothing."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing that is read as something else."""
_GROUPS, _GROUP = 4, 5
_CURVES = (ec.SECP256R1, ec.SECP384R1)


class Device(Entity):
    """A box, or what may become one."""

    site: str
    agent: str
    serial: str
    """Of the machine."""
    state: Literal["claimed", "lapsed", "locked", "enrolled", "expired", "revoked"]
    """Lapsed: its claim was not used in time; locked: too many machines tried it; expired: away for too long."""
    claimed_at: datetime | None
    claim_expires_at: datetime | None
    enrolled_at: datetime | None
    renewed_at: datetime | None
    expires_at: datetime | None
    """Of its newest certificate."""
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None


class RefusedError(TrustError):
    """The box that asks may not."""

    claimed: Address | None = None
    """For whom the claim was that did not do."""


class DeviceError(ConflictError):
    """It cannot be done with this box as it stands."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as its maker sees it, once.

    Attributes:
        code: what the box has to bring; a hundred bits.
        expires_at: until when.
    """

    code: str
    expires_at: datetime


def make_claim(
    connection: Connection,
    address: Address,
    serial: str,
    by: str,
    lasts: timedelta = CLAIM_LASTS,
    *,
    replace: bool = True,
) -> Claim:
    """Let one machine become one box, once.

    Args:
        serial: of the machine.
        by: who lets it.
        replace: an earlier claim for this box that may still be used is worth nothing any more.

    Raises:
        DeviceError: the box is enrolled and has to be revoked first, or its claim is not to be replaced.
        ConfigError: its name is too long for a certificate.
    """
    common_name(address)
    where = {"site": address.site, "agent": address.agent}
    connection.execute(SQL["lock_box"], where)
    device = connection.execute(SQL["device"], where).fetchone()
    if device and device["revoked_at"] is None:
        raise DeviceError(
            f"{address.site}/{address.agent} is enrolled (serial {device['serial']}); to give its place to another "
            f"machine: hawkline device revoke {address.site}/{address.agent}"
        )
    there = connection.execute(SQL["open_claim"], {**where, "most_refused": MOST_REFUSED}).fetchone()
    if there and not replace:
        raise DeviceError(
            f"{address.site}/{address.agent} has a claim that may be used until {there['expires_at']:%Y-%m-%d %H:%M}Z "
            f"(serial {there['serial']}); it stays as it is"
        )
    connection.execute(SQL["withdraw_claims"], where)
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_GROUPS * _GROUP))
    code = "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))
    values = {**where, "serial": serial.strip(), "code": _hash(code), "by": by, "lasts": lasts}
    connection.execute(SQL["add_claim"], values)
    return Claim(code, datetime.now(UTC) + lasts)


@dataclass(frozen=True, slots=True)
class Issued:
    """A box and its new certificate."""

    address: Address
    certificate: x509.Certificate


def enrol(
    connection: Connection, issuer: Credentials, code: str, serial: str, request: x509.CertificateSigningRequest
) -> Issued:
    """Take a claim and issue the box's first certificate.

    A box that did not hear the answer may ask again within the hour, with the same key: no other box has it. The caller
    commits also when this raises: refusals are counted.

    Raises:
        RefusedError: saying why.
    """
    key = _key_of(request)
    where = connection.execute(SQL["box_of_claim"], {"code": _hash(code)}).fetchone()
    if where is not None:
        connection.execute(SQL["lock_box"], where)
    claim = connection.execute(SQL["claim"], {"code": _hash(code)}).fetchone()
    if claim is None or where is None:
        raise RefusedError("there is no such claim; look at the code, or have a new one made: hawkline device claim")
    address = Address(claim["site"], claim["agent"])
    if why := _against(connection, claim, serial, key):
        refusal = RefusedError(why)
        refusal.claimed = address
        raise refusal
    wished = _wished(request)
    if wished and wished != address and not claim["used_at"]:
        refusal = RefusedError(
            f"the claim is for {address.site}/{address.agent}, and this box is {wished.site}/{wished.agent}; the claim "
            "was not used: correct site and agent in the box's file and enrol again, or have another claim made"
        )
        refusal.claimed = address
        raise refusal
    device = connection.execute(SQL["device"], where).fetchone()
    if claim["used_at"] and (device is None or device["revoked_at"] or device["key"] != key):
        raise RefusedError("the claim was used already, and its box was revoked or renewed since")
    issued = _issue(connection, issuer, address, request, key)
    connection.execute(SQL["use_claim"], {"id": claim["id"], "key": key})
    values = {**where, "serial": claim["serial"], "key": key, "expires_at": issued.certificate.not_valid_after_utc}
    connection.execute(SQL["enrol"], values)
    return issued


def renew(
    connection: Connection,
    issuer: Credentials,
    request: x509.CertificateSigningRequest,
    shown: x509.Certificate | None,
) -> Issued:
    """Issue a box's next certificate.

    Args:
        shown: the certificate with which it has connected. Without one, because it has expired, the request has to be
            signed by the box's own old key, and for that key.

    Raises:
        RefusedError: saying why.
    """
    key = _key_of(request)
    if shown is not None:
        address = admit(connection, shown)
    else:
        device = connection.execute(SQL["device_of_key"], {"key": key}).fetchone()
        if device is None:
            raise RefusedError("no box has this key; enrol with a claim")
        if device["revoked"]:
            raise RefusedError("the box was revoked; have a claim made and enrol anew")
        if datetime.now(UTC) - device["expires_at"] > STORED:
            raise RefusedError(f"the box was away for more than {STORED.days} days; have a claim made and enrol anew")
        address = Address(device["site"], device["agent"])
    where = {"site": address.site, "agent": address.agent}
    connection.execute(SQL["lock_box"], where)
    device = connection.execute(SQL["device"], where).fetchone()
    if device is None or device["revoked_at"]:
        raise RefusedError("the box was revoked; have a claim made and enrol anew")
    issued = _issue(connection, issuer, address, request, key)
    values = {**where, "key": key, "expires_at": issued.certificate.not_valid_after_utc}
    connection.execute(SQL["renew"], values)
    return issued


def admit(connection: Connection, shown: x509.Certificate) -> Address:
    """The box that has shown a certificate; its dates and issuer are known to be good.

    Raises:
        RefusedError: it was revoked, or never issued by us.
    """
    which = {"issuer": issuer_identifier(shown), "number": shown.serial_number}
    found = connection.execute(SQL["certificate"], which).fetchone()
    if found is None:
        raise RefusedError("the certificate is not one that was issued to a box")
    if found["revoked_at"] or found["device_revoked_at"]:
        raise RefusedError("the certificate was revoked")
    return Address(found["site"], found["agent"])


def revoke(connection: Connection, address: Address, by: str, why: str) -> None:
    """Take back all certificates of a box, and its claim: from now on it is a stranger.

    Raises:
        DeviceError: there is nothing to revoke.
    """
    where = {"site": address.site, "agent": address.agent}
    connection.execute(SQL["lock_box"], where)
    withdrawn = connection.execute(SQL["withdraw_claims"], where).rowcount
    revoked = connection.execute(SQL["revoke"], {**where, "by": by, "why": why}).rowcount
    connection.execute(SQL["revoke_certificates"], where)
    if not withdrawn and not revoked:
        raise unknown_box(address)


def unknown_box(address: Address) -> DeviceError:
    """There is nothing to revoke."""
    return DeviceError(f"{address.site}/{address.agent} is not enrolled and has no open claim; nothing was changed")


def devices(
    connection: Connection,
    scope: Scope,
    place: str | None = None,
    site: str | None = None,
    agent: str | None = None,
) -> list[Device]:
    """All of a scope that are boxes, were, or may become one, by name.

    Raises:
        UnknownPlaceError: there is no such place there.
    """
    values = {**where(connection, scope, place), "site": site, "agent": agent, "most_refused": MOST_REFUSED}
    with connection.cursor(row_factory=class_row(Device)) as cursor:
        return cursor.execute(SQL["devices"], values).fetchall()


def _against(connection: Connection, claim: DictRow, serial: str, key: bytes) -> str | None:
    """What speaks against a claim, if anything; a wrong serial number is counted."""
    if claim["refused"] >= MOST_REFUSED:
        return "the claim is locked: too many machines tried it; have a new one made"
    if claim["serial"] != serial.strip():
        connection.execute(SQL["refuse_claim"], {"id": claim["id"]})
        return "the claim is for a machine with another serial number"
    if claim["withdrawn_at"]:
        return "the claim was withdrawn, or replaced by a newer one"
    if claim["used_at"]:
        if claim["used_key"] != key or claim["used_long_ago"]:
            return "the claim was used already; have a new one made"
    elif claim["expired"]:
        return "the claim has expired; have a new one made"
    return None


def _issue(
    connection: Connection, issuer: Credentials, address: Address, request: x509.CertificateSigningRequest, key: bytes
) -> Issued:
    where = {"site": address.site, "agent": address.agent}
    today = connection.execute(SQL["issued_today"], where).fetchone()
    if today and today["count"] >= MOST_A_DAY:
        raise RefusedError(f"{MOST_A_DAY} certificates were issued to this box within a day; try again tomorrow")
    if issuer.expires_at <= datetime.now(UTC):
        raise UnavailableError("the issuer's time is over; at the centre: hawkline ca rotate")
    public: Any = request.public_key()
    certificate = authority.issue_box(issuer, address, public, datetime.now(UTC))
    connection.execute(
        SQL["add_certificate"],
        {
            "issuer": issuer_identifier(certificate),
            "number": certificate.serial_number,
            "key": key,
            "site": address.site,
            "agent": address.agent,
            "expires_at": certificate.not_valid_after_utc,
        },
    )
    return Issued(address, certificate)


def _key_of(request: x509.CertificateSigningRequest) -> bytes:
    """SHA-256 of the key that has signed a request and asks for a certificate."""
    try:
        key = request.public_key()
    except Exception:  # noqa: BLE001 - of a kind that the library does not know; it raises several
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        raise RefusedError("the request is for another kind of key than P-256 or P-384")
    if not request.is_signature_valid:
        raise RefusedError("the request is not signed by the key that it is for")
    return public_digest(key)


def _wished(request: x509.CertificateSigningRequest) -> Address | None:
    """The box that a request says it comes from; None where it says something else."""
    names = [str(name.value) for name in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    site, dot, agent = names[0].partition(".") if len(names) == 1 else ("", "", "")
    try:
        return Address(check_name(site, "site"), check_name(agent, "agent")) if dot else None
    except ConfigError:
        return None


def _hash(code: str) -> bytes:
    """A code as it is kept: however it was typed."""
    typed = code.upper().replace("-", "").replace(" ", "").replace("O", "0").replace("I", "1").replace("L", "1")
    return hashlib.sha256(b"hawkline claim 1\0" + typed.encode()).digest()
