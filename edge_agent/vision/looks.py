"""Looks: now and then an object detector sees a whole picture, while motion goes on with each of them.

A look takes from 30 ms to half a second, so the looker answers later. Tracking waits for the answer, motion does not:
the pictures behind wait with their blobs, for so long at most that an event still comes within a second.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from edge_agent.frames import Frame
from edge_agent.vision.motion import Foreground, ViewedFrame
from models.objects import Found

PATIENCE_S = 0.6
"""A look that takes longer is done without."""


class Looker(Protocol):
    """Looks at pictures, in a thread of its own or at once."""

    def ask(self, frame: Frame) -> Future[Sequence[Found]] | None:
        """Look at a picture; None where that is not possible now. An answer that is an exception counts as none."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """A picture, what moves in it, and the look at it if there is one."""

    moment: ViewedFrame
    seen: Foreground
    look: Future[Sequence[Found]] | None


Ready = tuple[Analysed, Sequence[Found] | None]
"""A picture whose turn it is, and what the look at it found; None without one."""


class Looks:
    """Decides when to look, and keeps pictures in their order until their looks are answered.

    Args:
        looker: makes them.
        per_second: at most so many.

    Attributes:
        asked: looks that were due.
        missed: those of them that the looker had no time for, or that failed or came too late.
    """

    def __init__(self, looker: Looker, per_second: float) -> None:
        self._looker, self._every_s = looker, 1 / per_second
        self._looked_s: float | None = None
        self._looks: dict[int, Future[Sequence[Found]]] = {}
        """By the number of the picture, until it is analysed."""
        self._waiting: deque[Analysed] = deque()
        self.asked = self.missed = 0

    def see(self, frame: Frame) -> None:
        """Look at a picture if it is time; it may be analysed later."""
        if self._looked_s is None or not 0 <= frame.time_s - self._looked_s < self._every_s - 1e-3:
            self._looked_s = frame.time_s
            look = self._looker.ask(frame)
            self.asked += 1
            self.missed += look is None
            if look is not None:
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
            done.append((self._waiting.popleft(), self._answer(first)))
        return done

    def _answer(self, analysed: Analysed) -> Sequence[Found] | None:
        look = analysed.look
        if look is None:
            return None
        if look.cancelled() or not look.done() or look.exception() is not None:
            self.missed += 1
            return None
        return look.result()
