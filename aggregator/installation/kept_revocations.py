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
from shared.trust.withdrawn import Withdrawn, bundle, certificates_in, read_withdrawn

SQL = load_queries(__package__, "kept_revocations.sql")


class Lists(NamedTuple):
    """Lists of after the backup, and the root by which they are believed."""

    root: x509.Certificate
    of_all: list[Withdrawn]


class Kept(NamedTuple):
    """What came of the lists: certificates that are revoked, and boxes that are so with them."""

    certificates: int
    boxes: list[str]


def lists_beside(vault: Vault) -> list[Path]:
    """Lists that lie where the installation is, and are newer than the database that is put there."""
    return [path for path in (vault.revoked_path, vault.withdrawn_path) if path.is_file()]


def read_lists(files: Sequence[Path], root: x509.Certificate, issuers: Iterable[x509.Certificate]) -> Lists:
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
    known += b"".join(part for content in contents for part in certificates_in(content))
    lists = Lists(root, [])
    for path, content in zip(files, contents, strict=True):
        try:
            found = read_withdrawn(known + content, root)
        except TrustError as error:
            raise ConfigError(
                f"--revoked {path}: {error}; of an issuer that was made after the backup bring withdrawn.pem, too"
            ) from None
        if not found.lists:
            raise ConfigError(f"--revoked {path}: holds no list; expected a copy of trust/revoked.pem or withdrawn.pem")
        lists.of_all.append(found)
    return lists


def keep(connection: Connection, lists: Lists) -> Kept:
    """Revoke in the database what the lists take back; of issuers, `Vault.take_over` does."""
    rows = {(row.issuer, row.number): row for each in lists.of_all for row in _rows(each, lists.root)}
    boxes = set[str]()
    for row in rows.values():
        box = connection.execute(SQL["revoke"], row._asdict()).fetchone()
        if box is not None:
            boxes.add(f"{box['site']}/{box['agent']}")
        elif connection.execute(SQL["revoke_service"], row._asdict()).rowcount == 0:
            connection.execute(SQL["keep"], row._asdict())
    connection.execute(SQL["revoke_boxes"])
    return Kept(len(rows), sorted(boxes))


def _rows(lists: Withdrawn, root: x509.Certificate) -> list[Revoked]:
    # What the database does not know may be a server's: boxes are told of it, too.
    return [
        Revoked(key, entry.serial_number, entry.revocation_date_utc, of_service=True)
        for key, each in lists.lists.items()
        if each.by != root
        for entry in each.entries
    ]
