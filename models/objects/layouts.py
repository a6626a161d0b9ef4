"""How the files of object detectors want their picture, and how their output is read.

nanodet: blue, green, red, less their mean over their deviation. Output (1, cells, 80 + 4 times bins): class scores,
then the distances to the four sides as distributions.

yolox: blue, green, red, 0 to 255. Output (1, cells, 5 + classes): middle in cells, logarithm of the size in cells, how
sure it is that something is there, class scores.

detr: red, green, blue, 0 to 1, stretched to the model's size. Outputs `logits` and `pred_boxes`, or `labels`, `boxes`
and `scores`.

end_to_end: red, green, blue, 0 to 1. Output (1, n, 6): left, top, right, bottom in pixels of what went in, score,
class.

But for detr a picture is fitted into the model's size from the top left, with grey bars. Sources: the exports of
NanoDet, YOLOX, RT-DETR and D-FINE by their authors.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.objects.coco import CLASSES
from models.onnx_session import open_session
from shared.errors import ConfigError
from shared.objects import ModelLayout

Picture = NDArray[np.uint8]
"""Shape (height, width, 3), blue, green, red."""
Rows = NDArray[np.float32]
"""Shape (n, 6): left, top, right, bottom as parts of the picture's sides, score 0 to 1, number of the class."""

_BARS = 114
STRIDES = (8, 16, 32)
"""Sides of the cells, in pixels of what goes in."""
_BEFORE = 5
"""Numbers of a cell of YOLOX before those of its classes: the box, and how sure it is."""
_SAME = 0.55
"""Two boxes of one class that share more of what they cover together are one."""
_TINY = 2.5 / 640
"""A sample in which no box reaches further, as a part of the sides, is of a model that does not count in pixels."""
_BEYOND, _OUTSIDE = 1.0, 0.2
"""So far outside the picture, in its sides, a box may reach that its edge cuts; part of all that may reach further."""


class Session(Protocol):
    """What is used of an ONNX Runtime session."""

    def get_inputs(self) -> Sequence[Any]:
        """Each with its name and shape."""

    def get_outputs(self) -> Sequence[Any]:
        """Each with its name."""

    def run(self, output_names: Sequence[str] | None, input_feed: dict[str, Any]) -> Sequence[Any]:
        """Run the model."""


