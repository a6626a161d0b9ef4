"""How much the aggregator takes in: an open loop at a rate, from first send to last acknowledgement."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from provisioning.lab.centre.generator import Load, Sent
from provisioning.lab.centre.machine import Mosquitto, Usage, bench_site
from provisioning.lab.local_site.aggregator import LocalAggregator
from shared.errors import UnavailableError
from shared.output import say

_PARTS = ["postgres", "ingest-alarm", "ingest-bulk", "alerting", "jobs", "presence", "api"]
_WORKERS = "\n[ingest]\nbulk_workers = {}\n"
_SETTLE_S = 5.0
_DRAIN_S = 120.0
_PEER_TOPIC = "peer/#"
"""Where the aggregator does not listen: it would share the machine, and the events."""


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
    with bench_site(_WORKERS.format(workers)) as (broker, aggregator):
        return _measure(load, name, broker, aggregator)


def burst(load: Load, workers: int) -> list[dict[str, Any]]:
    """Send a load at once: to a receiver with no idea of it, `mosquitto_sub | psql COPY`, and then to the aggregator.

    Both receive at QoS 1 from the same broker and store into the same server.

    Args:
        load: `at_once`, of single events.
        workers: of the bulk lane.

    Returns:
        A row of each.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    program = shutil.which("mosquitto_sub")
    if program is None:
        raise UnavailableError(
            "mosquitto_sub is missing (Debian: apt install mosquitto-clients); it is half of the peer"
        )
    with bench_site(_WORKERS.format(workers)) as (broker, aggregator):
        peer = _peer(load, program, broker, aggregator.folder / "aggregator.toml")
        ours = _measure(load, "burst", broker, aggregator)
    return [{**ours, "of_peer": round(ours["events_per_s"] / peer["events_per_s"], 2)}, peer]


def _peer(load: Load, program: str, broker: Mosquitto, config: Path) -> dict[str, Any]:
    """The stream through two programs that know neither duplicates nor alerts."""
    count = round(load.rate * load.seconds)
    psql = [sys.executable, "-m", "shared", "aggregator", "psql", "--config", str(config), "--", "-qAt"]
    subprocess.run([*psql, "-c", "CREATE TABLE peer (topic text, payload text)"], check=True)
    where = ["-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-t", _PEER_TOPIC]
    with (
        subprocess.Popen([program, *where, "-C", str(count), "-F", "%t\t%x"], stdout=subprocess.PIPE) as heard,
        subprocess.Popen(
            # The server says when it has committed.
            [*psql, "-c", "COPY peer FROM STDIN", "-c", "SELECT extract(epoch FROM clock_timestamp())"],
            stdin=heard.stdout,
            stdout=subprocess.PIPE,
            text=True,
        ) as stored,
    ):
        time.sleep(_SETTLE_S)
        arguments = json.dumps(asdict(load) | {"port": broker.port, "answered": False, "prefix": "peer/"})
        command = [sys.executable, "-m", "provisioning.lab.centre.generator", arguments]
        out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        try:
            said, _ = stored.communicate(timeout=_DRAIN_S)
        except subprocess.TimeoutExpired:
            heard.kill()
            raise UnavailableError("peer: not all messages came through mosquitto_sub") from None
    counted = subprocess.run([*psql, "-c", "SELECT count(*) FROM peer"], check=True, stdout=subprocess.PIPE, text=True)
    if stored.returncode or int(counted.stdout) != count:
        raise UnavailableError(f"peer: {counted.stdout.strip()} of {count} messages were stored")
    took_s = float(said) - Sent(**json.loads(out)).began_at
    subprocess.run([*psql, "-c", "DROP TABLE peer"], check=True)
    return {"load": "peer: mosquitto_sub | COPY", "sent": count, "events_per_s": round(count / took_s)}


def _measure(load: Load, name: str, broker: Mosquitto, aggregator: LocalAggregator) -> dict[str, Any]:
    arguments = json.dumps(asdict(load) | {"port": broker.port})
    command = [sys.executable, "-m", "provisioning.lab.centre.generator", arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        say(f"{name}: {load.rate:g} events/s for {load.seconds:g} s …")
        parts = [
            *_PARTS,
            *(f"ingest-bulk-{number}" for number in range(2, 17) if aggregator.pid(f"ingest-bulk-{number}")),
        ]
        usage = Usage(aggregator, parts, broker=broker.pid, generator=process.pid)
        time.sleep(min(_SETTLE_S, load.seconds / 4))
        before_mb = usage.memory_mb("ingest-bulk")
        if not load.at_once:
            time.sleep(max(0.0, load.seconds - 2 * _SETTLE_S))
            after_mb, cores = usage.memory_mb("ingest-bulk"), usage.cores()
        try:
            out, _ = process.communicate(timeout=load.seconds + _DRAIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise UnavailableError(f"{name}: the load does not come to an end") from None
        if load.at_once:  # without the generator, which is gone
            after_mb, cores = usage.memory_mb("ingest-bulk"), usage.cores()
    sent = Sent(**json.loads(out))
    row = _row(load, name, sent, before_mb, after_mb, cores)
    row["stolen"] = usage.stolen()
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
