"""Backups: all tables as one moment saw them, the pictures beside them, and a list of what belongs together.

A backup is a folder: `tables-…/`, a compressed text of PostgreSQL's COPY each, `evidence/`, and last `manifest.json`,
which names the tables that count and without which it is not a backup: writing it is the one moment at which a new
backup takes the place of the old one. It is taken while everything runs. What it holds are rows, not how a server
keeps them: it may be restored into a server with TimescaleDB or without, of another version, whatever it was taken
from. The schema is made by the migrations, up to the backup's first, and behind the rows the rest.

Pictures never change, so a backup into the same folder again copies only new ones. With a passphrase the secrets are in
it, too (`installation.sealed`), among the tables.
"""

import contextlib
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, LiteralString, ParamSpec

import psycopg
from cryptography import x509
from psycopg import sql

from aggregator.config import AggregatorSettings
from aggregator.domains.record.days import kept_days
from aggregator.embedded.database_access import opened, stopped
from aggregator.installation.kept_revocations import Lists, keep, lists_beside, read_lists
from aggregator.installation.sealed import FILE as SECRETS
from aggregator.installation.sealed import Secret, put, require_none, seal, secrets_of, unseal
from aggregator.store import audit
from aggregator.store.audit import Actor
from aggregator.store.database import Connection, Database, first_line
from aggregator.store.migrate import available, chosen_engine, migrate
from aggregator.store.queries import load_queries
from shared.errors import ConfigError, UnavailableError
from shared.files import sync_folder, write_secret
from shared.trust.tls import root_from_pem
from shared.user_name import user_name

SQL = load_queries(__package__, "backup.sql")

TABLES, EVIDENCE, MANIFEST = "tables-", "evidence", "manifest.json"
_FORMAT = 1
_DAYS_AT_ONCE = 100
_CHUNK = 1 << 20
_LEVEL = 1
"""Of compression: more of it would be slower than the disk."""

Manifest = dict[str, Any]
P = ParamSpec("P")


def _told_plainly(body: Callable[P, Manifest]) -> Callable[P, Manifest]:
    """What the disk refuses is said in a line."""

    @wraps(body)
    def guarded(*arguments: P.args, **more: P.kwargs) -> Manifest:
        try:
            return body(*arguments, **more)
        except OSError as error:
            raise UnavailableError(f"{error.filename or 'the disk'}: {error.strerror or error}") from None

    return guarded


