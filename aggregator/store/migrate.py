"""Migrations: numbered files, forward only, each in a transaction of its own."""

from enum import StrEnum
from importlib import resources

import psycopg

from aggregator.store.database import Connection, Database, first_line
from shared.errors import HawklineError, UnavailableError

_LOCK = 4217000
_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""

_ENGINE = """
CREATE TABLE IF NOT EXISTS storage (
    engine text NOT NULL, only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one)
)
"""
_LOADED = """
SELECT current_setting('shared_preload_libraries') LIKE '%timescaledb%'
   AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') AS loaded
"""


class MigrationError(HawklineError):
    """The database was written by a newer Hawkline."""


class Engine(StrEnum):
    """What keeps the tables that grow with time. Chosen once for a database, by its first migration."""

    NATIVE = "native"
    """PostgreSQL's own partitions."""
    TIMESCALE = "timescale"
    """Hypertables, compressed."""


def available(engine: Engine = Engine.NATIVE) -> list[tuple[int, str, str]]:
    """`(number, name, text)` of every migration of an engine, ascending; `NAME.ENGINE.sql` is of one engine only."""
    folder = resources.files("aggregator.store").joinpath("sql", "migrations")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    ours = [entry for entry in found if entry.name.count(".") == 1 or entry.name.endswith(f".{engine}.sql")]
    return sorted((int(entry.name.split("_")[0]), entry.name, entry.read_text("utf-8")) for entry in ours)


def migrate(database: Database, to: int | None = None) -> list[str]:
    """Bring the schema up to date; one at a time across all processes.

    Args:
        to: the last migration to apply; None applies all.

    Returns:
        Names of the migrations that were applied now.

    Raises:
        UnavailableError: the database does not answer, or refuses.
        UnfitDatabaseError: we cannot work with it as it is.
        MigrationError: it holds migrations that this version does not know.
    """
    database.require_own_sessions()
    try:
        with database.connect("migrate", autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            return _apply(connection, to)
    except psycopg.Error as error:
        said = first_line(error)
        raise UnavailableError(f"database.dsn: the database refuses a migration ({said}); mend that first") from None


def pending(connection: Connection) -> list[str]:
    """Names of the migrations that a database of ours still waits for."""
    row = connection.execute("SELECT max(number) AS newest FROM migrations").fetchone()
    newest = row["newest"] if row else None
    return [name for number, name, _ in available() if newest is None or number > newest]


def chosen_engine(connection: Connection) -> Engine | None:
    """The engine of a database; None before its first migration. Changes nothing."""
    there = connection.execute("SELECT to_regclass('storage') IS NOT NULL AS there").fetchone()
    if not there or not there["there"]:
        return None
    row = connection.execute("SELECT engine FROM storage").fetchone()
    return Engine(row["engine"]) if row else None


def engine_of(connection: Connection) -> Engine:
    """The engine of a database; where none was chosen TimescaleDB, if the server has loaded it.

    Args:
        connection: in autocommit mode.
    """
    if chosen := chosen_engine(connection):
        return chosen
    connection.execute(_ENGINE)
    loaded = connection.execute(_LOADED).fetchone()
    engine = Engine.TIMESCALE if loaded and loaded["loaded"] else Engine.NATIVE
    if engine is Engine.TIMESCALE:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    connection.execute("INSERT INTO storage (engine) VALUES (%s)", (engine.value,))
    return engine


def _apply(connection: Connection, to: int | None) -> list[str]:
    connection.execute(_TABLE)
    done = {row["number"] for row in connection.execute("SELECT number FROM migrations")}
    known = available(engine_of(connection))
    unknown = done - {number for number, _, _ in known}
    if unknown:
        raise MigrationError(
            f"the database holds migration {max(unknown)}, which this version does not know; "
            "install the newer version again"
        )
    applied = []
    for number, name, text in known:
        if number not in done and (to is None or number <= to):
            with connection.transaction():
                connection.execute(text.encode())
                connection.execute("INSERT INTO migrations (number, name) VALUES (%s, %s)", (number, name))
            applied.append(name)
    return applied
