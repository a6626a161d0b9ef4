"""What differs from the background, as blobs: bodies, without the light and shadow around them."""

import copy
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Doubt, Frame
from edge_agent.vision.motion.background import TINT_WEIGHT, Background, Beginning
from edge_agent.vision.motion.components import components
from edge_agent.vision.motion.debris import Debris
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.motion.restlessness import MOST, THRESHOLD, Restlessness
from edge_agent.vision.motion.view import Mask, Picture, View, ViewedFrame, sound

WIDTH_PX = 480
"""Width of the picture that is analysed; the height follows the camera's aspect."""

_SURE = 30
"""A blob holds at least one place that differs this clearly."""
_MIN_AREA = 0.0002
"""Smallest blob as a part of the picture; several may make one thing."""
_SHADED = 0.03, 0.5
"""Part of a blob that may be its shadow."""
_SOFT = 0.12
"""A blob whose outline is less steep a pixel, as a part of the difference just inside, is light and no body."""
_BROAD_LIGHT = 0.02
"""Light on more of the picture is left out; what walks in it is out of sight until it has passed."""
_BODY = 0.05
"""Smaller parts of a blob do not tell where its body is."""
_SCENE_CHANGE = 0.6
"""More of the picture changed than any object covers: the lamp was lit, or a person turned the camera."""

_DOUBTED_S = {Doubt.GAP: 4.0, Doubt.SMEAR: 1.0}
"""Debris is left out for so long; then the picture is taken as it is."""
_UNLEARNT_S = 1.0
"""Nothing is learnt from smears for so long. What a gap leaves behind is learnt soon, and forgotten with the next key
frame: on a motorway with one picture in thirty damaged 33 % of the crossings are missed and not 49 %."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A moving region, in pixels of the analysed picture.

    Attributes:
        area: pixels that differ, less than the box holds.
        labels: what it is called in `Foreground.labels`; several once its parts were joined.
        upright: it was cut from one that stands beside it, and is a thing of its own.
        shade: it fades out all around and is light; no track begins with it.
        beside: it is what is left beside something that was recognised: its beam or shadow, or another thing.
        recognised: it is a detector's, and no blob that moves.
    """

    left: float
    top: float
    right: float
    bottom: float
    area: float
    labels: tuple[int, ...] = ()
    upright: bool = False
    shade: bool = False
    beside: bool = False
    recognised: bool = False


@dataclass(frozen=True, slots=True)
class Foreground:
    """What differs from the background in one picture.

    Attributes:
        blobs: connected regions, in pixels of the analysed picture.
        labels: shape (height, width): 0, or the label of the region.
        picture: the analysed grey picture.
        unrest: how restless each place is, in grey levels.
        ignored: 255 where nothing is analysed.
        detected: whether the blobs are an object detector's, each a thing of its own.
        tint: the colour planes, see `View`; None from a camera without colour.
    """

    blobs: list[Blob]
    labels: NDArray[np.int32]
    picture: Picture
    unrest: Picture | None = None
    ignored: Mask | None = None
    detected: bool = False
    tint: Picture | None = None