@contextlib.contextmanager
def _private() -> Iterator[None]:
    """What is written is for its owner only. Not around a server of ours that starts: it has an account of its own."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@_told_plainly
def backup(settings: AggregatorSettings, config: Path, to: Path, passphrase: bytes | None = None) -> Manifest:
    """Write a backup.

    Args:
        to: a new or empty folder, or one with a backup, which is replaced once the new one is whole.
        passphrase: seals the secrets, which are left out without one.

    Returns:
        The manifest.

    Raises:
        ConfigError: `to` holds something else, or there is nothing to back up.
        UnavailableError: the database does not answer.
    """
    if to.resolve().is_relative_to(settings.data_dir.resolve()):
        raise ConfigError(f"--to {to}: it lies within data_dir, and would be lost with it; name another disk's folder")
    # First: what cannot be sealed is told before the rows are written.
    sealed = seal(settings.data_dir, passphrase) if passphrase is not None else None
    with opened(settings, config) as database, database.connect("backup", writes=False) as connection:
        if chosen_engine(connection) is None:
            raise ConfigError(f"{config}: the database holds no Hawkline: there is nothing to back up")
        row = connection.execute(SQL["identity"]).fetchone()
        connection.rollback()
        _require_backup(to, row["identity"] if row else "")
        with _private():
            to.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(PermissionError):  # a disk that knows no owners
                to.chmod(0o700)
            tables = to / f"{TABLES}{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            tables.mkdir()
            manifest = {"database": row["identity"] if row else "", **_write_tables(connection, tables)}
    with _private():
        return _complete(settings, to, tables, manifest, sealed)


def _complete(
    settings: AggregatorSettings, to: Path, tables: Path, manifest: Manifest, sealed: bytes | None
) -> Manifest:
    """The pictures and the secrets, and last the manifest. Every picture that the rows know is in its place by now."""
    manifest["pictures"], damaged = _copy_pictures(settings.data_dir / EVIDENCE, to / EVIDENCE)
    manifest["pictures_damaged"] = len(damaged)
    manifest["secrets"] = 0
    if sealed is not None:
        write_secret(tables / SECRETS, sealed)
        manifest["secrets"], manifest["secrets_sha256"] = len(secrets_of(settings.data_dir)), _sha256(tables / SECRETS)
    sync_folder(tables)
    draft = to / f"{MANIFEST}.new"
    draft.write_text(json.dumps({**manifest, "folder": tables.name}, indent=2) + "\n", encoding="utf-8")
    _sync(draft)
    draft.replace(to / MANIFEST)  # from here on it is the backup
    sync_folder(to)
    for old in to.glob(f"{TABLES}*"):
        if old != tables:
            shutil.rmtree(old, ignore_errors=True)
    return manifest


def summary(manifest: Manifest, folder: Path) -> dict[str, Any]:
    """A manifest in a row."""
    tables = manifest["tables"]
    return {
        "folder": str(folder),
        "taken_at": manifest["taken_at"],
        "events": tables["events"]["rows"],
        "alerts": tables["alerts"]["rows"],
        "pictures": manifest["pictures"],
        "pictures_damaged": manifest.get("pictures_damaged", 0),
        "secrets": manifest.get("secrets", 0),
        "tables_mb": round(sum(table["bytes"] for table in tables.values()) / 2**20, 1),
    }


def _require_backup(to: Path, identity: str) -> None:
    """A folder that is not there, is empty, or holds nothing but backups of the same database."""
    if to.exists() and not to.is_dir():
        raise ConfigError(f"--to {to}: is no folder")
    known = {EVIDENCE, MANIFEST, f"{MANIFEST}.new"}
    others = [path for path in to.iterdir() if path.name not in known] if to.exists() else []
    if any(not path.name.startswith(TABLES) for path in others):
        raise ConfigError(f"--to {to}: the folder holds something that is no backup; name an empty or a new one")
    if (to / MANIFEST).is_file() and _manifest(to, whole=False).get("database") != identity:
        raise ConfigError(f"--to {to}: it holds the backup of another database; name another folder, or delete it")


@_told_plainly
def restore(
    settings: AggregatorSettings,
    config: Path,
    source: Path,
    passphrase: bytes | None = None,
    revoked: Sequence[Path] = (),
) -> Manifest:
    """Fill an empty database and its data_dir from a backup, and bring the schema up to date.

    Args:
        settings: of the aggregator.
        config: its file.
        source: folder of the backup.
        passphrase: opens the secrets; None leaves them in the backup.
        revoked: lists of what was revoked after the backup; those that lie in data_dir count, too.

    Returns:
        The manifest.

    Raises:
        ConfigError: there is no whole backup, or the database is not empty.
        UnavailableError: an aggregator runs there, or the database does not answer; the rows are all there or none.
    """
    manifest = _manifest(source)
    secrets = list[Secret]()
    if passphrase is not None:
        require_none(settings.data_dir)
        secrets = _secrets(source, manifest, passphrase)
    lists = _newer_lists(settings, secrets, revoked)
    with stopped(settings, config) as database:
        _require_empty(database, config, manifest["migration"])
        migrate(database, to=manifest["migration"])
        pictures, damaged = _copy_pictures(source / EVIDENCE, settings.data_dir / EVIDENCE, again=True)
        # A picture that is lost is no reason to be without the record; what is missing is said.
        manifest["pictures_lost"] = max(0, manifest["pictures"] - pictures)
        manifest["pictures_damaged"] = len(damaged)
        with database.connect("restore", autocommit=True) as connection:
            _make_days(connection, [date.fromisoformat(day) for day in manifest["days"]])
        with database.connect("restore") as connection:
            _read_tables(connection, source / manifest["folder"], manifest)
        migrate(database)
        with database.connect("restore") as connection:
            manifest["claims_withdrawn"] = _withdraw_claims(connection, manifest["taken_at"])
            if not secrets:  # or nothing of the audit could ever be deleted for its age again
                audit.sign_anew(connection, audit.audit_key(settings.data_dir))
            if lists:
                _keep_revocations(connection, lists, manifest)
        with database.connect("restore", autocommit=True) as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute("VACUUM ANALYZE")
    put(settings.data_dir, secrets)
    if lists:
        settings.vault.take_over(lists.of_all)
        manifest["issuer_missing"] = not settings.vault.issuer_files()
    return manifest


def _newer_lists(settings: AggregatorSettings, secrets: Sequence[Secret], revoked: Sequence[Path]) -> Lists | None:
    """Lists that are named, and of the vault that stays: read before anything is changed; None where there are none."""
    if settings.trust is None:
        if revoked:
            raise ConfigError(f"--revoked {revoked[0]}: key trust is missing: there are no certificates here")
        return None
    files = [*revoked, *lists_beside(settings.vault)]
    if not files:
        return None
    if not secrets:
        return read_lists(files, settings.vault.root(), (each.certificate for each in settings.vault.issuers()))
    restored = {secret.path: secret.content for secret in secrets}
    issuers = [content for path, content in restored.items() if path.startswith("trust/issuers/")]
    found = (x509.load_pem_x509_certificates(content)[0] for content in issuers)
    return read_lists(files, root_from_pem(restored["trust/root.pem"]), found)


def _keep_revocations(connection: Connection, lists: Lists, manifest: Manifest) -> None:
    """What the lists take back; it is in the audit."""
    kept = keep(connection, lists)
    manifest["revocations_kept"], manifest["boxes_kept_revoked"] = kept.certificates, kept.boxes
    manifest["boxes_listed"] = lists.of_boxes
    told = f"{kept.certificates} certificates; boxes: {', '.join(kept.boxes) or 'none'}"
    actor = Actor(user_name(), "this machine", "restored from a backup")
    audit.record(connection, actor, "revocations kept", "certificate authority", told)


def _withdraw_claims(connection: Connection, taken_at: str) -> int:
    """Codes that were open when the backup was taken: who knows since when they are known to whom. In the audit."""
    withdrawn = connection.execute(SQL["withdraw_claims"]).rowcount
    actor = Actor(user_name(), "this machine", "restored from a backup")
    audit.record(connection, actor, "restored", "installation", f"backup of {taken_at}, {withdrawn} claims withdrawn")
    return withdrawn


def _secrets(source: Path, manifest: Manifest, passphrase: bytes) -> list[Secret]:
    if not manifest.get("secrets"):
        raise ConfigError(f"--from {source}: this backup was taken without a passphrase and holds no secrets")
    return unseal((source / manifest["folder"] / SECRETS).read_bytes(), passphrase)


def _write_tables(connection: Connection, folder: Path) -> Manifest:
    """All rows of one snapshot."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute("SET LOCAL statement_timeout = 0")
    newest = connection.execute(SQL["newest_migration"]).fetchone()
    manifest: Manifest = {
        "format": _FORMAT,
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "hawkline": version("hawkline"),
        "migration": newest["number"] if newest else 0,
        "days": [day.day.isoformat() for day in kept_days(connection)],
        "sequences": {row["name"]: row["last"] for row in connection.execute(SQL["sequences"]) if row["last"]},
        "tables": {},
    }
    for table in connection.execute(SQL["tables"]).fetchall():
        name, columns = table["name"], table["columns"]
        path = folder / f"{name}.gz"
        with gzip.open(path, "wb", _LEVEL) as out, connection.cursor() as cursor:
            # A hypertable's rows are in its chunks: COPY of a query takes them too.
            with cursor.copy(_named("COPY (SELECT {columns} FROM {table}) TO STDOUT", name, columns)) as copy:
                for part in copy:
                    out.write(part)
            rows = cursor.rowcount
        _sync(path)
        manifest["tables"][name] = {
            "rows": rows,
            "columns": columns,
            "sha256": _sha256(path),
            "bytes": path.stat().st_size,
        }
    return manifest


