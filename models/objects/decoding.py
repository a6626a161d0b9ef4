"""The output of NanoDet, as boxes."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
"""Shape (n, 6): left, top, right, bottom in pixels of what went in, score 0 to 1, number of the class."""

_STRIDES = (8, 16, 32)
_CLASSES = 80
_SAME = 0.55
"""Two boxes of one class that share more of what they cover together are one."""


def decode(cells: NDArray[np.float32], width: int, height: int, min_score: float) -> Rows:
    """The boxes of one picture, the surest first.

    Args:
        cells: shape (cells, 80 + 4 * bins): scores of the classes; then the distances from the middle of the cell to
            the left, top, right and bottom, each as the logits of a distribution over 0, 1, … of its sides. Cells of 8,
            16 and 32 pixels, rows from the top. Source: NanoDet, "Generalized Focal Loss".
        width: of what went in, a multiple of 32.
        height: the same.
        min_score: what is less sure is left out.
    """
    middles, sides = _grid(width, height)
    scores = cells[:, :_CLASSES].max(axis=1)
    kept = np.flatnonzero(scores >= min_score)  # NaN is not kept
    if not len(kept):
        return np.zeros((0, 6), np.float32)
    logits = cells[kept, _CLASSES:].reshape(len(kept), 4, -1)
    parts = np.exp(logits - logits.max(axis=2, keepdims=True))
    away = (parts * np.arange(parts.shape[2])).sum(axis=2) / parts.sum(axis=2) * sides[kept, None]
    boxes = np.concatenate([middles[kept] - away[:, :2], middles[kept] + away[:, 2:]], axis=1)
    classes = cells[kept, :_CLASSES].argmax(axis=1)
    apart = boxes[:, :2] + classes[:, None] * 4.0 * max(width, height)  # boxes of two classes never meet
    surest = cv2.dnn.NMSBoxes(
        np.concatenate([apart, boxes[:, 2:] - boxes[:, :2]], axis=1).tolist(), scores[kept].tolist(), min_score, _SAME
    )
    order = np.asarray(surest, np.int64).ravel()
    rows: list[Any] = [boxes[order], scores[kept][order, None], classes[order, None]]
    return np.concatenate(rows, axis=1).astype(np.float32)


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Middles of the cells and their sides, in the model's order."""
    middles, sides = [], []
    for side in _STRIDES:
        down, across = np.mgrid[: height // side, : width // side]
        middles.append((np.stack([across.ravel(), down.ravel()], axis=1) + 0.5) * side)
        sides.append(np.full(across.size, side))
    return np.concatenate(middles).astype(np.float32), np.concatenate(sides).astype(np.float32)
