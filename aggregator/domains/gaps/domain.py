"""Numbers that hold no event: a box says why."""

from collections import Counter
from datetime import datetime

from aggregator.ingest import gaps
from aggregator.signals.declarations import Domain, Kind
from aggregator.store.database import Connection
from shared.events import Lane, RangeLost
from shared.topics import Address


class Gaps:
    """Ranges that a box gave up."""

    def __init__(self) -> None:
        self._lost: list[gaps.Gap] = []

    def take(self, event: RangeLost, producer: int, _lane: Lane, _event_at: datetime, _address: Address) -> None:
        self._lost.append((producer, event.lane, (event.first, event.last), event.reason.label))

    def write(self, connection: Connection, counters: Counter[tuple[str, str]]) -> None:
        gaps.record(connection, self._lost, counters)


DOMAIN = Domain("numbers", (Kind(RangeLost, projection=Gaps, costs="gaps"),))
