"""The one transaction of ingest: new numbers, their rows, the cursors, projections and alerting's inbox together.

It knows numbers, and no kind of events: what else is kept of one is its domain's (`signals.declarations`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import replace
from psycopg.rows import tuple_row

from aggregator.ingest import cursor as cursors
from aggregator.ingest import dead_letters as letters
from aggregator.ingest import gaps
from aggregator.ingest.box_quota import Bill, BoxQuota
from aggregator.ingest.checksums import Checksums
from aggregator.ingest.cursor import Cursor, Range
from aggregator.ingest.event_time import RETENTION, Receipt, TimeQuality
from aggregator.ingest.reading import Arrival, DeadLetter, Reading, ReadRow
from aggregator.signals.declarations import Judge, Place, Projection, domains
from aggregator.signals.occurrence import Occurrence
from aggregator.store import arrays, load_queries, telemetry
from aggregator.store.database import Connection
from shared.envelope import VERSION, Acknowledgement
from shared.events import Lane, LossReason
from shared.topics import Address

SQL = load_queries(__package__)
CREDIT = {Lane.ALARM: 64, Lane.BULK: 8}
"""Batches that a box may have under way while ingest keeps up."""
_ACK_RANGES = 8
_DAYS = 1000
_INBOX_EVENTS = 100
_INBOX_SHARED = 20
"""A box that sends no more than so many at once shares rows with others; rows of its own take turns with theirs."""
_LATE = timedelta(minutes=1)
"""What happened longer ago is backlog: alerting takes it after what is fresh."""
_COPY_TYPES = [
    *("timestamptz", "timestamptz", "timestamptz", "int4", "int8", "int8", "int2", "int2", "int2"),
    *("int4", "int4", "int4", "int2", "int2", "bytea"),
]
_KIND = 7
"""Where in a row its kind stands."""

Producer = tuple[Address, int]
Key = tuple[int, Lane]


@dataclass(slots=True)
class _LaneState:
    """One locked lane of a producer."""

    cursor: Cursor
    checksums: Checksums


@dataclass(slots=True)
class Outcome:
    """What a committed transaction means for others."""

    acknowledgements: dict[Address, dict[tuple[int, Lane], Acknowledgement]] = field(default_factory=dict)
    for_alerting: bool = False
    stored: int = 0
    refused: bool = False
    dead: list[DeadLetter] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    """A kind of events, and what is asked of it for every one of them."""

    name: str
    number: int
    place: Callable[[Any], Place]
    projection: Callable[[], Projection] | None
    judge: Judge | None
    kept: timedelta | None


@dataclass(slots=True)
class _Work:
    """What one transaction is going to write."""

    late_before: datetime
    asked: bool
    """A person asks for it."""
    rows: list[tuple[object, ...]] = field(default_factory=list)
    days: set[int] = field(default_factory=set)
    """Ordinals of the days (UTC) that the rows fall on."""
    counters: Counter[tuple[str, str]] = field(default_factory=Counter)
    projections: dict[str, Projection] = field(default_factory=dict)
    """By kind."""
    stored: Counter[Key] = field(default_factory=Counter)
    alarms: Counter[Key] = field(default_factory=Counter)
    """Of each lane, rows, and those of them that want an alert."""
    occurrences: list[Occurrence] = field(default_factory=list)
    receipt: Receipt | None = None
    """Of the batch before."""
    senders: list[str] = field(default_factory=list)
    """Of each of them its box."""
    lost: list[gaps.Gap] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


class Committer:
    """Writes readings through one connection. Remembers the ids of producers it has seen.

    Args:
        worker: name of its counters.
        retention: how long events are kept; what says that it is older has a wrong clock.
        quota: bounds what one box may send. None: nothing does, and alerting bounds nothing of it either; for what
            a person asks for.
    """

    def __init__(self, worker: str, retention: timedelta = RETENTION, quota: BoxQuota | None = None) -> None:
        self._worker, self._retention = worker, retention
        self._quota = quota
        self._kinds = {
            struct: _Known(kind.name, kind.number, kind.place, kind.projection, domains().judges.get(struct), kind.kept)
            for struct, kind in domains().kinds.items()
        }
        self._names = {known.number: known.name for known in self._kinds.values()}
        self._producers: dict[Producer, int] = {}
        self._days = set[int]()
        """Days that the table of events is known to have room for."""

    def commit(self, connection: Connection, reading: Reading, load: float = 0.0) -> Outcome:
        """Write everything in one transaction.

        Args:
            connection: to the database.
            reading: what arrived.
            load: how full ingest's queue is, 0 to 1: it sets the credit of the acknowledgements.

        Raises:
            psycopg.Error: nothing was written.
        """
        with Bill(self._quota) as bill:
            return self._commit(connection, reading, bill, load)

    def _commit(self, connection: Connection, reading: Reading, bill: Bill, load: float) -> Outcome:
        outcome, work = Outcome(), _Work(late_before=datetime.now(UTC) - _LATE, asked=not bill.bounded)
        found: dict[Producer, int] = {}
        with connection.transaction():
            # In one order everywhere, so that two workers that meet the same new boxes do not wait for each other.
            senders = {(arrival.address, arrival.header.epoch) for arrival in reading.arrivals}
            for unknown in sorted(senders - self._producers.keys()):
                self._know(connection, unknown, found, bill)
            ids = {**self._producers, **found} if found else self._producers
            keyed = [(ids.get((arrival.address, arrival.header.epoch)), arrival) for arrival in reading.arrivals]
            wanted = {(producer, arrival.header.lane) for producer, arrival in keyed if producer is not None}
            locked = _lock(connection, sorted(wanted))
            taken = list[tuple[Key, Arrival]]()
            for producer, arrival in keyed:
                if producer is not None and self._receive(producer, arrival, locked, work, bill):
                    taken.append(((producer, arrival.header.lane), arrival))
                else:
                    work.counters["withheld_batches", f"{arrival.address.site}/{arrival.address.agent}"] += 1
            # What was withheld is not answered: an acknowledgement says that everything before was looked at.
            state = {key: locked[key] for key, _ in taken}
            letters.keep(connection, [*reading.dead, *work.dead], bill, work.counters)
            self._write(connection, state, work)
            telemetry.exceeded(connection, bill.exceeded)
        self._producers.update(found)
        self._days = set(sorted(self._days | work.days)[-_DAYS:])
        for key, arrival in dict(taken).items():  # many of one lane are answered once
            outcome.acknowledgements.setdefault(arrival.address, {})[arrival.header.epoch, arrival.header.lane] = (
                acknowledge(arrival.header.epoch, arrival.header.lane, state[key].cursor, load)
            )
        outcome.refused = any(name in ("refused_batches", "withheld_batches") for name, _ in work.counters)
        outcome.for_alerting, outcome.stored = bool(work.occurrences), len(work.rows)
        outcome.dead = [*reading.dead, *work.dead]
        return outcome

    def store(self, connection: Connection, arrival: Arrival) -> None:
        """Store rows whose numbers are settled already: what a dead letter held.

        Raises:
            psycopg.Error: nothing was written.
        """
        work = _Work(late_before=datetime.now(UTC) - _LATE, asked=True)
        found: dict[Producer, int] = {}
        with connection.transaction():
            producer = arrival.address, arrival.header.epoch
            self._know(connection, producer, found, Bill(None))
            # First, as ingest does: or each of the two might wait for what the other has.
            _lock(connection, [({**self._producers, **found}[producer], arrival.header.lane)])
            self._store({**self._producers, **found}[producer], arrival, arrival.rows, work)
            self._write(connection, {}, work)

    def _know(self, connection: Connection, producer: Producer, found: dict[Producer, int], bill: Bill) -> None:
        """See to it that a producer and its cursors exist, where its box may have one more."""
        if producer in self._producers:
            return
        address, epoch = producer
        who = {"site": address.site, "agent": address.agent, "epoch": epoch}
        row = connection.execute(SQL["producer_id"], who).fetchone()
        if row is None:
            if not bill.takes_epoch(address):
                return
            connection.execute(SQL["add_producer"], who)
            row = connection.execute(SQL["producer_id"], who).fetchone()
        assert row is not None  # noqa: S101 - inserted a line above
        found[producer] = int(row["id"])
        for lane in Lane:
            connection.execute(SQL["add_cursor"], {"producer_id": found[producer], "lane": lane})

    def _receive(self, producer: int, arrival: Arrival, state: dict[Key, _LaneState], work: _Work, bill: Bill) -> bool:
        """Take a batch in; False where it is beyond the bounds of its box, and nothing has changed."""
        header = arrival.header
        lane = state[producer, header.lane]
        step = cursors.advance(lane.cursor, header.first, header.last, header.low)
        if step.refused:
            work.counters["refused_batches", header.lane.label] += 1
            return True
        # Nearly always all of it is new.
        whole = step.accepted == ((header.first, header.last),)
        new: Sequence[ReadRow] = arrival.rows
        if not whole:
            new = [row for row in arrival.rows if cursors.contains(step.accepted, row.sequence)]
        numbers = header.count if whole else sum(last - first + 1 for first, last in step.accepted)
        if not bill.takes(arrival, new, numbers, len(step.gap)):
            return False
        lane.cursor = step.cursor
        work.lost += [(producer, header.lane, gap, LossReason.NEVER_CAME.label) for gap in step.gap]
        for row in new:
            lane.checksums.note(row.sequence, row.crc)
        self._store(producer, arrival, new, work)
        if len(new) < len(arrival.rows):
            self._compare(producer, arrival, step.accepted, lane, work)
        if arrival.fault and step.accepted:
            stored = tuple((row.sequence, row.sequence) for row in arrival.rows)
            unread = cursors.subtract(step.accepted, stored)
            work.dead.append(replace(arrival.fault, producer_id=producer, lane=header.lane, numbers=unread))
        work.counters["duplicates", header.lane.label] += len(arrival.rows) - len(new)
        return True

    @staticmethod
    def _compare(producer: int, arrival: Arrival, accepted: tuple[Range, ...], lane: _LaneState, work: _Work) -> None:
        """Look whether what was there already was the same."""
        used_twice = [
            row.sequence
            for row in arrival.rows
            if not cursors.contains(accepted, row.sequence) and lane.checksums.contradicts(row.sequence, row.crc)
        ]
        if used_twice:
            work.dead.append(letters.conflict(arrival, producer, used_twice))

    def _store(self, producer: int, arrival: Arrival, rows: Sequence[ReadRow], work: _Work) -> None:
        # Every event goes through here, so nothing is asked or made twice.
        key = producer, arrival.header.lane
        lane, recv_at, kinds = arrival.header.lane, arrival.recv_at, self._kinds
        sender = f"{arrival.address.site}/{arrival.address.agent}"
        if work.receipt is None or work.receipt.recv_at is not recv_at:  # many come with one read of the socket
            work.receipt = Receipt(recv_at, self._retention)
        place_in_time = work.receipt.placing(arrival.header.sent_at_ms).place
        for row in rows:
            event = row.event
            known = kinds[type(event)]
            event_at, device_at, quality = place_in_time(event.at_ms)
            if known.projection:
                projection = work.projections.get(known.name)
                if projection is None:
                    projection = work.projections[known.name] = known.projection()
                projection.take(event, producer, lane, event_at, arrival.address)
            if (judge := known.judge) and judge.wants(event):
                work.occurrences.append(Occurrence(producer, lane, row.sequence, event_at, event, work.asked))
                work.senders.append(sender)
                if judge.alarms(event):
                    work.alarms[key] += 1
            if known.kept is not None and event_at < recv_at - known.kept:
                continue
            work.days.add(event_at.toordinal())
            work.rows.append(
                (
                    *(event_at, device_at, recv_at, producer, row.sequence, row.crc),
                    *(lane, known.number, quality, *known.place(event), row.row),
                )
            )
            if quality is not TimeQuality.DEVICE:
                work.counters["clock_corrected", quality.name.lower()] += 1
        work.stored[key] += len(rows)

    def _write(self, connection: Connection, state: dict[Key, _LaneState], work: _Work) -> None:
        if missing := work.days - self._days:
            connection.execute(SQL["make_days"], {"days": [date.fromordinal(day) for day in sorted(missing)]})
        if work.rows:
            with connection.cursor() as cursor, cursor.copy(SQL["copy_events"]) as copy:
                copy.set_types(_COPY_TYPES)
                for row in work.rows:
                    copy.write_row(row)
        gaps.record(connection, work.lost, work.counters)
        # In one order everywhere, so that two workers do not wait for each other.
        for _, projection in sorted(work.projections.items(), key=lambda each: each[0]):
            projection.write(connection, work.counters)
        _save(connection, state, work)
        work.counters.update({("events", self._names[kind]): rows for kind, rows in _by_kind(work.rows).items()})
        telemetry.count(connection, self._worker, work.counters)
        if work.occurrences:
            _leave(connection, work)


def _leave(connection: Connection, work: _Work) -> None:
    """Put what alerting has to hear into its inbox; what one box sent much of into rows of its own."""
    sent = Counter(work.senders)
    many = {box for box, number in sent.items() if number > _INBOX_SHARED}
    few = sent.keys() - many
    alone = next(iter(few)) if len(sent) == len(few) == 1 else None
    # What waits in rows of its own is not overtaken by what the same box sends behind it.
    if few and alone is None:
        asked = {"boxes": arrays.of_plain(few)}
        many |= {row["box"] for row in connection.execute(SQL["boxes_in_inbox"], asked)}
    rows = dict[tuple[bool, str], list[Occurrence]]()
    for occurrence, box in zip(work.occurrences, work.senders, strict=True):
        key = occurrence.event_at < work.late_before, box if box in many else ""
        rows.setdefault(key, []).append(occurrence)
    pieces = [
        (late, box, occurrences[start : start + _INBOX_EVENTS])
        for (late, box), occurrences in rows.items()
        for start in range(0, len(occurrences), _INBOX_EVENTS)
    ]
    left = {
        "lates": [late for late, _, _ in pieces],
        "bodies": arrays.of_bytes(msgspec.msgpack.encode(piece) for _, _, piece in pieces),
    }
    if alone is not None:  # a single alarm on its way to a page waits for one answer less
        connection.execute(SQL["add_inbox_of_one"], {**left, "box": alone})
    else:
        connection.execute(SQL["add_inbox"], {**left, "boxes": arrays.of_plain(box for _, box, _ in pieces)})


def acknowledge(epoch: int, lane: Lane, cursor: Cursor, load: float = 0.0) -> Acknowledgement:
    """What a box is told about its cursor.

    Args:
        load: how full ingest's queue is, 0 to 1; from a half on boxes may have less under way.
    """
    credit = max(1, round(CREDIT[lane] * min(1.0, 2 * (1 - load))))
    return Acknowledgement(VERSION, epoch, lane, cursor.contiguous, cursor.above[:_ACK_RANGES], credit)


def _by_kind(rows: Sequence[tuple[object, ...]]) -> Counter[int]:
    return Counter(map(itemgetter(_KIND), rows))


def _lock(connection: Connection, keys: Sequence[Key]) -> dict[Key, _LaneState]:
    which = {
        "producer_ids": arrays.of_ints(producer for producer, _ in keys),
        "lanes": arrays.of_ints(int(lane) for _, lane in keys),
    }
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(SQL["lock_cursors"], which).fetchall()
    return {
        (producer, Lane(lane)): _LaneState(
            Cursor(contiguous, cursors.from_text(above), cursors.from_text(missing)),
            Checksums(checked_to, partial(_checksums, connection, producer, lane)),
        )
        for producer, lane, contiguous, above, missing, checked_to in rows
    }


def _checksums(connection: Connection, producer: int, lane: int) -> bytes:
    row = connection.execute(SQL["checksums"], {"producer_id": producer, "lane": lane}).fetchone()
    return bytes(row["checksums"]) if row else b""


def _save(connection: Connection, state: dict[Key, _LaneState], work: _Work) -> None:
    for producer, lane in work.stored.keys() - state.keys():  # their numbers were settled before
        added = {"stored": work.stored[producer, lane], "alarms": work.alarms[producer, lane]}
        connection.execute(SQL["add_stored"], {"producer_id": producer, "lane": lane, **added})
    if not state:
        return
    lanes = state.values()
    places, pieces, rests = zip(*(lane.checksums.patch() for lane in lanes), strict=True)
    connection.execute(
        SQL["save_cursors"],
        {
            "producer_ids": arrays.of_ints(producer for producer, _ in state),
            "lanes": arrays.of_ints(int(lane) for _, lane in state),
            "contiguous": arrays.of_ints(lane.cursor.contiguous for lane in lanes),
            "above": arrays.of_plain(cursors.to_text(lane.cursor.above) for lane in lanes),
            "missing": arrays.of_plain(cursors.to_text(lane.cursor.missing) for lane in lanes),
            "checked_to": arrays.of_ints(lane.checksums.top for lane in lanes),
            "places": arrays.of_ints(places),
            "pieces": arrays.of_bytes(pieces),
            "rests": arrays.of_bytes(rests),
            "stored": arrays.of_ints(work.stored[key] for key in state),
            "alarms": arrays.of_ints(work.alarms[key] for key in state),
        },
    )
