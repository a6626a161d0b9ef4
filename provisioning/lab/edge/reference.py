"""What a box spends on something, beside the reference graph in the same run, so that machines can be compared."""

from collections.abc import Callable

import numpy as np

from models.registry import Registry
from models.timing import interleaved
from provisioning.lab.edge.threads import one_thread
from provisioning.lab.rows import Row, judged


def beside_reference(case: str, job: Callable[[], object], runs: int) -> Row:
    """A row of what a job takes on one thread, and how many runs of the reference graph that is."""
    reference = Registry().open("reference")
    signal = {"signal": np.random.default_rng(1).random((1, 32, 64, 64), np.float32)}
    with one_thread():
        times = interleaved({"job": job, "reference": lambda: reference.run(None, signal)}, runs)
    took, graph = times["job"].median_ms, times["reference"].median_ms
    return judged(
        "time, one thread", case, None, f"{took:.0f} ms, {took / graph:.0f}", f"reference graph {graph:.2f} ms"
    )
