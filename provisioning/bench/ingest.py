"""How much the aggregator takes in: an open loop at a rate, from first send to last acknowledgement."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from provisioning.bench.generator import Load, Sent
from provisioning.bench.machine import Mosquitto, Usage
from provisioning.parts.aggregator import LocalAggregator
from shared.errors import UnavailableError
from shared.output import say

_PARTS = ["postgres", "ingest-alarm", "ingest-bulk", "alerting", "presence", "api"]
_SETTLE_S = 5.0
_DRAIN_S = 120.0


def measure(load: Load, name: str, workers: int = 1) -> dict[str, Any]:
    """Set everything up in a folder of its own, send a load, take everything down.

    Args:
        load: what is sent; its port is set here.
        name: of the row.
        workers: of the bulk lane.

    Returns:
        The row of a table.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        with Mosquitto(folder) as broker:
            more = f"\n[ingest]\nbulk_workers = {workers}\n"
            aggregator = LocalAggregator(folder / "site", more=more, broker_port=broker.port)
            try:
                aggregator.start()
                return _measure(load, name, broker, aggregator)
            finally:
                aggregator.stop()
                aggregator.remove()


def _measure(load: Load, name: str, broker: Mosquitto, aggregator: LocalAggregator) -> dict[str, Any]:
    arguments = json.dumps(asdict(load) | {"port": broker.port})
    command = [sys.executable, "-m", "provisioning.bench.generator", arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        say(f"{name}: {load.rate:g} events/s for {load.seconds:g} s …")
        parts = [
            *_PARTS,
            *(f"ingest-bulk-{number}" for number in range(2, 17) if aggregator.pid(f"ingest-bulk-{number}")),
        ]
        usage = Usage(aggregator, parts, broker=broker.pid, generator=process.pid)
        time.sleep(min(_SETTLE_S, load.seconds / 4))
        before_mb = usage.memory_mb("ingest-bulk")
        time.sleep(max(0.0, load.seconds - 2 * _SETTLE_S))
        after_mb, cores = usage.memory_mb("ingest-bulk"), usage.cores()
        try:
            out, _ = process.communicate(timeout=load.seconds + _DRAIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise UnavailableError(f"{name}: the load does not come to an end") from None
    sent = Sent(**json.loads(out))
    row = _row(load, name, sent, before_mb, after_mb, cores)
    stored = sum(lane["distinct_stored"] for lane in aggregator.get("/api/v1/producers"))
    row["stored"] = stored - load.boxes  # each announced its configuration before
    return {**row, "broker": broker.version}


def _row(
    load: Load, name: str, sent: Sent, before_mb: float, after_mb: float, cores: dict[str, float]
) -> dict[str, Any]:
    half = sent.backlog[len(sent.backlog) // 2 :]
    return {
        "load": name,
        "asked": load.rate,
        "events_per_s": round(sent.acknowledged / sent.seconds, 0) if sent.seconds else 0,
        "sent": sent.events,
        "acknowledged": sent.acknowledged,
        "acks_per_s": round(sent.acknowledgements / sent.seconds, 0) if sent.seconds else 0,
        # Of the second half: what is under way must not grow.
        "backlog_slope_per_s": round((half[-1] - half[0]) / len(half), 1) if len(half) > 1 else 0.0,
        "late_ms": sent.late_ms,
        "memory_mb": f"{before_mb:g} to {after_mb:g}",
        "cores": cores,
    }
