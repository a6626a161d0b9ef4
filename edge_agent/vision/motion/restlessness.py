"""How restless each place of the picture is: leaves, water, a flag, rain; and what only passes there.

What counts is how often a place begins to differ from the background: a leaf comes and goes every second, a walker
once. On a busy road vehicles come as often. But a leaf goes back by the way it came, and a vehicle goes on: the edge
that ends the difference moves as the edge did that began it. Where things pass, nothing is restless, however many they
are.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion.view import Mask

Floats = NDArray[np.float32]

THRESHOLD = 16
"""Grey levels between background and foreground, after exposure is taken out; sensor noise stays below 12."""
_MEMORY_S = 15.0
"""Time constant."""
_FIRST_S = 1.0
"""It is shorter at first, so that trees are known within seconds."""
_WORTH = 100.0
"""Grey levels for a pixel that begins to differ once a second."""
_CELL_PX = 4
"""Directions are known by cells of so many pixels."""
_AROUND_CELLS = 5
"""A cell's share of passing things is that of so many around it."""
_ENDS = 0.25
"""Part of a cell that begins or ends to differ in one picture, from which on an edge has moved over it."""
_PASSING = 0.05, 0.35
"""Between these shares of passing things, of what ends, restlessness fades to none."""
MOST = 60
"""Grey levels that a restless place may cost at most: what differs more is seen, whatever else is going on there."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class Restlessness:
    """Of one camera. State: a few numbers a pixel.

    Args:
        shape: height and width of the analysed picture.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._restless = np.zeros(shape, np.float32)
        self._differed = np.zeros(shape, np.uint8)
        self._pace_s = 0.0
        self._age_s = 0.0
        self._size = max(1, shape[1] // _CELL_PX), max(1, shape[0] // _CELL_PX)
        cells = self._size[1], self._size[0]
        self._came = np.zeros((2, *cells), np.float32)
        """The way of the edge that last began a difference: x and y, of length 1; 0 where none has."""
        self._kept = np.full(shape, 255, np.uint8)
        self._passed, self._ended = np.zeros(cells, np.float32), np.zeros(cells, np.float32)

    def learn(self, difference: Mask, protected: Mask | None, light: Mask | None, dt_s: float) -> None:
        """Take in a picture.

        Args:
            difference: grey levels between the picture and the background.
            protected: mask of what goes its way and is not restless.
            light: mask of where light falls, which is not restless either.
            dt_s: since the last picture; 0 where the picture tells nothing.
        """
        _, differs = cv2.threshold(difference, THRESHOLD, 255, cv2.THRESH_BINARY)
        differs = cv2.morphologyEx(differs, cv2.MORPH_OPEN, _CROSS)  # without streaks of rain, which are no wider
        before, self._differed = self._differed, np.asarray(differs, np.uint8)
        if dt_s <= 0:
            return
        begins = cv2.bitwise_and(differs, cv2.bitwise_not(before))
        ends = cv2.bitwise_and(before, cv2.bitwise_not(differs))
        if light is not None:
            begins = cv2.bitwise_and(begins, cv2.bitwise_not(light))
        self._age_s += dt_s
        self._pace_s += 0.05 * (dt_s - self._pace_s) if self._pace_s else dt_s
        free = None if protected is None else cv2.bitwise_not(protected)
        rate = min(1.0, dt_s / min(_MEMORY_S, _FIRST_S + self._age_s))
        cv2.accumulateWeighted(begins, self._restless, rate, mask=free)
        if cv2.countNonZero(begins) or cv2.countNonZero(ends):  # else both would fade alike, and their ratio stays
            self._learn_ways(differs, begins, ends, rate)  # type: ignore[arg-type]
            self._kept = self._fading()

    def unrest(self) -> Mask:
        """How restless each place is, in grey levels; where things pass, less or not at all."""
        restless = cv2.convertScaleAbs(self._restless, alpha=_WORTH / 255 / max(0.01, self._pace_s))
        return np.asarray(cv2.multiply(restless, self._kept, scale=1 / 255), np.uint8)

    def _fading(self) -> Mask:
        """255 where restlessness counts, 0 where things pass."""
        least, most = _PASSING
        around = _AROUND_CELLS, _AROUND_CELLS
        passed, ended = cv2.boxFilter(self._passed, -1, around), cv2.boxFilter(self._ended, -1, around)
        share = np.where(ended > 0, passed / np.maximum(ended, 1e-9), 0.0)
        kept = np.clip((most - share) * (255 / (most - least)), 0, 255).astype(np.uint8)
        height, width = self._restless.shape
        return np.asarray(cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    def _learn_ways(self, differs: Mask, begins: Mask, ends: Mask, rate: float) -> None:
        """Which way edges move: out of what differs where it begins, and towards it where it ends."""
        began, ended = self._cells(begins), self._cells(ends)
        covered = cv2.blur(self._cells(differs), (3, 3))
        x, y = cv2.Sobel(covered, cv2.CV_32F, 1, 0), cv2.Sobel(covered, cv2.CV_32F, 0, 1)
        length = np.maximum(cv2.magnitude(x, y), 1e-3)
        x, y = x / length, y / length
        moved = ended > _ENDS
        along = np.where(moved, (self._came[0] * x + self._came[1] * y) * ended, 0).astype(np.float32)
        cv2.accumulateWeighted(along, self._passed, rate)
        cv2.accumulateWeighted(np.where(moved, ended, 0).astype(np.float32), self._ended, rate)
        here = began > _ENDS
        self._came[0][here], self._came[1][here] = -x[here], -y[here]

    def _cells(self, mask: Mask) -> Floats:
        """Part of each cell that a mask covers, 0 to 1."""
        return np.asarray(cv2.resize(mask, self._size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
