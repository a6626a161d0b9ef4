"""Where the authority keeps what it needs: one folder, readable by its owner only. The root's key is not among it.

root.pem           the root's certificate: what boxes are given, and all they believe
issuers/*.pem      intermediates with their keys, the newest signs
time.pem           who says what time it is
services/*.pem     keys and certificates of broker, API, and those of the centre that connect to the broker
root.crl           the root's own list: intermediates, and who told the time, that were taken back
revoked.pem        revocation lists of all intermediates, for the broker
revoked-boxes.json boxes that are revoked, for who restores an older backup
withdrawn.pem      for those who connect to us: the root's list, and each intermediate's of services
"""

import fcntl
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from aggregator.trust import authority, revoked_boxes
from aggregator.trust.revoked_boxes import RevokedBox
from shared.errors import ConfigError
from shared.files import write_public, write_secret
from shared.trust import Credentials, TrustError, WithdrawnFile, client_context, read_root
from shared.trust.keys import Key, key_from_pem
from shared.trust.tls import DatedContext, fingerprint
from shared.trust.withdrawn import Check, Withdrawn, bundle, own_identifier, read_withdrawn

log = logging.getLogger(__name__)

_GRACE = timedelta(days=30)
"""After its end the key of an intermediate is kept so long: a clock may be a little ahead."""

SERVER = "server"
"""The broker and both HTTP ports."""
CLIENTS = ("aggregator", "broker-admin")
"""Who connects to the broker from the centre: the services, and the administrator who says what boxes may do."""


class Revoked(NamedTuple):
    """A certificate that was taken back: identifier of its issuer's key, serial number, since when."""

    issuer: bytes
    number: int
    since: datetime
    of_service: bool
    """Or of a box, which nobody connects to."""


