"""What was revoked after a backup was taken stays so, where the lists of then are there: each proves itself."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from aggregator.trust import revoked_boxes
from aggregator.trust.revoked_boxes import RevokedBox
from aggregator.trust.vault import Revoked, Vault
from shared.errors import ConfigError
from shared.trust import TrustError
from shared.trust.withdrawn import Withdrawn, bundle, certificates_in, read_withdrawn

SQL = load_queries(__package__, "kept_revocations.sql")
_ALL = "expected copies of revoked-boxes.json, revoked.pem and withdrawn.pem, all three from one folder trust of ours"


class Lists(NamedTuple):
    """Lists of after the backup, and the root by which they are believed."""

    root: x509.Certificate
    of_all: list[Withdrawn]
    boxes: dict[tuple[str, str], RevokedBox]
    """By site and agent; empty where no such list was there."""
    of_boxes: bool
    """Whether a list of boxes was there."""


class Kept(NamedTuple):
    """What came of the lists: certificates that they name, and boxes that are revoked by them."""

    certificates: int
    boxes: list[str]


def lists_beside(vault: Vault) -> list[Path]:
    """Lists that lie where the installation is, and are newer than the database that is put there."""
    found = vault.revoked_path, vault.withdrawn_path, vault.revoked_boxes_path
    return [path for path in found if path.is_file()]


def read_lists(files: Sequence[Path], root: x509.Certificate, issuers: Iterable[x509.Certificate]) -> Lists:
    """Read lists, each held against the root.

    Args:
        files: copies of `trust/revoked-boxes.json`, `revoked.pem` and `withdrawn.pem`. Only the last has the
            certificates of issuers, so it comes along where one was made after the backup.
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
    of_all, boxes, of_boxes = list[Withdrawn](), list[RevokedBox](), False
    for path, content in zip(files, contents, strict=True):
        try:
            if content.lstrip().startswith(b"{"):
                boxes += revoked_boxes.read(content, root)
                of_boxes = True
                continue
            found = read_withdrawn(known + content, root)
        except TrustError as error:
            raise ConfigError(f"--revoked {path}: {error}; {_ALL}") from None
        if not found.lists:
            raise ConfigError(f"--revoked {path}: holds no list that counts; {_ALL}")
        of_all.append(found)
    newest = {(box.site, box.agent): box for box in sorted(boxes, key=lambda box: box.since)}
    return Lists(root, of_all, newest, of_boxes)


def keep(connection: Connection, lists: Lists) -> Kept:
    """Revoke in the database what the lists take back; of issuers, `Vault.take_over` does."""
    rows = {(row.issuer, row.number): row for each in lists.of_all for row in _rows(each, lists.root)}
    for row in rows.values():
        if connection.execute(SQL["revoke"], row._asdict()).rowcount:
            continue
        if connection.execute(SQL["revoke_service"], row._asdict()).rowcount == 0:
            connection.execute(SQL["keep"], row._asdict())
    revoked = [*connection.execute(SQL["revoke_boxes"])]
    for one in lists.boxes.values():
        revoked += connection.execute(SQL["revoke_box"], msgspec.structs.asdict(one))
    return Kept(len(rows), sorted({f"{box['site']}/{box['agent']}" for box in revoked}))


def _rows(lists: Withdrawn, root: x509.Certificate) -> list[Revoked]:
    # What the database does not know may be a server's: boxes are told of it, too.
    return [
        Revoked(key, entry.serial_number, entry.revocation_date_utc, of_service=True)
        for key, each in lists.lists.items()
        if each.by != root
        for entry in each.entries
    ]
