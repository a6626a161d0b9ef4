"""What the root and its issuers take back, as those who connect to the centre are told it.

A certificate that was stolen is good until it expires, and the key of an issuer for two years. The root signs a list of
what it has issued (issuers, and who tells the time), each issuer one of services. Every list proves itself, and of two
by the same issuer the one with the higher number (CRLNumber) counts, so that an old one that is sent again brings
nothing back. What the root has taken back once stays so, whatever a later list of it says.

That nothing newer was kept back on the way is proven by who tells the time: over the asker's nonce and all lists.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from shared.files import write_public
from shared.trust.identity import TrustError

log = logging.getLogger(__name__)

_LIST = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"

Check = Callable[[x509.Certificate], bool]
"""Whether a certificate was withdrawn."""


def none_withdrawn(_: x509.Certificate) -> bool:
    """Where no list is kept, nothing is withdrawn."""
    return False


class ToldLists(msgspec.Struct, frozen=True):
    """Lists (PEM), and that they are what the centre says now: the time, signed as in `SignedTime`."""

    lists: bytes
    time_ms: int
    signature: bytes
    certificate: bytes


def over_lists(nonce: bytes, lists: bytes) -> bytes:
    """What is signed with the time: an asker's nonce, and what it was told."""
    return nonce + hashlib.sha256(lists).digest()


@dataclass(frozen=True, slots=True)
class SignedList:
    """A list, who signed it, and its number."""

    by: x509.Certificate
    entries: x509.CertificateRevocationList
    number: int

    def withdraws(self, certificate: x509.Certificate) -> bool:
        """Whether it names this one."""
        return self.entries.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def numbers(self) -> set[int]:
        """Serial numbers that it takes back."""
        return {entry.serial_number for entry in self.entries}


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Lists by the identifier of their signer's key; those of a signer that was withdrawn itself say nothing.

    Attributes:
        lists: the newest of each signer.
        before: earlier lists of the root, of which a later one has left something out.
    """

    lists: Mapping[bytes, SignedList] = field(default_factory=dict)
    before: tuple[SignedList, ...] = ()

    def __contains__(self, certificate: x509.Certificate) -> bool:
        signer = _signer_of(certificate)
        found = self.lists.get(signer)
        if found is not None and found.withdraws(certificate):
            return True
        return any(each.withdraws(certificate) for each in self.before if own_identifier(each.by) == signer)

    def newest(self, told: "Withdrawn") -> "Withdrawn":
        """Of each signer the newer list of the two, and of the root all that was ever taken back."""
        lists, before = dict(self.lists), [*self.before, *told.before]
        for key, each in told.lists.items():
            known = lists.get(key)
            older, newer = (each, known) if known is not None and known.number >= each.number else (known, each)
            lists[key] = newer
            if older is not None and older != newer and _is_root(older.by):
                before.append(older)
        kept = list[SignedList]()
        for each in before:
            named = lists[own_identifier(each.by)].numbers().union(*(other.numbers() for other in kept))
            if not each.numbers() <= named:
                kept.append(each)
        return _of_the_living(Withdrawn(lists, tuple(kept)))

    def numbers(self) -> set[tuple[bytes, int]]:
        """What is withdrawn: identifier of the signer's key, and serial number."""
        signed = (*self.lists.values(), *self.before)
        return {(own_identifier(each.by), number) for each in signed for number in each.numbers()}

    def to_pem(self) -> bytes:
        """Every list, and the certificate of who signed it."""
        signed = (*self.lists.values(), *self.before)
        return bundle(dict.fromkeys(each.by for each in signed), (each.entries for each in signed))


def bundle(signers: Iterable[x509.Certificate], lists: Iterable[x509.CertificateRevocationList]) -> bytes:
    """Certificates and lists as they are sent and kept, PEM."""
    certificates = b"".join(each.public_bytes(Encoding.PEM) for each in signers)
    return certificates + b"".join(each.public_bytes(Encoding.PEM) for each in lists)


