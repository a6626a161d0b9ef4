"""Where the box's events go in: to the outbox on its card, and while that gives no numbers, to one in memory.

The numbers of the outbox in memory belong to an epoch that ends with this process, so no card has to reserve them
(docs/adr/0016). What of it is not acknowledged is lost with the power; heartbeats say so while it is used.
"""

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from edge_agent.uplink.outbox.outbox import Outbox
from edge_agent.uplink.outbox.storage_health import CardError, Refusal
from edge_agent.uplink.outbox.writer import Together
from shared.clock import Clock, to_ms
from shared.events import ConfigApplied, Event, Lane, LineSpec

log = logging.getLogger(__name__)

MEMORY_BYTES = 8 * 2**20
"""What may wait in memory: about 80,000 crossings."""


class Numbered(NamedTuple):
    """What names an event: its number within its lane counts in its epoch only."""

    epoch: int
    sequence: int


class Intake:
    """Gives every event a number at once, whatever the card does.

    Args:
        outbox: on the card. It is not closed here.
        clock: wall and monotonic time.
        max_bytes: bound on what waits in memory; beyond it the oldest bulk is given up first, and that is reported.
        left: outboxes in memory of lives before, which are sent and get nothing new.
    """

    def __init__(
        self, outbox: Outbox, clock: Clock, max_bytes: int = MEMORY_BYTES, left: Sequence[Outbox] = ()
    ) -> None:
        self._left = tuple(left)
        self.card, self.memory = outbox, Outbox(None, clock, max_bytes=max_bytes)
        self._clock = clock
        self._config: tuple[int, tuple[str, ...], tuple[LineSpec, ...]] | None = None
        self._lock = threading.Lock()
        self._spilled = False
        """Whether the card gave no number: then both lanes go to memory, for announcements name numbers of alarms."""

    @property
    def outboxes(self) -> tuple[Outbox, ...]:
        """All that have something to send; the first is that of the box."""
        return self.card, self.memory, *self._left

    @property
    def refusal(self) -> Refusal | None:
        """Why events are kept in memory only; None while they get on the card."""
        return self.card.refusal

    def apply_config(self, cameras: tuple[str, ...], lines: tuple[LineSpec, ...]) -> int:
        """Announce a configuration when it differs from the last announced one; returns its revision."""
        revision = self.card.apply_config(cameras, lines)
        self._config = revision, cameras, lines
        return revision

    def append(self, lane: Lane, event: Event, kept: Callable[[], None] | None = None) -> Numbered:
        """Number an event; from now on it is on its way.

        Args:
            lane: on which it goes.
            event: what happened.
            kept: called, from another thread, once it is on the card; never of what is in memory only.
        """
        together = None if kept is None or self.card.file.is_volatile else Together(lambda _db: None, kept)
        self._spilled = self._spilled and self.card.refusal is not None
        if not self._spilled:
            try:
                return Numbered(self.card.epoch, self.card.append(lane, event, together))
            except CardError as error:
                self._announce(error)
                self._spilled = True
        return Numbered(self.memory.epoch, self.memory.append(lane, event))

    def waiting(self) -> dict[Lane, int]:
        """Events not yet acknowledged, by lane."""
        waiting = [outbox.waiting() for outbox in self.outboxes]
        return {lane: sum(each[lane] for each in waiting) for lane in Lane}

    def close(self, keeping: Collection[Outbox] = ()) -> None:
        """End all but these; what waits in memory is gone then, and that is said."""
        ending = [outbox for outbox in reversed(self.outboxes) if outbox not in keeping]
        lost = sum(sum(outbox.waiting().values()) for outbox in ending if outbox.file.is_volatile)
        if lost:
            log.error("%d events were in memory only, because the card had refused them, and are lost", lost)
        for outbox in ending:
            outbox.close()

    def _announce(self, error: CardError) -> None:
        """What events of memory refer to must be known under its epoch too."""
        with self._lock:
            if self._config is None:
                return
            log.error("%s, and its numbers have run out: events are kept in memory only", error)
            (revision, cameras, lines), self._config = self._config, None
            applied = ConfigApplied(to_ms(self._clock.now_s()), revision, cameras, lines)
            self.memory.pin(self.memory.append(Lane.ALARM, applied))
