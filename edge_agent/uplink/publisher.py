"""Brings the outbox to the aggregator: alarms at once, bulk in small batches, again until acknowledged.

No broker's word is taken for storage: a batch leaves the window only when the aggregator has committed it.
"""

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from edge_agent.uplink.outbox.storage_health import CardError
from shared.clock import Clock
from shared.envelope import VERSION, Acknowledgement, Header, encode_batch, split_contiguous
from shared.events import Lane
from shared.topics import Address, Channel

log = logging.getLogger(__name__)

_CHANNEL: Final = {Lane.ALARM: Channel.ALARM, Lane.BULK: Channel.BULK}
_WINDOW: Final = {Lane.ALARM: 64, Lane.BULK: 8}
"""Batches without the aggregator's acknowledgement."""
_UNDELIVERED: Final = {Lane.ALARM: 64, Lane.BULK: 2}
"""Batches without PUBACK: paho is first-in first-out over all topics, so bulk must not fill it before an alarm."""
_MAX_BYTES: Final = 4096
_MAX_ROWS: Final = 200
_FIRST_WAIT_S: Final = {Lane.ALARM: 2.0, Lane.BULK: 5.0}
_LAST_WAIT_S: Final = 60.0
_PASSED_OVER_S: Final = 1.5
"""A batch goes a second time this soon after later numbers are acknowledged; it may only be late."""
_STALE: Final = 3
_GIVE_UP_S: Final = 3600.0
"""A single event is tried for at least this long before it is put aside."""
_STRIKES: Final = 5
"""Sends of one batch that went unanswered while the aggregator took later ones: then the batch itself is at fault."""

Send = Callable[[str, bytes], int | None]
"""Publishes at QoS 1; returns the packet id, or None when there is no connection."""