class Layout(ABC):
    """A model that is read in one of the ways above.

    Args:
        session: of the model.
        said: what the model is called in errors.
        classes: how many it has; None where that is not known.

    Attributes:
        side_px: the longer side of what goes in; larger pictures are no use.

    Raises:
        ConfigError: its input is no picture.
    """

    default_px = 640

    def __init__(self, session: Session, said: str = "the model", classes: int | None = None) -> None:
        self._session, self._said, self._classes = session, said, classes
        inputs = session.get_inputs()
        self._name, shape = inputs[0].name, inputs[0].shape
        if len(shape) != 4 or (shape[1] not in (3, None) and not isinstance(shape[1], str)):
            raise ConfigError(f"{said}: its input is {shape}, expected (1, 3, height, width)")
        fixed = isinstance(shape[2], int) and isinstance(shape[3], int)
        self.size: tuple[int, int] | None = (int(shape[3]), int(shape[2])) if fixed else None
        """Width and height of what goes in, where the model does not leave them open."""
        self.side_px = max(self.size) if self.size else self.default_px
        self.is_fixed = fixed
        """Whatever goes in is made as large, so a part costs as much as the whole."""

    @abstractmethod
    def find(self, picture: Picture, min_score: float, side_px: int | None = None) -> Rows:
        """What is in a picture, the surest first.

        Args:
            picture: of any size.
            min_score: what is less sure is left out.
            side_px: the longer side of what goes in, where the model leaves that open; none is `side_px`.

        Raises:
            ConfigError: the output is not of this layout, or holds what is no number.
        """

    def _run(self, tensor: NDArray[Any], **more: NDArray[Any]) -> list[NDArray[Any]]:
        found = self._session.run(None, {self._name: np.ascontiguousarray(tensor), **more})
        if not found:
            raise ConfigError(f"{self._said}: it returned nothing")
        outputs = [np.asarray(each) for each in found]
        # Single rows that are no numbers, as in padding, are left out later.
        if any(each.size and each.dtype.kind == "f" and not np.isfinite(each).any() for each in outputs):
            raise ConfigError(f"{self._said}: its output is no number at all (NaN or infinite)")
        return outputs

    def _fitted(self, picture: Picture, side_px: int | None) -> tuple[Picture, float, float]:
        """A canvas with the picture at its top left, and how many pixels of it the picture's sides are."""
        height, width = picture.shape[:2]
        most_wide, most_high = self.size or (side_px or self.side_px,) * 2
        scale = min(most_wide / width, most_high / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        fitted = picture if size == (width, height) else cv2.resize(picture, size, interpolation=way)
        wide, high = self.size or (
            -(-size[0] // STRIDES[-1]) * STRIDES[-1],
            -(-size[1] // STRIDES[-1]) * STRIDES[-1],
        )
        canvas = np.full((high, wide, 3), _BARS, np.uint8)
        canvas[: size[1], : size[0]] = fitted
        return canvas, width * scale, height * scale

    def _cells(self, outputs: Sequence[NDArray[Any]], canvas: Picture, fits: Callable[[int], bool], want: str) -> Rows:
        """The output of a model that has a row for each cell.

        Args:
            outputs: all of them.
            canvas: what went in.
            fits: whether a row may have so many numbers.
            want: the same in words.
        """
        high, wide = canvas.shape[:2]
        cells = sum((wide // side) * (high // side) for side in STRIDES)
        first = outputs[0]
        if first.ndim != 3 or first.shape[1] != cells or not fits(first.shape[2]):
            raise ConfigError(f"{self._said}: its output is {first.shape}, expected (1, {cells}, {want})")
        return np.asarray(first[0], np.float32)


class NanoDet(Layout):
    """Source: NanoDet, with distances as in "Generalized Focal Loss"."""

    default_px = 416
    _mean = np.array([103.53, 116.28, 123.675], np.float32)
    _deviation = np.array([57.375, 57.12, 58.395], np.float32)

    def find(self, picture: Picture, min_score: float, side_px: int | None = None) -> Rows:
        return self.find_only(None, picture, min_score, side_px)

    def find_only(
        self, wanted: Sequence[int] | None, picture: Picture, min_score: float, side_px: int | None = None
    ) -> Rows:
        """The same of some classes, however sure the model is that it is one of the others.

        Args:
            wanted: their numbers; None: all.
            picture, min_score, side_px: as `find`.
        """
        canvas, across, down = self._fitted(picture, side_px)
        tensor = ((canvas.astype(np.float32) - self._mean) / self._deviation).transpose(2, 0, 1)[None]

        classes = self._classes or CLASSES

        def fits(numbers: int) -> bool:
            return numbers > classes and (numbers - classes) % 4 == 0

        cells = self._cells(self._run(tensor), canvas, fits, f"{classes} classes + 4 times bins")
        middles, sides = _grid(canvas.shape[1], canvas.shape[0])
        numbers = np.asarray(range(classes) if wanted is None else wanted)
        scores = cells[:, numbers].max(axis=1)
        kept = np.flatnonzero(scores >= min_score)
        bins = (cells.shape[1] - classes) // 4
        logits = cells[kept, classes:].reshape(len(kept), 4, bins)
        parts = np.exp(logits - logits.max(axis=2, keepdims=True))
        away = (parts * np.arange(parts.shape[2])).sum(axis=2) / parts.sum(axis=2) * sides[kept, None]
        boxes = np.concatenate([middles[kept] - away[:, :2], middles[kept] + away[:, 2:]], axis=1)
        return _apart(boxes, scores[kept], numbers[cells[np.ix_(kept, numbers)].argmax(axis=1)], across, down)


class Yolox(Layout):
    """Source: YOLOX, exported without decoding."""

    def find(self, picture: Picture, min_score: float, side_px: int | None = None) -> Rows:
        canvas, across, down = self._fitted(picture, side_px)
        tensor = canvas.astype(np.float32).transpose(2, 0, 1)[None]
        classes = self._classes

        def fits(numbers: int) -> bool:
            return numbers > _BEFORE if classes is None else numbers == _BEFORE + classes

        cells = self._cells(self._run(tensor), canvas, fits, f"{_BEFORE} + {classes or ''} classes".replace("  ", " "))
        middles, sides = _grid(canvas.shape[1], canvas.shape[0])
        scores = cells[:, 4] * cells[:, 5:].max(axis=1)
        kept = np.flatnonzero(scores >= min_score)
        side = sides[kept, None]
        middle = (cells[kept, :2] + middles[kept] / side - 0.5) * side
        half = np.exp(np.minimum(cells[kept, 2:4], 10)) * side / 2
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        return _apart(boxes, scores[kept], cells[kept, 5:].argmax(axis=1), across, down)


class Detr(Layout):
    """Source: RT-DETR and D-FINE; what these export, and what the Transformers library does."""

    def __init__(self, session: Session, said: str = "the model", classes: int | None = None) -> None:
        super().__init__(session, said, classes)
        self.is_fixed = True  # also where its sides are open: it was trained with one size

    def find(self, picture: Picture, min_score: float, side_px: int | None = None) -> Rows:  # noqa: ARG002 - stretched
        wide, high = self.size or (self.side_px, self.side_px)
        fitted = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_LINEAR)
        tensor = fitted[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        # Where a model wants the picture's size it gives boxes in it: ours is one by one.
        more = {each.name: np.ones((1, 2), np.int64) for each in self._session.get_inputs()[1:]}
        names = [each.name for each in self._session.get_outputs()]
        found = dict(zip(names, self._run(tensor, **more), strict=False))
        if {"logits", "pred_boxes"} <= found.keys():
            scores = 1 / (1 + np.exp(-np.asarray(found["logits"][0], np.float32)))
            middle, size = np.split(np.asarray(found["pred_boxes"][0], np.float32), 2, axis=1)
            boxes = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
            rows = np.column_stack([boxes, scores.max(axis=1), scores.argmax(axis=1)]).astype(np.float32)
        elif {"labels", "boxes", "scores"} <= found.keys():
            rows = np.column_stack([found["boxes"][0], found["scores"][0], found["labels"][0]]).astype(np.float32)
        else:
            raise ConfigError(
                f"{self._said}: its outputs are {', '.join(names)}, expected logits and pred_boxes, or labels, boxes "
                "and scores"
            )
        return _sorted(rows, min_score)


class EndToEnd(Layout):
    """Of detectors with built-in suppression, exported that way."""

    def find(self, picture: Picture, min_score: float, side_px: int | None = None) -> Rows:
        canvas, across, down = self._fitted(picture, side_px)
        tensor = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        first = self._run(tensor)[0]
        if first.ndim != 3 or first.shape[2] != 6:
            raise ConfigError(f"{self._said}: its output is {first.shape}, expected (1, n, 6)")
        scale = np.array([across, down, across, down, 1, 1])
        rows = np.asarray(first[0] / scale, np.float32)
        return _sorted(rows, min_score)


LAYOUTS: Mapping[ModelLayout, type[Layout]] = {
    "nanodet": NanoDet,
    "yolox": Yolox,
    "detr": Detr,
    "end_to_end": EndToEnd,
}


def open_layout(
    path: Path, layout: ModelLayout, providers: Collection[str], key: str, classes: int | None = None
) -> Layout:
    """A model of a file of the user's own, checked.

    Args:
        path: the .onnx file.
        layout: how it is read.
        providers: ONNX Runtime execution providers, best first.
        key: what the configuration calls it, for errors.
        classes: how many it has; None where that is not known.

    Raises:
        ConfigError: there is no such file or provider, or the model is of another layout.
    """
    said = f"{key}.model = {str(path)!r} as {layout}"
    session = open_session(path, providers, key)
    try:
        model = LAYOUTS[layout](session, said, classes)
        check(model, said)
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises many types that share no base but this
        raise ConfigError(f"{said}: it cannot be run on a picture: {str(error).splitlines()[0][:200]}") from None
    return model


def check(layout: Layout, said: str) -> None:
    """Let a model look at a picture of ours: a wrong layout shows in the output's shape, or in what the numbers are.

    Raises:
        ConfigError: it is another layout; the message says what is wrong.
    """
    across, down = np.meshgrid(np.arange(640), np.arange(360))
    sample = np.stack([across % 256, down % 256, (across + down) % 256], axis=2).astype(np.uint8)
    sample[120:300, 280:340] = 20
    rows = layout.find(sample, 0.0)
    if not len(rows):
        return
    scores, beyond = rows[:, 4], np.abs(rows[:, :4] - 0.5) > _BEYOND + 0.5
    wrong = ""
    if ((scores < 0) | (scores > 1)).any():
        wrong = f"scores from {scores.min():.3g} to {scores.max():.3g}, expected 0 to 1"
    elif 0 < np.abs(rows[:, :4]).max() < _TINY:
        wrong = "all its boxes lie within two pixels: are they parts of the sides?"
    elif beyond.any(axis=1).mean() > _OUTSIDE:
        wrong = "its boxes lie outside the picture"
    elif (rows[:, 2:4] < rows[:, :2]).any():
        wrong = "its boxes end before they begin"
    if wrong:
        raise ConfigError(f"{said}: {wrong}; is it another layout? There are {', '.join(LAYOUTS)}")


def _sorted(rows: Rows, min_score: float) -> Rows:
    rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, 4] >= min_score)]
    return rows[np.argsort(-rows[:, 4], kind="stable")]


def _apart(boxes: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any], across: float, down: float) -> Rows:
    """Rows of what is left when boxes of one class that are one thing are one, the surest first."""
    sound = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
    boxes, scores, classes = boxes[sound], scores[sound], classes[sound]
    if not len(boxes):
        return np.zeros((0, 6), np.float32)
    far = 4 * max(across, down)
    shifted = boxes[:, :2] + classes[:, None] * far  # boxes of two classes never meet
    sizes = boxes[:, 2:] - boxes[:, :2]
    lying = np.concatenate([shifted, sizes], axis=1).tolist()
    surest = cv2.dnn.NMSBoxes(lying, scores.tolist(), 0.0, _SAME)
    order = np.asarray(surest, np.int64).ravel()
    rows = np.column_stack([boxes / [across, down, across, down], scores, classes])
    return rows[order].astype(np.float32)


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Middles of the cells and their sides, of 8, 16 and 32 pixels, rows from the top."""
    middles, sides = [], []
    for side in STRIDES:
        down, across = np.mgrid[: height // side, : width // side]
        middles.append((np.stack([across.ravel(), down.ravel()], axis=1) + 0.5) * side)
        sides.append(np.full(across.size, side))
    return np.concatenate(middles).astype(np.float32), np.concatenate(sides).astype(np.float32)
