"""Passages of vehicles: counted for good, their rows forgotten after three days."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.domains.lines.crossings import Count, write_counts
from aggregator.ingest.event_time import quarter
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.clock import QUARTER_S
from shared.events import Lane, ListHit, VehicleClass, VehiclePassed, number_of
from shared.objects import ObjectClass
from shared.topics import Address

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn

SQL = load_queries(__package__)
KEPT = timedelta(hours=72)
"""Promised (docs/plates.md), so no setting."""
_COMPRESSED_AFTER = timedelta(days=4)
_OBJECTS = {
    VehicleClass.CAR: ObjectClass.CAR,
    VehicleClass.VAN: ObjectClass.VAN,
    VehicleClass.LORRY: ObjectClass.LORRY,
    VehicleClass.BUS: ObjectClass.BUS,
    VehicleClass.MOTORCYCLE: ObjectClass.TWO_WHEELER,
}


class Passages:
    """Of one transaction: by lane, class, direction and quarter-hour, and how many were read, by the hour."""

    def __init__(self) -> None:
        self._counts = Counter[Count]()
        self._hours: dict[tuple[int, int, int, int], list[int]] = {}

    def take(
        self, event: VehiclePassed | ListHit, producer: int, _lane: Lane, event_at: datetime, _address: Address
    ) -> None:
        of_quarter = int(event_at.timestamp()) // QUARTER_S
        vehicle, read = (event.vehicle, event.read) if isinstance(event, VehiclePassed) else (None, True)
        seen_as = int(_OBJECTS.get(vehicle, ObjectClass.VEHICLE)) if vehicle else int(ObjectClass.VEHICLE)
        self._counts[producer, event.revision, event.line, seen_as, int(event.direction), of_quarter] += 1
        hour = self._hours.setdefault((producer, event.revision, event.line, of_quarter // 4), [0, 0])
        hour[0] += 1
        hour[1] += not read

    def write(self, connection: Connection, _counters: Counter[tuple[str, str]]) -> None:
        write_counts(connection, self._counts)
        producers, revisions, lines, hours = zip(*self._hours, strict=True)
        passed, unread = zip(*self._hours.values(), strict=True)
        connection.execute(
            SQL["add_lane_hours"],
            {
                "producer_ids": arrays.of_ints(producers),
                "revisions": arrays.of_ints(revisions),
                "lines": arrays.of_ints(lines),
                "hours": arrays.of_plain(quarter(4 * number).isoformat() for number in hours),
                "passed": arrays.of_ints(passed),
                "unread": arrays.of_ints(unread),
            },
        )


def forget(connection: Connection, now: datetime) -> int:
    """Delete rows of passages that have grown too old; returns how many.

    No guard over the clock keeps it from that, as it does elsewhere: what was promised to be forgotten is, and what a
    clock that is ahead would take too soon nobody is to look for. What a box brings later than that leaves no row, so
    only days that are not compressed yet have any.

    Args:
        connection: in autocommit mode.
        now: by our clock.
    """
    after = now.replace(hour=0, minute=0, second=0, microsecond=0) - _COMPRESSED_AFTER
    asked = {"kind": number_of(VehiclePassed), "before": now - KEPT, "after": after}
    return connection.execute(SQL["forget_passages"], asked).rowcount


def forgetting(_work: "JobContext") -> "Turn":
    """The job."""

    def turn(connection: Connection) -> None:
        forget(connection, datetime.now(UTC))

    return turn


def since_hours(now: datetime, hours: int) -> datetime:
    """So many whole hours before."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
