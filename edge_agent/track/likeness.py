"""How a track looked when it was last seen alone, to find it again in a crowd for a few seconds.

A few hundred pixels that live as long as their track, never leave the process and cannot name anybody.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.motion import Blob
from edge_agent.track.moment import Moment
from edge_agent.track.track import Track

PART = 0.65
"""The upper part of a box: heads and roofs stay as they are while legs and wheels move."""
_LEAST_PX = 6, 8
_AROUND_PX = 4


def keep(track: Track, moment: Moment) -> None:
    """Keep the upper part of a track's box; forget it where too little of that lies in the picture."""
    left, top, right, _ = (round(edge) for edge in track.box_px)
    bottom = round(track.y - (1 - PART) * track.high)
    left, top, right, bottom = max(0, left), max(0, top), min(moment.size[0], right), min(moment.size[1], bottom)
    large = right - left >= _LEAST_PX[0] and bottom - top >= _LEAST_PX[1]
    track.likeness = moment.shown((left, top, right, bottom)) if large else None
    track.likeness_at = track.x - left, track.y - top


def of(track: Track, blob: Blob, moment: Moment) -> float:
    """How much a blob looks like a track, -1 to 1; 0 where that cannot be told."""
    if track.likeness is None:
        return 0.0
    left, top, right, bottom = blob.left, blob.top, blob.right, blob.bottom
    shown = moment.shown((left - _AROUND_PX, top - _AROUND_PX, right + _AROUND_PX, bottom + _AROUND_PX))
    return compare(shown, track.likeness)


def compare(shown: NDArray[np.uint8], likeness: NDArray[np.uint8]) -> float:
    """The best match of a likeness in a part of the picture, -1 to 1; 0 where it does not fit in."""
    if shown.ndim != likeness.ndim or shown.shape[0] < likeness.shape[0] or shown.shape[1] < likeness.shape[1]:
        return 0.0
    return float(cv2.matchTemplate(shown, likeness, cv2.TM_CCOEFF_NORMED).max())
