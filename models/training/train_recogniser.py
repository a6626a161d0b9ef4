"""Train the recogniser on drawn crops, and on real ones of the other folds: from nothing to ONNX, or from a checkpoint.

Example:
    python -m models.training.train_recogniser --steps 6000 --out build/base
    python -m models.training.train_recogniser --from build/base/last.pt --real --fold 0 --steps 400 --out build/fold0
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models.training import drawn, real
from models.training.recogniser import COLOURS, LAYOUTS, NOTHING, PLACES, Recogniser
from shared.plates import ALPHABET, kinds_of

_CHECKPOINT_S = 600.0
_BATCH = 128
Sample = tuple[Tensor, Tensor, int, int]
"""Picture (3, 48, 128) uint8, classes of the eight places, colour and layout; -1 where nobody knows."""


def classes(text: str) -> list[int]:
    """Class of each place."""
    return [ALPHABET.index(character) for character in text] + [NOTHING] * (PLACES - len(text))


class Crops(IterableDataset[Sample]):
    """Drawn crops, with a share of real ones."""

    def __init__(self, seed: int, real_crops: list[real.Real], share: float) -> None:
        self._seed, self._real, self._share = seed, real_crops, share

    def __iter__(self) -> Iterator[Sample]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        seed = self._seed * 100 + (worker.id if worker else 0)
        rng = np.random.default_rng(seed)
        drawing = drawn.crops(seed)
        while True:
            if self._real and rng.random() < self._share:
                one = self._real[int(rng.integers(len(self._real)))]
                colours = {kind.colour for kind in kinds_of(one.text)}
                colour = COLOURS.index(colours.pop()) if len(colours) == 1 else -1
                yield _tensor(_varied(one.picture, rng)), torch.tensor(classes(one.text)), colour, 0
            else:
                picture, text, kind = next(drawing)
                yield (
                    _tensor(picture),
                    torch.tensor(classes(text)),
                    COLOURS.index(kind.colour),
                    LAYOUTS.index(kind.layout),
                )


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def _varied(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A real crop, cut a little differently and in another light."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + (rng.normal(0, 0.02, (4, 2)) * [width, height]).astype(np.float32)
    turned = cv2.warpPerspective(
        picture,
        cv2.getPerspectiveTransform(corners, moved.astype(np.float32)),
        (width, height),
        borderMode=cv2.BORDER_REPLICATE,
    )
    if rng.random() < 0.3:
        turned = cv2.GaussianBlur(turned, (0, 0), rng.uniform(0.3, 1.5))
    lit = turned.astype(np.float32) * rng.uniform(0.6, 1.4) + rng.uniform(-20, 20)
    return np.clip(lit + rng.normal(0, rng.uniform(0, 6), lit.shape), 0, 255).astype(np.uint8)


def read_texts(model: Recogniser, pictures: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
    """Texts and the least confidence of their characters, 0 to 1."""
    model.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(pictures), 256):
            batch = torch.stack([_tensor(picture) for picture in pictures[start : start + 256]])
            chances = model(batch.float() / 255)[0].softmax(2)
            best, which = chances.max(2)
            for sure, row in zip(best.min(1).values.tolist(), which.tolist(), strict=True):
                found.append(("".join(ALPHABET[index] for index in row if index != NOTHING), sure))
    return found


def export(model: Recogniser, path: Path) -> None:
    """Write ONNX: `crop` (n, 3, 48, 128), blue, green, red, 0 to 1 → `characters`, `colour`, `layout`, logits."""
    model.eval()
    torch.onnx.export(
        model,
        (torch.rand(1, 3, 48, 128),),
        str(path),
        input_names=["crop"],
        output_names=["characters", "colour", "layout"],
        dynamic_axes={name: {0: "n"} for name in ("crop", "characters", "colour", "layout")},
        dynamo=False,
    )


def main() -> None:
    """The command."""
    say = sys.stdout.write
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, required=True, help="folder of checkpoints, log and ONNX file")
    ask.add_argument("--steps", type=int, default=6000)
    ask.add_argument("--rate", type=float, default=3e-3)
    ask.add_argument("--width", type=int, default=32)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--from", dest="start", type=Path, help="begin with the weights of this checkpoint")
    ask.add_argument("--real", action="store_true", help="train on real crops too")
    ask.add_argument("--share", type=float, default=0.4, help="part of real crops")
    ask.add_argument("--fold", type=int, default=-1, help="leave this fold out and measure on it; -1 leaves none out")
    ask.add_argument("--workers", type=int, default=1)
    asked = ask.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(asked.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    everything = real.crops()
    held = [one for one in everything if asked.fold in (-1, one.fold)]
    taught = [one for one in everything if asked.fold == -1 or one.fold != asked.fold] if asked.real else []
    model = Recogniser(asked.width).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), asked.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, asked.rate, asked.steps, pct_start=0.15)
    last, step = asked.out / "last.pt", 0
    if last.is_file():
        kept = torch.load(last, weights_only=True)
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        schedule.load_state_dict(kept["schedule"])
        step = kept["step"]
        say(f"goes on at step {step}\n")
    elif asked.start:
        model.load_state_dict(torch.load(asked.start, weights_only=True)["model"])
    # A seed for each start, so that what was drawn before is not drawn again.
    source = Crops(asked.seed + 1000 * step, taught, asked.share)
    stream = iter(DataLoader(source, _BATCH, num_workers=asked.workers, prefetch_factor=8, drop_last=True))
    began = saved = time.monotonic()
    while step < asked.steps:
        pictures, texts, colours, layouts = (part.to(device) for part in next(stream))
        model.train()
        characters, colour, layout = model(pictures.float() / 255)
        loss = (
            cross_entropy(characters.flatten(0, 1), texts.flatten(), label_smoothing=0.02)
            + 0.1 * cross_entropy(colour, colours, ignore_index=-1)
            + 0.1 * cross_entropy(layout, layouts, ignore_index=-1)
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        step += 1
        now = time.monotonic()
        if step % 100 == 0 or step == asked.steps:
            whole = float((characters.detach().argmax(2) == texts).all(1).float().mean())
            say(f"{step} loss {loss.item():.3f} drawn {whole:.3f} {now - began:.0f} s\n")
        if step % 500 == 0 or step == asked.steps:
            texts_read = read_texts(model, [one.picture for one in held])
            right = sum(read == one.text for (read, _), one in zip(texts_read, held, strict=True))
            tails = sum(read[1:] == one.text[1:] for (read, _), one in zip(texts_read, held, strict=True))
            say(f"{step} real {right}/{len(held)}, without province {tails}\n")
        if now - saved > _CHECKPOINT_S or step == asked.steps:
            saved = now
            state = {
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "step": step,
            }
            torch.save(state, last.with_suffix(".new"))
            last.with_suffix(".new").replace(last)
    export(model.cpu(), asked.out / "recogniser.onnx")


if __name__ == "__main__":
    main()
