"""Train the detector on composed scenes, and on real ones of the other folds, from nothing or a checkpoint to ONNX.

Example:
    python -m models.training.train_detector --steps 3000 --out build/detector
    python -m models.training.train_detector --from build/detector/last.pt --real --fold 0 --steps 500 --rate 8e-4 \\
        --out build/detector0
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models.plate import PlateFinder
from models.training import compose, loop, real
from models.training.detector import STRIDE, UNIT, Detector
from models.training.real import Quad

_BATCH = 24
_SIZES = (512, 288), (384, 384), (320, 448)
"""Width and height: of nearly equal area, as scenes are scaled before they are searched."""
_NEAR = 0.35
"""Cells whose heat is at least this learn corners."""


def targets(quads: list[Quad], size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the network shall say.

    Returns:
        Heat of shape (1, rows, columns), 1 at the cell of each middle, falling around it; corners (9, rows, columns),
        the last of which is how much a cell's corners count.
    """
    columns, rows = size[0] // STRIDE, size[1] // STRIDE
    heat = np.zeros((1, rows, columns), np.float32)
    corners = np.zeros((9, rows, columns), np.float32)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    for quad in quads:
        x, y = quad.mean(0) / STRIDE - 0.5
        column, row = round(float(x)), round(float(y))
        wide, high = np.ptp(quad, axis=0) / STRIDE
        spread = max(0.7, 0.13 * float(wide)), max(0.7, 0.16 * float(high))
        hot = np.exp(-(((xs - column) / spread[0]) ** 2 + ((ys - row) / spread[1]) ** 2) / 2)
        mine = (hot > _NEAR) & (hot > heat[0])
        heat[0] = np.maximum(heat[0], hot)
        for index, corner in enumerate(quad / STRIDE - 0.5):
            corners[2 * index][mine] = ((corner[0] - xs) / UNIT)[mine]
            corners[2 * index + 1][mine] = ((corner[1] - ys) / UNIT)[mine]
        corners[8][mine] = hot[mine] / max(1.0, float(np.sqrt(wide * high)) / UNIT) / max(1.0, float(hot[mine].sum()))
    return heat, corners


class Scenes(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Batches of composed scenes, each batch of one size."""

    def __init__(self, seed: int, fold: int, share: float) -> None:
        self._seed, self._share = seed, share
        self._plain = compose.grounds_without_plates()
        self._with_plates = compose.grounds_with_plates(fold) if share else []

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        seed = self._seed * 100 + (worker.id if worker else 0)
        rng = np.random.default_rng(seed)
        composer = compose.Composer(seed, self._plain, self._with_plates, self._share)
        streams = [composer.scenes(size) for size in _SIZES]
        while True:
            which = int(rng.choice(len(_SIZES), p=(0.6, 0.3, 0.1)))
            pictures, heats, corners = [], [], []
            for _ in range(_BATCH):
                scene = next(streams[which])
                heat, corner = targets(scene.quads, _SIZES[which])
                pictures.append(np.ascontiguousarray(scene.picture.transpose(2, 0, 1)))
                heats.append(heat)
                corners.append(corner)
            yield tuple(torch.from_numpy(np.stack(part)) for part in (pictures, heats, corners))


def _loss(model: nn.Module, batch: loop.Batch) -> tuple[Tensor, str]:
    pictures, heat, corners = batch
    said, where = (part.float() for part in model(pictures.float() / 255))
    # Focal, after CenterNet: beside a middle a "yes" costs little, far from plates an easy "no" costs nothing.
    chance = said.detach().sigmoid()
    at = heat > 0.999
    weight = torch.where(at, (1 - chance) ** 2 * 8, (1 - heat) ** 4 * chance**2)
    count = at.sum().clamp(min=1)
    focal = (binary_cross_entropy_with_logits(said, at.float(), reduction="none") * weight).sum() / count
    off = smooth_l1_loss(where, corners[:, :8], beta=0.02, reduction="none").sum(1)
    place = (off * corners[:, 8]).sum() / count
    return focal + 8 * place, f"heat {focal.item():.3f} corners {place.item():.4f}"


def _measure(fold: int, model: nn.Module) -> str:
    """How many main plates of the held scenes are found, and how far their corners are off, in heights of the plate."""
    held = [scene for scene in real.scenes() if fold in (-1, scene.fold)]
    finder = PlateFinder(loop.as_session(model, "scene"))
    hit, extra, off = 0, 0, []
    for scene in held:
        found = finder.find(scene.picture)
        quad = scene.quads[scene.texts.index(scene.main)]
        high = float(np.linalg.norm(quad[3] - quad[0]))
        errors = [float(np.abs(other.corners - quad).mean()) / high for other in found]
        if errors and min(errors) < 0.5:
            hit += 1
            off.append(min(errors))
        extra += max(0, len(found) - len(scene.quads))
    return f"real {hit}/{len(held)} found, corners off {np.median(off) if off else 9:.3f} heights, {extra} others"


def export(model: nn.Module, path: Path) -> None:
    """Write ONNX: `scene` (1, 3, height, width), blue, green, red, 0 to 1 → `heat` (logits) and `corners`."""
    loop.export(model, path, torch.rand(1, 3, 288, 512), ["scene"], ["heat", "corners"], [2, 3])


def main() -> None:
    """The command."""
    asked = loop.arguments(__doc__, steps=3000, rate=3e-3, width=16).parse_args()
    share = loop.begin(asked)

    def batches(seed: int) -> Iterator[loop.Batch]:
        source = Scenes(seed, asked.fold, share)
        yield from DataLoader(source, batch_size=None, num_workers=asked.workers, prefetch_factor=4)

    model = Detector(asked.width)
    loop.fit(model, asked, batches, _loss, partial(_measure, asked.fold))
    export(model, asked.out / "detector.onnx")


if __name__ == "__main__":
    main()
