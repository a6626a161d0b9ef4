"""What walks or drives in a picture."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.objects.coco import COCO
from models.objects.decoding import decode
from models.onnx_session import CPU
from models.registry import Registry
from shared.objects import ObjectClass

Picture = NDArray[np.uint8]
"""Shape (height, width, 3), blue, green, red."""

MODEL = "objects"
_LONGEST_PX = 416
"""The longer side of what goes in; measured with the model's own figures."""
_MULTIPLE_PX = 32
_BARS = 114
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
"""Of blue, green and red; NanoDet was trained so."""
_SAME = 0.5
"""Two boxes that share more of what they cover together are one thing, whatever the model calls it."""
_RIDES_ACROSS, _RIDES_HIGH, _RIDES_LOW = 0.5, 0.2, 0.4
"""A rider and the two-wheeler: part of the narrower width and of the person's height in common, and by how much of that
height their lower edges may differ."""


class Session(Protocol):
    """What is used of an ONNX Runtime session."""

    def run(self, output_names: Sequence[str] | None, input_feed: dict[str, Any]) -> Sequence[Any]:
        """Run the model."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing: its box, 0 to 1 of the picture's sides, what it is, and how sure that is, 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    object_class: ObjectClass


class ObjectFinder:
    """Finds persons, vehicles, two-wheelers and animals. Used by one thread at a time.

    Args:
        session: of the model.
        min_score: what is less sure is not told.
    """

    def __init__(self, session: Session, min_score: float) -> None:
        self._session, self._min_score = session, min_score

    @classmethod
    def shipped(
        cls, min_score: float, providers: Collection[str] = CPU, registry: Registry | None = None
    ) -> "ObjectFinder":
        """With the model of the registry.

        Raises:
            ConfigError: a provider is not there.
            TamperedModelError: the file is not the one that the registry names, or was not built.
        """
        return cls((registry or Registry()).open(MODEL, providers), min_score)

    def find(self, picture: Picture) -> list[Found]:
        """All there are, the surest first; a rider and the two-wheeler are one."""
        height, width = picture.shape[:2]
        scale = _LONGEST_PX / max(height, width)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        fitted = cv2.resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=way)
        high, wide = (-(-side // _MULTIPLE_PX) * _MULTIPLE_PX for side in fitted.shape[:2])
        canvas = np.full((high, wide, 3), _BARS, np.uint8)
        canvas[: fitted.shape[0], : fitted.shape[1]] = fitted
        tensor = ((canvas.astype(np.float32) - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None]
        cells = np.asarray(self._session.run(None, {"picture": np.ascontiguousarray(tensor)})[0], np.float32)
        rows = decode(cells[0], wide, high, self._min_score).tolist()
        across, down = width * scale, height * scale
        found = [
            Found(left / across, top / down, right / across, bottom / down, score, COCO[int(number)])
            for left, top, right, bottom, score, number in rows
            if int(number) in COCO
        ]
        return _riders_joined(_apart(found))


def _apart(found: list[Found]) -> list[Found]:
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: -one.score):
        if all(_overlap(one, other) < _SAME for other in kept):
            kept.append(one)
    return kept


def _riders_joined(found: list[Found]) -> list[Found]:
    """A person on a bicycle or motorcycle is one thing that rides."""
    persons = [one for one in found if one.object_class is ObjectClass.PERSON]
    joined = []
    for one in found:
        if one.object_class is ObjectClass.TWO_WHEELER:
            riders = [person for person in persons if _rides(person, one)]
            if riders:
                rider = max(riders, key=lambda person: _common_width(person, one))
                persons.remove(rider)
                joined.append(
                    replace(
                        one,
                        left=min(one.left, rider.left),
                        top=min(one.top, rider.top),
                        right=max(one.right, rider.right),
                        bottom=max(one.bottom, rider.bottom),
                        score=max(one.score, rider.score),
                    )
                )
                continue
        if one.object_class is not ObjectClass.PERSON:
            joined.append(one)
    return sorted(joined + persons, key=lambda one: -one.score)


def _rides(person: Found, on: Found) -> bool:
    high = person.bottom - person.top
    narrower = min(person.right - person.left, on.right - on.left)
    common = min(person.bottom, on.bottom) - max(person.top, on.top)
    return (
        _common_width(person, on) > _RIDES_ACROSS * narrower
        and common > _RIDES_HIGH * high
        and person.top < on.top
        and abs(person.bottom - on.bottom) < _RIDES_LOW * high
    )


def _common_width(a: Found, b: Found) -> float:
    return min(a.right, b.right) - max(a.left, b.left)


def _overlap(a: Found, b: Found) -> float:
    """Intersection over union."""
    wide, high = _common_width(a, b), min(a.bottom, b.bottom) - max(a.top, b.top)
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    return common / ((a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top) - common)
