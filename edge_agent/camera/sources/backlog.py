"""What is decoded and waits for analysis. A burst waits as a whole; what is too much is thinned evenly."""

import threading
import time
from collections import deque

from edge_agent.frames import Frame, SourceEvent

_MOST_BYTES = 64 * 1024 * 1024
_LEAST_FRAMES = 4
_PATIENCE_S = 3.0
"""Longer than a burst: when analysis has not caught up for so long, it is too slow for the stream."""
_SLOWER, _FASTER, _CALM_S = 0.7, 1.2, 10.0
"""The share of the pictures that is analysed falls at once, and rises again every so many seconds of being in time."""
_MOST_EVENTS = 16


class Backlog:
    """Frames and events between the thread that receives and the one that analyses, in their order."""

    def __init__(self) -> None:
        self._items: deque[Frame | SourceEvent] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._failure: Exception | None = None
        self._share, self._due = 1.0, 0.0
        self._idle_s = self._calm_s = time.monotonic()
        self.dropped = 0
        """Frames that analysis was too slow for."""

    def put(self, item: Frame | SourceEvent) -> None:
        """Add what comes next; never waits."""
        with self._changed:
            if isinstance(item, SourceEvent):
                self._items.append(item)
                self._forget_events()
            elif self._is_wanted():
                self._items.append(item)
                while self._frames() > max(_LEAST_FRAMES, _MOST_BYTES // (2 * item.grey.size)):
                    self._drop_one()
            self._changed.notify()

    def take(self, wait_s: float) -> Frame | SourceEvent | None:
        """What comes next; None when nothing came for so long, or after `close`.

        Raises:
            Exception: what `fail` was given, behind all that waited.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed or self._failure, wait_s)
            if self._failure and not self._items and not self._closed:
                raise self._failure
            if self._closed or not self._items:
                return None
            item = self._items.popleft()
            if not self._items:
                self._idle_s = time.monotonic()
            return item

    def fail(self, failure: Exception) -> None:
        """Nothing will come any more, and why: the thread that receives has ended."""
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def close(self) -> None:
        """Wake who waits; nothing is given out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_wanted(self) -> bool:
        """Whether the next frame is among the share that analysis can bear."""
        now_s = time.monotonic()
        if not self._items:
            self._idle_s = now_s
        if now_s - self._idle_s > _PATIENCE_S:
            self._share, self._idle_s, self._calm_s = self._share * _SLOWER, now_s, now_s
            self._thin()
        elif self._share < 1 and now_s - self._calm_s > _CALM_S:
            self._share, self._calm_s = min(1.0, self._share * _FASTER), now_s
        self._due += self._share
        if self._due < 1:
            self.dropped += 1
            return False
        self._due -= 1
        return True

    def _frames(self) -> int:
        return sum(isinstance(item, Frame) for item in self._items)

    def _thin(self) -> None:
        """Drop every second frame that waits."""
        kept, second = deque[Frame | SourceEvent](), False
        for item in self._items:
            if isinstance(item, Frame):
                second = not second
                if not second:
                    self.dropped += 1
                    continue
            kept.append(item)
        self._items = kept

    def _drop_one(self) -> None:
        """Drop the frame that leaves the smallest gap, so that what stays is spread evenly; never the newest."""
        frames = [item for item in self._items if isinstance(item, Frame)]
        gaps = [after.time_s - before.time_s for before, after in zip(frames, frames[2:], strict=False)]
        least = min(range(len(gaps)), key=gaps.__getitem__)
        self._items.remove(frames[least + 1])
        self.dropped += 1

    def _forget_events(self) -> None:
        if len(self._items) - self._frames() > _MOST_EVENTS:
            self._items.remove(next(item for item in self._items if isinstance(item, SourceEvent)))