def certificates_in(content: bytes) -> list[bytes]:
    """The certificates of a bundle, each as PEM."""
    return _blocks(content, *_CERTIFICATE)


def read_withdrawn(content: bytes, root: x509.Certificate) -> Withdrawn:
    """Read lists in PEM, and the certificates of issuers beside them.

    Raises:
        TrustError: one of them is neither the root's nor that of an issuer that the root vouches for.
    """
    try:
        certificates = map(x509.load_pem_x509_certificate, certificates_in(content))
        signers = {own_identifier(each): each for each in (root, *certificates) if _may_sign(each, root)}
        found = Withdrawn()
        for part in _blocks(content, *_LIST):
            key, signed = _read_list(part, signers)
            found = found.newest(Withdrawn({key: signed}))
    except TrustError:
        raise
    except Exception as error:  # noqa: BLE001 - it may come from anybody, and the library raises a dozen kinds
        raise TrustError(f"not a list of what is withdrawn ({type(error).__name__}: {error})") from None
    return found


def _read_list(part: bytes, signers: Mapping[bytes, x509.Certificate]) -> tuple[bytes, SignedList]:
    """A list, by the identifier of who signed it."""
    read = x509.load_pem_x509_crl(part)
    for key, signer in signers.items():
        public = signer.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey) and read.is_signature_valid(public):
            number = read.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            return key, SignedList(signer, read, number)
    raise TrustError("a list of what is withdrawn is not signed by our root or an issuer of it")


class WithdrawnFile:
    """Lists in a file, read again whenever it has changed; any thread may ask.

    A file that is damaged, and a disk that takes nothing, are logged: what this process knows counts on.

    Args:
        path: of the lists; one that is absent holds none.
        root: tells whom to believe.
    """

    def __init__(self, path: Path, root: Callable[[], x509.Certificate]) -> None:
        self.path, self._root = path, root
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._lists = Withdrawn()

    def __call__(self, certificate: x509.Certificate) -> bool:
        return certificate in self.read()

    def read(self) -> Withdrawn:
        """What is known now."""
        with self._lock:
            try:
                status = self.path.stat()
                seen = status.st_mtime_ns, status.st_ino
                if seen != self._seen:
                    self._seen = seen
                    self._lists = self._lists.newest(read_withdrawn(self.path.read_bytes(), self._root()))
            except FileNotFoundError:
                pass
            except (OSError, TrustError) as error:
                log.error("%s: %s; what this process knows counts on", self.path, error)
            return self._lists

    def learn(self, told: Withdrawn) -> None:
        """Take newer lists over: they count from now on, whether or not the disk takes them."""
        known = self.read()
        newest = known.newest(told)
        if newest == known:
            return
        with self._lock:
            self._lists = newest
        try:
            write_public(self.path, newest.to_pem())
        except OSError as error:
            log.error("%s: cannot be written (%s); it counts until this process ends", self.path, error.strerror)


def own_identifier(certificate: x509.Certificate) -> bytes:
    """Of an issuer's key, as what it issued names it."""
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def _signer_of(certificate: x509.Certificate) -> bytes:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        found = None
    return found or b""


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _may_sign(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    """Whether it is the root, or an issuer below it: the root has issued others, too, that may sign no list."""
    if certificate == root:
        return True
    try:
        certificate.verify_directly_issued_by(root)
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except Exception:  # noqa: BLE001 - half a dozen kinds mean: it was another one
        return False


def _of_the_living(found: Withdrawn) -> Withdrawn:
    """Without the lists of issuers that the root has withdrawn: their key may be anybody's."""
    return Withdrawn({key: each for key, each in found.lists.items() if each.by not in found}, found.before)


def _blocks(content: bytes, begin: bytes, end: bytes) -> list[bytes]:
    """What stands between two marks, with them."""
    parts = (part.rpartition(begin) for part in content.split(end)[:-1])
    return [begin + inside + end + b"\n" for _, mark, inside in parts if mark]
