"""One simulated box: the real link and the real protocol; cameras and card may be left out."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_agent.uplink.link import Link
from edge_agent.uplink.outbox import Outbox
from provisioning.lab.boxes.ledger import Entry, MemoryLedger, entries, keep
from provisioning.lab.boxes.memory import MemoryOutbox
from shared.clock import Clock, SystemClock, to_ms
from shared.envelope import Acknowledgement
from shared.events import (
    ConfigApplied,
    Direction,
    Event,
    Health,
    Lane,
    LineCrossed,
    LineSpec,
)
from shared.mqtt import Loop
from shared.topics import Address

CAMERAS = ("gate", "fence")
LINES = tuple(
    LineSpec(number // 2, f"line {number}", ((0.0, 0.5), (1.0, 0.5)), "both", 1 + number % 3)
    for number in range(2 * len(CAMERAS))
)
HEALTH_S = 30.0
_MAX_BYTES = 2**31
"""The ledger lies in the same file and grows without end."""
_EACH_S = 5.0
"""Between two events of a backlog."""


class SettableClock(SystemClock):
    """The machine's clock, set wrong by so many seconds."""

    def __init__(self) -> None:
        self.off_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.off_s


class _SimulatedLink(Link):
    """The agent's link on a network that brings some batches twice."""

    twice = 0.0
    rng = random.Random()

    def send(self, topic: str, payload: bytes) -> int | None:
        if self.twice and self.rng.random() < self.twice:
            super().send(topic, payload)
        return super().send(topic, payload)


class Box:
    """A box. Not for several threads; only `stirred` is called from others.

    Args:
        address: its name.
        broker: host and port.
        loop: serves its connection, where its outbox is in memory; else that has a thread, as in the agent.
        rng: consumed.
        stirred: called when there is something to send, from any thread.
        delays_s: gets, of every alarm, the time from the moment it was meant for to the word that it is stored.
        folder: where its outbox is kept; None keeps it in memory.
        twice: part of the batches that are sent twice.
    """

    def __init__(
        self,
        address: Address,
        broker: tuple[str, int],
        loop: Loop,
        rng: random.Random,
        stirred: Callable[["Box"], None],
        delays_s: list[float],
        *,
        folder: Path | None = None,
        twice: float = 0.0,
    ) -> None:
        self.address, self.rng, self.clock = address, rng, SettableClock()
        self._broker, self._loop, self._stirred, self._twice = broker, loop, stirred, twice
        self._path = folder / address.agent / "outbox.db" if folder else None
        self._ledger = MemoryLedger()
        self._memory = MemoryOutbox(SystemClock(), self._ledger.note)
        self._steady: Clock = SystemClock()
        self._started_s = self._steady.monotonic_s()
        self._track = 0
        self._due = dict[int, float]()
        """Alarms that are not stored yet: number and the moment they were meant for."""
        self._delays_s = delays_s
        self.is_running = False
        if self._path:
            keep(self._path)

    def start(self) -> None:
        """Open the outbox and connect."""
        self._outbox: Outbox | MemoryOutbox = self._memory
        if self._path:
            self._outbox = Outbox(self._path, self.clock, max_bytes=_MAX_BYTES)
        outbox = self._outbox
        self.link = _SimulatedLink(
            self.address,
            self._broker,
            outbox,
            self.clock,
            self.rng,
            version="simulated",
            health_interval_s=HEALTH_S,
            # On disk everything is as in the agent, its connection too; latencies are of boxes in memory only.
            on_acknowledged=None if self._path else self._note_stored,
            on_change=lambda: self._stirred(self),
            loop=None if self._path else self._loop,
        )
        self.link.twice, self.link.rng = self._twice, self.rng
        if isinstance(outbox, Outbox):
            outbox.on_ready = lambda: self._stirred(self)
            self._revision, self._run = outbox.apply_config(CAMERAS, LINES), outbox.new_run()
        else:
            self._revision, self._run = 1, outbox.session
            if not outbox.high(Lane.ALARM):
                self._number(Lane.ALARM, ConfigApplied(to_ms(self.clock.now_s()), 1, CAMERAS, LINES))
        self.link.start()
        self.is_running = True

    def stop(self) -> None:
        """Leave the broker in order and close the outbox."""
        self.is_running = False
        self.link.stop()
        if isinstance(self._outbox, Outbox):
            self._outbox.close()
        else:
            self._outbox.session += 1

    def set_clock(self, off_s: float) -> None:
        """Set the wall clock wrong by so much. An outbox in memory knows no frames of clocks, so its box keeps time."""
        if self._path:
            self.clock.off_s = off_s

    def see(self, lane: Lane, meant_s: float) -> None:
        """A walker crosses a line.

        Args:
            lane: the alarm one for a line that is armed.
            meant_s: monotonic time at which it was to happen.
        """
        late_s = self._steady.monotonic_s() - meant_s
        sequence = self._number(lane, self._crossing(lane, to_ms(self.clock.now_s() - late_s)))
        if lane is Lane.ALARM and not self._path:
            self._due[sequence] = meant_s
            while len(self._due) > 100_000:
                del self._due[next(iter(self._due))]
        self._stirred(self)

    def see_backlog(self, count: int) -> None:
        """So many counts that were made while there was no network, one every few seconds."""
        now_s = self.clock.now_s()
        for index in range(count):
            self._number(Lane.BULK, self._crossing(Lane.BULK, to_ms(now_s - _EACH_S * (count - index))))
        self._stirred(self)

    def beat(self) -> None:
        """Say that it lives."""
        waiting = self._outbox.waiting()
        health = Health(
            at_ms=to_ms(self.clock.now_s()),
            session=self._outbox.session,
            epoch=self._outbox.epoch,
            uptime_s=round(self._steady.monotonic_s() - self._started_s, 1),
            waiting_alarm=waiting[Lane.ALARM],
            waiting_bulk=waiting[Lane.BULK],
        )
        self.link.beat(health)

    def waiting(self) -> int:
        """Events that are not stored yet."""
        return sum(self._outbox.waiting().values())

    def ledger(self) -> Iterator[Entry]:
        """What was numbered; of a stopped box."""
        return entries(self._path) if self._path else self._ledger.entries(self._memory.epoch)

    def _number(self, lane: Lane, event: Event) -> int:
        return self._outbox.append(lane, event)

    def _crossing(self, lane: Lane, at_ms: int) -> LineCrossed:
        self._track += self.rng.random() < 0.6  # some cross two lines on their way
        line = self.rng.randrange(len(LINES))
        priority = LINES[line].priority if lane is Lane.ALARM else 0
        direction = self.rng.choice((Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT))
        return LineCrossed(at_ms, self._revision, line, direction, self._run, self._track, priority, 0)

    def _note_stored(self, ack: Acknowledgement) -> None:
        if ack.lane is not Lane.ALARM:
            return
        now_s = self._steady.monotonic_s()
        done = list[int]()
        for sequence in self._due:
            if sequence > ack.contiguous:
                break
            done.append(sequence)
        done += [seq for first, last in ack.ranges for seq in range(first, last + 1) if seq in self._due]
        for sequence in done:
            self._delays_s.append(now_s - self._due.pop(sequence))
