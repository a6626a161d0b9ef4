"""Brings pictures from the cameras into a ring, and announces them."""

import logging
import queue
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.outbox.storage_health import CardError
from edge_agent.uplink.outbox.store import PictureRecord
from edge_agent.uplink.outbox.writer import Together
from edge_agent.uplink.pictures.ring import MemoryRing, PictureRing
from shared.events import EvidenceReady, Lane

log = logging.getLogger(__name__)

_WRITE_QUEUE = 64
_STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture as it comes from a camera, and the alarm that it belongs to; without an epoch it is the outbox's.

    Attributes:
        passing: a plate can be read in it, and it stays on the card no longer than until the centre has it.
    """

    sequence: int
    jpeg: bytes
    taken_ms: int
    epoch: int | None = None
    passing: bool = False


class PictureWriter:
    """Writes and announces pictures on a thread of its own: an alarm never waits for a picture's disk.

    A picture is entered in the transaction of its announcement, so it waits as long as that does, and is offered then.

    Args:
        ring: on the card.
        outbox: on the card.
        on_new: called, from any thread, when a picture can be offered.
        memory: a ring and an outbox for what the card does not take; None gives it up.
    """

    def __init__(
        self,
        ring: PictureRing,
        outbox: Outbox,
        on_new: Callable[[], None],
        memory: tuple[MemoryRing, Outbox] | None = None,
    ) -> None:
        self._ring, self._outbox, self._on_new, self._memory = ring, outbox, on_new, memory
        self._queue: queue.Queue[Taken | None] = queue.Queue(_WRITE_QUEUE)
        self.given_up = 0
        """Pictures of this life's alarms that neither the card nor the memory took, or that were not made."""

    def add(self, taken: Taken) -> None:
        """Hand a picture over; when the disk is hopelessly behind, the picture is given up, never its event."""
        try:
            self._queue.put_nowait(taken)
        except queue.Full:
            self._give_up(taken, "the disk is too slow")

    def miss(self) -> None:
        """Count a picture of an alarm that its camera could not make in time."""
        self.given_up += 1

    def stop(self) -> None:
        """End `run` behind what was handed over; where the disk hangs and the queue is full, it is left to itself."""
        try:
            self._queue.put(None, timeout=_STOP_S)
        except queue.Full:
            log.error("the disk hangs: the pictures of the last alarms are given up")

    def run(self) -> None:
        """Write until `stop`."""
        while (taken := self._queue.get()) is not None:
            try:
                self._write(taken)
            except (OSError, sqlite3.Error, CardError) as error:
                self._give_up(taken, str(error))
        self._outbox.flush()

    def _write(self, taken: Taken) -> None:
        in_memory = taken.epoch is not None and taken.epoch != self._outbox.epoch
        if self._memory and (in_memory or self._outbox.refusal):
            self._hold(taken, *self._memory)
            return
        try:
            digest = self._ring.put(taken.jpeg)
        except OSError as error:
            if self._memory is None:
                raise
            log.error("the card does not take the picture of alarm %d: %s", taken.sequence, error)
            self._hold(taken, *self._memory)
            return
        record = self._record(taken, digest)
        together = Together(partial(self._ring.enter, picture=record, passing=taken.passing), self._on_new)
        try:
            self._outbox.append(Lane.BULK, _announcement(record), together)
        except CardError:
            self._ring.discard(digest)
            raise
        try:
            self._ring.trim()
        except sqlite3.Error as error:
            log.error("old pictures cannot be given up: %s", error)

    def _hold(self, taken: Taken, ring: MemoryRing, outbox: Outbox) -> None:
        """Keep a picture in memory; its announcement goes under the epoch of its alarm."""
        record = self._record(taken, ring.put(taken.jpeg))
        announcing = outbox if record.epoch == outbox.epoch else self._outbox
        try:
            announcing.append(Lane.BULK, _announcement(record))
        except CardError:
            try:  # the alarm's own lane may have numbers left
                announcing.append(Lane.ALARM, _announcement(record))
            except CardError:
                ring.discard(record.sha256)
                raise
        ring.keep(record, passing=taken.passing)
        self._on_new()

    def _record(self, taken: Taken, digest: bytes) -> PictureRecord:
        epoch = self._outbox.epoch if taken.epoch is None else taken.epoch
        return PictureRecord(Lane.ALARM, taken.sequence, epoch, digest, len(taken.jpeg), taken.taken_ms)

    def _give_up(self, taken: Taken, why: str) -> None:
        self.given_up += 1
        log.error("the picture of alarm %d is given up: %s", taken.sequence, why)


def _announcement(record: PictureRecord) -> EvidenceReady:
    return EvidenceReady(record.taken_ms, record.lane, record.sequence, record.sha256, record.size)
