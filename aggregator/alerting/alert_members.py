"""All that belongs to an alert, page by page: the alert itself carries the number of it, and of its pictures a few."""

from typing import Any

from psycopg.rows import class_row

from aggregator.alerting.alerts import SQL, get
from aggregator.alerting.entities import AlertPicture, Member, MemberPage, PicturePage
from aggregator.store.database import Connection
from aggregator.store.paging import CursorError, Cut
from aggregator.store.scope import Scope
from shared.events import Lane


def members(connection: Connection, scope: Scope, alert_id: int, after: str | None, limit: int) -> MemberPage:
    """The events that an alert is made of, in the order in which they happened.

    Args:
        after: `next` of the page before; None begins.
        limit: at most so many.

    Raises:
        AlertNotFoundError: no such alert there.
        CursorError: `after` makes no sense.
    """
    alert = get(connection, scope, alert_id)
    cut = Cut.read(after) if after else None
    values: dict[str, Any] = {
        "alert_id": alert_id,
        "scope": scope.of_kinds({alert.subject, alert.condition}).cut,
        "after": cut.event_at if cut else None,
        "after_producer": cut.producer_id if cut else None,
        "after_lane": cut.lane if cut else None,
        "after_seq": cut.seq if cut else None,
        "limit": limit,
    }
    rows = connection.execute(SQL["members_of_alert"], values).fetchall()
    found = [
        Member(
            at=row["event_at"],
            site=row["site"],
            agent=row["agent"],
            epoch=row["epoch"],
            lane=Lane(row["lane"]).label,
            number=row["seq"],
            reason=row["reason"],
        )
        for row in rows
    ]
    return MemberPage(members=found, next=str(Cut.of(rows[-1])) if len(rows) == limit else None)


def pictures(connection: Connection, scope: Scope, alert_id: int, after: str | None, limit: int) -> PicturePage:
    """The pictures of an alert that are kept, in the order in which they were taken.

    Args:
        after: `next` of the page before; None begins.
        limit: at most so many.

    Raises:
        AlertNotFoundError: no such alert.
        CursorError: `after` is no picture of it, or none any more.
    """
    get(connection, scope, alert_id)
    which: dict[str, Any] = {"alert_id": alert_id, "after": None, "after_sha256": None, "limit": limit}
    if after:
        which["after_sha256"] = bytes.fromhex(after)
        row = connection.execute(SQL["picture_of_alert"], which).fetchone()
        if row is None:
            raise CursorError(f"after {after!r}: is no picture of this alert, or none any more; begin anew")
        which["after"] = row["taken_at"]
    with connection.cursor(row_factory=class_row(AlertPicture)) as cursor:
        found = cursor.execute(SQL["pictures_of_alert"], which).fetchall()
    return PicturePage(pictures=found, next=found[-1].sha256 if len(found) == limit else None)
