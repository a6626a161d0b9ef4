"""What the root and its issuers take back, as those who connect to the centre are told it.

A certificate that was stolen is good until it expires, and the key of an issuer for two years. The root signs a list of
what it has issued (issuers, and who tells the time), each issuer one of services. Every list proves itself, so it may
come over any way; of two by the same signer the one with the higher number (CRLNumber) counts, so that an old one that
is sent again brings nothing back.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from shared.trust.identity import TrustError

log = logging.getLogger(__name__)

_LISTS = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----\n?", re.DOTALL)

Check = Callable[[x509.Certificate], bool]
"""Whether a certificate was withdrawn."""


def nothing(_: x509.Certificate) -> bool:
    """Where no list is kept, nothing is withdrawn."""
    return False


@dataclass(frozen=True, slots=True)
class _Signed:
    """A list and who signed it."""

    by: x509.Certificate
    entries: x509.CertificateRevocationList

    @property
    def number(self) -> int:
        return self.entries.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Lists by the identifier of their signer's key; those of a signer that was withdrawn itself say nothing."""

    lists: Mapping[bytes, _Signed] = field(default_factory=dict)

    def __contains__(self, certificate: x509.Certificate) -> bool:
        found = self.lists.get(_signer_of(certificate))
        return bool(
            found and found.entries.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
        )

    def newest(self, told: "Withdrawn") -> "Withdrawn":
        """Of each signer the newer list of the two."""
        lists = dict(self.lists)
        for key, each in told.lists.items():
            if key not in lists or lists[key].number < each.number:
                lists[key] = each
        return Withdrawn(_of_the_living(lists))

    def numbers(self) -> set[tuple[bytes, int]]:
        """What is withdrawn: identifier of the signer's key, and serial number."""
        return {(key, entry.serial_number) for key, each in self.lists.items() for entry in each.entries}

    def signed_at(self) -> datetime | None:
        """When the newest of the lists was signed; None where there is none."""
        return max((each.entries.last_update_utc for each in self.lists.values()), default=None)

    def to_pem(self) -> bytes:
        """Every list, and the certificate of who signed it: the root's own is known."""
        return bundle((each.by for each in self.lists.values()), (each.entries for each in self.lists.values()))


def bundle(signers: Iterable[x509.Certificate], lists: Iterable[x509.CertificateRevocationList]) -> bytes:
    """Certificates and lists as they are sent and kept, PEM."""
    certificates = b"".join(each.public_bytes(Encoding.PEM) for each in signers)
    return certificates + b"".join(each.public_bytes(Encoding.PEM) for each in lists)


def read_withdrawn(content: bytes, root: x509.Certificate) -> Withdrawn:
    """Read lists in PEM, and the certificates of issuers beside them.

    Raises:
        TrustError: one of them is neither the root's nor that of an issuer that the root vouches for.
    """
    try:
        certificates = x509.load_pem_x509_certificates(content) if b"BEGIN CERTIFICATE" in content else []
        signers = {own_identifier(each): each for each in (root, *certificates) if _may_sign(each, root)}
        lists = dict[bytes, _Signed]()
        for part in _LISTS.findall(content):
            found = x509.load_pem_x509_crl(part)
            key = _signer_of(found)
            public = signers[key].public_key() if key in signers else None
            if not isinstance(public, ec.EllipticCurvePublicKey) or not found.is_signature_valid(public):
                raise TrustError("a list of what is withdrawn is not signed by our root or an issuer of it")
            each = _Signed(signers[key], found)
            if key not in lists or lists[key].number < each.number:
                lists[key] = each
    except (ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise TrustError(f"not a list of what is withdrawn ({error})") from None
    return Withdrawn(_of_the_living(lists))


class WithdrawnFile:
    """Lists in a file, read again whenever it has changed. A file that is damaged says nothing, and that is logged.

    Args:
        path: of the lists; one that is absent holds none.
        root: tells whom to believe.
    """

    def __init__(self, path: Path, root: Callable[[], x509.Certificate]) -> None:
        self.path, self._root = path, root
        self._seen: tuple[int, int] | None = None
        self._lists = Withdrawn()

    def __call__(self, certificate: x509.Certificate) -> bool:
        return certificate in self.read()

    def read(self) -> Withdrawn:
        """What is in the file now."""
        try:
            status = self.path.stat()
            seen = status.st_mtime_ns, status.st_ino
            if seen != self._seen:
                self._seen, self._lists = seen, read_withdrawn(self.path.read_bytes(), self._root())
        except FileNotFoundError:
            self._seen, self._lists = None, Withdrawn()
        except (OSError, TrustError) as error:
            log.error("%s: %s; what was known before counts", self.path, error)
        return self._lists


def own_identifier(certificate: x509.Certificate) -> bytes:
    """Of an issuer's key, as what it issued names it."""
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def _signer_of(signed: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    try:
        found = signed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        found = None
    return found or b""


def _may_sign(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    """Whether it is the root, or an issuer below it: the root has issued others, too, that may sign no list."""
    if certificate == root:
        return True
    try:
        certificate.verify_directly_issued_by(root)
    except Exception:  # noqa: BLE001 - half a dozen kinds mean: it was another one
        return False
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def _of_the_living(lists: Mapping[bytes, _Signed]) -> dict[bytes, _Signed]:
    """Without those of issuers that the root has withdrawn: their key may be anybody's."""
    all_of_them = Withdrawn(lists)
    return {key: each for key, each in lists.items() if each.by not in all_of_them}
