"""Says which cameras were watched too little of a day: one that comes and goes is never away long enough to ring."""

from datetime import UTC, datetime, timedelta

from aggregator.alerting import inbox
from aggregator.domains.boxes.coverage import SQL, CoverageQuestion, availability
from aggregator.jobs.work import Turn, Work
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection

CONDITION = "coverage_low"
_DAY, _LEAST = timedelta(hours=24), timedelta(hours=6)
"""What is looked at, and how much of it must have gone by for a new camera."""
_LOW, _WELL = 0.90, 0.95
"""Covered parts: below the one it is said, from the other on it is over."""


def look(connection: Connection, now: datetime) -> int:
    """Say it, and where it is over; returns how many signals that were.

    Args:
        connection: in autocommit mode, or in a transaction.
    """
    with connection.transaction():
        covered = {
            Subject("camera", each.site, each.agent, each.camera or ""): each.share
            for each in availability(connection, CoverageQuestion(now - _DAY, now, cameras=True))
            if each.until - each.since >= _LEAST
        }
        said = {
            Subject("camera", row["site"], row["agent"], row["camera"])
            for row in connection.execute(SQL["said_low"], {"condition": CONDITION})
        }
        low = {subject for subject, share in covered.items() if share < _LOW}
        over = {subject for subject in said if covered.get(subject, 1.0) >= _WELL}
        signals = [
            *(
                Signal(each, CONDITION, True, now, detail={"covered": int(covered[each] * 100)})
                for each in sorted(low - said)
            ),
            *(Signal(each, CONDITION, False, now) for each in sorted(over)),
        ]
        inbox.put(connection, signals)
    return len(signals)


def turns(_work: Work) -> Turn:
    """The job."""

    def turn(connection: Connection) -> None:
        look(connection, datetime.now(UTC))

    return turn
