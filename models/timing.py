"""How long models take, interleaved so that all of them see the same machine."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from models.onnx_session import CPU
from models.registry import Registry

_FREE_SIDES = {"scene": (1, 3, 288, 512), "picture": (1, 3, 256, 416)}
"""Shapes for inputs whose sides are free."""


@dataclass(slots=True)
class Times:
    """Of one thing that was timed.

    Attributes:
        runs_ms: each run.
        start_ms: until it was ready, the check of its file included.
    """

    runs_ms: list[float] = field(default_factory=list)
    start_ms: float = 0.0

    @property
    def median_ms(self) -> float:
        """Half of the runs took longer."""
        return median(self.runs_ms)

    @property
    def least_ms(self) -> float:
        """The quickest run: nothing else was on the core."""
        return min(self.runs_ms)


def interleaved(jobs: dict[str, Callable[[], Any]], runs: int) -> dict[str, Times]:
    """Run jobs in turn, each once before it counts."""
    times = {name: Times() for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(runs):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            times[name].runs_ms.append((time.perf_counter() - began) * 1000)
    return times


def time_models(runs: int, providers: Collection[str] = CPU, registry: Registry | None = None) -> dict[str, Times]:
    """Every model of a registry on noise; the reference graph is one of them."""
    registry = registry or Registry()
    jobs: dict[str, Callable[[], Any]] = {}
    starts: dict[str, float] = {}
    rng = np.random.default_rng(1)
    for name, model in registry.models.items():
        if model.built and not (registry.folder / model.file).exists():
            continue
        began = time.perf_counter()
        session = registry.open(name, providers)
        starts[name] = (time.perf_counter() - began) * 1000
        wanted = session.get_inputs()[0]
        sides = _FREE_SIDES.get(wanted.name) or [side if isinstance(side, int) else 1 for side in wanted.shape]
        feed = {wanted.name: rng.random(tuple(sides), np.float32)}
        jobs[name] = partial(session.run, None, feed)
    times = interleaved(jobs, runs)
    for name, start in starts.items():
        times[name].start_ms = start
    return times