def _read_tables(connection: Connection, folder: Path, manifest: Manifest) -> None:
    """All rows in one transaction."""
    try:
        connection.execute("SET LOCAL statement_timeout = 0")
        ours = {row["name"] for row in connection.execute(SQL["tables"])}
        for name, table in manifest["tables"].items():
            if name not in ours:
                raise ConfigError(f"{folder}: table {name} is none of ours")
            with connection.cursor() as cursor:
                with cursor.copy(_named("COPY {table} ({columns}) FROM STDIN", name, table["columns"])) as copy:
                    for part in _parts(folder / f"{name}.gz"):
                        copy.write(part)
                if cursor.rowcount != table["rows"]:
                    raise ConfigError(f"{folder}: {name}.gz: {cursor.rowcount} rows instead of {table['rows']}")
        for name, last in manifest["sequences"].items():
            connection.execute(SQL["set_sequence"], {"name": name, "last": last})
        connection.commit()
    except (psycopg.Error, EOFError, gzip.BadGzipFile) as error:
        raise UnavailableError(f"the rows could not be restored, nothing is changed: {first_line(error)}") from None


def _make_days(connection: Connection, days: Sequence[date]) -> None:
    """Some in a transaction: each is locked until it ends."""
    for start in range(0, len(days), _DAYS_AT_ONCE):
        connection.execute(SQL["make_days"], {"days": list(days[start : start + _DAYS_AT_ONCE])})


