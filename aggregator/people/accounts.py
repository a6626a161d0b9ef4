"""Accounts of people. Each change is part of a transaction."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from aggregator.people import grants, passwords, sessions
from aggregator.people.errors import AccountError, NoAccountError, PasswordError
from aggregator.people.principal import Principal
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.queries import load_queries

_SQL = load_queries(__package__, "accounts.sql")


class Account(Entity):
    """A person who may sign in."""

    name: str
    title: str
    made_at: datetime
    made_by: str
    password_at: datetime
    has_password: bool
    has_second_step: bool
    from_provider: bool
    """A provider of identities vouches for them."""
    disabled_at: datetime | None
    disabled_by: str | None
    sessions: int
    """That are open now."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an account for who signs in."""

    name: str
    password: str
    second_step_at: datetime | None
    """When their second step was set up."""

    @property
    def has_second_step(self) -> bool:
        """Whether a code is asked for."""
        return self.second_step_at is not None


def find(connection: Connection, name: str) -> Known | None:
    """An account that may sign in."""
    row = connection.execute(_SQL["account"], {"name": name}).fetchone()
    if row is None or row["disabled_at"]:
        return None
    return Known(row["name"], row["password"], row["totp_at"])


def find_unchanged(connection: Connection, name: str) -> Known | None:
    """An account that may sign in; until the commit it stays as it is."""
    row = connection.execute(_SQL["account_stays"], {"name": name}).fetchone()
    return Known(name, row["password"], row["totp_at"]) if row else None


def listed(connection: Connection) -> list[Account]:
    """All accounts, by name."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(_SQL["accounts"]).fetchall()


def add(connection: Connection, who: Principal, name: str, title: str, password: str) -> None:
    """Add an account, which may do nothing yet.

    Args:
        password: empty: nobody can sign in with one.

    Raises:
        AccountError: the name is taken.
        PasswordError: it is not taken.
    """
    values = {"name": name, "title": title, "password": kept(name, password) if password else "", "by": who.name}
    grants.lock(connection)
    if not connection.execute(_SQL["add_account"], values).rowcount:
        raise AccountError(f"the name {name!r} is taken; names are not given twice")


def set_password(connection: Connection, name: str, kept_password: str, but: bytes | None = None) -> None:
    """Give an account another password; its sessions end.

    Args:
        kept_password: as `kept` makes it of one, before the transaction: that takes its time.
        but: hash of the one session that goes on: where it was changed in.

    Raises:
        NoAccountError: there is none.
    """
    grants.lock(connection)
    if not connection.execute(_SQL["set_password"], {"name": name, "password": kept_password}).rowcount:
        raise NoAccountError(f"there is no account {name!r}")
    grants.note_begun(connection)
    sessions.end_all(connection, name, "another password", but)


def set_title(connection: Connection, name: str, title: str) -> None:
    """Call somebody by another name in lists; records keep the account's.

    Raises:
        NoAccountError: there is none.
    """
    if not connection.execute(_SQL["set_title"], {"name": name, "title": title}).rowcount:
        raise NoAccountError(f"there is no account {name!r}")


def disable(connection: Connection, who: Principal, name: str) -> None:
    """Let somebody in no more; what they did stays theirs in the record.

    Raises:
        NoAccountError: there is none.
        AccountError: nobody would be left who can make accounts.
    """
    grants.lock(connection)
    grants.hold(connection, name)
    with grants.administrator_stays(connection):
        connection.execute(_SQL["disable"], {"name": name, "by": who.name})
    sessions.end_all(connection, name, who.name)


def enable(connection: Connection, name: str) -> None:
    """Let them in again.

    Raises:
        NoAccountError: there is none.
    """
    grants.lock(connection)
    grants.hold(connection, name)
    connection.execute(_SQL["enable"], {"name": name})


def kept(name: str, password: str) -> str:
    """What is kept of a password. Takes 64 MiB and 0.2 s.

    Raises:
        PasswordError: it is not taken.
    """
    if objection := passwords.objection(name, password):
        raise PasswordError(f"password: {objection}")
    return passwords.hashed(password)
