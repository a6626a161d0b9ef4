"""Looks: now and then an object detector sees a picture or a part of it, while motion goes on with each of them.

Looks are few, so they are made when something nears a line. One takes from 30 ms to half a second: the looker answers
later. Tracking waits for the answer, motion does not: the pictures behind wait with their blobs, for so long at most
that an event still comes within a second.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from edge_agent.frames import Frame
from edge_agent.vision.motion import Foreground, ViewedFrame
from models.objects import WHOLE, Found, Region

PATIENCE_S = 0.6
"""A look that takes longer is done without."""
_NEAR_S = 0.1
"""So often at most, while something is near a line or the border of a zone."""
_FEW = 4.0
"""With fewer looks a second a look is at the part of the picture in which something nears: it costs as much less as the
part is smaller. With more the whole picture tells more, of those who hide and of those who come next."""
_CALM = 2.0
"""Else this many times more seldom than the budget allows: what is saved serves those who are about to cross."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in a part of a picture; of the rest it says nothing."""

    found: Sequence[Found]
    region: Region


class Looker(Protocol):
    """Looks at pictures, somewhere else or at once, and keeps to a budget."""

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Look] | None:
        """Look at a picture; None where that is not possible now. An answer that is an exception counts as none.

        Args:
            frame: the picture.
            region: the part of it that is of interest; where a part costs as much as the whole, it is the whole.
            urgent: something is about to cross.
        """


@dataclass(frozen=True, slots=True)
class Analysed:
    """A picture, what moves in it, and the look at it if there is one."""

    moment: ViewedFrame
    seen: Foreground
    look: Future[Look] | None


Ready = tuple[Analysed, Look | None]
"""A picture whose turn it is, and the look at it; None without one."""


class Looks:
    """Decides when to look, and keeps pictures in their order until their looks are answered.

    Args:
        looker: makes them.
        per_second: what the looker's budget allows this camera on average.
    """

    def __init__(self, looker: Looker, per_second: float) -> None:
        self._looker, self._calm_s, self._are_few = looker, _CALM / per_second, per_second < _FEW
        self._asked_s: float | None = None
        self._looks: dict[int, Future[Look]] = {}
        """By the number of the picture, until it is analysed."""
        self._waiting: deque[Analysed] = deque()

    def see(self, frame: Frame, near: Region | None) -> None:
        """Look at a picture if it is time; it may be analysed later.

        Args:
            frame: the picture.
            near: where something is near a line or the border of a zone; None where nothing is.
        """
        every_s = self._calm_s if near is None else _NEAR_S
        if self._asked_s is None or not 0 <= frame.time_s - self._asked_s < every_s - 1e-3:
            region = near if near is not None and self._are_few else WHOLE
            look = self._looker.ask(frame, region, urgent=near is not None)
            if look is not None:
                self._asked_s = frame.time_s
                self._looks[frame.number] = look

    def add(self, moment: ViewedFrame, seen: Foreground) -> None:
        """Take a picture in that was analysed."""
        look = self._looks.pop(moment.number, None)
        self._looks = {number: other for number, other in self._looks.items() if number > moment.number}
        self._waiting.append(Analysed(moment, seen, look))

    def ready(self, *, over: bool = False) -> list[Ready]:
        """Pictures in their order, up to one whose look is not answered yet.

        Args:
            over: no picture comes for a while, so none waits any longer.
        """
        done = list[Ready]()
        while self._waiting:
            first = self._waiting[0]
            if first.look is not None and not first.look.done():
                if not over and self._waiting[-1].moment.time_s - first.moment.time_s < PATIENCE_S:
                    break
                first.look.cancel()
            done.append((self._waiting.popleft(), _answer(first)))
        return done


def _answer(analysed: Analysed) -> Look | None:
    look = analysed.look
    if look is None or look.cancelled() or not look.done() or look.exception() is not None:
        return None
    return look.result()
