"""How long from an event on a box to the operator's page, through the agents' own outboxes and links."""

import os
import threading
import time
from pathlib import Path
from typing import Any

from provisioning.lab.centre.machine import Mosquitto, Usage, bench_folder
from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.local_site.aggregator import LocalAggregator, children
from provisioning.lab.simulate.run import PARTS, SimulationOptions, run_simulation
from shared.output import say

BAR_MS = 250.0
_LOOK_S = 0.2


def measure(boxes: int, rate: float, alarms: float, seconds: float) -> dict[str, Any]:
    """Set everything up, let simulated boxes report at a rate, take everything down.

    Args:
        boxes: how many.
        rate: events a second, of all together.
        alarms: how many of them are.
        seconds: how long.

    Returns:
        The row of a table.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    with bench_folder() as folder, Mosquitto(folder) as broker:
        say(f"{boxes} boxes, {rate:g} events/s, {alarms:g} of them alarms …")
        options = SimulationOptions(
            folder / "site", boxes, alarms, rate - alarms, for_s=seconds, by_hour=False, broker_port=broker.port
        )
        watch = _Watch(options.folder, broker.pid, seconds)
        watch.start()
        stolen = Stolen()
        found = run_simulation(options)
        watch.join()
        part = stolen.part()
    p99_ms = found["screen_p99_ms"]
    per_s = found["numbered"] / found["seconds"]  # which hold starting and stopping, too
    met = found["ok"] and p99_ms is not None and p99_ms <= BAR_MS and per_s >= 0.9 * rate
    return {
        "events_per_s": round(per_s),
        "alerts": found["alerts"],
        "stored_p50_ms": found["alarm_p50_ms"],
        "stored_p99_ms": found["alarm_p99_ms"],
        "screen_p50_ms": found["screen_p50_ms"],
        "screen_p99_ms": p99_ms,
        "late_ms": found["late_ms"],
        "lost": found["lost"],
        "cores": watch.cores,
        "bar": f"p99 <= {BAR_MS:g} ms",
        "stolen": part,
        "verdict": verdict(met, part),
        "broker": broker.version,
    }


class _Watch(threading.Thread):
    """Who uses how much of the machine while the boxes report."""

    def __init__(self, folder: Path, broker: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.cores: dict[str, float] = {}
        self._folder, self._broker, self._seconds = folder, broker, seconds

    def run(self) -> None:
        deadline_s = time.monotonic() + 120
        while (fleet := _fleet()) is None:
            if time.monotonic() > deadline_s:
                return
            time.sleep(_LOOK_S)
        usage = Usage(LocalAggregator(self._folder), PARTS, broker=self._broker, boxes=fleet)
        time.sleep(self._seconds * 0.8)
        self.cores = usage.cores()


def _fleet() -> int | None:
    """The process of the simulated boxes, a child of ours."""
    for pid in children(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"simulate-boxes" in command:
            return pid
    return None
