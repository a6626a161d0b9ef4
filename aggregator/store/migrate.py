"""Migrations: numbered files, forward only, each in a transaction of its own."""

from importlib import resources

from aggregator.store.database import Connection, Database
from shared.errors import HawklineError

_LOCK = 4217000
_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(HawklineError):
    """The database was written by a newer Hawkline."""


def available() -> list[tuple[int, str, str]]:
    """`(number, name, text)` of every migration, ascending."""
    folder = resources.files("aggregator.store").joinpath("sql", "migrations")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.split("_")[0]), entry.name, entry.read_text("utf-8")) for entry in found)


def migrate(database: Database) -> list[str]:
    """Bring the schema up to date; one at a time across all processes.

    Returns:
        Names of the migrations that were applied now.

    Raises:
        UnavailableError: the database does not answer.
        MigrationError: it holds migrations that this version does not know.
    """
    with database.connect("migrate", autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        return _apply(connection)


def _apply(connection: Connection) -> list[str]:
    connection.execute(_TABLE)
    done = {row["number"] for row in connection.execute("SELECT number FROM migrations")}
    known = available()
    unknown = done - {number for number, _, _ in known}
    if unknown:
        raise MigrationError(
            f"the database holds migration {max(unknown)}, which this version does not know; "
            "install the newer version again"
        )
    applied = []
    for number, name, text in known:
        if number not in done:
            with connection.transaction():
                connection.execute(text.encode())
                connection.execute("INSERT INTO migrations (number, name) VALUES (%s, %s)", (number, name))
            applied.append(name)
    return applied