class MotionDetector:
    """Finds blobs frame by frame."""

    def __init__(self) -> None:
        self._background: Background | Beginning | None = None
        self._restlessness, self._rehearsed_s = Restlessness((1, 1)), 0.0
        self._last_s = 0.0
        self._light: Mask | None = None
        self._debris, self._doubted_s = Debris(), 0.0
        self._before_damage: tuple[Background, Restlessness] | None = None
        self.mask: Mask | None = None

    def viewed(self, frame: Frame) -> list[ViewedFrame]:
        """What can be analysed now that a frame has come: it alone, but at the beginning.

        None while the first background is learnt, then all up to this one at once. So it is again with a picture of
        another size, and behind a scene that changed.

        Args:
            frame: the picture; its media time grows.
        """
        moment = ViewedFrame(_view(frame), frame.number, frame.time_s, frame.doubt)
        known = self._background
        if known is None or not known.fits(moment.view):
            self._background = Beginning(moment)
            return []
        if isinstance(known, Background):
            return [moment]
        background = known.add(moment)
        if background is None:
            return []
        self._background, self._last_s = background, known.frames[0].time_s
        self._restlessness = _rehearsed(background, known.frames)
        self._rehearsed_s = moment.time_s
        return known.frames

    def step(
        self, moment: ViewedFrame, masks: Masks | None = None, held: Mask | None = None, travelling: Mask | None = None
    ) -> Foreground:
        """What moves in the next moment.

        Args:
            moment: of `viewed`, in their order.
            masks: what is not analysed.
            held: mask of what must not become background, shape of the analysed picture.
            travelling: mask of what goes its way, which does not make its place restless.
        """
        view, background = moment.view, self._background
        dt_s = min(1.0, max(0.0, moment.time_s - self._last_s))
        self._last_s = moment.time_s
        self._doubted_s = self._doubted_s + dt_s if moment.doubt is not Doubt.NONE else 0.0
        self._debris.remember(view, moment.time_s)
        if not isinstance(background, Background):  # the scene changed among the first moments
            if background is not None:
                ready = background.add(moment)
                self._background, self._restlessness = ready or background, Restlessness(view.grey.shape)
            return _nothing(view.grey)
        # Tracks that were made with a picture of another shape say nothing of this one.
        held, travelling = (_of_shape(mask, view.grey.shape) for mask in (held, travelling))
        background = self._known(background, moment)
        background.follow_exposure(view)
        difference = background.difference(view)
        ignored = masks.ignored(view.grey.shape[1], view.grey.shape[0]) if masks else None
        if ignored is not None:
            difference[ignored > 0] = 0
        # What damage draws is neither restless nor ground nor a new scene; but light changes, and cannot wait for ever.
        learning = not (moment.doubt is Doubt.SMEAR and 0 < self._doubted_s < _UNLEARNT_S)
        if moment.time_s > self._rehearsed_s:
            self._restlessness.learn(difference, travelling, self._light, dt_s if learning else 0.0)
        unrest = self._restlessness.unrest()
        whole = moving = _foreground(difference, cv2.min(unrest, MOST))  # type: ignore[call-overload]
        if 0 < self._doubted_s < _DOUBTED_S.get(moment.doubt, 0.0):
            moving = self._debris.without(moving, travelling)
            behind = self._debris.left_behind(whole, moving, (held, travelling))
            background.absorb(view, behind, dt_s)
            whole = cv2.bitwise_and(whole, cv2.bitwise_not(behind))  # type: ignore[assignment]
        watched = moving.size if ignored is None else max(1, moving.size - int(np.count_nonzero(ignored)))
        if np.count_nonzero(moving) > _SCENE_CHANGE * watched:
            if not learning:
                return _nothing(view.grey)
            self._background = Beginning(moment)
            return _nothing(view.grey)
        dropped = background.drop_ghosts(view, moving, held, moment.time_s) if learning else None
        if dropped is not None:
            kept = cv2.bitwise_not(dropped)
            whole, moving = cv2.bitwise_and(whole, kept), cv2.bitwise_and(moving, kept)  # type: ignore[assignment]
        self.mask = moving
        if learning:
            background.learn(view, whole, held, dt_s)
        blobs, light = _blobs(moving, difference, background, view)
        self._light = cv2.dilate(light, _BEAM) if light is not None else None  # type: ignore[assignment]
        return replace(blobs, unrest=unrest, ignored=ignored, tint=view.tint)

    def _known(self, background: Background, moment: ViewedFrame) -> Background:
        """The background for a picture: what is learnt while pictures are damaged holds for those.

        With the first that is sound again, what was known before them goes on; but where the scene has changed
        meanwhile, what was learnt since explains it better, and stays.
        """
        if moment.doubt is not Doubt.NONE:
            self._before_damage = self._before_damage or copy.deepcopy((background, self._restlessness))
            return background
        if self._before_damage is None:
            return background
        (before, restlessness), self._before_damage = self._before_damage, None
        if before.fits(moment.view):
            for known in (before, background):
                known.follow_exposure(moment.view)
            if _unlike(before, moment.view) <= _unlike(background, moment.view):
                self._background, self._restlessness = before, restlessness
                return before
        return background


def _unlike(background: Background, view: View) -> int:
    """How many pixels differ from a background."""
    return int(np.count_nonzero(background.difference(view) > THRESHOLD))


def _of_shape(mask: Mask | None, shape: tuple[int, ...]) -> Mask | None:
    return mask if mask is not None and mask.shape == shape else None


def _view(frame: Frame) -> View:
    height, width = frame.grey.shape
    size = WIDTH_PX, max(16, round(height * WIDTH_PX / width)) & ~1
    small = cv2.resize(frame.grey, size, interpolation=cv2.INTER_LINEAR) if size != (width, height) else frame.grey
    tint = None
    if frame.chroma is not None:
        half = size[0] // 2, size[1] // 2
        tint = np.vstack([cv2.resize(plane, half, interpolation=cv2.INTER_LINEAR) for plane in frame.chroma])
    return View(cv2.blur(small, (3, 3)), tint)  # type: ignore[arg-type]


_CLOSE = np.ones((5, 3), np.uint8)
_ROUND = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_BROAD = np.ones((7, 7), np.uint8)
_BEAM = np.ones((49, 49), np.uint8)
"""As far as a beam gets from one picture to the next."""
_OPEN = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def _foreground(difference: Picture, allowance: Picture) -> Mask:
    """Mask of what differs from the background by more than its place usually does."""
    _, mask = cv2.threshold(cv2.subtract(difference, allowance), THRESHOLD, 255, cv2.THRESH_BINARY)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _OPEN)
    return cv2.morphologyEx(opened, cv2.MORPH_CLOSE, _CLOSE)  # type: ignore[return-value]


def _rehearsed(background: Background, frames: list[ViewedFrame]) -> Restlessness:
    """What is restless among the first frames is known before they are analysed: trees are no crowd that walks."""
    restlessness, last_s = Restlessness(frames[0].view.grey.shape), frames[0].time_s
    for frame in sound(frames):
        difference = background.difference(frame.view)
        restlessness.learn(difference, None, None, min(1.0, max(0.0, frame.time_s - last_s)))
        last_s = frame.time_s
    return restlessness


