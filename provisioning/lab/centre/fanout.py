"""How fast an alert is with everybody who has the console open, and what a page that stopped reading does to them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from provisioning.lab.centre.acknowledge import Deeds, Done
from provisioning.lab.centre.generator import Load, Sent
from provisioning.lab.centre.listeners import Audience, Heard
from provisioning.lab.centre.machine import Mosquitto, Usage, bench_site
from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.local_site.aggregator import LocalAggregator
from shared.errors import UnavailableError
from shared.output import say

BAR_MS = 100.0
_PARTS = ["postgres", "ingest-alarm", "alerting", "jobs", "api"]
_BOXES = 100
_AFTER_S = 3.0
"""Listeners listen longer than alerts are raised."""
_DRAIN_S = 90.0
_AT_ONCE = 50
_ROUNDS = 5
ACKNOWLEDGED_BAR_MS = 300.0


def measure(clients: int, rate: float, stalled: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Set everything up, and listen to the same rate of alerts without and with pages that stall.

    Then the alerts are acknowledged, many at once, while all listen.

    Yields:
        Two rows of a table, and one of another.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    with bench_site() as (broker, aggregator):
        for number in (0, stalled):
            audience = Audience(aggregator.api_port, clients, number, seconds + _AFTER_S)
            yield _measure(audience, rate, broker, aggregator)
        yield _acknowledge(Audience(aggregator.api_port, clients, 0, _ROUNDS + _AFTER_S), aggregator)


def _measure(audience: Audience, rate: float, broker: Mosquitto, aggregator: LocalAggregator) -> dict[str, Any]:
    say(f"{audience.clients} clients, {audience.stalled} more that do not read: {rate:g} alerts/s …")
    listen = [sys.executable, "-m", "provisioning.lab.centre.listeners", json.dumps(asdict(audience))]
    load = Load(broker.port, _BOXES, rate, 1, 1.0, audience.seconds - _AFTER_S)
    send = [sys.executable, "-m", "provisioning.lab.centre.generator", json.dumps(asdict(load))]
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
        "stolen": usage.stolen(),
        "verdict": verdict(met, usage.stolen()),
        "broker": broker.version,
    }


def _acknowledge(audience: Audience, aggregator: LocalAggregator) -> dict[str, Any]:
    """Acknowledge open alerts, so many at the same moment and a second later the next, while all feeds are read."""
    say(f"{audience.clients} clients, {_ROUNDS} times {_AT_ONCE} acknowledgements at once …")
    listen = [sys.executable, "-m", "provisioning.lab.centre.listeners", json.dumps(asdict(audience))]
    stolen = Stolen()
    deeds = Deeds(aggregator.api_port, _AT_ONCE, _ROUNDS)
    act = [sys.executable, "-m", "provisioning.lab.centre.acknowledge", json.dumps(asdict(deeds))]
    with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as listeners:
        try:
            if not listeners.stdout or listeners.stdout.readline() != "ready\n":
                raise UnavailableError("the listeners did not get their feeds")
            acted = subprocess.run(act, stdout=subprocess.PIPE, text=True, check=False, timeout=_DRAIN_S)
            out, _ = listeners.communicate(timeout=_DRAIN_S + audience.seconds)
        except subprocess.TimeoutExpired:
            raise UnavailableError("the acknowledgements do not come to an end") from None
        finally:
            listeners.kill()
    if not out or acted.returncode:
        raise UnavailableError("feeds or acknowledgements were cut off")
    done, heard = Done(**json.loads(acted.stdout)), Heard(**json.loads(out))
    part = stolen.part()
    met = done.p99_ms <= ACKNOWLEDGED_BAR_MS and not done.refused and not heard.missed
    return {
        "clients": audience.clients,
        "at_once": _AT_ONCE,
        **asdict(done),
        "missed": heard.missed,
        "bar": f"p99 <= {ACKNOWLEDGED_BAR_MS:g} ms, none refused",
        "stolen": part,
        "verdict": verdict(met, part),
    }
