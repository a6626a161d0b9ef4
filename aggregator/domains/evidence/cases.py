"""What somebody looks at pictures for.

Who handles an alert sees its pictures for that. Who looks back says once what for, and that stands with each picture
that they see. The page asks; nothing that a program sends along by itself stands for an answer.
"""

from datetime import datetime

from psycopg.rows import class_row

from aggregator.alerting import alerts
from aggregator.people.principal import Principal
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import MissingError
from aggregator.store.queries import load_queries

SQL = load_queries(__package__, "cases.sql")


class NoCaseError(MissingError):
    """There is no such case of theirs that is open."""


class Case(Entity):
    """A purpose, for twelve hours at most, and how many pictures were seen for it."""

    id: int
    who: str
    purpose: str
    opened_at: datetime
    ends_at: datetime
    pictures: int

    @property
    def audit_subject(self) -> str:
        """What the audit calls it."""
        return f"case {self.id}"

    @property
    def audit_detail(self) -> str:
        """What the audit says of it."""
        return self.purpose


def alerts_of(connection: Connection, sha256: bytes) -> str:
    """Of which alerts, and where, a picture is: for the audit; empty: of none."""
    rows = connection.execute(SQL["alerts_of_picture"], {"sha256": sha256})
    return ", ".join(f"alert {row['id']} {row['site']}/{row['agent']}" for row in rows)


def open_case(connection: Connection, who: Principal, purpose: str) -> Case:
    """Say what one is going to look for."""
    with connection.cursor(row_factory=class_row(Case)) as cursor:
        opened = cursor.execute(SQL["open_case"], {"who": who.name, "purpose": purpose.strip()}).fetchone()
    assert opened is not None  # noqa: S101 - INSERT ... RETURNING returns
    return opened


def open_cases(connection: Connection, who: Principal) -> list[Case]:
    """Those of who asks that are open, the newest first."""
    with connection.cursor(row_factory=class_row(Case)) as cursor:
        return cursor.execute(SQL["cases"], {"who": who.name}).fetchall()


def close_case(connection: Connection, who: Principal, number: int) -> None:
    """One has seen what one looked for.

    Raises:
        NoCaseError: there is none.
    """
    if not connection.execute(SQL["close_case"], {"case": number, "who": who.name}).rowcount:
        raise NoCaseError(f"there is no case {number} of yours that is open")


def said_of(connection: Connection, who: Principal, case: int) -> str:
    """What a case of theirs is for, and that another picture is looked at for it.

    Raises:
        NoCaseError: there is no such case of theirs that is open.
    """
    row = connection.execute(SQL["look_for_case"], {"case": case, "who": who.name}).fetchone()
    if row is None:
        raise NoCaseError(f"there is no case {case} of yours that is open")
    return str(row["purpose"])


def purpose_of(connection: Connection, who: Principal, sha256: bytes, case: int | None) -> str | None:
    """What a picture is seen for; None where nobody has said.

    Raises:
        NoCaseError: there is no such case.
    """
    if case is not None:
        return f"case {case}: {said_of(connection, who, case)}"
    row = connection.execute(SQL["handled"], {"sha256": sha256, **alerts.cut(who.scope)}).fetchone()
    return f"alert {row['id']}" if row else None
