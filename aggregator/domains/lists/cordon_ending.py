"""Ends cordons that nobody confirmed, writes down that one is over, and forgets the hits of those that lapsed."""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aggregator.alerting import alerts, inbox
from aggregator.alerting.alerts import Publishing
from aggregator.domains.evidence.forgetting import forget_pictures
from aggregator.domains.lists import lists
from aggregator.domains.lists.cordons import waiting
from aggregator.domains.lists.lists import SQL
from aggregator.feed import log as feed_log
from aggregator.store import arrays, audit
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from shared.envelope import decode_event
from shared.errors import WireError
from shared.events import ListHit

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn

log = logging.getLogger(__name__)
_LOOKS_EVERY_S = 60.0
_CLOCKS_DIFFER = timedelta(days=1)
CENTRE = audit.Actor("centre", "")


def end_cordons(connection: Connection) -> int:
    """Write down which cordons are over; those that nobody confirmed lapse, and their plate is barred for a day.

    Args:
        connection: in autocommit mode.

    Returns:
        How many.
    """
    with connection.transaction():
        rows = list[dict[str, Any]]()
        for row in connection.execute(SQL["untold_cordons"]).fetchall():
            number = row["number"]
            if row["state"] == "unconfirmed":
                lapsed = connection.execute(SQL["lapse"], {"number": number, "why": "nobody has confirmed it"})
                if not lapsed.rowcount:
                    continue  # it was confirmed in this moment
            if row["lapsed"]:
                connection.execute(SQL["bar"], {"mark": row["mark"]})
            rows.append(row)
            connection.execute(SQL["told_cordon"], {"number": number})
        lists.end_entries(connection)
        inbox.put(connection, [waiting(row["number"], row["site"], active=False) for row in rows])
        for row in rows:
            what = "cordon lapsed unconfirmed" if row["lapsed"] else "cordon ended"
            said = f"started by {row['drawn_by']}" + (f"; {row['why']}" if row["why"] else "")
            audit.record(connection, CENTRE, what, f"cordon {row['number']}", said)
    return len(rows)


def forget_hits(connection: Connection, pictures: PictureStore, publishing: Publishing) -> int:
    """Delete hits of cordons that lapsed, with alerts and pictures; returns how many. Boxes may bring some days later.

    Args:
        connection: in autocommit mode.
    """
    lapsed = {row["number"]: row["drawn_at"] for row in connection.execute(SQL["lapsed_since"]).fetchall()}
    rows = list[dict[str, Any]]()
    if lapsed:
        asked = {"since": min(lapsed.values()) - _CLOCKS_DIFFER}
        rows = [row for row in connection.execute(SQL["hits_since"], asked).fetchall() if _list_of(row) in lapsed]
    hits = {
        name: arrays.of_ints(row[column] for row in rows)
        for name, column in (("producers", "producer_id"), ("lanes", "lane"), ("seqs", "seq"))
    }
    with connection.transaction():  # their numbers stay known, whatever becomes of the rest
        connection.execute(SQL["note_forgotten"], hits)
        connection.execute(SQL["forget_forgotten"])
    digests = [bytes(row["sha256"]) for row in connection.execute(SQL["pictures_of_forgotten"]).fetchall()]
    if digests:
        forget_pictures(connection, pictures, digests)
    with connection.transaction():
        _forget_alerts(connection, list(lapsed), publishing)
        connection.execute(SQL["forget_members"])
        if rows:
            ats = [row["event_at"] for row in rows]
            those = {"ats": arrays.of_plain(at.isoformat() for at in ats), "first": min(ats), "last": max(ats)}
            connection.execute(SQL["forget_hits"], {**hits, **those})
            log.info("%d hits of cordons that nobody confirmed are forgotten", len(rows))
    return len(rows)


def _forget_alerts(connection: Connection, numbers: Sequence[int], publishing: Publishing) -> None:
    """Close those of some lists on every page that shows them, and delete them."""
    found = connection.execute(SQL["alerts_of_lists"], {"lists": arrays.of_ints(numbers)}).fetchall()
    if not found:
        return
    those = {"alerts": arrays.of_ints(row["id"] for row in found)}
    feed_log.lock(connection)
    closed = connection.execute(SQL["close_alerts"], those).fetchall()
    alerts.publish(connection, {row["id"]: "cleared" for row in closed}, publishing)
    connection.execute(SQL["forget_alerts"], those)


def _list_of(row: dict[str, Any]) -> int:
    try:
        event = decode_event(bytes(row["body"]))
    except WireError:
        return 0
    return event.list_number if isinstance(event, ListHit) else 0


def turns(work: "JobContext") -> "Turn":
    """The job."""
    if work.settings.trust is None:
        return lambda _connection: None
    pictures = work.settings.open_pictures()
    publishing = Publishing(work.settings.webhooks)

    looked_s = -_LOOKS_EVERY_S

    def turn(connection: Connection) -> None:
        nonlocal looked_s
        now_s = time.monotonic()
        if end_cordons(connection) or now_s - looked_s >= _LOOKS_EVERY_S:
            forget_hits(connection, pictures, publishing)
            looked_s = now_s

    return turn
