"""What `hawkline bench people` prints: whether anybody can be recognised in an export.

Truth are the boxes of the MOTChallenge: a head is taken to be in the middle of the upper fifth of its person's box. It
counts as hidden when all of it is blurred, and when what is left of it is a few squares.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Colour
from edge_agent.vision.people_veil import PeopleVeil, grown
from provisioning.lab.edge import clips
from provisioning.lab.edge.camera_encoder import pictures_of
from provisioning.lab.edge.ground_truth import Box, boxes
from provisioning.lab.edge.plates import rate
from provisioning.lab.edge.reference import beside_reference
from provisioning.lab.rows import Row
from provisioning.lab.rows import judged as _row
from shared.real_data import real_data

_BAR = 0.99
_COVERED = 0.95
SQUARES = 6
"""Across a head: those who are shown so few recognise nobody."""
_JUDGED_PX = 10
"""Narrower heads have no more pixels than that before."""


@dataclass(frozen=True, slots=True)
class _Clip:
    video: str
    truth: tuple[str, int, int]
    every: int
    chosen: bool
    """The veil's threshold was chosen on it."""


CLIPS = (
    _Clip(clips.PETS, clips.PETS_TRUTH, 10, chosen=True),
    _Clip(clips.TUD, clips.TUD_TRUTH, 5, chosen=True),
    _Clip("adl6.mp4", ("adl6.gt.txt", 1280, 720), 10, chosen=False),
)


def rows(*, quick: bool) -> Iterator[Row]:
    """Row by row, as they are measured."""
    folder = real_data("video")
    if folder is None:
        yield _row("people", "all", None, "", "real videos are absent; set HAWKLINE_DATA")
        return
    veil = PeopleVeil.shipped()
    for clip in CLIPS:
        yield from _of_clip(clip, folder, veil, clip.every * (5 if quick else 1))
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    yield beside_reference("a 1280x720 picture", lambda: veil.cover(noise), 3 if quick else 15)


def _of_clip(clip: _Clip, folder: Path, veil: PeopleVeil, every: int) -> Iterator[Row]:
    covered, coarse, shares = list[bool](), list[bool](), list[float]()
    for picture, heads in pictures(clip, folder, every):
        hidden = hidden_in(picture, veil)
        shares.append(float(hidden.mean()))
        after = veil.cover(picture)
        for head in heads:
            covered.append(float(hidden[head].mean()) >= _COVERED)
            if after[head].shape[1] >= _JUDGED_PX:
                coarse.append(squares(after[head]) <= SQUARES)
    case = f"{clip.video}, {'its threshold was chosen on it' if clip.chosen else 'nothing was chosen on it'}"
    of_all = rate(covered)
    yield _row(
        "heads blurred", case, None if clip.chosen else of_all.value >= _BAR, str(of_all), f"bar {_BAR:.0%} elsewhere"
    )
    if coarse:
        few = rate(coarse)
        met = None if clip.chosen else few.value >= _BAR
        yield _row(f"heads of {_JUDGED_PX} px or more, no more than {SQUARES} squares across", case, met, str(few))
    yield _row("of a picture blurred", case, None, f"{np.median(shares):.2f}", "median")


def pictures(clip: _Clip, folder: Path, every: int) -> Iterator[tuple[Colour, list[tuple[slice, slice]]]]:
    """Every so many pictures, with the heads in it that are not cut by its edge."""
    truth = boxes(folder / clip.truth[0], *clip.truth[1:])
    for number, picture in enumerate(pictures_of(folder / clip.video)[1], 1):
        if number % every == 1:
            yield picture, [_head(box, picture.shape[:2]) for box in truth.get(number, ()) if _is_whole(box)]


def _is_whole(box: Box) -> bool:
    left, top, wide, _ = box
    return top >= 0 and left + 0.3 * wide >= 0 and left + 0.7 * wide <= 1


def _head(box: Box, shape: Sequence[int]) -> tuple[slice, slice]:
    (left, top, wide, high), (rows, columns) = box, shape
    down = slice(int(top * rows), int((top + 0.2 * high) * rows) + 1)
    return down, slice(int((left + 0.3 * wide) * columns), int((left + 0.7 * wide) * columns) + 1)


def hidden_in(picture: Colour, veil: PeopleVeil) -> NDArray[np.bool_]:
    """What of a picture is blurred, shape (height, width)."""
    rows, columns = picture.shape[:2]
    hidden = np.zeros((rows, columns), bool)
    for region in map(grown, veil.suspect(picture)):
        left, top, right, bottom = np.clip(region, 0, 1)
        hidden[int(top * rows) : int(np.ceil(bottom * rows)), int(left * columns) : int(np.ceil(right * columns))] = (
            True
        )
    return hidden


def squares(head: Colour) -> int:
    """Most colours beside each other in a row of it."""
    return int((np.diff(head.astype(int), axis=1) != 0).any(axis=2).sum(axis=1).max()) + 1
