"""What the tracker knows in one frame: the foreground, the time, and how large things are where they stand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.motion import Foreground
from edge_agent.track.boxes import Box
from edge_agent.track.perspective import Perspective
from edge_agent.track.track import cut_by_edge

_PAINT = 110
"""Grey of everything that is not foreground, where looks are compared."""
_TINT_WEIGHT = 6
"""A step of colour counts as this many steps of grey: coats differ by few, and stay as they are in light and shade."""
_NEUTRAL = 128
_ABOUT_PX = 8


@dataclass(slots=True)
class Moment:
    """One frame.

    Attributes:
        seen: what differs from the background.
        now_s: media time.
        dt_s: since the frame before.
        perspective: learnt sizes, over all frames.
    """

    seen: Foreground
    now_s: float
    dt_s: float
    perspective: Perspective

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the analysed picture."""
        height, width = self.seen.labels.shape
        return width, height

    @property
    def coloured(self) -> bool:
        """Whether `shown` has colour."""
        return self.seen.tint is not None

    def typical(self, y: float) -> tuple[float, float] | None:
        """Width and height of what stands at a row, in pixels; None where nothing was seen yet."""
        return self.perspective.typical(y / self.size[1])

    def cut(self, box: Box) -> bool:
        """Whether the picture's edge or a mask cuts a box: there is more of the thing than is seen."""
        ignored = self.seen.ignored
        if cut_by_edge(box, self.size):
            return True
        if ignored is None:
            return False
        left, top, right, bottom = (max(0, round(edge)) for edge in box)
        near = np.s_[max(0, top - _ABOUT_PX) : bottom + _ABOUT_PX, max(0, left - _ABOUT_PX) : right + _ABOUT_PX]
        return bool(ignored[near].any())

    def unrest(self, x: float, y: float) -> float:
        """How restless a place is, in grey levels."""
        allowance = self.seen.allowance
        if allowance is None:
            return 0.0
        x, y = min(self.size[0] - 1, max(0, round(x))), min(self.size[1] - 1, max(0, round(y)))
        return float(allowance[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].mean())

    def shown(self, box: Box) -> NDArray[np.uint8]:
        """A part of the picture with everything but foreground painted out.

        Args:
            box: in pixels; what lies outside the picture is left off.

        Returns:
            Shape (height, width, 3): grey, and two colour planes with their steps made larger; without the last axis
            from a camera that sends no colour.
        """
        left, top, right, bottom = (max(0, round(edge)) for edge in box)
        bodies = self.seen.labels[top:bottom, left:right] > 0
        grey = np.where(bodies, self.seen.picture[top:bottom, left:right], np.uint8(_PAINT))
        if self.seen.tint is None:
            return grey
        across = np.arange(left, left + grey.shape[1]) // 2
        half = len(self.seen.tint) // 2
        down = np.minimum(np.arange(top, top + grey.shape[0]) // 2, half - 1)
        shown = np.empty((*grey.shape, 3), np.uint8)
        shown[..., 0] = grey
        for channel, first in ((1, 0), (2, half)):
            plane = self.seen.tint[(first + down)[:, None], np.minimum(across, self.seen.tint.shape[1] - 1)]
            steps = (plane.astype(np.int16) - _NEUTRAL) * _TINT_WEIGHT
            shown[..., channel] = np.where(bodies, np.clip(steps + _NEUTRAL, 0, 255), _NEUTRAL)
        return shown
