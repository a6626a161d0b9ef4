"""Ends cordons that nobody confirmed, writes down that one is over, and forgets the hits of those that lapsed."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aggregator.alerting import alerts, inbox
from aggregator.alerting.alerts import Publishing
from aggregator.domains.evidence.forgetting import forget_pictures
from aggregator.domains.lists import lists
from aggregator.domains.lists.cordons import mark_of, waiting
from aggregator.domains.lists.lists import SQL
from aggregator.feed import log as feed_log
from aggregator.people.sealing import Sealer
from aggregator.store import arrays, audit
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from shared.envelope import decode_event
from shared.errors import WireError
from shared.events import ListHit, number_of

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn

log = logging.getLogger(__name__)
_CLOCKS_DIFFER = timedelta(days=1)
CENTRE = audit.Actor("centre", "")


def end_cordons(connection: Connection, sealer: Sealer) -> int:
    """Write down which cordons are over; those that nobody confirmed lapse, and their plate is barred for a day.

    Args:
        connection: in autocommit mode.

    Returns:
        How many.
    """
    with connection.transaction():
        rows = connection.execute(SQL["untold_cordons"]).fetchall()
        for row in rows:
            number = row["number"]
            if row["lapsed"]:
                for entry in connection.execute(SQL["entries"], {"number": number}).fetchall():
                    text = lists.plate_of(sealer, number, entry["entry"], bytes(entry["sealed"]))
                    connection.execute(SQL["bar"], {"mark": mark_of(sealer, text)})
                why = row["why"] or "nobody has confirmed it"
                connection.execute(SQL["lapse"], {"number": number, "why": why})
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
    if not lapsed:
        return 0
    asked = {"kind": number_of(ListHit), "since": min(lapsed.values()) - _CLOCKS_DIFFER}
    rows = [row for row in connection.execute(SQL["hits_since"], asked).fetchall() if _list_of(row) in lapsed]
    if not rows:
        return 0
    hits = {
        name: arrays.of_ints(row[column] for row in rows)
        for name, column in (("producers", "producer_id"), ("lanes", "lane"), ("seqs", "seq"))
    }
    with connection.transaction():
        _forget_alerts(connection, hits, publishing)
        digests = [bytes(row["sha256"]) for row in connection.execute(SQL["pictures_of_hits"], hits)]
        ats = arrays.of_plain(row["event_at"].isoformat() for row in rows)
        connection.execute(SQL["forget_hits"], {**hits, "ats": ats})
    forget_pictures(connection, pictures, digests)
    log.info("%d hits of cordons that nobody confirmed are forgotten", len(rows))
    return len(rows)


def _forget_alerts(connection: Connection, hits: dict[str, str], publishing: Publishing) -> None:
    """Close them on every page that shows them, and delete them."""
    numbers: Sequence[int] = [row["alert_id"] for row in connection.execute(SQL["alerts_of_hits"], hits)]
    if numbers:
        feed_log.lock(connection)
        closed = connection.execute(SQL["close_alerts"], {"alerts": arrays.of_ints(numbers)}).fetchall()
        alerts.publish(connection, {row["id"]: "cleared" for row in closed}, publishing)
        connection.execute(SQL["forget_alerts"], {"alerts": arrays.of_ints(numbers)})


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
    sealer, pictures = Sealer(work.settings.data_dir), work.settings.open_pictures()
    publishing = Publishing(work.settings.webhooks)

    def turn(connection: Connection) -> None:
        end_cordons(connection, sealer)
        forget_hits(connection, pictures, publishing)

    return turn
