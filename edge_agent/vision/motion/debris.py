"""What damaged pictures leave behind: pieces that stand still where something moved, until the next key frame.

A picture that was lost is missing in all that build on it, so what moved then leaves a trail of pieces of itself. They
do not move; a track that stayed with them would lose what it followed.
"""

from collections import deque
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion.components import components
from edge_agent.vision.motion.restlessness import THRESHOLD
from edge_agent.vision.motion.view import Mask, View

_AGO_S = 0.15
"""Long enough for a walker to move on by some pixels, short enough for what is left behind to stand still."""
_CHANGED = THRESHOLD - 4
_LEAST_PX, _LEAST_PART = 6, 0.02
"""Of what moves, so many pixels and such a part have changed."""
_OUTGROWN = 1.15
"""A region so many times as large as what was followed there holds what was left behind, too."""
_BODY = 0.45
"""So far from what changed, in its own size, the rest of a thing may be. Measured on generated walkers with one picture
in thirty broken: 1 or 2 of 36 crossings are missed instead of 12 of 56; with 1.0 it is 4 of 36."""
_PIECE = 0.3
"""The same of what was not followed yet, in the size of what changed there."""
_JOIN = np.ones((9, 9), np.uint8)
"""What changed is joined over so many pixels: a body has changes at its edges, and gaps between them."""
_NEAR = np.ones((5, 5), np.uint8)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class Debris:
    """Tells what stands still from what moves."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, View]] = deque()

    def remember(self, view: View, time_s: float) -> None:
        """Take in every picture, doubtful or not."""
        past = self._past
        if past and past[-1][1].grey.shape != view.grey.shape:
            past.clear()
        past.append((time_s, view))
        while len(past) > 2 and past[1][0] <= time_s - _AGO_S:
            past.popleft()

    def without(self, moving: Mask, known: Mask | None) -> Mask:
        """A mask of what differs from the background, without what has not changed of late.

        A region in which nothing changed goes as a whole. Of one that has outgrown what was followed there, or in
        which nothing was followed, the part stays that can belong to what changes: what is seen of a thing in one
        colour changes at its edges only.

        Args:
            moving: 255 where something differs.
            known: mask of the boxes of what was followed there.
        """
        (_, before), (_, now) = self._past[0], self._past[-1]
        _, changed = cv2.threshold(cv2.absdiff(now.grey, before.grey), _CHANGED, 255, cv2.THRESH_BINARY)
        changed = cv2.morphologyEx(changed, cv2.MORPH_OPEN, _CROSS)
        labels, found = components(moving)
        _, boxes = components(known) if known is not None else (None, [])
        kept = np.zeros_like(moving)
        for label, (left, top, wide, high, area) in enumerate(found, start=1):
            window = np.s_[top : top + high, left : left + wide]
            own = (labels[window] == label).astype(np.uint8)
            rows, columns = np.nonzero(own & (changed[window] > 0))
            if len(rows) < max(_LEAST_PX, _LEAST_PART * area):
                continue
            size = _size(boxes, (left, top, wide, high))
            if size is None:
                for part in _about(own & (changed[window] > 0)):
                    kept[window][part] |= own[part] * np.uint8(255)
            elif wide > _OUTGROWN * size[0] or high > _OUTGROWN * size[1]:
                down = _reach(rows, size[1])
                across = _reach(columns, size[0])
                kept[window][down, across] |= own[down, across] * np.uint8(255)
            else:
                kept[window] |= own * np.uint8(255)
        return kept

    @staticmethod
    def left_behind(moving: Mask, kept: Mask, followed: Sequence[Mask | None]) -> Mask:
        """What `without` left out, but around what it kept and what is followed.

        Args:
            moving: the mask before.
            kept: the mask behind it.
            followed: masks of tracks.
        """
        behind = cv2.bitwise_and(moving, cv2.bitwise_not(cv2.dilate(kept, _NEAR)))
        for mask in followed:
            if mask is not None:
                behind = cv2.bitwise_and(behind, cv2.bitwise_not(mask))
        return np.asarray(behind, np.uint8)


def _about(changed: Mask) -> Iterator[tuple[slice, slice]]:
    """Around each piece of what changed, as far as the rest of it may be."""
    _, pieces = components(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, _JOIN))  # type: ignore[arg-type]
    for left, top, wide, high, area in pieces:
        if area >= _LEAST_PX:
            across, down = max(4, round(_PIECE * wide)), max(4, round(_PIECE * high))
            rows = slice(max(0, top - down), top + high + down)
            yield rows, slice(max(0, left - across), left + wide + across)


def _size(boxes: list[list[int]], region: tuple[int, int, int, int]) -> tuple[int, int] | None:
    """Width and height of the largest box that touches a region."""
    left, top, wide, high = region
    touching = [
        (box[2], box[3])
        for box in boxes
        if box[0] < left + wide and left < box[0] + box[2] and box[1] < top + high and top < box[1] + box[3]
    ]
    return max(touching, key=lambda size: size[0] * size[1]) if touching else None


def _reach(places: NDArray[np.intp], size: int) -> slice:
    """From edge to edge of what changed, and where the rest of a thing of that size may be."""
    first, last = int(places.min()), int(places.max())
    return slice(max(0, min(first, last - round(_BODY * size))), max(last, first + round(_BODY * size)) + 1)
