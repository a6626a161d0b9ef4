"""What the tracker knows in one frame: the foreground, the time, and how large things are where they stand."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion import Blob, Foreground
from edge_agent.vision.track.bounding_boxes import Box
from edge_agent.vision.track.likeness import PART, Likeness, look
from edge_agent.vision.track.perspective import Perspective
from edge_agent.vision.track.track import Track, cut_by_edge

_PAINT = 110
"""Grey of everything that is not foreground, where looks are compared."""
_TINT_WEIGHT = 6
"""A step of colour counts as this many steps of grey: coats differ by few, and stay as they are in light and shade."""
_NEUTRAL = 128
_STRONG = np.clip((np.arange(256) - _NEUTRAL) * _TINT_WEIGHT + _NEUTRAL, 0, 255).astype(np.uint8)
_ABOUT_PX = 8
_AROUND_PX = 4


@dataclass(slots=True)
class FrameContext:
    """One frame.

    Attributes:
        seen: what differs from the background.
        now_s: media time.
        dt_s: since the frame before.
        perspective: learnt sizes, over all frames.
        gap_s: what was not seen for longer was out of sight; frames come more often.
    """

    seen: Foreground
    now_s: float
    dt_s: float
    perspective: Perspective
    gap_s: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the analysed picture."""
        height, width = self.seen.labels.shape
        return width, height

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
        unrest = self.seen.unrest
        if unrest is None:
            return 0.0
        x, y = min(self.size[0] - 1, max(0, round(x))), min(self.size[1] - 1, max(0, round(y)))
        return float(unrest[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].mean())

    def shown(self, box: Box) -> NDArray[np.uint8]:
        """A part of the picture with everything but foreground painted out.

        Args:
            box: in pixels; what lies outside the picture is left off.

        Returns:
            Shape (height, width, 3): grey, and two colour planes with their steps made larger; without the last axis
            from a camera that sends no colour.
        """
        left, top, right, bottom = (max(0, round(edge)) for edge in box)
        nothing = (self.seen.labels[top:bottom, left:right] == 0).astype(np.uint8)
        grey = self.seen.picture[top:bottom, left:right].copy()
        grey[nothing > 0] = _PAINT
        tint = self.seen.tint
        if tint is None or not grey.size:
            return grey
        half, odd_x, odd_y = len(tint) // 2, left % 2, top % 2
        rows, columns = (grey.shape[0] + odd_y + 1) // 2, (grey.shape[1] + odd_x + 1) // 2
        planes = [grey]
        for first in (0, half):
            plane = tint[first : first + half][top // 2 : top // 2 + rows, left // 2 : left // 2 + columns]
            strong = cv2.LUT(plane, _STRONG)
            full = cv2.resize(strong, (2 * plane.shape[1], 2 * plane.shape[0]), interpolation=cv2.INTER_NEAREST)
            part = full[odd_y : odd_y + grey.shape[0], odd_x : odd_x + grey.shape[1]]
            part = cv2.copyMakeBorder(
                part, 0, grey.shape[0] - part.shape[0], 0, grey.shape[1] - part.shape[1], cv2.BORDER_REPLICATE
            )
            part[nothing > 0] = _NEUTRAL
            planes.append(np.asarray(part, np.uint8))
        return np.asarray(cv2.merge(planes), np.uint8)

    def look(self, track: Track) -> Likeness | None:
        """How a track looks now; None where too little of it is seen."""
        left, top, right, _ = (round(edge) for edge in track.box_px)
        bottom = round(track.y - (1 - PART) * track.high)
        left, top, right, bottom = max(0, left), max(0, top), min(self.size[0], right), min(self.size[1], bottom)
        if right <= left or bottom <= top:
            return None
        bodies = self.seen.labels[top:bottom, left:right] > 0
        return look(self.shown((left, top, right, bottom)), bodies, (track.x - left, track.y - top))

    def alike(self, track: Track, blob: Blob) -> float | None:
        """How much a blob looks like a track, -1 to 1; None where that cannot be told."""
        if track.likeness is None:
            return None
        around = blob.left - _AROUND_PX, blob.top - _AROUND_PX, blob.right + _AROUND_PX, blob.bottom + _AROUND_PX
        match = track.likeness.match(self.shown(around))
        return None if match is None else float(match.max())
