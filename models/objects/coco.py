"""What of COCO's eighty classes walks or drives."""

from shared.objects import ObjectClass

COCO: dict[int, ObjectClass] = {
    0: ObjectClass.PERSON,
    1: ObjectClass.TWO_WHEELER,
    2: ObjectClass.CAR,
    3: ObjectClass.TWO_WHEELER,
    5: ObjectClass.BUS,
    6: ObjectClass.LORRY,  # a train: what the model calls a long lorry from the side
    7: ObjectClass.LORRY,
    **dict.fromkeys(range(14, 24), ObjectClass.ANIMAL),
}
"""By the number of the class, counted from 0."""
CLASSES = 80
"""How many COCO has."""
