"""Numbers events, writes them down, and forgets them when the aggregator has them.

Numbers come from blocks that were reserved on disk beforehand, so a number is never used twice, whatever happens.
An alarm can be published the moment it is numbered; the writer thread puts it on disk at the same time. Bulk becomes
visible to the publisher once it is durable. After an unclean end the numbers that may have been used are skipped, and
a RangeLost record says so.

A card that refuses writes holds up nothing: what has a number waits in memory and is published from there. Where the
reserved numbers run out, `append` says so, and the events go elsewhere (docs/adr/0016).
"""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.uplink.outbox.capacity import Room
from edge_agent.uplink.outbox.clock_frames import ClockFrames, boot_id
from edge_agent.uplink.outbox.lane import LaneNumbers
from edge_agent.uplink.outbox.memory import MemoryFile
from edge_agent.uplink.outbox.runs import Runs
from edge_agent.uplink.outbox.salvage import damages, mend
from edge_agent.uplink.outbox.storage_health import CardError, Refusal, is_full, is_refusal, words_of
from edge_agent.uplink.outbox.store import CardRefusesError, LaneRecord, OutboxFile, put_aside, set_counter, set_lane
from edge_agent.uplink.outbox.writer import BLOCK, Together, Writer
from shared.clock import Clock, to_ms
from shared.envelope import encode_event
from shared.errors import UnavailableError
from shared.events import ConfigApplied, Event, Lane, LineSpec, LossReason, RangeLost
from shared.ids import new_epoch

log = logging.getLogger(__name__)

_NUMBER_S = 2.0
"""So long an event waits for a number while nothing says that the card refuses."""


