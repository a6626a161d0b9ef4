"""What `hawkline bench veil` prints: whether plates can be read in pictures that left the box.

A picture goes the way of every picture: covered, made a JPEG, and opened again. A plate in it counts as unreadable when
two judges say so that have nothing in common: our reader, given the true corners, which a stranger has to find first;
and how much of the plate's sharpness is left.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_agent.camera.picture_maker import encoded, sized
from edge_agent.vision.plate.veil import PlateVeil
from models.onnx_session import open_session
from models.picture import decode
from models.plate import PlateFinder, PlateReader
from models.plate.finder import Picture, Quad
from models.plate.recogniser import cut
from models.training import real
from models.training.compose import Composer, grounds_without_plates
from models.training.glyphs import DATA
from provisioning.lab.edge.plates import TEST_SEED, rate
from provisioning.lab.edge.reference import beside_reference
from provisioning.lab.rows import Row
from provisioning.lab.rows import judged as _row
from shared.plates import as_stamped

_BAR = 0.99
_READ = 3
"""So many characters of a plate are right by chance: its province is often the same, and a place says 1."""
_LEGIBLE = 0.5
_SHARP = 0.1
"""Of a plate's sharpness, what is left at most."""
_DRAWN = (1280, 720)
_LEAST_PX = 24
"""Of a drawn plate's breadth: smaller ones cannot be read by anybody."""


def rows(folds: Path | None, *, quick: bool) -> Iterator[Row]:
    """Row by row, as they are measured."""
    if not (DATA / "plates" / "crops").is_dir():
        yield _row("real and drawn plates", "all", None, "", f"{DATA} has none; set HAWKLINE_DATA")
        return
    reader, veils = PlateReader.shipped(), dict.fromkeys(range(real.FOLDS), PlateVeil.shipped())
    if folds is not None:
        sessions = {fold: folds / "detector" / f"fold{fold}" / "detector.onnx" for fold in veils}
        veils = {fold: PlateVeil(PlateFinder(open_session(path))) for fold, path in sessions.items()}
    scenes = real.scenes()[:: 8 if quick else 1]
    seen = "five folds" if folds is not None else "shipped, which has learnt these scenes"
    covered = [_Seen.of(scene.picture, veils[scene.fold]) for scene in scenes]
    labelled = [(seen, quad, text) for scene, seen in zip(scenes, covered, strict=True) for quad, text in _of(scene)]
    yield from _judged(f"real scenes, {seen}", reader, [(one, quad, as_stamped(text)) for one, quad, text in labelled])
    yield _spared(reader, veils, scenes)
    composer = Composer(TEST_SEED, grounds_without_plates(), [], 0.0)
    drawn = []
    for _, composed in zip(range(40 if quick else 400), composer.scenes(_DRAWN), strict=False):
        one = _Seen.of(composed.picture, veils[0])
        drawn += [(one, quad, "") for quad in composed.quads if np.ptp(quad[:, 0]) >= _LEAST_PX]
    yield from _judged("drawn scenes", reader, drawn)
    scene = next(one for one in real.scenes() if one.picture.shape[:2] == (720, 1280))
    yield beside_reference("a 1280x720 picture", lambda: veils[0].cover(scene.picture), 3 if quick else 15)


class _Seen:
    """A picture before and after."""

    def __init__(self, before: Picture, after: Picture, scale: float) -> None:
        self.before, self.after, self.scale = before, after, scale

    @classmethod
    def of(cls, picture: Picture, veil: PlateVeil) -> "_Seen":
        """As the box makes it."""
        small = sized(picture)
        return cls(small, decode(encoded(veil.cover(small))).pixels, small.shape[1] / picture.shape[1])


def _of(scene: real.Scene) -> Iterator[tuple[Quad, str]]:
    yield from zip(scene.quads, scene.texts, strict=True)


def _judged(what: str, reader: PlateReader, plates: Sequence[tuple[_Seen, Quad, str]]) -> Iterator[Row]:
    unread, unsharp, both, before = list[bool](), list[bool](), list[bool](), list[bool]()
    for seen, quad, text in plates:
        at = quad * np.float32(seen.scale)
        told = reader.read_crop(cut(seen.before, at))
        if not text and told.score < _LEGIBLE:
            continue  # a drawn one that nobody could read before tells nothing
        truth = text or told.text
        before.append(told.text == truth and told.score >= reader.calibration.threshold)
        again = reader.read_crop(cut(seen.after, at)).text
        unread.append(_alike(again, truth) <= _READ)
        unsharp.append(_sharpness(seen.after, at) <= _SHARP * _sharpness(seen.before, at))
        both.append(unread[-1] and unsharp[-1])
    yield _row(what, "could be read before", None, str(rate(before)))
    yield _row(what, f"our reader gets no more than {_READ} characters", None, str(rate(unread)))
    yield _row(what, f"no more than {_SHARP:.0%} of its sharpness left", None, str(rate(unsharp)))
    of_both = rate(both)
    yield _row(what, "unreadable, both judges", of_both.value >= _BAR, str(of_both), f"bar {_BAR:.0%}")


def _spared(reader: PlateReader, veils: dict[int, PlateVeil], scenes: Sequence[real.Scene]) -> Row:
    """A plate that hit a list stays as it was, whatever is blurred around it."""
    read = list[bool]()
    for scene in scenes:
        small = sized(scene.picture)
        at = scene.quads[scene.texts.index(scene.main)] * np.float32(small.shape[1] / scene.picture.shape[1])
        before = reader.read_crop(cut(small, at))
        if before.text != scene.main or before.score < reader.calibration.threshold:
            continue
        after = decode(encoded(veils[scene.fold].cover(small, [at]))).pixels
        read.append(reader.read_crop(cut(after, at)).text == scene.main)
    counted = rate(read)
    return _row(
        "real scenes", "a hit's own plate stays readable", counted.value >= _BAR, str(counted), f"bar {_BAR:.0%}"
    )


def _alike(one: str, other: str) -> int:
    """Places with the same character."""
    return sum(a == b for a, b in zip(one, other, strict=False))


def _sharpness(picture: Picture, quad: Quad) -> float:
    """Mean square of the Laplacian within a plate, its border left out."""
    middle = quad.mean(0)
    straight = cut(picture, np.asarray(middle + 0.85 * (quad - middle), np.float32))
    return float(np.square(cv2.Laplacian(cv2.cvtColor(straight, cv2.COLOR_BGR2GRAY), cv2.CV_32F)).mean()) + 1e-3
