"""Keys of programs: to a program what a password is to a person. Shown once, kept as a hash, with an end."""

import secrets
from datetime import UTC, datetime, timedelta

from psycopg.rows import class_row

from aggregator.people import grants
from aggregator.people.errors import AccountError, NoAccountError
from aggregator.people.grants import Holder
from aggregator.people.principal import Identity, Principal
from aggregator.people.sessions import digest
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.queries import load_queries

_SQL = load_queries(__package__, "keys.sql")
PREFIX = "hlk_"
"""So that it is known for what it is where it should not stand."""


class Key(Entity):
    """A key of a program."""

    name: str
    made_at: datetime
    made_by: str
    ends_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


def add(connection: Connection, who: Principal, name: str, lasts: timedelta) -> str:
    """Make one that may do nothing yet; returns it, this once.

    Raises:
        AccountError: the name is taken.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    values = {"name": name, "hash": digest(key), "by": who.name, "ends_at": datetime.now(UTC) + lasts}
    if not connection.execute(_SQL["add_key"], values).rowcount:
        raise AccountError(f"there is, or was, a key {name!r}; names are not given twice")
    return key


def find(connection: Connection, key: str) -> Identity | None:
    """Whose it is, and what it may do; None where it opens nothing any more."""
    row = connection.execute(_SQL["key"], {"hash": digest(key)}).fetchone()
    return None if row is None else grants.identity(connection, Holder(key=row["name"]))


def listed(connection: Connection) -> list[Key]:
    """All, by name; those that have ended, too."""
    with connection.cursor(row_factory=class_row(Key)) as cursor:
        return cursor.execute(_SQL["keys"]).fetchall()


def revoke(connection: Connection, who: Principal, name: str) -> None:
    """End one now.

    Raises:
        NoAccountError: there is none that could be.
        AccountError: nothing would be left that can make accounts.
    """
    grants.lock(connection)
    with grants.administrator_stays(connection):
        revoked = connection.execute(_SQL["revoke_key"], {"name": name, "by": who.name}).rowcount
    if not revoked:
        raise NoAccountError(f"there is no key {name!r} that could be revoked")
