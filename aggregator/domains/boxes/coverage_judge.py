"""Says which cameras were watched too little of a day: one that comes and goes is never away long enough to ring."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aggregator.alerting import inbox
from aggregator.domains.boxes.coverage_queries import SQL, CoverageQuestion, availability
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection
from aggregator.store.scope import EVERYWHERE

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
        said = _cameras(connection, "said_low", {"condition": CONDITION})
        judged = _cameras(connection, "judged_cameras", {"since": now - _DAY})
        shares = {camera: share for camera, share in _shares(connection, now).items() if camera in judged}
        low = {camera for camera, share in shares.items() if share < _LOW}
        over = {camera for camera in said if shares.get(camera, 1.0) >= _WELL}
        signals = [
            *(Signal(each, CONDITION, True, now, detail={"covered": int(shares[each] * 100)}) for each in low - said),
            *(Signal(each, CONDITION, False, now) for each in over),
        ]
        inbox.put(connection, signals)
    return len(signals)


def _shares(connection: Connection, now: datetime) -> dict[Subject, float]:
    """The part of the last day for which each camera was well. When its whole box was not, that rings by itself."""
    begin = now - _DAY
    boxes = {
        (each.site, each.agent): each.uncovered_s
        for each in availability(connection, EVERYWHERE, CoverageQuestion(begin, now))
    }
    found = dict[Subject, float]()
    for each in availability(connection, EVERYWHERE, CoverageQuestion(begin, now, cameras=True)):
        lasted_s = (each.until - each.since).total_seconds()
        if lasted_s < _LEAST.total_seconds():
            continue
        alone_s = max(0, each.uncovered_s - boxes.get((each.site, each.agent), 0))
        found[Subject("camera", each.site, each.agent, each.camera or "")] = 1 - alone_s / lasted_s
    return found


def _cameras(connection: Connection, question: str, values: Mapping[str, object]) -> set[Subject]:
    rows = connection.execute(SQL[question], values)
    return {Subject("camera", row["site"], row["agent"], row["camera"]) for row in rows}


def turns(_work: JobContext) -> Turn:
    """The job."""

    def turn(connection: Connection) -> None:
        look(connection, datetime.now(UTC))

    return turn
