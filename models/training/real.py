"""Real crops of the data folder, and which of five folds each belongs to."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.training.glyphs import DATA
from models.training.wear import SIZE, Picture

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Real:
    """One real crop.

    Attributes:
        picture: shape (48, 128, 3).
        text: what the plate says.
        fold: 0 to 4; all crops of one text are in one fold.
    """

    picture: Picture
    text: str
    fold: int


def fold_of(text: str) -> int:
    """The fold of a plate, by its text alone: a vehicle seen twice is never on both sides."""
    return hashlib.sha256(text.encode()).digest()[0] % FOLDS


def read(path: Path) -> Picture:
    """A picture file, whatever characters its name has.

    Raises:
        ValueError: it is no picture.
    """
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path} is no picture that can be read")
    return np.asarray(picture, np.uint8)


def crops() -> list[Real]:
    """All real crops, in the order of their names."""
    found = []
    for path in sorted((DATA / "plates" / "crops").glob("*.jpg")):
        text = path.stem.split("_")[0]
        found.append(Real(np.asarray(cv2.resize(read(path), SIZE), np.uint8), text, fold_of(text)))
    return found
