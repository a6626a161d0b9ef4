"""Real pictures of the data folder, and which of five folds each belongs to."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.picture import PictureError, decode
from models.training.augmentation import SIZE, Picture
from models.training.glyphs import DATA
from shared.plates import Colour, Layout, as_stamped

FOLDS = 5
Quad = NDArray[np.float32]
"""Corners of a plate, shape (4, 2): x and y in pixels, from the upper left one clockwise as its text runs."""

_COLOURS: dict[str, Colour] = {"蓝牌": "blue", "黄牌": "yellow"}
_HUGS = 1.05, 1.12
"""The labelled boxes of scenes lie a little inside the plates: by how much they grow."""


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


@dataclass(frozen=True, slots=True)
class Scene:
    """One real scene.

    Attributes:
        picture: as large as it was taken.
        quads: corners of its plates.
        texts: what they say.
        colours: of their grounds.
        main: the plate that it is about.
        fold: of its main plate.
    """

    picture: Picture
    quads: list[Quad]
    texts: list[str]
    colours: list[Colour]
    main: str
    fold: int


def layout_of(quad: Quad, colour: Colour) -> Layout:
    """A yellow plate half as high as it is wide has two rows: the labels do not say so, the shape does."""
    sides = np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1)
    return "double" if colour == "yellow" and sides[1] + sides[3] < 2.1 * (sides[0] + sides[2]) else "single"


def main_plate(scene: Scene, found: Sequence[Quad]) -> int | None:
    """Which of the found corners are a scene's main plate: the nearest to its middle, less than half a plate away."""
    quad = scene.quads[scene.texts.index(scene.main)]
    off = [float(np.abs(corners.mean(0) - quad.mean(0)).max()) for corners in found]
    nearest = min(range(len(off)), key=off.__getitem__, default=None)
    return nearest if nearest is not None and off[nearest] < np.ptp(quad[:, 0]) / 2 else None


def is_elsewhere(scene: Scene, corners: Quad) -> bool:
    """Whether a finding is away from every labelled plate of its scene: farther than that plate is wide."""
    middle = corners.mean(0)
    return all(float(np.abs(middle - quad.mean(0)).max()) > np.ptp(quad[:, 0]) for quad in scene.quads)


def fold_of(text: str) -> int:
    """The fold of a plate, by its text alone: a crop of a vehicle is never on both sides."""
    return hashlib.sha256(text.encode()).digest()[0] % FOLDS


def read(path: Path) -> Picture:
    """A picture file, whatever characters its name has.

    Raises:
        ValueError: it is no picture.
    """
    try:
        return decode(path.read_bytes()).pixels
    except PictureError as error:
        raise ValueError(f"{path}: {error}") from None


@cache
def crops() -> tuple[Real, ...]:
    """All real crops, in the order of their names."""
    found = []
    for path in sorted((DATA / "plates" / "crops").glob("*.jpg")):
        text = path.stem.split("_")[0]
        found.append(Real(np.asarray(cv2.resize(read(path), SIZE), np.uint8), text, fold_of(text)))
    return tuple(found)


@cache
def scenes() -> tuple[Scene, ...]:
    """All real scenes, in the order of their names."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (DATA / "plates" / "scenes.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["file"], []).append(row)
    found = []
    for path in sorted((DATA / "plates" / "scenes").iterdir()):
        texts = [row["plate"] for row in rows[path.name]]
        main = as_stamped(path.stem)
        if main not in texts:
            raise ValueError(f"scenes.csv has no plate {main} in {path.name}")
        quads = [_quad(row) for row in rows[path.name]]
        colours = [_COLOURS[row["kind"]] for row in rows[path.name]]
        found.append(Scene(read(path), quads, texts, colours, main, fold_of(main)))
    return tuple(found)


@cache
def photographs() -> tuple[tuple[Picture, Quad], ...]:
    """The whole CCPD photographs with their plate's corners."""
    found = []
    for path in sorted((DATA / "plates" / "ccpd").glob("*.jpg")):
        corners = [corner.split("&") for corner in path.stem.split("-")[3].split("_")]
        quad = np.array([[float(x), float(y)] for x, y in corners], np.float32)
        found.append((read(path), quad[[2, 3, 0, 1]]))
    return tuple(found)


def _quad(row: dict[str, str]) -> Quad:
    """Corners of a labelled box: its centre, sides, and a rotation that may be of either side."""
    x, y, wide, high, turn = (float(row[name]) for name in ("x", "y", "width", "height", "rotation_deg"))
    if high > wide and abs(turn) > 45:
        wide, high, turn = high, wide, turn + 90
    along = np.array([np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))]) * wide / 2 * _HUGS[0]
    down = np.array([-np.sin(np.deg2rad(turn)), np.cos(np.deg2rad(turn))]) * high / 2 * _HUGS[1]
    corners = [-along - down, along - down, along + down, -along + down]
    return np.asarray(np.array(corners) + np.array([x, y]), np.float32)
