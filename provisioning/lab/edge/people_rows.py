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
from models.registry import Registry
from models.timing import interleaved
from provisioning.lab.edge import clips
from provisioning.lab.edge.plates import rate
from provisioning.lab.edge.threads import one_thread
from provisioning.lab.rows import Row
from provisioning.lab.rows import judged as _row
from shared.real_data import real_data

_BAR = 0.99
_COVERED = 0.95
SQUARES = 6
"""Across a head: those who are shown so few recognise nobody."""
_JUDGED_PX = 10
"""Narrower heads have no more pixels than that before."""
Box = tuple[float, float, float, float]


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
    yield _cost(veil, 3 if quick else 15)


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
    import cv2

    name, width, height = clip.truth
    boxes = dict[int, list[Box]]()
    for line in (folder / name).read_text().splitlines():
        frame, _, left, top, wide, high = (float(value) for value in line.split(",")[:6])
        boxes.setdefault(int(frame), []).append((left / width, top / height, wide / width, high / height))
    capture, number = cv2.VideoCapture(str(folder / clip.video)), 0
    while capture.grab():
        number += 1
        if number % every == 1:
            picture = np.asarray(capture.retrieve()[1], np.uint8)
            heads = [_head(box, picture.shape[:2]) for box in boxes.get(number, ()) if _is_whole(box)]
            yield picture, heads


def _is_whole(box: Box) -> bool:
    left, top, wide, _ = box
    return top >= 0 and left + 0.3 * wide >= 0 and left + 0.7 * wide <= 1


def _head(box: Box, shape: Sequence[int]) -> tuple[slice, slice]:
    (left, top, wide, high), (rows, columns) = box, shape
    down = slice(int(top * rows), int((top + 0.2 * high) * rows) + 1)
    return down, slice(int((left + 0.3 * wide) * columns), int((left + 0.7 * wide) * columns) + 1)


def hidden_in(picture: Colour, veil: PeopleVeil) -> NDArray[np.bool_]:
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


def _cost(veil: PeopleVeil, runs: int) -> Row:
    picture = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    reference = Registry().open("reference")
    signal = {"signal": np.random.default_rng(1).random((1, 32, 64, 64), np.float32)}
    with one_thread():
        jobs = {"veil": lambda: veil.cover(picture), "reference": lambda: reference.run(None, signal)}
        times = interleaved(jobs, runs)
    ratio = times["veil"].median_ms / times["reference"].median_ms
    note = f"reference graph {times['reference'].median_ms:.2f} ms"
    return _row("time, one thread", "a 1280x720 picture", None, f"{times['veil'].median_ms:.0f} ms, {ratio:.0f}", note)
