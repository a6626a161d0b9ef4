"""Background subtraction that follows exposure and forgets what stays."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.base import Grey

WIDTH_PX = 480
"""Width of the picture that is analysed; the height follows the camera's aspect."""

_LEARN_S = 4.0
"""Time constant with which still pixels follow the picture."""
_ABSORB_S = 45.0
"""Time constant with which what stands still becomes background: a parked car, a moved bin."""
_SETTLE_S = 1.0
"""After a start or a scene change the background is a plain mean for this long."""
_THRESHOLD = 18.0
"""Grey levels between background and foreground, after exposure is taken out; sensor noise stays below 12."""
_DARK = 8.0
"""Added before dividing, so that noise in the dark does not pass for exposure."""
_MIN_AREA = 0.0006
"""Smallest blob as a part of the picture: a person of 1/14 of the picture's height."""
_SCENE_CHANGE = 0.6
"""More of the picture changed than any object covers: the lamp was lit, or somebody turned the camera."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A moving region; normalised box (left, top, right, bottom) and its filled part of the picture."""

    left: float
    top: float
    right: float
    bottom: float
    area: float


class MotionDetector:
    """Finds blobs frame by frame. State: two float pictures of the analysed size."""

    def __init__(self) -> None:
        self._background: NDArray[np.float32] | None = None
        self._age_s = 0.0
        self._last_s = 0.0
        self._close = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
        self._open = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

    def step(self, grey: Grey, time_s: float) -> list[Blob]:
        """Blobs of the next picture.

        Args:
            grey: luma of the whole frame, any size.
            time_s: media time, growing.
        """
        height, width = grey.shape
        small = cv2.resize(grey, (WIDTH_PX, max(16, round(height * WIDTH_PX / width))), interpolation=cv2.INTER_LINEAR)
        picture = cv2.blur(small, (3, 3)).astype(np.float32)
        dt_s = min(1.0, max(0.0, time_s - self._last_s))
        self._last_s = time_s
        if self._background is None or self._background.shape != picture.shape:
            self._background, self._age_s = picture, 0.0
            return []
        self._age_s += dt_s
        self._follow_exposure(picture)
        moving = self._foreground(picture)
        if np.count_nonzero(moving) > _SCENE_CHANGE * moving.size:
            self._background, self._age_s = picture, 0.0
            return []
        self._learn(picture, moving, dt_s)
        return _blobs(moving)

    def _follow_exposure(self, picture: NDArray[np.float32]) -> None:
        """Bring the whole background to the picture's exposure.

        Also where something stands before it: what is uncovered later was remembered at another exposure, and would
        be taken for something new.
        """
        assert self._background is not None  # noqa: S101 - narrows the type; step() has set it
        sample, known = picture[::4, ::4], self._background[::4, ::4]
        gain = float(np.median((sample + _DARK) / (known + _DARK)))
        self._background = cv2.addWeighted(self._background, gain, self._background, 0, _DARK * (gain - 1))  # type: ignore[assignment]

    def _foreground(self, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Mask of what differs from the background."""
        assert self._background is not None  # noqa: S101 - as above
        _, mask = cv2.threshold(cv2.absdiff(picture, self._background), _THRESHOLD, 255, cv2.THRESH_BINARY)
        opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, self._open)
        return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, self._close), np.uint8)

    def _learn(self, picture: NDArray[np.float32], moving: NDArray[np.uint8], dt_s: float) -> None:
        assert self._background is not None  # noqa: S101 - as above
        if self._age_s < _SETTLE_S:
            still_rate = moving_rate = dt_s / (self._age_s + dt_s) if dt_s else 0.0
        else:
            still_rate, moving_rate = dt_s / _LEARN_S, dt_s / _ABSORB_S
        cv2.accumulateWeighted(picture, self._background, still_rate, mask=cv2.bitwise_not(moving))
        cv2.accumulateWeighted(picture, self._background, moving_rate, mask=moving)


def _blobs(mask: NDArray[np.uint8]) -> list[Blob]:
    height, width = mask.shape
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for left, top, wide, high, area in stats[1:count].tolist():
        part = area / mask.size
        if part >= _MIN_AREA:
            found.append(Blob(left / width, top / height, (left + wide) / width, (top + high) / height, part))
    return found