@dataclass(frozen=True, slots=True)
class Vault:
    """The folder."""

    folder: Path

    @property
    def root_path(self) -> Path:
        return self.folder / "root.pem"

    @property
    def revoked_path(self) -> Path:
        return self.folder / "revoked.pem"

    @property
    def revoked_boxes_path(self) -> Path:
        return self.folder / "revoked-boxes.json"

    @property
    def withdrawn_path(self) -> Path:
        return self.folder / "withdrawn.pem"

    @property
    def _time_path(self) -> Path:
        return self.folder / "time.pem"

    @property
    def _root_list_path(self) -> Path:
        return self.folder / "root.crl"

    def context(self, service: str | None = None) -> DatedContext:
        """With which a service of the centre connects to another, showing its certificate; None shows none.

        Raises:
            TrustError: there is no authority, or no such certificate.
        """
        credentials = self.credentials_path(service) if service else None
        return client_context(self.root(), credentials, withdrawn=WithdrawnFile(self.withdrawn_path, self.root))

    def credentials_path(self, service: str) -> Path:
        """Key and certificates of a service."""
        return self.folder / "services" / f"{service}.pem"

    def root(self) -> x509.Certificate:
        """The root's certificate.

        Raises:
            TrustError: there is none; the message says what to do.
        """
        if not self.root_path.is_file():
            raise TrustError(f"{self.root_path}: there is no certificate authority yet; make one: hawkline ca init")
        return read_root(self.root_path)

    def issuers(self) -> list[Credentials]:
        """Intermediates, the newest last: that one signs.

        Raises:
            TrustError: there is none.
        """
        found = sorted((self.folder / "issuers").glob("*.pem"))
        if not found:
            raise TrustError(f"{self.folder / 'issuers'}: there is no issuer; make one: hawkline ca rotate")
        return [Credentials.read(path) for path in found]

    def issuer_of(self, number: int) -> x509.Certificate:
        """The intermediate whose certificate has this number.

        Raises:
            TrustError: there is none.
        """
        for each in self.issuers():
            if each.certificate.serial_number == number:
                return each.certificate
        raise TrustError(f"--issuer {number:x}: no issuer that counts; hawkline ca show lists them")

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Whether an intermediate that still counts has signed this; its signature was looked at before."""
        return issuer_identifier(certificate).hex() in self.issuer_keys()

    def issuer_keys(self) -> set[str]:
        """Identifiers of the keys of those intermediates that count, hexadecimal."""
        return {own_identifier(each.certificate).hex() for each in self.issuers()}

    def issuer_files(self) -> list[str]:
        """Names of the intermediates' files: another list means another issuer."""
        return sorted(path.name for path in (self.folder / "issuers").glob("*.pem"))

    def root_list_stamp(self) -> int:
        """Another number means that the root has taken something back."""
        return self._root_list_path.stat().st_mtime_ns if self._root_list_path.is_file() else 0

    def forget_expired(self, at: datetime) -> list[Credentials]:
        """Delete the keys of intermediates that expired more than a month ago; returns whose they were.

        Never the newest, and none where that has expired, too: then it is the clock that runs ahead.
        """
        forgotten = list[Credentials]()
        if self.issuers()[-1].expires_at < at:
            return forgotten
        for path in sorted((self.folder / "issuers").glob("*.pem"))[:-1]:
            issuer = Credentials.read(path)
            if issuer.expires_at < at - _GRACE:
                path.unlink()
                forgotten.append(issuer)
        return forgotten

    def time_signer(self) -> Credentials:
        """Who says what time it is."""
        return Credentials.read(self._time_path)

    def create(self, deployment: str, root_key: Path, passphrase: bytes, at: datetime) -> x509.Certificate:
        """Make root, first intermediate and time signer; the root's key goes to `root_key`, encrypted.

        Raises:
            ConfigError: there is an authority already, or a file where the key would go.
        """
        if self.root_path.exists():
            raise ConfigError(
                f"{self.root_path}: there is an authority; a second one would lock out every box of the first"
            )
        if root_key.exists():
            raise ConfigError(f"--root-key {root_key}: exists already; name a file that is not there")
        if len(deployment.encode()) > authority.LONGEST_NAME:
            most = f"{authority.LONGEST_NAME} bytes at most (a Chinese character has three)"
            raise ConfigError(f"--name {deployment!r}: does not fit into a certificate: {most}")
        for folder in (self.folder, self.folder / "issuers", self.folder / "services"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        root = authority.new_root(deployment, at)
        try:
            write_secret(root_key, _sealed(root.key, passphrase))
        except OSError as error:
            raise ConfigError(f"--root-key {root_key}: cannot be written ({error.strerror})") from None
        authority.new_time_signer(root, at).write(self._time_path)
        self._sign_root_list(root, {}, at)
        self._add_issuer(authority.new_issuer(root, deployment, at), at)
        self.write_revoked((), at)
        # Last: with it everything is there.
        write_public(self.root_path, root.certificate.public_bytes(serialization.Encoding.PEM))
        return root.certificate

    def rotate(self, root_key: Path, passphrase: bytes, at: datetime) -> Credentials:
        """A new intermediate signs from now on; what the old ones signed holds on.

        Raises:
            TrustError: the key is not our root's, or the passphrase not its own.
        """
        root = self._root_credentials(root_key, passphrase)
        with self._locked():
            return self._rotate(root, at)

    def _rotate(self, root: Credentials, at: datetime) -> Credentials:
        if not self._root_list_path.is_file():  # made by an earlier version, or lost
            self._sign_root_list(root, self._root_list(), at)
        if self.time_signer().certificate.serial_number in self._root_list():  # restored from before that
            authority.new_time_signer(root, at).write(self._time_path)
        return self._new_issuer(root, at)

    def _new_issuer(self, root: Credentials, at: datetime) -> Credentials:
        subject = root.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        issuer = authority.new_issuer(root, str(subject[0].value).removesuffix(" root"), at)
        # Its list first: the broker refuses a client whose issuer has none.
        known = self.revoked_path.read_bytes() if self.revoked_path.is_file() else b""
        own = authority.revocation_list(issuer, (), at).public_bytes(serialization.Encoding.PEM)
        write_public(self.revoked_path, known + own)
        self._add_issuer(issuer, at)
        return issuer

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time writes here: a command does beside the running aggregator."""
        number = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)

    def withdraw(self, number: int, root_key: Path, passphrase: bytes, at: datetime) -> None:
        """Take an intermediate back, or who tells the time: the root signs that it counts no more.

        What the intermediate has issued counts no more with it. Where it was the one that signs, another is made. Said
        again of one that was taken back already, what was left undone is done.

        Args:
            number: serial number of its certificate.

        Raises:
            TrustError: there is none with this number, or the key is not our root's.
        """
        if not self.is_of_root(number):
            raise TrustError(f"{number:x}: no issuer, nor who tells the time; hawkline ca show lists them")
        root = self._root_credentials(root_key, passphrase)
        with self._locked():
            known = self._root_list()
            if number not in known:
                # First the word that it counts no more.
                self._sign_root_list(root, {**known, number: at}, at)
            if number == self.time_signer().certificate.serial_number:
                authority.new_time_signer(root, at).write(self._time_path)
            if number == self.issuers()[-1].certificate.serial_number:
                self._new_issuer(root, at)
            self._forget_withdrawn(WithdrawnFile(self._root_list_path, self.root))

    def _forget_withdrawn(self, withdrawn: Check) -> None:
        for path in (self.folder / "issuers").glob("*.pem"):
            if withdrawn(Credentials.read(path).certificate):
                path.unlink()

    def is_of_root(self, number: int) -> bool:
        """Whether the root has issued, or taken back, a certificate with this number: only the root takes it back."""
        issued = (*self.issuers(), self.time_signer())
        return number in self._root_list() or any(each.certificate.serial_number == number for each in issued)

    def take_over(self, lists: Iterable[Withdrawn]) -> None:
        """Keep to what the root has withdrawn by newer lists than ours, as where we were restored from before."""
        with self._locked():
            newest = self._told_by_root()
            for each in lists:
                newest = newest.newest(each)
            if found := newest.lists.get(own_identifier(self.root())):
                write_public(self._root_list_path, bundle((), [found.entries]))
                self._forget_withdrawn(newest.__contains__)

    def _told_by_root(self) -> Withdrawn:
        """What the root has signed last: where its own file is lost or damaged, what was told to boxes is left."""
        root, found = self.root(), Withdrawn()
        for path in (self._root_list_path, self.withdrawn_path):
            try:
                found = found.newest(read_withdrawn(path.read_bytes(), root))
            except FileNotFoundError:
                continue
            except (OSError, TrustError) as error:
                log.error("%s: %s; going on without it", path, error)
        return found

    def _root_list(self) -> dict[int, datetime]:
        """Numbers that the root has taken back, and since when."""
        found = self._told_by_root().lists.get(own_identifier(self.root()))
        return {entry.serial_number: entry.revocation_date_utc for entry in found.entries} if found else {}

    def _sign_root_list(self, root: Credentials, numbers: Mapping[int, datetime], at: datetime) -> None:
        found = self._told_by_root().lists.get(own_identifier(root.certificate)) if self.root_path.is_file() else None
        behind = found.number if found else 0
        signed = authority.revocation_list(root, numbers.items(), at, lasts=authority.ROOT_LIFE, behind=behind)
        write_public(self._root_list_path, signed.public_bytes(serialization.Encoding.PEM))

    def _root_credentials(self, root_key: Path, passphrase: bytes) -> Credentials:
        """The root's key, brought from where it is kept.

        Raises:
            TrustError: the key is not our root's, or the passphrase not its own.
        """
        root = self.root()
        try:
            return Credentials(_unsealed(root_key, passphrase), root, ())
        except TrustError as error:
            raise TrustError(f"--root-key {root_key}: {error}") from None

    def renew_services(self, names: Sequence[str], at: datetime) -> list[str]:
        """Issue what is absent, has lived two thirds of its life, was withdrawn, or says other names; tells which."""
        with self._locked():
            return self._renew_services(names, at)

    def _renew_services(self, names: Sequence[str], at: datetime) -> list[str]:
        issuers, renewed = self.issuers(), list[str]()
        issuer, alive = issuers[-1], {own_identifier(each.certificate) for each in issuers}
        withdrawn = WithdrawnFile(self.withdrawn_path, self.root)
        for service in (SERVER, *CLIENTS):
            path = self.credentials_path(service)
            if path.is_file():
                has = Credentials.read(path)
                counts = issuer_identifier(has.certificate) in alive and not withdrawn(has.certificate)
                if counts and not _is_due(has, names if service == SERVER else (), at):
                    continue
            if service == SERVER:
                authority.new_server(issuer, service, names, at).write(path)
            else:
                authority.new_client(issuer, service, at).write(path)
            renewed.append(service)
        return renewed

    def write_revoked(
        self, revoked: Iterable[Revoked], at: datetime, boxes: Sequence[RevokedBox] | None = None
    ) -> None:
        """Sign the lists of all intermediates that still count: everything for the broker, services for the boxes.

        Args:
            revoked: certificates.
            at: now.
            boxes: that are revoked, for who restores a backup; None leaves their file as it is.
        """
        rows = list(revoked)
        with self._locked():
            signers = [each for each in self.issuers() if each.expires_at > at]
            before = self._told_before()
            everything, of_services = list[x509.CertificateRevocationList](), list[x509.CertificateRevocationList]()
            for issuer in signers:
                key = own_identifier(issuer.certificate)
                own, behind = [row for row in rows if row.issuer == key], before.get(key, 0)
                services = ((row.number, row.since) for row in own if row.of_service)
                numbers = ((row.number, row.since) for row in own)
                everything.append(authority.revocation_list(issuer, numbers, at, behind=behind))
                of_services.append(authority.revocation_list(issuer, services, at, behind=behind))
            if self.root_path.is_file() and (found := self._told_by_root().lists.get(own_identifier(self.root()))):
                of_services.append(found.entries)
            elif self._root_list_path.is_file():  # the authority is being made
                of_services.append(x509.load_pem_x509_crl(self._root_list_path.read_bytes()))
            write_public(self.revoked_path, bundle((), everything))
            write_public(self.withdrawn_path, bundle((each.certificate for each in signers), of_services))
            if boxes is not None:
                write_public(self.revoked_boxes_path, revoked_boxes.sign(self.time_signer(), boxes, at))

    def _told_before(self) -> dict[bytes, int]:
        """Numbers of the lists before, by the key of who has signed them; a file that is damaged tells none."""
        try:
            found = read_withdrawn(self.withdrawn_path.read_bytes(), self.root())
        except (OSError, TrustError):
            return {}
        return {key: each.number for key, each in found.lists.items()}

    def revoked_until(self) -> datetime | None:
        """When the first of the revocation lists ends, and with it every certificate; None where there is no list."""
        try:
            parts = self.revoked_path.read_bytes().split(b"-----END X509 CRL-----\n")[:-1]
        except OSError:
            return None
        lists = [x509.load_pem_x509_crl(part + b"-----END X509 CRL-----\n") for part in parts]
        return min((each.next_update_utc for each in lists if each.next_update_utc), default=None)

    def summary(self) -> list[dict[str, str]]:
        """Everything with its dates, the newest issuer first."""
        rows = [("root", self.root())]
        signs, *others = reversed(self.issuers())
        rows += [("issuer, signs", signs.certificate), *(("issuer, before", other.certificate) for other in others)]
        for path in (self._time_path, *map(self.credentials_path, (SERVER, *CLIENTS))):
            if path.is_file():
                rows.append((path.stem, Credentials.read(path).certificate))
        withdrawn = [
            {"what": "withdrawn", "number": f"{number:x}", "since": f"{since:%Y-%m-%d}", "until": "", "fingerprint": ""}
            for number, since in self._root_list().items()
        ]
        return withdrawn + [
            {
                "what": what,
                "number": f"{certificate.serial_number:x}",
                "since": f"{certificate.not_valid_before_utc:%Y-%m-%d}",
                "until": f"{certificate.not_valid_after_utc:%Y-%m-%d}",
                "fingerprint": fingerprint(certificate),
            }
            for what, certificate in rows
        ]

    def _add_issuer(self, issuer: Credentials, at: datetime) -> None:
        issuer.write(self.folder / "issuers" / f"{at:%Y%m%dT%H%M%S%f}.pem")


def issuer_identifier(certificate: x509.Certificate) -> bytes:
    """Of the key that issued a certificate."""
    found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    if found is None:
        raise TrustError("the certificate does not name its issuer's key")
    return found


def _is_due(credentials: Credentials, names: Sequence[str], at: datetime) -> bool:
    # Names that come twice count once.
    alternatives = credentials.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    have = {str(name.value) for name in alternatives if not isinstance(name, x509.UniformResourceIdentifier)}
    return have != set(names) or not credentials.certificate.not_valid_before_utc <= at < credentials.renew_at


def _sealed(key: Key, passphrase: bytes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption(),
    )


def _unsealed(path: Path, passphrase: bytes) -> Key:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrustError(
            f"{path}: the root's key cannot be read ({error.strerror}); bring it from where it is kept"
        ) from None
    try:
        if not passphrase:
            return key_from_pem(content)
        key = serialization.load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, TrustError):
        raise TrustError("not the root's key, or another passphrase") from None
    assert isinstance(key, Key)  # noqa: S101 - `_sealed` writes no other
    return key
