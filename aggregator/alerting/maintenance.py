"""Maintenance of a box, a camera or everything in a place: what rings there is recorded and shown, and rings nobody."""

from collections.abc import Sequence
from datetime import UTC, datetime

from psycopg.rows import class_row

from aggregator.alerting.entities import Maintenance
from aggregator.people.principal import Principal
from aggregator.signals.alert_policy import UnderMaintenance
from aggregator.store.database import Connection
from aggregator.store.errors import ConflictError, MissingError
from aggregator.store.places import require_place
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope

SQL = load_queries(__package__, "maintenance.sql")


class MaintenanceError(ConflictError):
    """It cannot begin so."""


class NoMaintenanceError(MissingError):
    """There is no such maintenance."""


def begin(
    connection: Connection, who: Principal, place: str, agent: str, camera: str, reason: str, until: datetime
) -> Maintenance:
    """Begin.

    Args:
        place: a site, or a place above sites.
        agent: a box of the site; empty: all of the place.
        camera: one of its cameras; empty: the whole box.
        until: when it ends by itself.

    Raises:
        UnknownPlaceError: there is no such place of theirs.
        MaintenanceError: a camera of no box, a box that does not exist, or an end that is past.
    """
    require_place(connection, who.scope, place)
    if camera and not agent:
        raise MaintenanceError(f"camera {camera!r}: name its box, too")
    known = connection.execute(SQL["is_box"], {"site": place, "agent": agent}).fetchone()
    if agent and not (known and known["known"]):
        raise MaintenanceError(f"box {place}/{agent} does not exist: `hawkline health` shows those that do")
    if camera:
        row = connection.execute(SQL["is_camera"], {"site": place, "agent": agent, "camera": camera}).fetchone()
        if not (row and row["known"]):
            said = f"box {place}/{agent} has no camera {camera!r}: `hawkline health --cameras` shows those that it has"
            raise MaintenanceError(said)
    if until <= datetime.now(UTC):
        raise MaintenanceError(f"until {until:%Y-%m-%d %H:%M} is past: nothing would be under maintenance")
    values = {"place": place, "agent": agent, "camera": camera, "reason": reason, "by": who.name, "until": until}
    row = connection.execute(SQL["begin"], values).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING returns
    return get(connection, who.scope, row["id"])


def end(connection: Connection, who: Principal, number: int) -> Maintenance:
    """End it before its time; again changes nothing.

    Raises:
        NoMaintenanceError: there is none of theirs.
    """
    get(connection, who.scope, number)
    connection.execute(SQL["end"], {"id": number, "by": who.name})
    return get(connection, who.scope, number)


def get(connection: Connection, scope: Scope, number: int) -> Maintenance:
    """One.

    Raises:
        NoMaintenanceError: there is none.
    """
    with connection.cursor(row_factory=class_row(Maintenance)) as cursor:
        found = cursor.execute(SQL["one"], {"id": number, "scope": scope.cut}).fetchone()
    if found is None:
        raise NoMaintenanceError(f"there is no maintenance {number}")
    return found


def listed(connection: Connection, scope: Scope, *, active: bool, limit: int) -> list[Maintenance]:
    """The newest first.

    Args:
        active: only what is under maintenance now.
    """
    with connection.cursor(row_factory=class_row(Maintenance)) as cursor:
        return cursor.execute(SQL["list"], {"scope": scope.cut, "active": active, "limit": limit}).fetchall()


def now(connection: Connection) -> Sequence[UnderMaintenance]:
    """What is under maintenance now."""
    rows = connection.execute(SQL["now"]).fetchall()
    return [UnderMaintenance(**row) for row in rows]


def over(connection: Connection) -> list[int]:
    """Let conditions ring that hold still where maintenance is over.

    Args:
        connection: in a transaction, which holds the feed's lock.

    Returns:
        The quiet alerts that they had.
    """
    return [row["id"] for row in connection.execute(SQL["quiet_and_due"]).fetchall()]