def _nothing(picture: Picture) -> Foreground:
    return Foreground([], np.zeros(picture.shape, np.int32), picture)


def _blobs(mask: Mask, difference: Picture, background: Background, view: View) -> tuple[Foreground, Mask | None]:
    """The blobs of a mask, and the mask of where light falls on much of the picture."""
    labels, found = components(mask)
    lights: Mask | None = None
    blobs, newest = [], len(found)
    for label, (left, top, wide, high, area) in enumerate(found, start=1):
        window = np.s_[top : top + high, left : left + wide]
        if area < _MIN_AREA * mask.size or cv2.minMaxLoc(difference[window])[1] < _SURE:
            continue
        shade = cv2.morphologyEx(background.shade(view, window), cv2.MORPH_OPEN, _BROAD)
        dark = (labels[window] == label) & (shade > 0)
        part = np.count_nonzero(dark) / area
        parts = _without_shade(labels[window] == label, dark, area) if _SHADED[0] < part < _SHADED[1] else None
        if parts is None:
            light = _is_soft(labels[window] == label, difference[window], _outlines(view, window))
            if light and area > _BROAD_LIGHT * mask.size:
                lights = np.zeros_like(mask) if lights is None else lights
                lights[window][labels[window] == label] = 255
                continue
            blobs.append(Blob(left, top, left + wide, top + high, area, (label,), shade=light))
            continue
        part_labels, part_stats = parts
        own = labels[window]
        own[own == label] = 0
        own += (part_labels + newest) * (part_labels > 0)
        for number, (x, y, part_wide, part_high, part_area) in enumerate(part_stats, start=newest + 1):
            if part_area >= _MIN_AREA * mask.size:
                box = left + x, top + y, left + x + part_wide, top + y + part_high
                blobs.append(Blob(*box, part_area, (number,)))
        newest += len(part_stats)
    return Foreground(blobs, labels, view.grey), lights


def _is_soft(own: NDArray[np.bool_], difference: Picture, outlines: Picture) -> bool:
    """Whether a blob fades out all around, as light does and no body.

    An outline counts where the picture has it too: those of the difference alone are where the background was renewed.
    """
    patch = own.astype(np.uint8)
    core = cv2.erode(patch, _ROUND, borderType=cv2.BORDER_REPLICATE)
    outline = cv2.subtract(patch, core)
    band = cv2.subtract(core, cv2.erode(core, _ROUND, borderType=cv2.BORDER_REPLICATE))
    edges = cv2.mean(cv2.min(_edges(difference), outlines), outline)[0]
    inside = cv2.mean(difference, band)[0]
    return bool(edges / 8 < _SOFT * inside)  # Sobel's sum is eight times the slope


def _outlines(view: View, window: tuple[slice, slice]) -> Picture:
    """Edges of a part of the picture, those of colour at their weight."""
    outlines = _edges(view.grey[window])
    if view.tint is None:
        return outlines
    half, (rows, columns) = len(view.tint) // 2, window
    for first in (0, half):
        down = slice(first + rows.start // 2, first + (rows.stop + 1) // 2)
        part = view.tint[down, columns.start // 2 : (columns.stop + 1) // 2]
        full = cv2.resize(part, (outlines.shape[1], outlines.shape[0]), interpolation=cv2.INTER_LINEAR)
        colour = cv2.convertScaleAbs(_edges(full), alpha=TINT_WEIGHT)  # type: ignore[arg-type]
        outlines = cv2.max(outlines, colour)  # type: ignore[assignment]
    return outlines


def _edges(picture: Picture) -> Picture:
    across, down = cv2.Sobel(picture, cv2.CV_16S, 1, 0), cv2.Sobel(picture, cv2.CV_16S, 0, 1)
    return cv2.add(cv2.convertScaleAbs(across), cv2.convertScaleAbs(down))  # type: ignore[return-value]


def _without_shade(
    own: NDArray[np.bool_], dark: NDArray[np.bool_], area: int
) -> tuple[NDArray[np.int32], list[list[int]]] | None:
    """What is left of a blob without the shadow that it throws; None where it throws none.

    A shadow lies beside what throws it: shade within the box of all the rest is a grey coat, and stays. So does what is
    mostly shade.
    """
    rest = cv2.morphologyEx((own & ~dark).astype(np.uint8), cv2.MORPH_OPEN, _OPEN)
    _, parts = components(rest)  # type: ignore[arg-type]
    bodies = [part for part in parts if part[4] > _BODY * area]
    if not bodies:
        return None
    left, top = min(part[0] for part in bodies), min(part[1] for part in bodies)
    right, bottom = max(part[0] + part[2] for part in bodies), max(part[1] + part[3] for part in bodies)
    dark[top:bottom, left:right] = False
    if np.count_nonzero(dark) < _SHADED[0] * area:
        return None
    return components(cv2.morphologyEx((own & ~dark).astype(np.uint8), cv2.MORPH_OPEN, _OPEN))  # type: ignore[arg-type]
