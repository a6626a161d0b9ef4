"""Drawn crops with their texts: an endless stream to learn from, and tests of one kind."""

from collections.abc import Iterator

import numpy as np

from models.training import augmentation, plate_face, texts
from shared.plates import KINDS, Kind

SHARES = {
    "small car": 6,
    "small new energy": 6,
    "large new energy": 4,
    "large car front": 1.5,
    "large car rear": 2.5,
    "trailer": 1.5,
    "motorcycle": 1,
    "driving school": 1,
    "police": 1,
    "Hong Kong and Macao": 1,
    "embassy": 0.7,
    "consulate": 0.8,
}


def crops(seed: int) -> Iterator[tuple[augmentation.Picture, str, Kind]]:
    """Crops of shape (48, 128, 3), their texts and kinds; the same for the same seed."""
    rng = np.random.default_rng(seed)
    shares = np.array([SHARES[kind.name] for kind in KINDS])
    while True:
        kind = KINDS[int(rng.choice(len(KINDS), p=shares / shares.sum()))]
        text = texts.draw(kind, rng)
        hard = augmentation.Hardship(*(float(value) for value in rng.uniform(0.15, 1.0, 4)))
        yield augmentation.crop(plate_face.draw(kind, text, rng), rng, hard), text, kind


TEST_HARDSHIP = 0.1, 0.7
"""Of the tests: as hard as makes drawn blue plates no easier than real ones."""


def test_crops(kind: Kind, seed: int, count: int) -> Iterator[tuple[augmentation.Picture, str]]:
    """Crops of one kind and their texts; the same for the same seed."""
    for pictures, text in test_passages(kind, seed, count, 1):
        yield pictures[0], text


def test_passages(kind: Kind, seed: int, count: int, looks: int) -> Iterator[tuple[list[augmentation.Picture], str]]:
    """Several looks at each plate: its dirt stays, light, angle and sensor change."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        text = texts.draw(kind, rng)
        hard = augmentation.Hardship(*(float(value) for value in rng.uniform(*TEST_HARDSHIP, 4)))
        worn = augmentation.surface(plate_face.draw(kind, text, rng), rng, hard.surface)
        yield [augmentation.look(worn, rng, hard) for _ in range(looks)], text
