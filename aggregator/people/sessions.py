"""Sessions of browsers: rows, so that they can be listed, and ended from elsewhere."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from aggregator.people.accounts import SQL, Holder, NoAccountError, identity
from aggregator.people.principal import Identity
from aggregator.people.rights import Right
from aggregator.store.database import Connection
from aggregator.store.entity import Entity

_LASTS = timedelta(hours=12)
"""A shift."""
_IDLE = timedelta(hours=12)
_IDLE_OF_ADMINISTRATORS = timedelta(minutes=30)
"""Who can make accounts is asked again sooner."""
_LONGEST_BROWSER = 200


class OpenSession(Entity):
    """Where somebody is signed in."""

    id: int
    account: str
    began_at: datetime
    seen_at: datetime
    until: datetime
    address: str
    browser: str
    this: bool
    """It is the one that asks."""


@dataclass(frozen=True, slots=True)
class Found:
    """A session that holds."""

    identity: Identity
    until: datetime
    address: str
    """From where it was begun."""


def secret() -> str:
    """For a browser to keep; nobody guesses it."""
    return secrets.token_urlsafe(32)


def digest(kept: str) -> bytes:
    """What we keep of it: who reads our database cannot come in with that."""
    return hashlib.sha256(kept.encode()).digest()


def begin(connection: Connection, account: str, address: str, browser: str) -> tuple[str, datetime]:
    """Begin one; returns what its browser keeps, and when it is over at the latest."""
    kept = secret()
    theirs = identity(connection, Holder(account=account))
    idle = _IDLE_OF_ADMINISTRATORS if Right.PEOPLE_CHANGE in theirs.rights else _IDLE
    values = {"hash": digest(kept), "account": account, "idle": idle, "lasts": _LASTS}
    where = {"address": address, "browser": browser[:_LONGEST_BROWSER].replace("\0", "")}
    row = connection.execute(SQL["begin_session"], {**values, **where}).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING returns
    return kept, row["until"]


def find(connection: Connection, hashed: bytes, *, seen: bool) -> Found | None:
    """A session that holds, with what its account may do now; None where there is none any more.

    Args:
        seen: somebody has done something; a page that asks by itself keeps no session.
    """
    row = connection.execute(SQL["session"], {"hash": hashed}).fetchone()
    if row is None:
        return None
    if seen and row["stale"]:
        connection.execute(SQL["see_session"], {"hash": hashed})
    return Found(identity(connection, Holder(account=row["account"])), row["until"], row["address"])


def listed(connection: Connection, account: str | None, this: bytes | None) -> list[OpenSession]:
    """Open sessions.

    Args:
        account: whose; None: everybody's.
        this: hash of the one that asks.
    """
    with connection.cursor(row_factory=class_row(OpenSession)) as cursor:
        return cursor.execute(SQL["sessions"], {"account": account, "hash": this or b""}).fetchall()


def end(connection: Connection, number: int, by: str, account: str | None) -> str:
    """End one; returns whose it was.

    Args:
        account: only where it is theirs; None: anybody's.

    Raises:
        NoAccountError: there is none.
    """
    row = connection.execute(SQL["end_session"], {"id": number, "by": by, "account": account}).fetchone()
    if row is None:
        raise NoAccountError(f"there is no open session {number}")
    return str(row["account"])


def sign_out(connection: Connection, hashed: bytes, by: str) -> None:
    """End the one of a browser."""
    connection.execute(SQL["end_session_of_cookie"], {"hash": hashed, "by": by})
