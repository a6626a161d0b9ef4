"""Sessions of browsers: rows, so that they can be listed, and ended from elsewhere."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from aggregator.people.errors import NoAccountError
from aggregator.people.principal import Identity
from aggregator.people.rights import Right
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.queries import load_queries

_SQL = load_queries(__package__, "sessions.sql")
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

    account: str
    until: datetime
    address: str
    """From where it was begun."""


def secret() -> str:
    """For a browser to keep; nobody guesses it."""
    return secrets.token_urlsafe(32)


def digest(kept: str) -> bytes:
    """What we keep of it: who reads our database cannot come in with that."""
    return hashlib.sha256(kept.encode()).digest()


def begin(connection: Connection, who: Identity, address: str, browser: str) -> tuple[str, datetime]:
    """Begin one of an account; returns what its browser keeps, and when it is over at the latest."""
    kept = secret()
    idle = _IDLE_OF_ADMINISTRATORS if Right.PEOPLE_CHANGE in who.rights else _IDLE
    values = {"hash": digest(kept), "account": who.name, "idle": idle, "lasts": _LASTS}
    where = {"address": address, "browser": browser[:_LONGEST_BROWSER].replace("\0", "")}
    row = connection.execute(_SQL["begin_session"], {**values, **where}).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING returns
    return kept, row["until"]


def find(connection: Connection, hashed: bytes, *, seen: bool) -> Found | None:
    """A session that holds; None where there is none any more.

    Args:
        seen: somebody has done something; a page that asks by itself keeps no session.
    """
    row = connection.execute(_SQL["session"], {"hash": hashed}).fetchone()
    if row is None:
        return None
    if seen and row["stale"]:
        connection.execute(_SQL["see_session"], {"hash": hashed})
    return Found(row["account"], row["until"], row["address"])


def listed(connection: Connection, account: str | None, this: bytes | None) -> list[OpenSession]:
    """Open sessions.

    Args:
        account: whose; None: everybody's.
        this: hash of the one that asks.
    """
    with connection.cursor(row_factory=class_row(OpenSession)) as cursor:
        return cursor.execute(_SQL["sessions"], {"account": account, "hash": this or b""}).fetchall()


def end(connection: Connection, number: int, by: str, account: str | None) -> str:
    """End one; returns whose it was.

    Args:
        account: only where it is theirs; None: anybody's.

    Raises:
        NoAccountError: there is none.
    """
    row = connection.execute(_SQL["end_session"], {"id": number, "by": by, "account": account}).fetchone()
    if row is None:
        raise NoAccountError(f"there is no open session {number}")
    return str(row["account"])


def end_all(connection: Connection, account: str, by: str, but: bytes | None = None) -> None:
    """End all of an account.

    Args:
        by: who does, or why.
        but: hash of the one that goes on.
    """
    connection.execute(_SQL["end_sessions_of"], {"account": account, "by": by, "but": but})


def sign_out(connection: Connection, hashed: bytes, by: str) -> None:
    """End the one of a browser."""
    connection.execute(_SQL["end_session_of_cookie"], {"hash": hashed, "by": by})


def know_browser(connection: Connection, hashed: bytes, account: str) -> None:
    """Note that an account has signed in in a browser."""
    connection.execute(_SQL["know_browser"], {"hash": hashed, "account": account})


def knows_browser(connection: Connection, hashed: bytes, account: str) -> bool:
    """Whether an account has signed in in a browser before."""
    row = connection.execute(_SQL["is_known_browser"], {"hash": hashed, "account": account}).fetchone()
    return bool(row and row["known"])


def forget(connection: Connection) -> None:
    """Forget sessions that are long over, and browsers that were not seen for long."""
    connection.execute(_SQL["forget_sessions"])
    connection.execute(_SQL["forget_browsers"])