def _named(statement: LiteralString, table: str, columns: Sequence[str]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(statement).format(table=sql.Identifier(table), columns=names)


def _parts(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        while part := file.read(_CHUNK):
            yield part


def _manifest(source: Path, *, whole: bool = True) -> Manifest:
    """Read one; `whole` also looks whether every file is the one that was written."""
    try:
        manifest: Manifest = json.loads((source / MANIFEST).read_text("utf-8"))
        made_by, newest, tables = manifest["hawkline"], int(manifest["migration"]), dict(manifest["tables"])
        if manifest["format"] != _FORMAT:
            raise ValueError(f"format {manifest['format']}")
        folder = Path(manifest["folder"]).name
        if not whole:
            return manifest
        sealed = manifest.get("secrets_sha256")
        if sealed and _sha256(source / folder / SECRETS) != sealed:
            raise ConfigError(f"--from {source}: {SECRETS} is not the file that was written: its SHA-256 is another")
        changed = [name for name, table in tables.items() if _sha256(source / folder / f"{name}.gz") != table["sha256"]]
    except FileNotFoundError as error:
        raise ConfigError(
            f"--from {source}: {error.filename} is missing: this is no backup that came to its end"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{source / MANIFEST}: it is not one of a backup ({type(error).__name__}: {error})") from None
    if changed:
        raise ConfigError(f"--from {source}: {changed[0]}.gz is not the file that was written: its SHA-256 is another")
    if newest > max(number for number, _, _ in available()):
        raise ConfigError(f"--from {source}: it is of a newer Hawkline ({made_by}); install that first")
    return manifest


def _require_empty(database: Database, config: Path, migration: int) -> None:
    """An empty database, or one that has our schema of that time and no rows."""
    with database.connect("restore", autocommit=True) as connection:
        row = connection.execute(SQL["is_migrated"]).fetchone()
        if not row or not row["migrated"]:
            return
        for table in connection.execute(SQL["tables"]).fetchall():
            if connection.execute(_named("SELECT FROM {table} LIMIT 1", table["name"], ())).fetchone() is not None:
                raise ConfigError(
                    f"{config}: its database is not empty (table {table['name']}); nothing is changed. "
                    "Restore into a new data_dir, or a new database"
                )
        newest = connection.execute(SQL["newest_migration"]).fetchone()
        if newest and newest["number"] and newest["number"] > migration:
            raise ConfigError(
                f"{config}: its schema is newer than the backup's ({newest['number']}, {migration}); "
                "nothing is changed. Restore into a new data_dir, or a new database"
            )


def _copy_pictures(source: Path, to: Path, *, again: bool = False) -> tuple[int, list[str]]:
    """Copy the pictures that are not there yet, each only if it is what its name says: the SHA-256 of its content.

    Args:
        source: a folder of pictures.
        to: another.
        again: look at those, too, that are there already.

    Returns:
        How many there are in all, and the names of those that are something else.
    """
    to.mkdir(parents=True, exist_ok=True)
    count, damaged = 0, list[str]()
    for path in sorted(source.glob("*/*.jpg")):
        place = to / path.parent.name / path.name
        if place.is_file() and not (again and _sha256(place) != place.stem):
            count += 1
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_suffix(".new")
        try:
            found = _copied(path, draft)
        except FileNotFoundError:  # its time was over meanwhile
            draft.unlink(missing_ok=True)
            continue
        if found != path.stem:
            draft.unlink()
            damaged.append(path.name)
            continue
        draft.replace(place)
        sync_folder(place.parent)
        count += 1
    return count, damaged


def _copied(path: Path, draft: Path) -> str:
    """Copy a file onto the disk; returns the SHA-256 of what was read."""
    digest = hashlib.sha256()
    with path.open("rb") as read, draft.open("wb") as out:
        while part := read.read(_CHUNK):
            digest.update(part)
            out.write(part)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
