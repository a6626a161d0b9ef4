"""Pictures of what a camera's lines and zones saw: made beside the analysis, those of alarms first."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Colour, Frame, Source, Still, in_colour
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.plate.veil import PlateVeil
from shared.errors import HawklineError
from shared.threads import start_vital

log = logging.getLogger(__name__)

_WIDTH_PX = 1280
_JPEG_QUALITY = 85
_WAITING = 32
_BEHIND = 4
"""When so many wait, the large stream is not decoded for them: the analysed picture is there already."""
_NICENESS = 10
_DRAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole frame nearest to the event, as JPEG, and the time of that frame.

    What is private is painted black in it, and no plate can be read but those that hit a list.
    """

    ticket: int
    jpeg: bytes
    taken_at_s: float


@dataclass(frozen=True, slots=True)
class NoPicture:
    """A picture of this ticket will not come: too many were ordered at once, or plates in it cannot be blurred."""

    ticket: int


@dataclass(slots=True)
class _Ordered:
    ticket: int
    priority: int
    met_at_s: float
    nearest: Frame
    plate: NDArray[np.float32] | None = None
    """Corners of a plate that hit a list, as parts of the analysed picture."""

    @property
    def rank(self) -> int:
        """What is made sooner has a lower one: alarms by priority, then what is unarmed."""
        return self.priority or 5


class PictureMaker:
    """Makes and sends pictures on a thread of its own: decoding a large one takes longer than a frame.

    Args:
        source: of better pictures than the analysed ones.
        masks: what is private.
        send: takes what is made.
        veil: opened with the first picture, since most cameras make none for hours.
    """

    def __init__(
        self,
        source: Source,
        masks: Masks,
        send: Callable[[Picture | NoPicture], None],
        veil: Callable[[], PlateVeil] | None = None,
    ) -> None:
        self._source, self._masks, self._send = source, masks, send
        self._open_veil = veil or PlateVeil.shipped
        self._veil: PlateVeil | None = None
        self._waiting: list[_Ordered] = []
        self._ranked: dict[int, int] = {}
        """What was said of tickets before they were ordered, or after their picture was made."""
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = start_vital("pictures", self._run)

    def add(self, ticket: int, priority: int, met_at_s: float, nearest: Frame) -> None:
        """Order a picture of that moment; where too many wait, the least important is given up, and that is told.

        Args:
            ticket: the event's.
            priority: 1 is the highest, 0 is an event that is no alarm.
            met_at_s: wall clock.
            nearest: the analysed frame, for when there is nothing better.
        """
        self._add(_Ordered(ticket, priority, met_at_s, nearest))

    def add_hit(self, ticket: int, priority: int, frame: Frame, plate: NDArray[np.float32]) -> None:
        """Order the picture of a plate that hit a list: of this frame, which shows its vehicle and nobody in it.

        Args:
            ticket: the event's.
            priority: 1 is the highest.
            frame: the analysed one in which the plate is known to be.
            plate: its corners, as parts of the frame, shape (4, 2).
        """
        self._add(_Ordered(ticket, priority, frame.captured_at_s, frame, plate))

    def _add(self, ordered: _Ordered) -> None:
        with self._changed:
            said = self._ranked.pop(ordered.ticket, None)
            if said == 0:
                return
            ordered.priority = said or ordered.priority
            self._waiting.append(ordered)
            # Of two alike the later one: what was ordered soonest is nearest to being made.
            least = max(self._waiting, key=lambda each: (each.rank, each.ticket))
            too_many = len(self._waiting) > _WAITING
            if too_many:
                self._waiting.remove(least)
            self._changed.notify()
        if too_many:
            log.error("too many events at once: the picture of event %d is given up", least.ticket)
            self._send(NoPicture(least.ticket))

    def rank(self, ticket: int, priority: int) -> None:
        """The agent knows the orders of the centre and says how important that event is; at 0 it wants no picture."""
        with self._changed:
            for ordered in self._waiting:
                if ordered.ticket == ticket:
                    ordered.priority = priority
                    if not priority:
                        self._waiting.remove(ordered)
                    return
            self._ranked[ticket] = priority
            if len(self._ranked) > _WAITING:
                del self._ranked[next(iter(self._ranked))]

    def stop(self) -> None:
        """Make what was ordered, for a bounded time."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(_DRAIN_S)

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        with contextlib.suppress(OSError):  # the agent is gone, and this process ends with it
            while (taken := self._next()) is not None:
                self._make(*taken)

    def _next(self) -> tuple[_Ordered, int] | None:
        """What is to be made now, and how many others that are no less important wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            if not self._waiting:
                return None
            ordered = min(self._waiting, key=lambda ordered: (ordered.rank, ordered.ticket))
            self._waiting.remove(ordered)
            return ordered, sum(bool(other.priority) or not ordered.priority for other in self._waiting)

    def _make(self, ordered: _Ordered, behind: int) -> None:
        of_another = behind < _BEHIND and ordered.plate is None
        better = self._source.picture_at(ordered.met_at_s) if of_another else None
        still = better or Still(in_colour(ordered.nearest), ordered.nearest.captured_at_s)
        try:
            self._veil = self._veil or self._open_veil()
            picture = sized(self._masks.blacken(still.picture))
            size = np.array(picture.shape[1::-1], np.float32)
            covered = self._veil.cover(picture, [] if ordered.plate is None else [ordered.plate * size])
        except (HawklineError, RuntimeError, MemoryError, cv2.error) as error:  # what cannot be blurred stays here
            log.error("a picture is given up, since no plate in it can be blurred: %s", error)
            self._send(NoPicture(ordered.ticket))
            return
        self._send(Picture(ordered.ticket, encoded(covered), still.taken_at_s))


def sized(picture: Colour) -> Colour:
    """No wider than pictures are sent."""
    height, width = picture.shape[:2]
    if width <= _WIDTH_PX:
        return picture
    size = _WIDTH_PX, round(height * _WIDTH_PX / width)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def encoded(picture: Colour) -> bytes:
    """As JPEG."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
