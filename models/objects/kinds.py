"""What a thing on the ground may be; of COCO's eighty classes, those that walk or drive."""

from enum import Enum


class Kind(Enum):
    """Kinds that an operator tells apart."""

    PERSON = "person"
    CAR = "car"
    BUS = "bus"
    LORRY = "lorry"
    TWO_WHEELER = "two_wheeler"
    """A bicycle or motorcycle, with its rider where there is one."""
    ANIMAL = "animal"


COCO: dict[int, Kind] = {
    0: Kind.PERSON,
    1: Kind.TWO_WHEELER,
    2: Kind.CAR,
    3: Kind.TWO_WHEELER,
    5: Kind.BUS,
    6: Kind.LORRY,  # a train: what the model calls a long lorry from the side
    7: Kind.LORRY,
    **dict.fromkeys(range(14, 24), Kind.ANIMAL),
}
"""By the number of the class, counted from 0 as COCO's eighty are."""
