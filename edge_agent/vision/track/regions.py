"""Blobs as things: what touches only at its feet is parted, what a sign or a rail cuts in two is joined."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion import Blob
from edge_agent.vision.track import bounding_boxes
from edge_agent.vision.track.bounding_boxes import Box
from edge_agent.vision.track.perspective import Perspective

Labels = NDArray[np.int32]

_VALLEY = 0.5
"""Columns between two things hold less than this part of what the emptier of the two holds."""
_TALL = 0.45
"""A column counts as part of a body when it is filled to this part of the blob's height."""
_SMALL = 0.35
_SPECK = 0.04
"""Smaller ones go with it, and do not change its box."""
_BESIDE = 0.15
_UPPER = 0.75
_DEEPEST = 3
_ONE = 1.1
"""Up to so many times the width that is typical there is one thing."""
_FILLS = 0.7


def part(blobs: list[Blob], labels: Labels, perspective: Perspective, known: Sequence[Box] = ()) -> list[Blob]:
    """Cut blobs where two upright things touch: people who walk abreast, joined by their shadows.

    Args:
        blobs: what differs from the background.
        labels: shape (height, width); the pixels of new parts get new labels here.
        perspective: what is no wider than one thing there is not cut.
        known: where single things are expected; while sizes are unknown, what fills one of these is not cut.
    """
    found = []
    waiting = [(blob, 0) for blob in blobs]
    newest = int(labels.max()) if blobs else 0
    while waiting:
        blob, depth = waiting.pop()
        wide = _wider_than_one(blob, perspective, labels.shape[0], known)
        halves = _halves(blob, labels) if depth < _DEEPEST and wide else None
        if halves is None:
            found.append(blob)
            continue
        cut, left, right = halves
        newest += 1
        window = labels[int(blob.top) : int(blob.bottom), cut : int(blob.right)]
        window[window == blob.labels[0]] = newest
        waiting.append((left, depth + 1))
        waiting.append(
            (Blob(right.left, right.top, right.right, right.bottom, right.area, (newest,), upright=True), depth + 1)
        )
    return found


def _wider_than_one(blob: Blob, perspective: Perspective, height: int, known: Sequence[Box]) -> bool:
    typical = perspective.typical(blob.bottom / height)
    if typical is not None:
        return blob.right - blob.left > _ONE * typical[0]
    return not any(_fills(blob, box) for box in known)


def _fills(blob: Blob, known: Box) -> bool:
    seen = known[0], max(0.0, known[1]), known[2], known[3]
    return (
        bounding_boxes.within(bounding_boxes.of(blob), seen) > _FILLS
        and bounding_boxes.within(seen, bounding_boxes.of(blob)) > _FILLS
    )


def _halves(blob: Blob, labels: Labels) -> tuple[int, Blob, Blob] | None:
    """Where to cut, and the two parts, when both are upright and nearly nothing stands between them."""
    left, top, right, bottom = int(blob.left), int(blob.top), int(blob.right), int(blob.bottom)
    wide, high = right - left, bottom - top
    if wide < 10 or high < 12 or wide < 0.45 * high:
        return None
    fill = labels[top:bottom, left:right] == blob.labels[0]
    upper = fill[: max(8, round(_UPPER * high))]
    columns = np.convolve(upper.sum(0), (0.25, 0.5, 0.25), "same")
    lower = np.minimum(np.maximum.accumulate(columns), np.maximum.accumulate(columns[::-1])[::-1])
    empty = np.where(lower > _TALL * len(upper), columns / np.maximum(lower, 1.0), 1.0)
    cut = 4 + int(empty[4:-4].argmin())
    if empty[cut] > _VALLEY:
        return None
    parts = []
    for start, half in ((0, fill[:, :cut]), (cut, fill[:, cut:])):
        xs, ys = np.flatnonzero(half.any(0)), np.flatnonzero(half.sum(1) > 1)
        if len(xs) < 3 or len(ys) < 8:
            return None
        found = Blob(
            left + start + int(xs[0]),
            top + int(ys[0]),
            left + start + int(xs[-1]) + 1,
            top + int(ys[-1]) + 1,
            int(half.sum()),
            blob.labels,
            upright=True,
        )
        if found.bottom - found.top < max(1.1 * (found.right - found.left), 0.55 * high):
            return None
        parts.append(found)
    return left + cut, parts[0], parts[1]


def join(blobs: list[Blob], perspective: Perspective, height: int) -> list[Blob]:
    """Put the parts of what stands behind a sign or a rail together, where together they are as large as one thing."""
    whole: list[Blob] = []
    for blob in sorted(blobs, key=lambda blob: -blob.bottom):
        for index, lower in enumerate(whole):
            typical = perspective.typical(lower.bottom / height)
            if typical is not None and _one(lower, blob, typical):
                whole[index] = _together(lower, blob, lower.shade and blob.shade)
                break
        else:
            whole.append(blob)
    return whole


def gather(blobs: list[Blob]) -> list[Blob]:
    """Put small blobs to the large ones at whose side they lie: mirrors, hands, the bonnet before a dark windscreen."""
    whole: list[Blob] = []
    for blob in sorted(blobs, key=lambda blob: -blob.area):
        for index, large in enumerate(whole):
            if (
                blob.area < _SMALL * large.area
                and not blob.upright
                and bounding_boxes.gap(bounding_boxes.of(large), bounding_boxes.of(blob))
                <= _BESIDE * min(large.right - large.left, large.bottom - large.top)
            ):
                if blob.area >= _SPECK * large.area:
                    whole[index] = _together(large, blob)
                break
        else:
            whole.append(blob)
    return whole


def _one(lower: Blob, upper: Blob, typical: tuple[float, float]) -> bool:
    if max(lower.bottom - lower.top, upper.bottom - upper.top) > 0.75 * typical[1]:
        return False
    common = min(lower.right, upper.right) - max(lower.left, upper.left)
    both = _together(lower, upper)
    return (
        common > 0.4 * min(lower.right - lower.left, upper.right - upper.left)
        and both.bottom - both.top < 1.2 * typical[1]
        and both.right - both.left < 1.4 * typical[0]
    )


def _together(a: Blob, b: Blob, shade: bool = False) -> Blob:
    """Two blobs as one; light that lies beside a body is a part of it, and two pieces of light are no body."""
    return Blob(
        min(a.left, b.left),
        min(a.top, b.top),
        max(a.right, b.right),
        max(a.bottom, b.bottom),
        a.area + b.area,
        a.labels + b.labels,
        a.upright,
        shade,
    )
