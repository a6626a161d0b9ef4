"""What walks or drives in a picture."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.objects.coco import COCO
from models.objects.layouts import Layout, NanoDet, Picture
from models.objects.lens import WHOLE, Lens, Part, Region
from models.onnx_session import CPU
from models.registry import Registry
from shared.objects import ObjectClass

MODEL = "objects"
_CUT = 0.005
"""A box that comes so near to the border of a part, in its sides, is cut by it."""
_SAME = 0.5
"""Two boxes that share more of what they cover together are one thing, whatever the model calls it."""
_RIDES_ACROSS, _RIDES_HIGH, _RIDES_LOW = 0.5, 0.2, 0.4
"""A rider and the two-wheeler: part of the narrower width and of the person's height in common, and by how much of that
height their lower edges may differ."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing: its box, 0 to 1 of the picture's sides, what it is, and how sure that is, 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    object_class: ObjectClass

    @property
    def box(self) -> Region:
        """left, top, right, bottom"""
        return self.left, self.top, self.right, self.bottom


class ObjectFinder:
    """Finds persons, vehicles, two-wheelers and animals. Used by one thread at a time.

    Args:
        layout: the model.
        min_score: what is less sure is not told.
        classes: what the numbers of the model's classes mean; those that are not here are left out.
    """

    def __init__(self, layout: Layout, min_score: float, classes: Mapping[int, ObjectClass] = COCO) -> None:
        self._layout, self._min_score, self._classes = layout, min_score, classes

    @property
    def lens(self) -> Lens:
        """How it wants its pictures."""
        return Lens(self._layout.side_px, self._layout.is_fixed)

    @classmethod
    def shipped(
        cls, min_score: float, providers: Collection[str] = CPU, registry: Registry | None = None
    ) -> "ObjectFinder":
        """With the model of the registry.

        Raises:
            ConfigError: a provider is not there.
            TamperedModelError: the file is not the one that the registry names, or was not built.
        """
        return cls(NanoDet((registry or Registry()).open(MODEL, providers, "looks"), f"model {MODEL}"), min_score)

    def find(self, part: Part) -> list[Found]:
        """All there are, the surest first; a rider and the two-wheeler are one.

        Args:
            part: of a picture, as the lens makes it. What its border cuts is left out, and boxes are of the whole.

        Raises:
            ConfigError: the model's output is not what it should be.
        """
        left, top, right, bottom = part.region
        rows = self._layout.find(part.picture, self._min_score, max(part.picture.shape[:2]))
        begins, ends = rows[:, :2] < _CUT, rows[:, 2:4] > 1 - _CUT
        inside = np.array([left > 0, top > 0]), np.array([right < 1, bottom < 1])
        rows = rows[~((begins & inside[0]) | (ends & inside[1])).any(axis=1)]
        wide, high = right - left, bottom - top
        found = [
            Found(left + a * wide, top + b * high, left + c * wide, top + d * high, score, self._classes[int(number)])
            for a, b, c, d, score, number in rows.tolist()
            if int(number) in self._classes
        ]
        return _riders_joined(_apart(found))

    def find_all(self, picture: Picture) -> list[Found]:
        """The same in a whole picture.

        Raises:
            ConfigError: the model's output is not what it should be.
        """
        return self.find(self.lens.cut(picture, WHOLE))


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
