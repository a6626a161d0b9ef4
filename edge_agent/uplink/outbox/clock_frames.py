"""Whose clock an event's time is of. A box may boot in 1970 and learn the time an hour later: ages must survive that.

A frame is a run of numbers that were stamped by one setting of the wall clock. When the clock is stepped, everything
stamped before it in the same boot is known to be off by that step; a frame keeps the sum. What a batch says of its
sending (`sent_at`) is told in its own frame, so that the difference to an event's time is its true age.
"""

import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path

from edge_agent.uplink.outbox.store import OutboxFile, set_counter
from shared.clock import Clock, to_ms
from shared.events import Lane

_STEP_MS = 1000
"""A wall clock that moves this much against the monotonic one was set, not slewed."""
_READING_S = 0.1
_KEPT = 64
_OFFSET = "clock_offset_ms"


@dataclass(slots=True)
class _Frame:
    first: int
    shift_ms: int
    boot: str


class ClockFrames:
    """The frames of an outbox. Guarded by the outbox's lock.

    Args:
        file: the outbox's.
        clock: wall and monotonic time.
        boot: tells this boot of the machine from others.
        following: the next number of each lane.
    """

    def __init__(self, file: OutboxFile, clock: Clock, boot: str, following: dict[Lane, int]) -> None:
        self._clock, self._boot = clock, boot
        self._frames: dict[Lane, list[_Frame]] = {lane: [] for lane in Lane}
        for lane, first, shift_ms, of_boot in file.frames():
            self._frames[lane].append(_Frame(first, shift_ms, of_boot))
        known = file.counter(_OFFSET)
        same_boot = any(frames and frames[-1].boot == boot for frames in self._frames.values())
        self._offset_ms = known if known is not None and same_boot else self._now_offset_ms()
        self.dirty = not same_boot
        for lane, frames in self._frames.items():
            if not frames or frames[-1].boot != boot:
                if frames and frames[-1].first == following[lane]:
                    frames.pop()  # nothing was stamped in the boot before
                frames.append(_Frame(following[lane], 0, boot))
                self.dirty = True
        self.look(following)

    def look(self, following: dict[Lane, int]) -> None:
        """See whether the clock was set since the last look; `following` are the next numbers of the lanes."""
        step_ms = self._now_offset_ms() - self._offset_ms
        if abs(step_ms) < _STEP_MS:
            return
        self._offset_ms += step_ms
        self.dirty = True
        for lane, frames in self._frames.items():
            for frame in frames:
                if frame.boot == self._boot:
                    frame.shift_ms += step_ms
            if frames and frames[-1].first == following[lane]:
                frames[-1].shift_ms = 0  # nothing was stamped before the clock was set
            else:
                frames.append(_Frame(following[lane], 0, self._boot))
            del frames[:-_KEPT]

    def sent_at_ms(self, lane: Lane, sequence: int) -> int:
        """Now, as the clock that stamped a number would tell it."""
        return to_ms(self._clock.now_s()) - self._of(lane, sequence).shift_ms

    def end(self, lane: Lane, first: int, last: int) -> int:
        """The last number, `last` at most, that lies in the same frame as `first`."""
        later = [frame.first for frame in self._frames[lane] if frame.first > first]
        return min(last, later[0] - 1) if later else last

    def save(self, db: sqlite3.Connection, low: dict[Lane, int]) -> None:
        """Write them within a change; those of numbers that are gone are left out."""
        for lane, frames in self._frames.items():
            while len(frames) > 1 and frames[1].first <= low[lane]:
                del frames[0]
        db.execute("DELETE FROM frames")
        db.executemany(
            "INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?)",
            [(lane, each.first, each.shift_ms, each.boot) for lane, frames in self._frames.items() for each in frames],
        )
        set_counter(db, _OFFSET, self._offset_ms)

    def _of(self, lane: Lane, sequence: int) -> _Frame:
        frames = self._frames[lane]
        return next((frame for frame in reversed(frames) if frame.first <= sequence), frames[0])

    def _now_offset_ms(self) -> int:
        # A thread that is put to sleep between the two readings must not take that for a step.
        for _ in range(5):
            before_s = self._clock.monotonic_s()
            offset_s = self._clock.now_s() - before_s
            if self._clock.monotonic_s() - before_s < _READING_S:
                break
        return to_ms(offset_s)


def boot_id() -> str:
    """What tells this boot of the machine from others; where it cannot be known, every start counts as a boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return uuid.uuid4().hex