class EventQueue(Protocol):
    """What is used of an outbox. Its methods say more in `edge_agent.uplink.outbox.Outbox`."""

    epoch: int

    def next_batch(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> tuple[int, list[bytes]] | None: ...
    def waiting_between(self, lane: Lane, first: int, last: int) -> list[tuple[int, bytes]]: ...
    def sent_at_ms(self, lane: Lane, first: int, last: int) -> int | None: ...
    def low(self, lane: Lane) -> int: ...
    def high(self, lane: Lane) -> int: ...
    def acknowledge(self, lane: Lane, contiguous: int, ranges: tuple[tuple[int, int], ...]) -> None: ...
    def quarantine(self, lane: Lane, sequence: int) -> None: ...


@dataclass(slots=True)
class _Batch:
    first: int
    last: int
    due_s: float
    attempts: int
    packet: int | None
    order: int
    """Counts sends: what was sent later has a higher one."""
    begun_s: float
    """When it was sent for the first time."""
    passed: bool = False
    """Whether something that was sent later is stored already."""
    strikes: int = 0


@dataclass(frozen=True, slots=True)
class _Again:
    """What a batch that is sent anew brings along."""

    attempts: int
    strikes: int
    begun_s: float


class Publisher:
    """Decides what to send when. Give it a `send`, tell it what comes back, call `run` on a thread of its own."""

    def __init__(self, outbox: EventQueue, address: Address, send: Send, clock: Clock, rng: random.Random) -> None:
        self._outbox, self._address, self._send, self._clock, self._rng = outbox, address, send, clock, rng
        self._wake = threading.Condition()
        self._stirred = False
        self._stopping = False
        self._listening = False
        self._after = dict.fromkeys(Lane, 0)
        self._flying: dict[Lane, list[_Batch]] = {lane: [] for lane in Lane}
        self._credit = dict(_WINDOW)
        self._order = 0
        self._early = set[int]()
        """Packets that the broker had before we knew their number."""
        self.copy_detected = threading.Event()
        """Set when the aggregator knows numbers that this box has never used."""

    def stir(self) -> None:
        """Something changed: look again."""
        with self._wake:
            self._stirred = True
            self._wake.notify()

    def set_listening(self, listening: bool) -> None:
        """Whether an aggregator is there and the broker connected; until then everything waits."""
        with self._wake:
            if listening and not self._listening:
                now_s = self._clock.monotonic_s()
                for batches in self._flying.values():
                    for batch in batches:
                        batch.due_s, batch.packet = now_s + self._rng.uniform(0, 1), None
                        batch.passed, batch.strikes = False, 0  # what a broken connection swallowed is no batch's fault
            self._listening = listening
            self._stirred = True
            self._wake.notify()

    def delivered(self, packet: int) -> None:
        """The broker has this packet. It only makes room in the client's queue."""
        with self._wake:
            for batches in self._flying.values():
                for batch in batches:
                    if batch.packet == packet:
                        batch.packet = None
            self._early.add(packet)
            self._stirred = True
            self._wake.notify()

    def acknowledged(self, ack: Acknowledgement) -> None:
        """The aggregator has committed: forget what it names."""
        if ack.version != VERSION or ack.epoch != self._outbox.epoch:
            return
        high = self._outbox.high(ack.lane)
        if ack.contiguous > high or any(last > high for _, last in ack.ranges):
            self.copy_detected.set()
            return
        if ack.contiguous < 0 or any(not ack.contiguous < first <= last for first, last in ack.ranges):
            log.warning("acknowledgement makes no sense and is ignored: %s", ack)
            return
        self._outbox.acknowledge(ack.lane, ack.contiguous, ack.ranges)
        with self._wake:
            # Never nothing: who may not send cannot learn that there is room again.
            self._credit[ack.lane] = max(1, min(_WINDOW[ack.lane], ack.credit))
            settled = ((1, ack.contiguous), *ack.ranges)
            kept, newest = list[_Batch](), 0
            for batch in self._flying[ack.lane]:
                if any(first <= batch.first and batch.last <= last for first, last in settled):
                    newest = max(newest, batch.order)
                else:
                    kept.append(batch)
            soon_s = self._clock.monotonic_s() + _PASSED_OVER_S * self._rng.uniform(0.8, 1.2)
            for batch in kept:
                if batch.order < newest:
                    batch.passed = True
                    if batch.attempts == 1:
                        batch.due_s = min(batch.due_s, soon_s)
            self._flying[ack.lane] = kept
            self._stirred = True
            self._wake.notify()

    def run(self) -> None:
        """Send until `stop`."""
        while True:
            with self._wake:
                if not self._stirred:
                    self._wake.wait(self._pause_s())
                if self._stopping:
                    return
            try:
                self.turn()
            except sqlite3.Error as error:
                log.error("the outbox cannot be read: %s; trying again", error)
                time.sleep(1.0)

    def turn(self) -> float:
        """Send what is to be sent now, for those who have no thread for `run`.

        Returns:
            Seconds after which the next turn is due, if nothing stirs before.

        Raises:
            sqlite3.Error: the outbox cannot be read.
        """
        with self._wake:
            self._stirred = False
        if self._listening:
            for lane in Lane:
                self._send_lane(lane)
        with self._wake:
            return 0.0 if self._stirred else self._pause_s()

    def stop(self) -> None:
        """End `run`."""
        with self._wake:
            self._stopping = True
            self._wake.notify()

    def _pause_s(self) -> float:
        due = [batch.due_s for batches in self._flying.values() for batch in batches]
        return max(0.01, min([1.0, *(moment - self._clock.monotonic_s() for moment in due)]))

    def _send_lane(self, lane: Lane) -> None:
        now_s = self._clock.monotonic_s()
        with self._wake:
            overdue = [batch for batch in self._flying[lane] if batch.due_s <= now_s]
        for batch in overdue:
            self._send_again(lane, batch)
        while self._has_room(lane):
            found = self._outbox.next_batch(lane, self._after[lane], _MAX_ROWS, _MAX_BYTES)
            if found is None:
                return
            first, rows = found
            if not self._put(lane, first, rows):
                return
            self._after[lane] = first + len(rows) - 1

    def _has_room(self, lane: Lane) -> bool:
        with self._wake:
            flying = self._flying[lane]
            undelivered = sum(1 for batch in flying if batch.packet is not None)
            # What is sent again and again must not use up the credit of all others.
            fresh = sum(batch.attempts < _STALE for batch in flying)
            return len(flying) < _WINDOW[lane] and fresh < self._credit[lane] and undelivered < _UNDELIVERED[lane]

    def _send_again(self, lane: Lane, batch: _Batch) -> None:
        """What of an overdue batch still waits goes out once more, in as many pieces as it fell into."""
        waiting = self._outbox.waiting_between(lane, batch.first, batch.last)
        log.info(
            "%s %d to %d: no acknowledgement of try %d, %d still wait",
            lane.label,
            batch.first,
            batch.last,
            batch.attempts,
            len(waiting),
        )
        with self._wake:
            self._flying[lane] = [other for other in self._flying[lane] if other is not batch]
            # The broker had it, later ones were stored, and it was not.
            strikes = batch.strikes + (batch.passed and batch.packet is None)
        runs = [part for run in split_contiguous(waiting) for part in self._by_clock(lane, run)]
        if strikes >= _STRIKES and len(runs) == 1 and len(runs[0]) == batch.last - batch.first + 1:
            strikes = 0
            if len(waiting) > 1:
                middle = len(waiting) // 2
                log.warning("%s %d to %d: never answered; sent in halves", lane.label, batch.first, batch.last)
                runs = [waiting[:middle], waiting[middle:]]
            elif self._clock.monotonic_s() - batch.begun_s >= _GIVE_UP_S and self._put_aside(lane, batch):
                return
        for run in runs:
            again = _Again(batch.attempts + 1, strikes, batch.begun_s)
            if not self._put(lane, run[0][0], [row for _, row in run], again):
                with self._wake:
                    due_s = self._clock.monotonic_s() + 1
                    self._flying[lane].append(
                        _Batch(run[0][0], run[-1][0], due_s, batch.attempts, None, 0, batch.begun_s, strikes=strikes)
                    )

    def _put_aside(self, lane: Lane, batch: _Batch) -> bool:
        """Give up a single event; false where the card refuses that: then it is sent on."""
        try:
            self._outbox.quarantine(lane, batch.first)
        except (sqlite3.Error, CardError) as error:
            log.error("%s %d is never answered and cannot be put aside: %s", lane.label, batch.first, error)
            return False
        return True

    def _by_clock(self, lane: Lane, run: list[tuple[int, bytes]]) -> list[list[tuple[int, bytes]]]:
        """Cut a run where the clock was set: one batch has one time of sending."""
        if not run or self._outbox.sent_at_ms(lane, run[0][0], run[-1][0]) is not None:
            return [run] if run else []
        middle = len(run) // 2
        return [*self._by_clock(lane, run[:middle]), *self._by_clock(lane, run[middle:])]

    def _put(self, lane: Lane, first: int, rows: list[bytes], again: "_Again | None" = None) -> bool:
        sent_at_ms = self._outbox.sent_at_ms(lane, first, first + len(rows) - 1)
        if sent_at_ms is None:
            return False
        header = Header(lane, self._outbox.epoch, first, len(rows), self._outbox.low(lane), sent_at_ms)
        payload = encode_batch(header, rows)
        now_s = self._clock.monotonic_s()
        again = again or _Again(1, 0, now_s)
        wait_s = min(_LAST_WAIT_S, _FIRST_WAIT_S[lane] * 2 ** (again.attempts - 1)) * self._rng.uniform(0.8, 1.2)
        # In the window before it is on the way: the acknowledgement may be faster than we are.
        with self._wake:
            self._order += 1
            self._early.clear()
            last, due_s = first + len(rows) - 1, now_s + wait_s
            flying = _Batch(first, last, due_s, again.attempts, -1, self._order, again.begun_s, strikes=again.strikes)
            self._flying[lane].append(flying)
        packet = self._send(self._address.topic(_CHANNEL[lane]), payload)
        with self._wake:
            if packet is None:
                self._flying[lane] = [other for other in self._flying[lane] if other is not flying]
                return False
            flying.packet = None if packet in self._early else packet
        return True
