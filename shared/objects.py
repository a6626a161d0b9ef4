"""What a thing on the ground may be, as lines ask for it and events tell it."""

from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Literal

ObjectGroup = Literal["person", "vehicle", "two_wheeler", "animal"]
"""What a planner asks for."""
ObjectName = Literal["person", "two_wheeler", "animal", "vehicle", "car", "van", "lorry", "bus"]
"""Of what can be recognised."""
ModelLayout = Literal["nanodet", "yolox", "detr", "end_to_end"]
"""How the file of an object detector is read (`models.objects.layouts`)."""


class ObjectClass(IntEnum):
    """What was recognised.

    UNKNOWN: nothing looked at it, or not often enough to be sure. VEHICLE: one whose kind was not told apart.
    TWO_WHEELER: a bicycle or motorcycle, with its rider where there is one.
    """

    UNKNOWN = 0
    PERSON = 1
    TWO_WHEELER = 2
    ANIMAL = 3
    VEHICLE = 4
    CAR = 5
    VAN = 6
    LORRY = 7
    BUS = 8

    @property
    def label(self) -> str:
        return self.name.lower()


GROUPS: Mapping[ObjectGroup, frozenset[ObjectClass]] = {
    "person": frozenset({ObjectClass.PERSON}),
    "vehicle": frozenset({ObjectClass.VEHICLE, ObjectClass.CAR, ObjectClass.VAN, ObjectClass.LORRY, ObjectClass.BUS}),
    "two_wheeler": frozenset({ObjectClass.TWO_WHEELER}),
    "animal": frozenset({ObjectClass.ANIMAL}),
}
"""The classes of each group; all vehicles are one."""


def classes_named(names: Collection[str]) -> set[ObjectClass]:
    """The classes that names of classes and groups stand for.

    Raises:
        ValueError: one is no such name; the message lists all.
    """
    found = set[ObjectClass]()
    for name in names:
        group = GROUPS.get(name)  # type: ignore[call-overload]
        if group is None and name.upper() not in ObjectClass.__members__:
            raise ValueError(f"{name!r}: expected one of {', '.join(each.label for each in ObjectClass)}")
        found |= group or {ObjectClass[name.upper()]}
    return found
