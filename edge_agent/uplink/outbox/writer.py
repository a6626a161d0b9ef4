"""The thread that brings an outbox's rows on disk, in one durable transaction after the other."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.uplink.outbox.capacity import Change, Room, Victim
from edge_agent.uplink.outbox.clock_frames import ClockFrames
from edge_agent.uplink.outbox.lane import LaneNumbers
from edge_agent.uplink.outbox.storage_health import HANGS_S, Card, Refusal, is_damage, is_full
from edge_agent.uplink.outbox.store import OutboxFile, count_up
from shared.clock import Clock, to_ms
from shared.envelope import encode_event
from shared.events import Lane, LossReason, RangeLost
from shared.threads import start_vital

log = logging.getLogger(__name__)

BLOCK = 4096
"""Numbers reserved at a time: one durable write per 4,096 events, at most that many skipped by a power cut."""
_BULK_COMMIT_S = 0.2
"""A commit of one small row costs about 5 KB of write-ahead log; bulk shares one."""
_RETRY_S = 2.0
_CLOSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Together:
    """What is written in the transaction of an event, `then` what is called after its commit."""

    work: Callable[[sqlite3.Connection], object]
    then: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction is to bring on disk."""

    rows: dict[Lane, dict[int, bytes]]
    gone: dict[Lane, list[tuple[int, int]]]
    reserve: dict[Lane, int]
    dirty: bool
    together: list[Together]
    probe: bool

    @property
    def is_empty(self) -> bool:
        filled = any(self.rows.values()) or any(self.gone.values())
        return not (filled or self.reserve or self.dirty or self.together or self.probe)


