"""Train the recogniser on drawn crops, and on real ones of the other folds, from nothing or from a checkpoint to ONNX.

Example:
    python -m models.training.train_recogniser --steps 8000 --out build/base
    python -m models.training.train_recogniser --from build/base/last.pt --real --fold 0 --steps 800 --rate 8e-4 \\
        --out build/fold0
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models.plate import Recogniser as Looker
from models.training import drawn, loop, real
from models.training.augmentation import SIZE
from models.training.recogniser import NOTHING, PLACES, Recogniser
from shared.plates import ALPHABET, COLOURS, LAYOUTS, Colour, Layout, as_stamped

_BATCH = 128
_POOL, _USES = 4096, 3
"""Drawing costs more than training: a drawn crop is used about three times, each time in another light and place."""

_SCENES = 0.4
"""Part of scenes among real plates: they are fewer than crops, and of many provinces."""

Sample = tuple[Tensor, Tensor, int, int]
"""Picture (3, 48, 128) uint8, classes of the eight places, colour and layout."""


def classes(text: str) -> list[int]:
    """Class of each place."""
    return [ALPHABET.index(character) for character in as_stamped(text)] + [NOTHING] * (PLACES - len(text))


Plate = tuple[NDArray[np.uint8], real.Quad, str, Colour, Layout]
"""Picture, where the plate is in it, text, colour, layout."""


def real_plates(fold: int) -> tuple[list[Plate], list[Plate]]:
    """Plates of crops and of scenes.

    Args:
        fold: whose crops and scenes to leave out, with every plate that they show; -1 leaves none out.
    """
    width, height = SIZE
    whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    crops: list[Plate] = []
    scenes: list[Plate] = []
    for crop in real.crops():
        if crop.fold != fold:  # CCPD has cars only
            colour: Colour = "blue" if len(crop.text) == 7 else "green"
            crops.append((crop.picture, whole, crop.text, colour, "single"))
    for scene in real.scenes():
        high, wide = scene.picture.shape[:2]
        for quad, text, colour in zip(scene.quads, scene.texts, scene.colours, strict=True):
            inside = (quad > -3).all() and (quad < [wide + 3, high + 3]).all()
            if scene.fold != fold and real.fold_of(text) != fold and inside:
                scenes.append((*_around(scene.picture, quad), text, colour, real.layout_of(quad, colour)))
    return crops, scenes


def _around(picture: NDArray[np.uint8], quad: real.Quad) -> tuple[NDArray[np.uint8], real.Quad]:
    """A plate with half its size around it, so that whole scenes need not be kept."""
    reach = np.ptp(quad, axis=0) / 2
    left, top = (int(v) for v in np.maximum(quad.min(0) - reach, 0))
    right, bottom = (int(v) for v in quad.max(0) + reach)
    return np.asarray(picture[top:bottom, left:right].copy(), np.uint8), quad - np.array([left, top], np.float32)


class Crops(IterableDataset[Sample]):
    """Drawn crops, with a share of real ones."""

    def __init__(self, seed: int, fold: int, share: float) -> None:
        self._seed, self._share = seed, share
        self._real = real_plates(fold) if share else ([], [])

    def __iter__(self) -> Iterator[Sample]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        seed = self._seed * 100 + (worker.id if worker else 0)
        rng = np.random.default_rng(seed)
        drawing = drawn.crops(seed)
        pool = [next(drawing) for _ in range(_BATCH)]
        width, height = SIZE
        whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        while True:
            if rng.random() < self._share:
                plates = self._real[int(rng.random() < _SCENES)]
                picture, quad, text, colour, layout = plates[int(rng.integers(len(plates)))]
                spread = 0.02 if quad is whole or picture.shape[:2] == (height, width) else 0.05
                yield (
                    _tensor(_varied(picture, quad, rng, spread)),
                    torch.tensor(classes(text)),
                    COLOURS.index(colour),
                    LAYOUTS.index(layout),
                )
                continue
            place = int(rng.integers(len(pool)))
            if len(pool) < _POOL:
                pool.append(next(drawing))
                place = len(pool) - 1
            elif rng.random() < 1 / _USES:
                pool[place] = next(drawing)
            crop, text, kind = pool[place]
            yield (
                _tensor(_varied(crop, whole, rng, 0.01) if rng.random() < 0.7 else crop),
                torch.tensor(classes(text)),
                COLOURS.index(kind.colour),
                LAYOUTS.index(kind.layout),
            )


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def _varied(picture: NDArray[np.uint8], quad: real.Quad, rng: np.random.Generator, spread: float) -> NDArray[np.uint8]:
    """A plate, cut a little differently, in another light, sometimes with fewer pixels."""
    width, height = SIZE
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = (corners + rng.normal(0, spread, (4, 2)) * [width, height]).astype(np.float32)
    homography = cv2.getPerspectiveTransform(quad, moved)
    shrink = width / max(1.0, float(np.ptp(quad[:, 0])))
    if shrink < 0.5:
        picture = np.asarray(cv2.blur(picture, (round(0.8 / shrink),) * 2), np.uint8)
    turned = cv2.warpPerspective(picture, homography, (width, height), borderMode=cv2.BORDER_REPLICATE)
    chance = rng.random()
    if chance < 0.25:
        turned = cv2.GaussianBlur(turned, (0, 0), rng.uniform(0.3, 1.6))
    elif chance < 0.45:
        fewer = rng.uniform(0.4, 0.9)
        small = cv2.resize(turned, (round(width * fewer), round(height * fewer)), interpolation=cv2.INTER_AREA)
        turned = cv2.resize(small, (width, height))
    gain = rng.uniform(0.5, 1.4) * np.exp(rng.normal(0, 0.05, 3))
    lit = turned.astype(np.float32) * gain.astype(np.float32) + np.float32(rng.uniform(-20, 20))
    if rng.random() < 0.5:
        lit += rng.standard_normal(lit.shape, np.float32) * np.float32(rng.uniform(0, 6))
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def read_texts(model: nn.Module, pictures: list[NDArray[np.uint8]]) -> list[str]:
    """The likeliest character of each place; the grammar has no say here."""
    looked = Looker(loop.as_session(model, "crop")).look(pictures)
    return ["".join(ALPHABET[index] for index in scores.characters.argmax(1) if index != NOTHING) for scores in looked]


def export(model: nn.Module, path: Path) -> None:
    """Write ONNX: `crop` (n, 3, 48, 128), blue, green, red, 0 to 1 → `characters`, `colour`, `layout`, logarithms
    of probabilities."""
    loop.export(model, path, torch.rand(1, 3, 48, 128), ["crop"], ["characters", "colour", "layout"], [0])


def _loss(model: nn.Module, batch: loop.Batch) -> tuple[Tensor, str]:
    pictures, texts, colours, layouts = batch
    characters, colour, layout = model(pictures.float() / 255)
    loss = (
        cross_entropy(characters.flatten(0, 1), texts.flatten(), label_smoothing=0.02)
        + 0.1 * cross_entropy(colour, colours)
        + 0.1 * cross_entropy(layout, layouts)
    )
    return loss, f"whole {float((characters.detach().argmax(2) == texts).all(1).float().mean()):.3f}"


def _measure(fold: int, drawn_ones: list[tuple[NDArray[np.uint8], str]], model: nn.Module) -> str:
    held = [one for one in real.crops() if fold in (-1, one.fold)]
    read = read_texts(model, [one.picture for one in held])
    right = sum(text == one.text for text, one in zip(read, held, strict=True))
    tails = sum(text[1:] == one.text[1:] for text, one in zip(read, held, strict=True))
    of_drawn = read_texts(model, [picture for picture, _ in drawn_ones])
    drawn_right = sum(text == as_stamped(other) for text, (_, other) in zip(of_drawn, drawn_ones, strict=True))
    return f"real {right}/{len(held)}, without province {tails}, drawn {drawn_right}/{len(drawn_ones)} of fold {fold}"


def main() -> None:
    """The command."""
    asked = loop.arguments(__doc__, steps=8000, rate=3e-3, width=48).parse_args()
    share = loop.begin(asked)

    def batches(seed: int) -> Iterator[loop.Batch]:
        source = Crops(seed, asked.fold, share)
        yield from DataLoader(source, _BATCH, num_workers=asked.workers, prefetch_factor=8, drop_last=True)

    drawing = drawn.crops(987_654_321)
    test = [(picture, text) for picture, text, _ in (next(drawing) for _ in range(512))]
    model = Recogniser(asked.width)
    loop.fit(model, asked, batches, _loss, partial(_measure, asked.fold, test))
    export(model, asked.out / "recogniser.onnx")


if __name__ == "__main__":
    main()
