"""Exports: pictures that leave the centre, for a court, an insurer, a neighbour. Nobody can be recognised in them.

Who exports a picture says what for, in a case, and to whom. The box that brought the picture renders it once more; the
person looks at what came and takes it away. Each step is in the audit, with the hashes of both pictures.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

from aggregator.alerting import alerts
from aggregator.domains.boxes import desired
from aggregator.domains.evidence import cases
from aggregator.people.principal import Principal
from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError
from aggregator.store.queries import load_queries
from shared.desired import EXPORTS, Exports, WantedExport
from shared.topics import Address

SQL = load_queries(__package__, "exports.sql")
_PICTURES = load_queries(__package__)

KEPT = timedelta(days=7)
"""So long an export lies here to be taken; then the audit alone knows of it."""
MOST = 200
"""Of one person, of the last seven days: each may be as large as a picture."""
_AT_ONCE = 100
"""So many a box is told of; it hears of others when it asks for one that is gone, or has settled one."""
_RETENTION = audit.Actor("retention", "")
Area = tuple[float, float, float, float]


class TooManyError(ConflictError):
    """So many exports of theirs are there that no more are taken."""


class NoExportError(MissingError):
    """There is no such export of theirs."""


class Export(Entity):
    """A picture that shall leave, or may.

    `sha256` is of the picture as it was evidence, `export_sha256` of what may leave. `why` says why it failed, or what
    keeps the box from it.
    """

    id: int
    sha256: str
    site: str
    agent: str
    box_state: str
    alerts: list[int]
    """Of which alerts it is, five at most."""
    areas: list[Area]
    case: int
    purpose: str
    recipient: str
    state: Literal["waiting", "ready", "failed"]
    why: str
    asked_at: datetime
    settled_at: datetime | None
    size: int | None
    export_sha256: str | None
    taken: int
    """How often it was taken away."""

    @property
    def audit_subject(self) -> str:
        """What the audit calls it."""
        return f"export {self.id}"

    @property
    def audit_detail(self) -> str:
        """What the audit says of it."""
        of = ", ".join(f"alert {alert}" for alert in self.alerts) or "no alert"
        said = f"{of} {self.site}/{self.agent}, for {self.recipient}: case {self.case}: {self.purpose}"
        return f"{said}; picture {self.sha256}"


class Taken(Entity):
    """An export as it is taken away."""

    jpeg: bytes
    jpeg_sha256: bytes
    sha256: bytes
    purpose: str
    recipient: str


def ask(
    connection: Connection, who: Principal, sha256: bytes, case: int, recipient: str, areas: Sequence[Area]
) -> Export:
    """Want an export of a picture; its box hears of it behind this transaction.

    Raises:
        MissingError: no such picture of theirs has arrived.
        NoCaseError: there is no such case of theirs that is open.
        TooManyError: so many of theirs are there.
    """
    row = connection.execute(_PICTURES["evidence"], {"sha256": sha256, **alerts.cut(who.scope)}).fetchone()
    box = connection.execute(SQL["box_of_picture"], {"sha256": sha256}).fetchone()
    if row is None or row["stored_at"] is None or box is None:
        raise MissingError("no such picture, or it has not arrived yet")
    purpose = cases.said_of(connection, who, case)
    connection.execute(SQL["one_at_a_time"], {"who": who.name})
    there = connection.execute(SQL["count"], {"who": who.name}).fetchone()
    if there and there["there"] >= MOST:
        raise TooManyError(f"{MOST} exports of yours of the last {KEPT.days} days are there: give some up")
    wish = {
        "sha256": sha256,
        **box,
        "areas": [number for area in areas for number in area],
        "who": who.name,
        "case": case,
        "purpose": purpose,
        "recipient": recipient.strip(),
    }
    try:
        asked = connection.execute(SQL["ask"], wish).fetchone()
    except psycopg.errors.ForeignKeyViolation:  # it was forgotten a moment ago
        raise MissingError("no such picture, or it has not arrived yet") from None
    assert asked is not None  # noqa: S101 - INSERT ... RETURNING returns
    desired.want(connection, Address(box["site"], box["agent"]), EXPORTS)
    return one(connection, who, asked["id"])


def own(connection: Connection, who: Principal, limit: int) -> list[Export]:
    """Those of who asks, the newest first."""
    return _found(connection, who, None, limit)


def one(connection: Connection, who: Principal, number: int) -> Export:
    """One of theirs.

    Raises:
        NoExportError: there is none.
    """
    found = _found(connection, who, number, 1)
    if not found:
        raise NoExportError(f"there is no export {number} of yours; they are kept for {KEPT.days} days")
    return found[0]


def picture(connection: Connection, who: Principal, number: int, *, taken: bool) -> Taken:
    """The picture of an export that is ready.

    Args:
        taken: it leaves, and is not only looked at.

    Raises:
        NoExportError: there is none.
        ConflictError: it waits, or it failed.
    """
    with connection.cursor(row_factory=class_row(Taken)) as cursor:
        found = cursor.execute(SQL["take"], {"id": number, "times": int(taken), **_asking(who)}).fetchone()
    if found is None:
        waits = one(connection, who, number)
        raise ConflictError(f"export {number} is {waits.state}" + (f": {waits.why}" if waits.why else ""))
    return found


def give_up(connection: Connection, who: Principal, number: int) -> Export:
    """Delete an export, whether its picture has come or not; returns what it was.

    Raises:
        NoExportError: there is none.
    """
    was = one(connection, who, number)
    gone = connection.execute(SQL["give_up"], {"id": number, **_asking(who)}).fetchone()
    if gone is None:
        raise NoExportError(f"there is no export {number} of yours")
    if gone["waited"]:
        desired.want(connection, Address(gone["site"], gone["agent"]), EXPORTS)
    return was


def compose(connection: Connection, box: Address) -> Exports:
    """The section of a box."""
    rows = connection.execute(SQL["wanted"], {"site": box.site, "agent": box.agent, "limit": _AT_ONCE}).fetchall()
    return Exports(tuple(WantedExport(row["id"], bytes(row["sha256"]), _areas(row["areas"])) for row in rows))


def drop_day(connection: Connection, day: date, _means: object) -> bool:
    """Delete what was asked for on a day (UTC) or before; of what its box has never brought the audit says so."""
    with connection.transaction():
        for row in connection.execute(SQL["drop_day_of_exports"], {"day": day}).fetchall():
            if row["waited"]:
                said = f"box {row['site']}/{row['agent']} has not brought it in {KEPT.days} days"
                audit.record(connection, _RETENTION, "export failed", f"export {row['id']}", said)
    return True


def is_waiting(connection: Connection, box: Address, number: int) -> bytes | None:
    """SHA-256 of the picture of an export that a box is wanted to render; None where there is none."""
    row = connection.execute(SQL["waiting"], {"id": number, "site": box.site, "agent": box.agent}).fetchone()
    return bytes(row["sha256"]) if row else None


def settle(connection: Connection, box: Address, number: int, jpeg: bytes | None, why: str = "") -> bytes | None:
    """Take what a box has rendered, or why it cannot.

    Returns:
        SHA-256 of the picture that it was made of; None where no such export waits.
    """
    done = {"id": number, "site": box.site, "agent": box.agent, "jpeg": jpeg, "why": why}
    row = connection.execute(SQL["settle"], done).fetchone()
    if row is None:
        return None
    desired.want(connection, box, EXPORTS)  # it need not be told of this one again, but perhaps of others
    return bytes(row["sha256"])


def tell_again(connection: Connection, box: Address) -> None:
    """A box asks for one that is not wanted any more: there may be others that it was not told of."""
    if connection.execute(SQL["wanted"], {"site": box.site, "agent": box.agent, "limit": 1}).fetchone():
        desired.want(connection, box, EXPORTS)


def _asking(who: Principal) -> dict[str, Any]:
    return {"who": who.name, **alerts.cut(who.scope)}


def _found(connection: Connection, who: Principal, number: int | None, limit: int) -> list[Export]:
    rows = connection.execute(SQL["exports"], {"id": number, "limit": limit, **_asking(who)}).fetchall()
    return [Export(**{**row, "areas": _areas(row["areas"])}) for row in rows]


def _areas(numbers: Sequence[float]) -> tuple[Area, ...]:
    return tuple(zip(*(iter(numbers),) * 4, strict=True))
