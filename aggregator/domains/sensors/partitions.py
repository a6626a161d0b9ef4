"""Partitions: what boxes tell of them, and what is wanted of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from aggregator.ingest.heartbeat_parsing import unnulled
from aggregator.signals.declarations import Judge
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared import desired
from shared.desired import BypassOrder, BypassWay, PartitionDeed, PartitionOrder
from shared.events import LONGEST_NAME, Lane, PartitionChanged, PartitionState
from shared.topics import Address

SQL = load_queries(__package__)
LONGEST_BYPASS = timedelta(days=31)
"""None lasts longer, whatever it waits for: what is broken is repaired or taken out."""


def judged(occurrence: Occurrence, address: Address) -> Signal:
    """Whether a partition is armed that should be."""
    event = occurrence.event
    assert isinstance(event, PartitionChanged)  # noqa: S101 - the judge of no others
    why = {"why": unnulled(event.detail), "by": unnulled(event.by)}
    return Signal(
        subject=Subject("partition", address.site, address.agent, "", unnulled(event.partition)),
        condition="partition_not_armed",
        active=event.not_armed,
        at=occurrence.event_at,
        origin=occurrence.member,
        detail=why if event.not_armed else {},
    )


def _say(_connection: Connection, occurrences: Sequence[Occurrence], boxes: Mapping[int, Address]) -> Iterator[Signal]:
    for occurrence in occurrences:
        yield judged(occurrence, boxes[occurrence.producer_id])


_WANTED = {
    PartitionState.ARMED_HOME.value: "home",
    PartitionState.ARMED_AWAY.value: "away",
    PartitionState.ARMED_NIGHT.value: "night",
}

JUDGE = Judge((PartitionChanged,), lambda _: True, _say)


class States:
    """The newest state of each partition, by site, agent and name."""

    def __init__(self) -> None:
        self._newest = dict[tuple[str, str, str], tuple[datetime, PartitionChanged]]()

    def take(self, event: PartitionChanged, _producer: int, _lane: Lane, event_at: datetime, address: Address) -> None:
        partition = address.site, address.agent, unnulled(event.partition)
        if partition not in self._newest or self._newest[partition][0] <= event_at:
            self._newest[partition] = event_at, event

    def write(self, connection: Connection, _counters: Counter[tuple[str, str]]) -> None:
        told = sorted(self._newest.items(), key=lambda each: each[0])
        events = [event for _, (_, event) in told]
        connection.execute(
            SQL["note_partitions"],
            {
                "sites": [site for (site, _, _), _ in told],
                "agents": [agent for (_, agent, _), _ in told],
                "partitions": [name for (_, _, name), _ in told],
                "states": [event.state.label for event in events],
                "by": [unnulled(event.by) for event in events],
                "hinders": [Jsonb([unnulled(name) for name in event.hinders]) for event in events],
                "details": [unnulled(event.detail) for event in events],
                "not_armed": [event.not_armed for event in events],
                "wanted": [_WANTED.get(event.wanted, "") if event.not_armed else "" for event in events],
                "answered": [event.order for event in events],
                "deeds": [event.deeds for event in events],
                "ats": [at for _, (at, _) in told],
            },
        )
        if any(event.state is PartitionState.GONE for event in events):
            connection.execute(SQL["forget_partitions"])


def wanted(connection: Connection, box: Address) -> desired.Partitions:
    """The newest order for each partition of a box, and the bypasses that hold."""
    of = {"site": box.site, "agent": box.agent}
    orders = tuple(
        PartitionOrder(
            row["number"], row["partition"], PartitionDeed(row["deed"]), row["deeds"],
            row["ordered_by"][:LONGEST_NAME], tuple(row["without"]),
        )
        for row in connection.execute(SQL["orders"], of)
    )  # fmt: skip
    bypasses = tuple(
        BypassOrder(
            row["number"], row["sensor"], BypassWay(row["way"]), row["until_ms"], row["begun_by"][:LONGEST_NAME],
            row["reason"],
        )
        for row in connection.execute(SQL["held_bypasses"], of)
    )  # fmt: skip
    return desired.Partitions(orders, bypasses)
