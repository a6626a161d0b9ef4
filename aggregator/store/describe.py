"""The schema as text: what all migrations together leave, on either engine, and what a database really has.

`sql/schema.txt` is that text for this version. A test keeps it equal to what the migrations make; `hawkline aggregator
check` compares a database with it, so that a table that an administrator changed by hand is found before it hurts.
"""

from importlib import resources

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries(__package__, "sql/describe.sql")


def described(connection: Connection) -> list[str]:
    """The schema of a database, a line a thing; of views their columns, for servers write their queries differently."""
    return sorted(row["line"] for row in connection.execute(SQL["describe"]))


def expected() -> list[str]:
    """The schema of this version."""
    return resources.files("aggregator.store").joinpath("sql", "schema.txt").read_text("utf-8").splitlines()
