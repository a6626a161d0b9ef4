"""Backups: the database as `pg_dump` writes it, the pictures beside it, and a list of what belongs together.

A backup is a folder: `database.dump`, `evidence/`, and last `manifest.json`, without which it is none. It is taken
while everything runs. Pictures never change, so a backup into the same folder again copies only new ones.
"""

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from aggregator.config import AggregatorSettings
from aggregator.store.database import Database, first_line
from aggregator.store.migrate import Engine, available, chosen_engine, migrate
from aggregator.upkeep.opened import opened, stopped
from aggregator.upkeep.programs import run
from shared.errors import ConfigError, UnavailableError
from shared.files import sync_folder

DUMP, EVIDENCE, MANIFEST = "database.dump", "evidence", "manifest.json"
_EMPTY = "SELECT NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public') AS empty"


def backup(settings: AggregatorSettings, config: Path, to: Path) -> dict[str, Any]:
    """Write a backup.

    Args:
        to: a new or empty folder, or one with a backup that is replaced once the new one is whole.

    Returns:
        The manifest.

    Raises:
        ConfigError: `to` holds something else, or no aggregator has run there.
        UnavailableError: the database does not answer, or pg_dump failed.
    """
    if to.exists() and any(to.iterdir()) and not ((to / MANIFEST).is_file() or (to / f"{DUMP}.new").is_file()):
        raise ConfigError(f"--to {to}: the folder holds something that is no backup; name an empty or a new one")
    (to / EVIDENCE).mkdir(parents=True, exist_ok=True)
    fresh = to / f"{DUMP}.new"
    with opened(settings, config) as database:
        with database.connect("backup", autocommit=True) as connection:
            engine = chosen_engine(connection)
            if engine is None:
                raise ConfigError(f"{config}: the database holds no Hawkline: there is nothing to back up")
            row = connection.execute("SELECT max(number) AS newest FROM migrations").fetchone()
            server = connection.info.server_version
        _run("pg_dump", database, "--format=custom", "--no-owner", f"--file={fresh}")
    # Every picture that the dump knows is in its place by now.
    pictures = _copy_pictures(settings.data_dir / EVIDENCE, to / EVIDENCE)
    manifest = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "hawkline": version("hawkline"),
        "engine": engine.value,
        "migration": row["newest"] if row else 0,
        "postgresql": server,
        "dump_sha256": _sha256(fresh),
        "dump_bytes": fresh.stat().st_size,
        "pictures": pictures,
    }
    _sync(fresh)
    (to / MANIFEST).unlink(missing_ok=True)
    fresh.replace(to / DUMP)
    draft = to / f"{MANIFEST}.new"
    draft.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    _sync(draft)
    draft.replace(to / MANIFEST)
    sync_folder(to)
    return manifest


def restore(settings: AggregatorSettings, config: Path, source: Path) -> dict[str, Any]:
    """Fill an empty database and an empty data_dir from a backup, and bring the schema up to date.

    Returns:
        The manifest.

    Raises:
        ConfigError: there is no whole backup, or the database is not empty.
        UnavailableError: an aggregator runs there, or pg_restore failed.
    """
    manifest = _manifest(source)
    with stopped(settings, config) as database:
        with _connect(database) as connection:
            row = connection.execute(_EMPTY).fetchone()
            if not row or not row[0]:
                raise ConfigError(
                    f"{config}: its database is not empty; nothing is changed. "
                    "Restore into a new data_dir, or a new database"
                )
            timescale = manifest["engine"] == Engine.TIMESCALE.value
            if timescale:
                _prepare_timescale(connection)
        whole = [] if timescale else ["--single-transaction"]
        _run("pg_restore", database, "--exit-on-error", *whole, "--no-owner", str(source / DUMP))
        if timescale:
            with _connect(database) as connection:
                connection.execute("SELECT timescaledb_post_restore()")
        _copy_pictures(source / EVIDENCE, settings.data_dir / EVIDENCE)
        migrate(database)
        with _connect(database) as connection:
            connection.execute("VACUUM ANALYZE")
    return manifest


def _manifest(source: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text("utf-8"))
        engine, newest = Engine(manifest["engine"]), int(manifest["migration"])
        said = manifest["dump_sha256"]
        found = _sha256(source / DUMP)
    except FileNotFoundError as error:
        raise ConfigError(
            f"--from {source}: {error.filename} is missing: this is no backup that came to its end"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"--from {source}: {MANIFEST} is not one of a backup ({error})") from None
    if found != said:
        raise ConfigError(f"--from {source}: {DUMP} is not the file that was written: its SHA-256 is another")
    if newest > max(number for number, _, _ in available(engine)):
        raise ConfigError(
            f"--from {source}: it is of a newer Hawkline ({manifest.get('hawkline')}); install that first"
        )
    return manifest


def _connect(database: Database) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(database.dsn, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise UnavailableError(f"database.dsn: the database does not answer ({first_line(error)})") from None


def _prepare_timescale(connection: psycopg.Connection[Any]) -> None:
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        connection.execute("SELECT timescaledb_pre_restore()")
    except psycopg.Error as error:
        raise ConfigError(f"the backup needs a server with TimescaleDB ({first_line(error)})") from None


def _run(name: str, database: Database, *arguments: str) -> None:
    said = bytearray()
    if run(name, database, *arguments, errors=said):
        raise UnavailableError(f"{name} failed: {said.decode(errors='replace').strip()[-600:]}")


def _copy_pictures(source: Path, to: Path) -> int:
    """Copy the pictures that are not there yet; returns how many there are in all."""
    count = 0
    for path in sorted(source.glob("*/*.jpg")):
        place = to / path.parent.name / path.name
        count += 1
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_suffix(".new")
            shutil.copyfile(path, draft)
            _sync(draft)
            draft.replace(place)
            sync_folder(place.parent)
    return count


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
