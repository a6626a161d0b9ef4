"""Keys and what is kept beside them. A key is made where it is used and never sent anywhere."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

from shared.files import write_secret
from shared.trust.identity import TrustError

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    """P-256: known to every TLS library, and a Raspberry Pi signs with it in a millisecond."""
    return ec.generate_private_key(ec.SECP256R1())


def public_digest(key: PublicKeyTypes) -> bytes:
    """SHA-256 of a public key as certificates hold it (SubjectPublicKeyInfo)."""
    content = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(content).digest()


def key_to_pem(key: Key) -> bytes:
    """PKCS 8, unencrypted: its reader is root on that machine anyway, and no operator is there to type a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def key_from_pem(pem: bytes) -> Key:
    """Read a key.

    Raises:
        TrustError: it is none of ours.
    """
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise TrustError(f"not a key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TrustError("not a key of an elliptic curve")
    return key


def new_request(key: Key, name: str) -> x509.CertificateSigningRequest:
    """A request (PKCS 10) that proves that we have the key; the name in it is a wish."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key, its certificate, and those of the issuers up to below the root."""

    key: Key
    certificate: x509.Certificate
    issuers: tuple[x509.Certificate, ...]

    def __post_init__(self) -> None:
        if public_digest(self.certificate.public_key()) != public_digest(self.key.public_key()):
            raise TrustError("the certificate is for another key")

    @property
    def expires_at(self) -> datetime:
        return self.certificate.not_valid_after_utc

    @property
    def renew_at(self) -> datetime:
        """When two thirds of its life are over."""
        begin = self.certificate.not_valid_before_utc
        return begin + (self.expires_at - begin) * 2 / 3

    def write(self, path: Path) -> None:
        """Into one file, in one step, for its owner only: key and certificate can never disagree."""
        certificates = (self.certificate, *self.issuers)
        content = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
        write_secret(path, key_to_pem(self.key) + content)

    @classmethod
    def read(cls, path: Path) -> "Credentials":
        """Read what `write` wrote.

        Raises:
            TrustError: naming the file, and what is wrong with it.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise TrustError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            first, *rest = x509.load_pem_x509_certificates(content)
            return cls(key_from_pem(content), first, tuple(rest))
        except (ValueError, TrustError) as error:
            raise TrustError(f"{path}: does not hold a key and its certificate ({error})") from None
