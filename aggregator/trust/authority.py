"""The certificate authority. Pure: what is issued, to whom and for how long; no files, no database.

A root that is used once in years, below it an intermediate that signs every day, below that boxes and services. What is
issued never outlives its issuer.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.topics import Address
from shared.trust import SERVICE_PREFIX, Credentials, common_name, new_key, urn
from shared.trust.keys import Key
from shared.trust.statement import SERVICE as TIME

ROOT_LIFE = timedelta(days=20 * 365)
ISSUER_LIFE = timedelta(days=2 * 365)
SERVICE_LIFE = timedelta(days=90)
BOX_LIFE = timedelta(days=30)
CRL_LIFE = timedelta(days=30)
LONGEST_NAME = 36
"""Bytes of a deployment's name: 64 are in a common name, and the issuers' say since when, too."""
_BACK = timedelta(hours=1)
"""So much earlier it holds already: clocks differ."""

_USAGE = {
    "box": ExtendedKeyUsageOID.CLIENT_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "time": ExtendedKeyUsageOID.TIME_STAMPING,
}


def new_root(deployment: str, at: datetime) -> Credentials:
    """A root for a deployment's whole life."""
    key, subject = new_key(), _subject(f"{deployment} root")
    builder = _builder(subject, subject, key.public_key(), at, at + ROOT_LIFE)
    builder = _as_issuer(builder, path_length=1)
    return Credentials(key, _sign(builder, key, key.public_key()), ())


def new_issuer(root: Credentials, deployment: str, at: datetime) -> Credentials:
    """An intermediate. Each has a name of its own, so that readers find the right revocation list."""
    key, subject = new_key(), _subject(f"{deployment} issuer {at:%Y-%m-%d %H%M%S}")
    until = min(at + ISSUER_LIFE, root.expires_at)
    builder = _builder(subject, root.certificate.subject, key.public_key(), at, until)
    builder = _as_issuer(builder, path_length=0)
    return Credentials(key, _sign(builder, root.key, root.certificate.public_key()), ())


def new_time_signer(root: Credentials, at: datetime) -> Credentials:
    """Who may say what time it is, for as long as the root lives: boxes ask that cannot check any other date."""
    key = new_key()
    certificate = _leaf(root, SERVICE_PREFIX + TIME, key.public_key(), "time", at, root.expires_at, ())
    return Credentials(key, certificate, ())


def issue_box(
    issuer: Credentials, address: Address, key: CertificateIssuerPublicKeyTypes, at: datetime
) -> x509.Certificate:
    """A certificate with which a box connects as itself."""
    return _leaf(issuer, common_name(address), key, "box", at, at + BOX_LIFE, ())


def new_client(issuer: Credentials, service: str, at: datetime) -> Credentials:
    """With what a service of the centre connects to the broker."""
    key = new_key()
    certificate = _leaf(issuer, SERVICE_PREFIX + service, key.public_key(), "client", at, at + SERVICE_LIFE, ())
    return Credentials(key, certificate, (issuer.certificate,))


def new_server(issuer: Credentials, service: str, names: Sequence[str], at: datetime) -> Credentials:
    """With what broker and API prove that they are the ones at these host names and addresses."""
    key = new_key()
    certificate = _leaf(issuer, SERVICE_PREFIX + service, key.public_key(), "server", at, at + SERVICE_LIFE, names)
    return Credentials(key, certificate, (issuer.certificate,))


def issued_at(certificate: x509.Certificate) -> datetime:
    """When it was issued, which is later than it says that it holds from."""
    return certificate.not_valid_before_utc + _BACK


def revocation_list(
    issuer: Credentials,
    revoked: Iterable[tuple[int, datetime]],
    at: datetime,
    *,
    lasts: timedelta = CRL_LIFE,
    behind: int = 0,
) -> x509.CertificateRevocationList:
    """What this issuer takes back: serial numbers and since when.

    Past its end it makes every certificate invalid, so it is signed anew every day. The root's lasts as long as the
    root: its key is not there to sign another.

    Args:
        issuer: who signs.
        revoked: what it takes back.
        at: now.
        lasts: until it has to be signed anew.
        behind: number of the list before: this one's is higher, though the clock may have been set back.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at - _BACK)
        .next_update(min(at + lasts, issuer.expires_at))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(max(behind + 1, round(at.timestamp() * 1000))), critical=False)
    )
    for serial, since in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256())


def _leaf(
    issuer: Credentials,
    name: str,
    key: CertificateIssuerPublicKeyTypes,
    usage: str,
    at: datetime,
    until: datetime,
    names: Sequence[str],
) -> x509.Certificate:
    alternatives: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(urn(name)),
        *map(_host, dict.fromkeys(names)),
    ]
    builder = (
        _builder(_subject(name), issuer.certificate.subject, key, at, min(until, issuer.expires_at))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_USAGE[usage]]), critical=usage == "time")
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    )
    return _sign(builder, issuer.key, issuer.certificate.public_key())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificateIssuerPublicKeyTypes, at: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACK)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _as_issuer(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True).add_extension(
        _key_usage(key_cert_sign=True, crl_sign=True), critical=True
    )


def _sign(builder: x509.CertificateBuilder, key: Key, issuer: object) -> x509.Certificate:
    return builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer),  # type: ignore[arg-type]
        critical=False,
    ).sign(key, hashes.SHA256())


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(**used: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: used.get(name, False) for name in names})