class Writer:
    """Owns the thread, and the lock that guards lanes, frames and what is known of the card.

    Args:
        file: written to.
        clock: wall and monotonic time.
        room: bound on what waits.
        lanes: numbers and rows in memory.
        frames: whose clock the times are of.
        on_ready: called when a lane has something new to publish.
    """

    def __init__(
        self,
        file: OutboxFile,
        clock: Clock,
        room: Room,
        lanes: dict[Lane, LaneNumbers],
        frames: ClockFrames,
        on_ready: Callable[[], None],
    ) -> None:
        self._file, self._clock, self._room, self._lanes, self._frames = file, clock, room, lanes, frames
        self._on_ready = on_ready
        self.lock = threading.Lock()
        self._work = threading.Condition(self.lock)
        self.durable = threading.Condition(self.lock)
        """Notified after every write, also one that failed."""
        self.card = Card(clock)
        self.pinned = 0
        """Alarms up to this number are not given up, however full it is."""
        self._closing = self._urgent = self._probing = False
        self._together: list[Together] = []
        self._low = dict.fromkeys(Lane, 1)
        self._spare: list[int] = []
        """Numbers of reports whose transaction failed."""

    def start(self) -> None:
        """Begin."""
        self._thread = start_vital("outbox-writer", self._write_on)

    def hurry(self) -> None:
        """With the lock held: write at once what there is."""
        self._urgent = True
        self._work.notify()

    def add(self, together: Together) -> None:
        """With the lock held: write this with the rows that are pending."""
        self._together.append(together)

    def stop(self) -> bool:
        """Write what there is and end; tells whether all of it got on disk."""
        with self.lock:
            self._closing = True
            self._work.notify()
        self._thread.join(_CLOSE_S)
        return not self._thread.is_alive() and not any(numbers.pending for numbers in self._lanes.values())

    def low(self, lane: Lane) -> int:
        """The oldest number that can still be sent: what is below it and unknown will never come."""
        with self.lock:
            numbers = self._lanes[lane]
            bound = next(iter(numbers.pending), numbers.next)
        # In this order: a row that leaves memory in between is on disk by now.
        try:
            oldest = self._file.oldest(lane)
        except sqlite3.Error:  # too low does no harm
            return self._low[lane]
        self._low[lane] = bound if oldest is None else min(oldest, bound)
        return self._low[lane]

    def probe(self) -> Refusal | None:
        """See whether the card takes a write now; waits a few seconds at most.

        Returns:
            Why it does not.
        """
        with self.lock:
            if self.card.refusal is None:
                self._probing = self._urgent = True
                self._work.notify()
                self.durable.wait_for(lambda: not self._probing, HANGS_S + 0.1)
            return self.card.refusal

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything numbered so far is on disk and everything acknowledged has left it."""
        deadline = self._clock.monotonic_s() + timeout_s
        with self.lock:
            self._urgent = self._probing = True
            self._work.notify()
            while self._together or any(numbers.pending or numbers.gone for numbers in self._lanes.values()):
                left_s = deadline - self._clock.monotonic_s()
                if left_s <= 0 or not self._thread.is_alive():
                    return False
                self.durable.wait(left_s)
        return True

    def _write_on(self) -> None:
        while True:
            with self.lock:
                if not self._urgent and not self._closing:
                    self._work.wait(_BULK_COMMIT_S)
                self._urgent = False
                closing, batch = self._closing, self._collect()
                if not batch.is_empty:
                    self.card.begin()
            if batch.is_empty:
                if closing:
                    return
                continue
            try:
                self._commit(batch)
            except sqlite3.Error as error:
                if not self._endure(error) and closing:
                    return

    def _collect(self) -> _Batch:
        return _Batch(
            rows={lane: dict(numbers.pending) for lane, numbers in self._lanes.items()},
            gone={lane: list(numbers.gone) for lane, numbers in self._lanes.items()},
            reserve={
                lane: numbers.next - 1 + BLOCK
                for lane, numbers in self._lanes.items()
                if numbers.reserved_to - numbers.next < BLOCK // 2
            },
            dirty=self._frames.dirty,
            together=list(self._together),
            probe=self._probing or self.card.refusal is not None,
        )

    def _endure(self, error: sqlite3.Error) -> bool:
        """A write failed: make room for it, and tell whether there was some to make, or tell of it and wait."""
        if is_damage(error):
            log.critical("%s: the file is damaged; the next start saves what can be read", self._file.path)
            raise error
        if is_full(error) and self._room.give():
            log.error("%s: the disk is full; what comes now takes the place of the oldest", self._file.path)
            return True
        with self.lock:
            news = self.card.refuse(error)
            for numbers in self._lanes.values():
                numbers.join_gone()
            self._probing = False
            self.durable.notify_all()
        if news:
            log.error("%s: %s; events wait in memory", self._file.path, news.reason)
        self._on_ready()  # bulk is published from memory now
        with self.lock:
            self._work.wait_for(lambda: self._closing or self._probing, _RETRY_S)
        return False

    def _commit(self, batch: _Batch) -> None:
        """One durable transaction, then the same in memory."""
        with self.lock:
            below = min(batch.rows[Lane.ALARM], default=self._lanes[Lane.ALARM].next)
        low = {lane: self.low(lane) for lane in Lane} if batch.dirty else {}
        change = Change(self._room.used_bytes, {lane: numbers.waiting for lane, numbers in self._lanes.items()})

        def work(db: sqlite3.Connection) -> None:
            self._change_rows(db, batch, change)
            if batch.probe:
                count_up(db, "probes")
            for each in batch.together:
                each.work(db)
            if batch.dirty:
                with self.lock:
                    self._frames.dirty = False
                    self._frames.save(db, low)
            alarms = self.pinned, below
            change.evict(db, self._room.bound_bytes, alarms, self._number_of_report, self._report)

        try:
            self._file.change(work)
        except sqlite3.Error:
            with self.lock:
                self._frames.dirty = self._frames.dirty or batch.dirty
                self._spare += change.reports
            raise
        self._settle(batch, change)

    @staticmethod
    def _change_rows(db: sqlite3.Connection, batch: _Batch, change: Change) -> None:
        for lane, rows in batch.rows.items():
            change.add(db, lane, rows)
            for first, last in batch.gone[lane]:
                change.delete(db, lane, first, last)
            if rows:
                db.execute("UPDATE lanes SET durable_to = ? WHERE lane = ?", (max(rows), lane))
            if lane in batch.reserve:
                db.execute("UPDATE lanes SET reserved_to = ? WHERE lane = ?", (batch.reserve[lane], lane))

    def _settle(self, batch: _Batch, change: Change) -> None:
        """What a transaction brought on disk is so in memory, and told to those who wait for it."""
        self._room.settle(change.size)
        for each in batch.together:
            each.then()
        with self.lock:
            self._lanes[Lane.ALARM].recent.update(change.reports)
            for lane, numbers in self._lanes.items():
                evicted = [(first, last) for of, first, last in change.evicted if of is lane]
                numbers.settle(batch.rows[lane], len(batch.gone[lane]), evicted, change.waiting[lane])
                numbers.reserved_to = batch.reserve.get(lane, numbers.reserved_to)
            del self._together[: len(batch.together)]
            self._probing = self._probing and not batch.probe
            again = self.card.took()
            self.durable.notify_all()
        if again:
            log.warning("%s: the card takes writes again", self._file.path)
        for lane, first, last in change.evicted:
            log.error("outbox full: numbers %d to %d of lane %s were given up", first, last, lane.label)
        if any(batch.rows.values()):
            self._on_ready()

    def _number_of_report(self) -> int | None:
        """For a report that is written in the eviction's own transaction; the publisher is not told of it before."""
        with self.lock:
            alarm = self._lanes[Lane.ALARM]
            if self._spare:
                return self._spare.pop(0)
            if alarm.next > alarm.reserved_to:
                return None
            alarm.next += 1
            return alarm.next - 1

    def _report(self, victim: Victim) -> bytes:
        return encode_event(RangeLost(to_ms(self._clock.now_s()), *victim, LossReason.EVICTED))
