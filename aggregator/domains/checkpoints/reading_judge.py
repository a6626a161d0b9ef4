"""Says of which checkpoints too many plates stay unread: dirt, a lamp that is out, a camera that was turned."""

from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from aggregator.alerting import inbox
from aggregator.domains.checkpoints.passages import SQL, since_hours
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn

UNREAD = "plates_unread"
BEGINS, ENDS = 0.3, 0.2
"""Part of the vehicles. The standard asks that at most 0.1 stay unread by day, and 0.2 by night."""
_ENOUGH = 50
"""Vehicles that a verdict needs: the newest so many, whole hours, of one day at most."""
_HOURS = 24


def look(connection: Connection, now: datetime) -> int:
    """Judge what passed last; returns how many signals were given.

    A checkpoint where hardly anything drives stays as it was told.
    """
    rows = connection.execute(SQL["read_by_camera"], {"since": since_hours(now, _HOURS)}).fetchall()
    signals, seen = list[Signal](), set[tuple[str, str, str]]()
    for camera, hours in groupby(rows, itemgetter("site", "agent", "camera")):
        passed = unread = 0
        told = False
        for row in hours:
            told = row["told"]
            if passed < _ENOUGH:
                passed, unread = passed + row["passed"], unread + row["unread"]
        seen.add(camera)
        share = unread / max(1, passed)
        if passed >= _ENOUGH and (share > BEGINS) is not told and (share > BEGINS or share < ENDS):
            detail = {} if told else {"unread": unread, "passed": passed}
            signals.append(Signal(Subject("camera", *camera), UNREAD, not told, now, detail=detail))
    for row in connection.execute(SQL["told_unread"]).fetchall():
        if (camera := (row["site"], row["agent"], row["camera"])) not in seen:  # nothing passed for a day
            signals.append(Signal(Subject("camera", *camera), UNREAD, False, now))
    with connection.transaction():
        inbox.put(connection, signals)
    return len(signals)


def turns(_work: "JobContext") -> "Turn":
    """The job."""

    def turn(connection: Connection) -> None:
        look(connection, datetime.now(UTC))

    return turn
