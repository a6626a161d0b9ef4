"""What was revoked after a backup was taken stays so, where the lists of then are there: each proves itself."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from aggregator.trust.vault import Revoked, Vault
from shared.errors import ConfigError
from shared.trust import TrustError
from shared.trust.withdrawn import Withdrawn, bundle, read_withdrawn

SQL = load_queries(__package__, "kept_revocations.sql")


class Kept(NamedTuple):
    """What came of the lists: certificates that are revoked, and boxes that are so with them."""

    certificates: int
    boxes: list[str]


def lists_beside(vault: Vault) -> list[Path]:
    """Lists that lie where the installation is, and are newer than the database that is put there."""
    return [path for path in (vault.revoked_path, vault.withdrawn_path) if path.is_file()]


def read_lists(files: Sequence[Path], root: x509.Certificate, issuers: Iterable[x509.Certificate]) -> list[Withdrawn]:
    """Read lists, each held against the root.

    Args:
        files: copies of `trust/revoked.pem` and `trust/withdrawn.pem`. Only the second has the certificates of issuers,
            so it comes along where one was made after the backup.
        root: the deployment's.
        issuers: that the vault has, or will have.

    Raises:
        ConfigError: one cannot be read, or is not signed by an issuer of our root.
    """
    contents = list[bytes]()
    for path in files:
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"--revoked {path}: cannot be read ({error.strerror})") from None
    # The lists of one file may be signed by an issuer whose certificate is in another.
    known = bundle(issuers, ())
    known += b"".join(part for content in contents for part in _certificates(content))
    lists = []
    for path, content in zip(files, contents, strict=True):
        try:
            found = read_withdrawn(known + content, root)
        except TrustError as error:
            raise ConfigError(
                f"--revoked {path}: {error}; of an issuer that was made after the backup bring withdrawn.pem, too"
            ) from None
        if not found.lists:
            raise ConfigError(f"--revoked {path}: holds no list; expected a copy of trust/revoked.pem or withdrawn.pem")
        lists.append(found)
    return lists


def keep(connection: Connection, lists: Sequence[Withdrawn], vault: Vault) -> Kept:
    """Revoke what the lists take back, in the database and, of issuers, in the vault."""
    vault.take_over(lists)
    rows = {(row.issuer, row.number): row for each in lists for row in _rows(each, vault)}
    boxes = set[str]()
    for row in rows.values():
        box = connection.execute(SQL["revoke"], row._asdict()).fetchone()
        if box is not None:
            boxes.add(f"{box['site']}/{box['agent']}")
        elif connection.execute(SQL["revoke_service"], row._asdict()).rowcount == 0:
            connection.execute(SQL["keep"], row._asdict())
    connection.execute(SQL["revoke_boxes"])
    return Kept(len(rows), sorted(boxes))


def _rows(lists: Withdrawn, vault: Vault) -> list[Revoked]:
    root = vault.root()
    return [
        Revoked(key, entry.serial_number, entry.revocation_date_utc, of_service=False)
        for key, each in lists.lists.items()
        if each.by != root
        for entry in each.entries
    ]


def _certificates(content: bytes) -> list[bytes]:
    end = b"-----END CERTIFICATE-----\n"
    return [part[part.index(b"-----BEGIN CERT") :] + end for part in content.split(end)[:-1] if b"BEGIN CERT" in part]
