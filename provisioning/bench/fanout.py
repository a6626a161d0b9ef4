"""How fast an alert is with everybody who has the console open, and what somebody who stopped reading does to them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from provisioning.bench.generator import Load, Sent
from provisioning.bench.listeners import Audience, Heard
from provisioning.bench.machine import Mosquitto, Usage, bench_site
from provisioning.parts.aggregator import LocalAggregator
from shared.errors import UnavailableError
from shared.output import say

BAR_MS = 100.0
_PARTS = ["postgres", "ingest-alarm", "alerting", "api"]
_BOXES = 100
_AFTER_S = 3.0
"""Listeners listen longer than alerts are raised."""
_DRAIN_S = 90.0


def measure(clients: int, rate: float, stalled: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Set everything up, and listen to the same rate of alerts without and with somebody who stalls.

    Yields:
        Rows of a table.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    with bench_site() as (broker, aggregator):
        for number in (0, stalled):
            audience = Audience(aggregator.api_port, clients, number, seconds + _AFTER_S)
            yield _measure(audience, rate, broker, aggregator)


def _measure(audience: Audience, rate: float, broker: Mosquitto, aggregator: LocalAggregator) -> dict[str, Any]:
    say(f"{audience.clients} clients, {audience.stalled} more that do not read: {rate:g} alerts/s …")
    listen = [sys.executable, "-m", "provisioning.bench.listeners", json.dumps(asdict(audience))]
    load = Load(broker.port, _BOXES, rate, 1, 1.0, audience.seconds - _AFTER_S)
    send = [sys.executable, "-m", "provisioning.bench.generator", json.dumps(asdict(load))]
    with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as listeners:
        try:
            if not listeners.stdout or listeners.stdout.readline() != "ready\n":
                raise UnavailableError("the listeners did not get their feeds")
            usage = Usage(aggregator, _PARTS, broker=broker.pid, listeners=listeners.pid)
            before_mb = usage.memory_mb("api")
            with subprocess.Popen(send, stdout=subprocess.PIPE, text=True) as generator:
                time.sleep(max(0.0, load.seconds - 1.0))
                cores, after_mb = usage.cores(), usage.memory_mb("api")
                out, _ = listeners.communicate(timeout=_DRAIN_S + audience.seconds)
                sent = Sent(**json.loads(generator.communicate(timeout=_DRAIN_S)[0]))
        except subprocess.TimeoutExpired:
            raise UnavailableError("the listeners do not come to an end") from None
        finally:
            listeners.kill()
    if not out:
        raise UnavailableError("the listeners lost their feeds")
    heard = Heard(**json.loads(out))
    met = heard.p99_ms <= BAR_MS and not heard.missed and heard.alerts >= 0.95 * rate * load.seconds
    return {
        "clients": audience.clients,
        "stalled": audience.stalled,
        "alerts": heard.alerts,
        "messages": heard.messages,
        "p50_ms": heard.p50_ms,
        "p99_ms": heard.p99_ms,
        "worst_client_p99_ms": heard.worst_p99_ms,
        "most_ms": heard.most_ms,
        "missed": heard.missed,
        "late_ms": sent.late_ms,
        "api_mb": f"{before_mb:g} to {after_mb:g}",
        "cores": cores,
        "bar": f"p99 <= {BAR_MS:g} ms",
        "verdict": "met" if met else "missed",
        "broker": broker.version,
    }
