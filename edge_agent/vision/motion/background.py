"""What the camera sees when nothing moves: a picture that follows the light and forgets what stays."""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion.components import components
from edge_agent.vision.motion.view import Mask, Picture, View, ViewedFrame, sound

_LEARN_S = 4.0
"""Time constant with which still pixels follow the picture."""
_ABSORB_S = 45.0
"""Time constant with which what stands still becomes background: a parked car, a moved bin."""
_ABSORB_SOON_S = 1.0
"""The same for what damage left behind. Taken over at once, cars that hardly show at night are taken for it, too."""
_BEGIN_S = 1.6
"""The first background is the median of pictures from so long, so that few walkers are in it."""
_BEGIN_PICTURES = 8
_KEPT_PICTURES = 100
"""Of a camera that sends more in that time the first background is made sooner."""
_DARK = 8.0
"""Added before dividing, so that noise in the dark does not pass for exposure."""
_STILL_S = 0.35
"""Distance in time of the pictures that tell whether something stands still; three of them must agree."""
_STILL = 10
"""Grey levels between two pictures of something that stands still."""
_GHOST_AREA_PX = 24
_GHOST_CONTRAST = 1.3
"""A patch whose outline is this many times sharper in the background than in the picture is the place that something
left, not something that came."""
_GHOST_CONTRAST_HELD = 2.5
"""The same where a track came to stand: before a patterned ground a person's outline is the weaker one."""
TINT_WEIGHT = 2.0
"""A step of colour is worth this many steps of grey: colour is flatter, and shadows hardly change it."""
_SHADE = 100, 188
"""A shadow leaves this many two-hundredths of the light; a beam brings as much."""
_EVEN = 6
"""Two-hundredths by which the measure differs from place to place within a shadow."""
_TINT_FREE = 8
"""Steps of colour that compression invents."""


class _Mean:
    """A picture that is learnt: as floats, and rounded for use."""

    def __init__(self, picture: Picture) -> None:
        self.exact = picture.astype(np.float32)
        self.picture = picture

    def learn(self, picture: Picture, rate: float, mask: Mask) -> None:
        cv2.accumulateWeighted(picture, self.exact, rate, mask=mask)

    def replace(self, picture: Picture, mask: Mask) -> None:
        np.copyto(self.exact, picture, where=mask.astype(bool), casting="unsafe")
        cv2.copyTo(picture, mask, self.picture)

    def round(self) -> None:
        self.picture = cv2.convertScaleAbs(self.exact)  # type: ignore[assignment]


class Background:
    """The learnt picture of one camera."""

    def __init__(self, view: View, time_s: float) -> None:
        """Begin from a picture, best one without anything that moves: see `Beginning`."""
        self._grey = _Mean(view.grey)
        self._tint = _Mean(view.tint) if view.tint is not None else None
        self._colourful: Picture | None = None
        self._age_s = 0.0
        self._past: deque[Picture] = deque(maxlen=2)
        self._past_s = time_s

    def fits(self, view: View) -> bool:
        """Whether a picture has the size of the background, and colour if it has."""
        return View(self._grey.picture, self._tint.picture if self._tint else None).alike(view)

    def follow_exposure(self, view: View) -> None:
        """Bring the whole background to the picture's exposure.

        Also where something stands before it: what is uncovered later was remembered at another exposure, and would
        be taken for something new.
        """
        sample, known = view.grey[2::8, 2::8].astype(np.float32), self._grey.exact[2::8, 2::8]
        gain = float(np.median((sample + _DARK) / (known + _DARK)))
        if abs(gain - 1) > 0.002:
            exact = self._grey.exact
            self._grey.exact = cv2.addWeighted(exact, gain, exact, 0, _DARK * (gain - 1))  # type: ignore[assignment]
        self._grey.round()
        if self._tint:
            self._tint.round()

    def difference(self, view: View) -> Picture:
        """How far each pixel is from the background, in grey levels."""
        difference = cv2.absdiff(view.grey, self._grey.picture)
        if self._tint and view.tint is not None:
            away = cv2.absdiff(view.tint, self._tint.picture)
            half = len(away) // 2
            colour = cv2.max(away[:half], away[half:])
            size = difference.shape[1], difference.shape[0]
            colourful = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_LINEAR), np.uint8)
            heavy = cv2.convertScaleAbs(cv2.subtract(colourful, _TINT_FREE), alpha=TINT_WEIGHT)  # type: ignore[call-overload]
            self._colourful = colourful
            difference = cv2.max(difference, heavy)
        return difference  # type: ignore[return-value]

    def shade(self, view: View, window: tuple[slice, slice]) -> Mask:
        """Mask of what is only darker or lighter than the background: evenly, without a colour or edges of its own."""
        darker = _even_part(view.grey[window], self._grey.picture[window])
        lighter = _even_part(self._grey.picture[window], view.grey[window])
        shade = cv2.bitwise_or(darker, lighter)
        if self._colourful is not None:
            shade = cv2.bitwise_and(shade, cv2.compare(self._colourful[window], _TINT_FREE, cv2.CMP_LE))  # type: ignore[call-overload]
        return shade  # type: ignore[return-value]

    def learn(self, view: View, moving: Mask, held: Mask | None, dt_s: float) -> None:
        """Take the picture in: still pixels soon, moving ones slowly, held ones not at all."""
        self._age_s += dt_s
        still = np.bitwise_not(moving)
        slow = moving if held is None else np.bitwise_and(moving, np.bitwise_not(held))
        for mean, picture in ((self._grey, view.grey), (self._tint, view.tint)):
            if mean is None or picture is None:
                continue
            still_mask, slow_mask = (still, slow) if mean is self._grey else (_stacked(still), _stacked(slow))
            mean.learn(picture, dt_s / min(_LEARN_S, _BEGIN_S + self._age_s), still_mask)
            mean.learn(picture, dt_s / _ABSORB_S, slow_mask)

    def drop_ghosts(self, view: View, moving: Mask, held: Mask | None, time_s: float) -> Mask | None:
        """Forget at once what has left its place, instead of seeing a hole in its shape for a minute.

        Returns:
            Mask of the places that became background, None where there are none.
        """
        if time_s - self._past_s < _STILL_S:
            return None
        self._past_s = time_s
        gone = None
        if len(self._past) == self._past.maxlen and moving.any():
            still = moving
            for past in self._past:
                close = cv2.compare(cv2.absdiff(view.grey, past), _STILL, cv2.CMP_LE)  # type: ignore[call-overload]
                still = cv2.bitwise_and(still, close)  # type: ignore[assignment]
            gone = self._ghosts(view.grey, cv2.morphologyEx(still, cv2.MORPH_OPEN, _CROSS), held)  # type: ignore[arg-type]
        self._past.append(view.grey)
        if gone is not None:
            self._grey.replace(view.grey, gone)
            if self._tint and view.tint is not None:
                self._tint.replace(view.tint, _stacked(gone))
        return gone

    def absorb(self, view: View, mask: Mask, dt_s: float) -> None:
        """Let a part of the picture become background soon."""
        rate = min(1.0, dt_s / _ABSORB_SOON_S)
        self._grey.learn(view.grey, rate, mask)
        if self._tint and view.tint is not None:
            self._tint.learn(view.tint, rate, _stacked(mask))

    def _ghosts(self, picture: Picture, still: Mask, held: Mask | None) -> Mask | None:
        labels, found = components(still)
        gone: Mask | None = None
        for index, (left, top, wide, high, area) in enumerate(found, start=1):
            if area < _GHOST_AREA_PX:
                continue
            window = np.s_[max(0, top - 4) : top + high + 4, max(0, left - 4) : left + wide + 4]
            patch = (labels[window] == index).astype(np.uint8)
            outline = cv2.subtract(cv2.dilate(patch, _ROUND), cv2.erode(patch, _ROUND))
            now, known = _edges(picture[window], outline), _edges(self._grey.picture[window], outline)  # type: ignore[arg-type]
            stands = (
                held is not None
                and cv2.countNonZero(cv2.bitwise_and(held[window], held[window], mask=patch)) > area / 2
            )
            if known > (_GHOST_CONTRAST_HELD if stands else _GHOST_CONTRAST) * now:
                gone = np.zeros_like(still) if gone is None else gone
                gone[window] |= cv2.dilate(patch, _ROUND) * np.uint8(255)  # type: ignore[arg-type]
        return gone