class Outbox:
    """The box's store of events on their way.

    Args:
        path: the SQLite file; created where absent. None keeps everything in memory, under an epoch of this life.
        max_bytes: bound on waiting rows; beyond it the oldest bulk is evicted first, alarms last.
        boot: tells this boot of the machine from others.
        on_ready: called, from any thread, when a lane has something new to publish.
        in_place_of_card: why one in memory stands for the box's own.

    Raises:
        UnavailableError: the file cannot be opened; CardRefusesError where the card takes no writes.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        *,
        max_bytes: int,
        boot: str | None = None,
        on_ready: Callable[[], None] = lambda: None,
        in_place_of_card: Refusal | None = None,
    ) -> None:
        self._in_place_of_card = in_place_of_card
        self._room = Room(path and path.with_suffix(".ballast"), max_bytes)
        self.file = self._open(path, max_bytes)
        self._clock = clock
        self.on_ready = on_ready
        try:
            used_bytes = self._take_up(boot)
        except sqlite3.Error as error:
            self.file.close()
            message = f"{self.file.path}: the outbox cannot be read or written ({error})"
            if is_refusal(error):
                raise CardRefusesError(message, words_of(error)) from None
            raise UnavailableError(message) from None
        self._room.begin(used_bytes)
        self._writer.start()

    def _take_up(self, boot: str | None) -> int:
        """Go on where the file ends, with numbers reserved; returns how many bytes wait."""
        counts, used_bytes = self.file.waiting()
        self._lanes = {lane: LaneNumbers(self.file.lane(lane)) for lane in Lane}
        for lane, count in counts.items():
            self._lanes[lane].waiting = count
        self.epoch = self.file.counter("epoch") or new_epoch()
        self.session = (self.file.counter("session") or 0) + 1
        self._runs = Runs(self.file)
        self._frames = ClockFrames(self.file, self._clock, boot or boot_id(), self._following())
        self._writer = Writer(self.file, self._clock, self._room, self._lanes, self._frames, self._ready)
        self._lock = self._writer.lock
        self._begin_even_on_a_full_disk()
        return used_bytes

    def _open(self, path: Path | None, max_bytes: int) -> OutboxFile:
        if path is None:
            return MemoryFile(max_bytes)
        try:
            return OutboxFile(path, mend=mend, max_bytes=max_bytes)
        except UnavailableError:
            if not self._room.give():
                raise
            return OutboxFile(path, mend=mend, max_bytes=max_bytes)

    def append(self, lane: Lane, event: Event, together: Together | None = None) -> int:
        """Number an event and see to it that it gets on disk.

        Args:
            lane: on which it goes.
            event: what happened.
            together: gets on disk with it, whether or not the event is acknowledged before.

        Returns:
            Its sequence in the lane. An alarm can be published from now on.

        Raises:
            CardError: there is no number for it, and the card gives no new ones; nothing was changed.
        """
        row = encode_event(event)
        with self._lock:
            numbers = self._lanes[lane]
            self._await_number(numbers)
            self._frames.look(self._following())
            sequence = numbers.take(row)
            if together:
                self._writer.add(together)
            if lane is Lane.ALARM:
                self._writer.hurry()
        if lane is Lane.ALARM:
            self.on_ready()
        return sequence

    def _await_number(self, numbers: LaneNumbers) -> None:
        """Wait until the card has reserved more numbers: for a moment only, or not at all where it refuses."""

        def is_settled() -> bool:
            return numbers.next <= numbers.reserved_to or self._writer.card.refusal is not None

        if numbers.next <= numbers.reserved_to:
            return
        self._writer.hurry()
        self._writer.durable.wait_for(is_settled, _NUMBER_S)
        if numbers.next > numbers.reserved_to:
            refusal = self._writer.card.refusal
            raise CardError(refusal.reason if refusal else "the card does not answer")

    @property
    def refusal(self) -> Refusal | None:
        """Why nothing gets on disk; None where it does."""
        with self._lock:
            return self._in_place_of_card or self._writer.card.refusal

    def pin(self, sequence: int) -> None:
        """Alarms up to this number are not given up, however full it is."""
        self._writer.pinned = sequence

    @property
    def is_disk_full(self) -> bool:
        """Whether the disk was found full, and the ballast had to make room."""
        return self._room.is_full

    def probe(self) -> Refusal | None:
        """See whether the card takes a write now; waits a few seconds at most.

        Returns:
            Why it does not.
        """
        return self._in_place_of_card or self._writer.probe()

    def next_batch(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> tuple[int, list[bytes]] | None:
        """The first rows above `after` that may be published and whose numbers follow on each other.

        Returns:
            The first sequence and the rows, or None.
        """
        with self._lock:
            numbers = self._lanes[lane]
            known = dict(numbers.recent)
            if lane is Lane.ALARM or self._writer.card.refusal:
                known |= numbers.pending
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
        return self._writer.low(lane)

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
            CardError: its bytes are kept, and it still waits.
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
        return 0 if self.file.is_volatile else damages(self.file.path)

    def new_run(self) -> int:
        """A number for a camera worker's life, so that its track ids are unlike those before."""
        return self._runs.take()

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
        if self.flush():
            try:
                self.file.change(lambda db: db.execute("INSERT INTO applied VALUES (?, ?)", (revision, content)))
            except sqlite3.Error as error:
                log.error("%s: the next start announces its configuration again: %s", self.file.path, error)
        return revision

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything numbered so far is on disk and everything acknowledged has left it."""
        return self._writer.flush(timeout_s)

    def close(self) -> None:
        """Write everything and note the exact place, so that the next start skips no number."""
        whole = self._writer.stop()
        try:
            if not whole:
                raise CardError
            self.file.change(self._note_clean_end)
        except (sqlite3.Error, CardError):
            # What could not be written is said by the next start: it finds an unclean end.
            log.error("%s: not everything could be written before the end", self.file.path)
        self.file.close()

    def _ready(self) -> None:
        self.on_ready()

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
        self._runs.reserve(db)

    def _begin_even_on_a_full_disk(self) -> None:
        try:
            self.file.change(self._begin)
        except sqlite3.Error as error:
            if not (is_full(error) and self._room.give()):
                raise
            self.file.change(self._begin)

    def _note_clean_end(self, db: sqlite3.Connection) -> None:
        for lane, numbers in self._lanes.items():
            set_lane(db, lane, LaneRecord(numbers.reserved_to, numbers.durable_to, numbers.next))
        self._runs.note_clean_end(db)
