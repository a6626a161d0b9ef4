"""Numbers events, writes them down, and forgets them when the aggregator has them.

Numbers come from blocks that were reserved on disk beforehand, so a number is never used twice, whatever happens.
An alarm can be published the moment it is numbered; the writer thread puts it on disk at the same time. Bulk becomes
visible to the publisher once it is durable. After an unclean end the numbers that may have been used are skipped, and
a RangeLost record says so.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.outbox.frames import ClockFrames, boot_id
from edge_agent.outbox.lane import LaneNumbers
from edge_agent.outbox.room import Change, Room, Victim
from edge_agent.outbox.salvage import damages, mend
from edge_agent.outbox.store import (
    LaneRecord,
    OutboxFile,
    put_aside,
    set_counter,
    set_lane,
)
from shared.clock import Clock, to_ms
from shared.envelope import encode_event
from shared.errors import UnavailableError
from shared.events import ConfigApplied, Event, Lane, LineSpec, LossReason, RangeLost
from shared.ids import new_epoch
from shared.threads import start_vital

log = logging.getLogger(__name__)

BLOCK = 4096
"""Numbers reserved at a time: one durable write per 4,096 events, at most that many skipped by a power cut."""
_BULK_COMMIT_S = 0.2
"""A commit of one small row costs about 5 KB of write-ahead log; bulk shares one."""
_RETRY_S = 2.0
_CLOSE_S = 10.0


class Outbox:
    """The box's store of events on their way.

    Args:
        path: the SQLite file; created where absent.
        max_bytes: bound on waiting rows; beyond it the oldest bulk is evicted first, alarms last.
        boot: tells this boot of the machine from others.
        on_ready: called, from any thread, when a lane has something new to publish.

    Raises:
        UnavailableError: the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        max_bytes: int,
        boot: str | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._room = Room(path.with_suffix(".ballast"), max_bytes)
        self._spare: list[int] = []
        """Numbers of reports whose transaction failed."""
        try:
            self.file = OutboxFile(path, mend=mend, max_bytes=max_bytes)
        except UnavailableError:
            if not self._room.give():
                raise
            self.file = OutboxFile(path, mend=mend, max_bytes=max_bytes)
        self._clock = clock
        self.on_ready = on_ready
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._durable = threading.Condition(self._lock)
        self._closing = False
        self._urgent = False
        counts, used_bytes = self.file.waiting()
        self._lanes = {lane: LaneNumbers(self.file.lane(lane)) for lane in Lane}
        for lane, count in counts.items():
            self._lanes[lane].waiting = count
        self.epoch = self.file.counter("epoch") or new_epoch()
        self.session = (self.file.counter("session") or 0) + 1
        self._run = self.file.counter("run") or 0
        self._frames = ClockFrames(self.file, clock, boot or boot_id(), self._following())
        self._begin_even_on_a_full_disk()
        self._room.begin(used_bytes)
        self._writer = start_vital("outbox-writer", self._write_on)

    def append(self, lane: Lane, event: Event) -> int:
        """Number an event and see to it that it gets on disk.

        Returns:
            Its sequence in the lane. An alarm can be published from now on.
        """
        row = encode_event(event)
        with self._lock:
            numbers = self._lanes[lane]
            while numbers.next > numbers.reserved_to:
                self._urgent = True
                self._work.notify()
                self._durable.wait(_RETRY_S)
            self._frames.look(self._following())
            sequence = numbers.take(row)
            if lane is Lane.ALARM:
                self._urgent = True
                self._work.notify()
        if lane is Lane.ALARM:
            self.on_ready()
        return sequence

    def next_batch(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> tuple[int, list[bytes]] | None:
        """The first rows above `after` that may be published and whose numbers follow on each other.

        Returns:
            The first sequence and the rows, or None.
        """
        with self._lock:
            numbers = self._lanes[lane]
            known = {**numbers.recent, **(numbers.pending if lane is Lane.ALARM else {})}
            start = after + 1
            from_disk = start not in known and start <= numbers.durable_to
        if from_disk:
            for sequence, row in self.file.rows_after(lane, after, max_rows):
                known.setdefault(sequence, row)
            with self._lock:
                known = numbers.without_gone(known)
        found = [sequence for sequence in known if sequence > after]
        if not found:
            return None
        first = min(found)
        rows: list[bytes] = []
        size = 0
        with self._lock:
            last = self._frames.end(lane, first, first + max_rows - 1)
        while first + len(rows) in known and first + len(rows) <= last and len(rows) < max_rows:
            row = known[first + len(rows)]
            if rows and size + len(row) > max_bytes:
                break
            rows.append(row)
            size += len(row)
        return first, rows

    def sent_at_ms(self, lane: Lane, first: int, last: int) -> int | None:
        """Now, as the clock that stamped these numbers would tell it; None where two clocks stamped them."""
        with self._lock:
            self._frames.look(self._following())
            return self._frames.sent_at_ms(lane, first) if self._frames.end(lane, first, last) == last else None

    def waiting_between(self, lane: Lane, first: int, last: int) -> list[tuple[int, bytes]]:
        """Rows of a range that are still unacknowledged, ascending."""
        with self._lock:
            numbers = self._lanes[lane]
            known = {seq: row for seq, row in (numbers.pending | numbers.recent).items() if first <= seq <= last}
        if len(known) < last - first + 1:
            known |= dict(self.file.rows_between(lane, first, last))
            with self._lock:
                known = numbers.without_gone(known)
        return sorted(known.items())

    def low(self, lane: Lane) -> int:
        """The oldest number that can still be sent: what is below it and unknown will never come."""
        with self._lock:
            numbers = self._lanes[lane]
            bound = next(iter(numbers.pending), numbers.next)
        # In this order: a row that leaves memory in between is on disk by now.
        oldest = self.file.oldest(lane)
        return bound if oldest is None else min(oldest, bound)

    def acknowledge(self, lane: Lane, contiguous: int, ranges: tuple[tuple[int, int], ...]) -> None:
        """The aggregator has committed these numbers: forget them, also those still on their way to disk."""
        with self._lock:
            for first, last in ((1, contiguous), *ranges):
                if first <= last:
                    self._lanes[lane].acknowledge(first, last)

    def quarantine(self, lane: Lane, sequence: int) -> None:
        """Give up one event that the aggregator never answers to, keep its bytes aside, and report its number.

        Raises:
            sqlite3.Error: nothing was changed.
        """
        rows = self.waiting_between(lane, sequence, sequence)
        if not rows:
            return
        log.error("number %d of lane %s is never answered and is put aside", sequence, lane.label)
        now_ms = to_ms(self._clock.now_s())
        self.file.change(lambda db: put_aside(db, lane, sequence, rows[0][1], now_ms))
        # The report first: if the box ends here, the event is sent again, and at worst put aside twice.
        self.append(Lane.ALARM, RangeLost(now_ms, lane, sequence, sequence, LossReason.QUARANTINED))
        self.acknowledge(lane, 0, ((sequence, sequence),))

    def high(self, lane: Lane) -> int:
        """The highest number that was, or after an unclean end may have been, used."""
        with self._lock:
            return self._lanes[lane].next - 1

    def waiting(self) -> dict[Lane, int]:
        """Events not yet acknowledged, by lane."""
        with self._lock:
            return {lane: numbers.waiting + len(numbers.pending) for lane, numbers in self._lanes.items()}

    @property
    def damages(self) -> int:
        """How many damaged files were put aside in this folder."""
        return damages(self.file.path)

    def new_run(self) -> int:
        """A number for a camera worker's life, so that its track ids are unlike those before."""
        with self._lock:
            self._run += 1
            run = self._run
        self.file.change(lambda db: set_counter(db, "run", run))
        return run

    def apply_config(self, cameras: tuple[str, ...], lines: tuple[LineSpec, ...]) -> int:
        """Announce a configuration when it differs from the last announced one.

        Returns:
            The revision that events of this configuration carry.
        """
        content = msgspec.msgpack.encode((cameras, lines))
        known = self.file.applied()
        if known and known[1] == content:
            return known[0]
        revision = known[0] + 1 if known else 1
        # Announced first, noted after: a crash between announces twice, never not at all.
        self.append(Lane.ALARM, ConfigApplied(to_ms(self._clock.now_s()), revision, cameras, lines))
        self.flush()
        self.file.change(lambda db: db.execute("INSERT INTO applied VALUES (?, ?)", (revision, content)))
        return revision

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything numbered so far is on disk and everything acknowledged has left it."""
        deadline = self._clock.monotonic_s() + timeout_s
        with self._lock:
            self._urgent = True
            self._work.notify()
            while any(numbers.pending or numbers.gone for numbers in self._lanes.values()):
                left_s = deadline - self._clock.monotonic_s()
                if left_s <= 0 or not self._writer.is_alive():
                    return False
                self._durable.wait(left_s)
        return True

    def close(self) -> None:
        """Write everything and note the exact place, so that the next start skips no number."""
        with self._lock:
            self._closing = True
            self._work.notify()
        self._writer.join(_CLOSE_S)
        if self._writer.is_alive() or any(numbers.pending for numbers in self._lanes.values()):
            # What could not be written is said by the next start: it finds an unclean end.
            log.error("%s: not everything could be written before the end", self.file.path)
        else:
            self.file.change(self._note_clean_end)
        self.file.close()

    def _following(self) -> dict[Lane, int]:
        return {lane: numbers.next for lane, numbers in self._lanes.items()}

    def _begin(self, db: sqlite3.Connection) -> None:
        """Reserve numbers, and report those that an unclean end left in doubt: both, or after another crash neither."""
        set_counter(db, "epoch", self.epoch)
        set_counter(db, "session", self.session)
        now_ms, alarm = to_ms(self._clock.now_s()), self._lanes[Lane.ALARM]
        for lane, numbers in self._lanes.items():
            if numbers.lost:
                first, last = numbers.lost
                log.warning("unclean end: numbers %d to %d of lane %s are skipped", first, last, lane.label)
                row = encode_event(RangeLost(now_ms, lane, first, last, LossReason.RESTART))
                db.execute("INSERT INTO events VALUES (?, ?, ?)", (Lane.ALARM, alarm.next, row))
                alarm.recent[alarm.next] = row
                alarm.durable_to = alarm.next
                alarm.next += 1
                alarm.waiting += 1
        for lane, numbers in self._lanes.items():
            numbers.reserved_to = numbers.next - 1 + BLOCK
            set_lane(db, lane, LaneRecord(numbers.reserved_to, numbers.durable_to, None))

    def _begin_even_on_a_full_disk(self) -> None:
        try:
            self.file.change(self._begin)
        except sqlite3.Error as error:
            if not (_is_full(error) and self._room.give()):
                raise UnavailableError(f"{self.file.path}: the outbox cannot be written ({error})") from None
            self.file.change(self._begin)

    def _note_clean_end(self, db: sqlite3.Connection) -> None:
        for lane, numbers in self._lanes.items():
            set_lane(db, lane, LaneRecord(numbers.reserved_to, numbers.durable_to, numbers.next))

    def _write_on(self) -> None:
        while True:
            with self._lock:
                if not self._urgent and not self._closing:
                    self._work.wait(_BULK_COMMIT_S)
                self._urgent = False
                closing = self._closing
                rows = {lane: dict(numbers.pending) for lane, numbers in self._lanes.items()}
                gone = {lane: list(numbers.gone) for lane, numbers in self._lanes.items()}
                reserve = {
                    lane: numbers.next - 1 + BLOCK
                    for lane, numbers in self._lanes.items()
                    if numbers.reserved_to - numbers.next < BLOCK // 2
                }
                dirty = self._frames.dirty
            if not (any(rows.values()) or any(gone.values()) or reserve or dirty):
                if closing:
                    return
                continue
            try:
                self._commit(rows, gone, reserve)
            except sqlite3.Error as error:
                if _is_damage(error):
                    log.critical("%s: the file is damaged; the next start saves what can be read", self.file.path)
                    raise
                if _is_full(error) and self._room.give():
                    log.error("%s: the disk is full; what comes now takes the place of the oldest", self.file.path)
                    continue
                log.error("%s: cannot write (%s); events wait in memory", self.file.path, error)
                if closing:
                    return
                with self._lock:
                    self._work.wait(_RETRY_S)

    def _commit(
        self,
        rows: dict[Lane, dict[int, bytes]],
        gone: dict[Lane, list[tuple[int, int]]],
        reserve: dict[Lane, int],
    ) -> None:
        """One durable transaction, then the same in memory."""
        with self._lock:
            below = min(rows[Lane.ALARM], default=self._lanes[Lane.ALARM].next)
        dirty = self._frames.dirty
        low = {lane: self.low(lane) for lane in Lane} if dirty else {}
        change = Change(self._room.used_bytes, {lane: numbers.waiting for lane, numbers in self._lanes.items()})

        def work(db: sqlite3.Connection) -> None:
            for lane in Lane:
                change.add(db, lane, rows[lane])
                for first, last in gone[lane]:
                    change.delete(db, lane, first, last)
                if rows[lane]:
                    db.execute("UPDATE lanes SET durable_to = ? WHERE lane = ?", (max(rows[lane]), lane))
                if lane in reserve:
                    db.execute("UPDATE lanes SET reserved_to = ? WHERE lane = ?", (reserve[lane], lane))
            if dirty:
                with self._lock:
                    self._frames.dirty = False
                    self._frames.save(db, low)
            change.evict(db, self._room.bound_bytes, below, self._number_of_report, self._report)

        try:
            self.file.change(work)
        except sqlite3.Error:
            with self._lock:
                self._frames.dirty = self._frames.dirty or dirty
                self._spare += change.reports
            raise
        self._room.settle(change.size)
        with self._lock:
            self._lanes[Lane.ALARM].recent.update(change.reports)
            for lane, numbers in self._lanes.items():
                evicted = [(first, last) for of, first, last in change.evicted if of is lane]
                numbers.settle(rows[lane], len(gone[lane]), evicted, change.waiting[lane])
                numbers.reserved_to = reserve.get(lane, numbers.reserved_to)
            self._durable.notify_all()
        for lane, first, last in change.evicted:
            log.error("outbox full: numbers %d to %d of lane %s were given up", first, last, lane.label)
        if any(rows.values()):
            self.on_ready()

    def _number_of_report(self) -> int | None:
        """For a report that is written in the eviction's own transaction; nobody is told of it before."""
        with self._lock:
            alarm = self._lanes[Lane.ALARM]
            if self._spare:
                return self._spare.pop(0)
            if alarm.next > alarm.reserved_to:
                return None
            alarm.next += 1
            return alarm.next - 1

    def _report(self, victim: Victim) -> bytes:
        return encode_event(RangeLost(to_ms(self._clock.now_s()), *victim, LossReason.EVICTED))


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether it is the file itself that is no good any more."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_full(error: sqlite3.Error) -> bool:
    """Whether it was room that was missing."""
    code = getattr(error, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or "full" in str(error) or "No space" in str(error)
