"""An endless stream of drawn crops with their texts."""

from collections.abc import Iterator

import numpy as np

from models.training import face, texts, wear
from shared.plates import KINDS, Kind

SHARES = {
    "small car": 6,
    "small new energy": 4,
    "large new energy": 2,
    "large car, front": 1.5,
    "large car, rear": 2.5,
    "trailer": 1.5,
    "motorcycle": 1,
    "driving school": 1,
    "police": 1,
    "Hong Kong and Macao": 1,
    "embassy": 0.7,
    "consulate": 0.8,
}


def crops(seed: int) -> Iterator[tuple[wear.Picture, str, Kind]]:
    """Crops of shape (48, 128, 3), their texts and kinds; the same for the same seed."""
    rng = np.random.default_rng(seed)
    shares = np.array([SHARES[kind.name] for kind in KINDS])
    while True:
        kind = KINDS[int(rng.choice(len(KINDS), p=shares / shares.sum()))]
        text = texts.draw(kind, rng)
        hard = wear.Hardship(*(float(value) for value in rng.uniform(0.15, 1.0, 4)))
        yield wear.crop(face.draw(kind, text, rng), rng, hard), text, kind
