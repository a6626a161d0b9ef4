"""What an object detector recognises in a picture, given to tracks: each box is one thing, whatever moves around it.

Motion finds everything that moves and cannot count: two who walk abreast are one blob, a car and its beam are two. A
detector counts and misses some. So what is recognised goes first, and of the blobs only what lies outside those boxes
is left to tracks that nothing was recognised for.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion import Blob
from edge_agent.vision.track import bounding_boxes
from edge_agent.vision.track.bounding_boxes import Box
from edge_agent.vision.track.recognised import Recognised
from edge_agent.vision.track.track import Track

BEGINS = 0.35
"""So sure the detector must be before a track begins with what it says; tracks go on with less."""
_OVERLAP, _FAINT_OVERLAP = 0.3, 0.4
_INSIDE = 0.7
"""A track that motion alone has made is what was recognised if one of the two holds so much of the other."""
_KNOWN, _KNOWN_S = 3, 1.0
"""Recognised so often, and so lately, a track has the size of a thing, and goes on only where that fits."""
_MOVES = 0.12
"""Part of a box that moves, from which on what stands in it is no picture on a wall and no parked car."""
_LEFT = 0.3
"""Part of a blob that must be left outside the boxes."""
_BESIDE, _ABOVE = 0.1, 0.05
"""Parts of a box's sides by which its blob may reach beyond it."""

Labels = NDArray[np.int32]


def assign(
    things: Sequence[Recognised], tracks: Sequence[Track], now_s: float, labels: Labels
) -> list[tuple[Track, Recognised]]:
    """Which track each thing is, one to one, the best fit first.

    Args:
        things: what was recognised.
        tracks: all there are.
        now_s: media time.
        labels: of what moves, shape (height, width).
    """
    fits, moving = [], [moves(thing, labels) for thing in things]
    for i, track in enumerate(tracks):
        expected = track.expected_box(now_s)
        known = track.recognised >= _KNOWN and now_s - track.recognised_s < _KNOWN_S
        for j, thing in enumerate(things):
            overlap = bounding_boxes.overlap(expected, thing.box)
            if thing.score < BEGINS:
                if overlap >= _FAINT_OVERLAP:
                    fits.append((overlap + 0.05 * track.confirmed, i, j))
            elif overlap >= _OVERLAP:
                fits.append((2 + overlap + 0.05 * track.confirmed, i, j))
            elif not known and moving[j]:  # a parked lorry is not the walker before it
                inside = max(bounding_boxes.within(thing.box, expected), bounding_boxes.within(expected, thing.box))
                if inside > _INSIDE:
                    fits.append((1 + inside * (1.0 if track.confirmed else 0.5), i, j))
    pairs, free_tracks, free_things = [], set(range(len(tracks))), set(range(len(things)))
    for _, i, j in sorted(fits, reverse=True):
        if i in free_tracks and j in free_things:
            pairs.append((tracks[i], things[j]))
            free_tracks.discard(i)
            free_things.discard(j)
    return pairs


def moves(thing: Recognised, labels: Labels) -> bool:
    """Whether a good part of it differs from the background."""
    left, top, right, bottom = (max(0, round(edge)) for edge in thing.box)
    patch = labels[top:bottom, left:right]
    return bool(np.count_nonzero(patch) > _MOVES * max(1, patch.size))


def outside(blobs: list[Blob], labels: Labels, boxes: Sequence[Box]) -> list[Blob]:
    """What of the blobs is left outside the boxes; the labels inside are taken away.

    Args:
        blobs: what differs from the background.
        labels: shape (height, width).
        boxes: of what was recognised.
    """
    left, touched = list[Blob](), list[Blob]()
    for blob in blobs:
        own = bounding_boxes.of(blob)
        (touched if any(bounding_boxes.within(own, box) > 0 for box in boxes) else left).append(blob)
    for box in boxes:
        mx, my = _BESIDE * (box[2] - box[0]), _ABOVE * (box[3] - box[1])
        rows = slice(max(0, round(box[1] - my)), max(0, round(box[3] + my)))
        labels[rows, max(0, round(box[0] - mx)) : max(0, round(box[2] + mx))] = 0
    for blob in touched:
        own_labels = np.isin(
            labels[int(blob.top) : int(blob.bottom), int(blob.left) : int(blob.right)], np.array(blob.labels)
        )
        columns, rows_ = np.flatnonzero(own_labels.sum(0) > 1), np.flatnonzero(own_labels.sum(1) > 1)
        area = int(np.count_nonzero(own_labels))
        if area >= _LEFT * blob.area and len(columns) and len(rows_):
            left.append(
                replace(
                    blob,
                    left=blob.left + int(columns[0]),
                    top=blob.top + int(rows_[0]),
                    right=blob.left + int(columns[-1]) + 1,
                    bottom=blob.top + int(rows_[-1]) + 1,
                    area=area,
                    beside=True,
                )
            )
    return left