class Beginning:
    """The first moments: the median of several pictures holds less of what walks through than any one of them.

    All are kept, and analysed once there is a background: who crosses in the first second has crossed. Damaged pictures
    are no part of it where the sound ones are the more.
    """

    def __init__(self, moment: ViewedFrame) -> None:
        self.frames = [moment]
        self._sampled = [moment]
        self._newest_s = moment.time_s

    def fits(self, view: View) -> bool:
        """Whether a picture has the size of the first, and colour if it has."""
        return self._sampled[0].view.alike(view)

    def add(self, moment: ViewedFrame) -> Background | None:
        """Take a picture in; the background once there are enough."""
        self.frames = [*self.frames, moment][-_KEPT_PICTURES:]
        if moment.time_s - self._newest_s >= _BEGIN_S / _BEGIN_PICTURES * 0.95:
            self._sampled.append(moment)
            self._newest_s = moment.time_s
        first_s = self.frames[0].time_s
        if moment.time_s - first_s < _BEGIN_S and len(self.frames) < _KEPT_PICTURES:
            return None
        views = [sampled.view for sampled in sound(self._sampled)]
        tints = [view.tint for view in views if view.tint is not None]
        return Background(View(_median([view.grey for view in views]), _median(tints) if tints else None), first_s)


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_ROUND = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def _even_part(less: Picture, more: Picture) -> Mask:
    """Where one picture is the other at a dimmer light, the same measure all around."""
    ratio = cv2.divide(less, more, scale=200)
    uneven = cv2.blur(cv2.absdiff(ratio, cv2.blur(ratio, (7, 7))), (5, 5))
    within = cv2.inRange(ratio, _SHADE[0], _SHADE[1])
    return np.asarray(cv2.bitwise_and(within, cv2.compare(uneven, _EVEN, cv2.CMP_LE)), np.uint8)  # type: ignore[call-overload]


def _median(pictures: list[Picture]) -> Picture:
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def _stacked(mask: Mask) -> Mask:
    """A mask for the two colour planes, one above the other."""
    half = cv2.resize(mask, (mask.shape[1] // 2, mask.shape[0] // 2), interpolation=cv2.INTER_NEAREST)
    return np.asarray(np.vstack((half, half)), np.uint8)


def _edges(picture: Picture, where: NDArray[np.uint8]) -> float:
    """Mean strength of edges in a part of a picture."""
    across = cv2.Sobel(picture, cv2.CV_16S, 1, 0)
    down = cv2.Sobel(picture, cv2.CV_16S, 0, 1)
    return float(cv2.mean(cv2.add(cv2.convertScaleAbs(across), cv2.convertScaleAbs(down)), where)[0])
