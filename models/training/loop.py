"""One way to train: fixed seeds, one cycle of the rate, a checkpoint every ten minutes, resuming, a log."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.plate.finder import Session

_CHECKPOINT_S = 600.0
_LOG_STEPS = 100

Batch = tuple[Tensor, ...]

# Workers are forked, and OpenCV's threads do not come along: one that waits for them waits for ever.
cv2.setNumThreads(0)


def arguments(description: str | None, steps: int, rate: float, width: int) -> argparse.ArgumentParser:
    """What every training is asked."""
    ask = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, required=True, help="folder of the checkpoint and the ONNX file")
    ask.add_argument("--steps", type=int, default=steps)
    ask.add_argument("--rate", type=float, default=rate, help="highest rate of learning")
    ask.add_argument("--width", type=int, default=width, help="channels of the first layers")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--from", dest="start", type=Path, help="begin with the weights of this checkpoint")
    ask.add_argument("--real", action="store_true", help="train on real pictures too")
    ask.add_argument("--share", type=float, default=0.4, help="part of real pictures")
    ask.add_argument("--fold", type=int, default=-1, help="leave this fold out and measure on it; -1 leaves none out")
    ask.add_argument("--workers", type=int, default=1, help="processes that draw")
    ask.add_argument("--threads", type=int, default=0, help="threads that train; 0 is as many as there are cores")
    return ask


def begin(asked: argparse.Namespace) -> float:
    """Set seed and threads as asked; returns the part of real pictures."""
    torch.manual_seed(asked.seed)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    return float(asked.share) if asked.real else 0.0


def export(
    model: nn.Module, path: Path, example: Tensor, inputs: list[str], outputs: list[str], free: list[int]
) -> None:
    """Write an ONNX file; one of this name is a finished one.

    Args:
        model: on the processor.
        path: of the file.
        example: an input.
        inputs: names.
        outputs: names.
        free: dimensions of all of them whose size may be another.
    """
    model.eval()
    unfinished = path.with_suffix(".new")
    torch.onnx.export(
        model,
        (example,),
        str(unfinished),
        input_names=inputs,
        output_names=outputs,
        dynamic_axes={name: {side: f"side{side}" for side in free} for name in (*inputs, *outputs)},
        dynamo=False,
    )
    unfinished.replace(path)


class _Session:
    """A network in training, used as if it were an ONNX session."""

    def __init__(self, model: nn.Module, key: str) -> None:
        self._model, self._key = model.eval(), key

    def run(self, output_names: object, input_feed: dict[str, Any]) -> list[NDArray[np.float32]]:  # noqa: ARG002
        device = next(self._model.parameters()).device
        with torch.no_grad():
            parts = self._model(torch.from_numpy(input_feed[self._key]).to(device))
        return [part.float().cpu().numpy() for part in parts]


def as_session(model: nn.Module, key: str) -> Session:
    """A network for the code that runs its ONNX file.

    Args:
        model: it is put to evaluation.
        key: name of its input.
    """
    return _Session(model, key)


def fit(
    model: nn.Module,
    asked: argparse.Namespace,
    batches: Callable[[int], Iterator[Batch]],
    loss: Callable[[nn.Module, Batch], tuple[Tensor, str]],
    measure: Callable[[nn.Module], str],
) -> None:
    """Train a model in place, or go on where the last run stopped.

    Args:
        model: with fresh weights; a checkpoint in `asked.out` replaces them, else `asked.start` does.
        asked: the arguments.
        batches: an endless stream for a seed.
        loss: of one batch, with a word about it for the log.
        measure: says how good the model is, every twentieth of the way.
    """
    say = sys.stdout.write
    asked.out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Channels last and half the bits: three times as fast on a processor that has bfloat16, nothing lost elsewhere.
    model.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), asked.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, asked.rate, asked.steps, pct_start=0.15)
    last, step = asked.out / "last.pt", 0
    if last.is_file():
        kept = torch.load(last, weights_only=True)
        if kept["steps"] != asked.steps:
            sys.exit(f"{last} is of a run of {kept['steps']} steps: ask for as many, or choose another folder")
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        schedule.load_state_dict(kept["schedule"])
        step = kept["step"]
        say(f"goes on at step {step}\n")
    elif asked.start:
        model.load_state_dict(torch.load(asked.start, weights_only=True)["model"])

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "step": step,
            "steps": asked.steps,
        }
        torch.save(state, last.with_suffix(".new"))
        last.with_suffix(".new").replace(last)

    # A seed for each start, so that what was drawn before is not drawn again.
    stream = batches(asked.seed + 1000 * step)
    began = saved = time.monotonic()
    while step < asked.steps:
        batch = tuple(part.to(device) for part in next(stream))
        model.train()
        with torch.autocast(device, torch.bfloat16):
            wrong, words = loss(model, batch)
        optimiser.zero_grad()
        wrong.backward()  # type: ignore[no-untyped-call,unused-ignore]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        step += 1
        if step % _LOG_STEPS == 0 or step == asked.steps:
            say(f"{step} loss {wrong.item():.3f} {words} {time.monotonic() - began:.0f} s\n")
        if step % max(_LOG_STEPS, asked.steps // 20) == 0 or step == asked.steps:
            say(f"{step} {measure(model)}\n")
        sys.stdout.flush()
        if time.monotonic() - saved > _CHECKPOINT_S or step == asked.steps:
            saved = time.monotonic()
            save()
    model.to("cpu", memory_format=torch.contiguous_format)
