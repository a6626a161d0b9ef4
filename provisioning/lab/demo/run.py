"""Runs the demonstration from start to verdict."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from provisioning.lab.demo.reconciliation import outbox_of, settle
from provisioning.lab.demo.site import DemoSite, write_site
from provisioning.lab.local_site.aggregator import LocalAggregator
from provisioning.lab.local_site.observer import FeedObserver, percentile
from provisioning.lab.local_site.processes import PartProcess
from shared.errors import ConfigError, UnavailableError
from shared.locks import hold
from shared.net import require_free_port
from shared.output import say
from shared.stop_signals import set_by_signals

_FIRST_FRAME_S = 60.0
_PROGRESS_S = 5.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command was asked."""

    folder: Path
    port: int
    for_s: float | None
    video: Path | None = None
    scene: Path | None = None


def run_demo(options: DemoOptions) -> dict[str, Any]:
    """Start everything, watch it for a while, end it, and settle the account.

    Returns:
        The summary; its `ok` says whether alerts were raised and nothing was lost.

    Raises:
        UnavailableError: a part did not start, or ended early.
    """
    require_free_port("127.0.0.1", options.port, "--port")
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        # Before anything is written: another demo may run on these files.
        claim = hold(options.folder / "demo.lock", f"--dir {str(options.folder)!r}: a demo runs in it; choose another")
    except OSError as error:
        raise ConfigError(f"--dir {str(options.folder)!r}: {error.strerror}; give a folder that can be made") from None
    aggregator = LocalAggregator(options.folder, options.port)
    site = write_site(
        options.folder,
        api_port=options.port,
        broker_port=aggregator.broker_port,
        video=options.video,
        scene=options.scene,
    )
    stop = threading.Event()
    try:
        with set_by_signals(stop):
            return _Demo(site, aggregator, options, stop).run()
    except httpx.HTTPError as error:
        logs = options.folder / "logs"
        raise UnavailableError(f"{aggregator.url} stopped answering ({error}); see {logs}") from None
    finally:
        claim.close()


class _Demo:
    def __init__(
        self, site: DemoSite, aggregator: LocalAggregator, options: DemoOptions, stop: threading.Event
    ) -> None:
        self._site, self._aggregator, self._options, self._stop = site, aggregator, options, stop
        logs = site.folder / "logs"
        self._agents = {
            name: PartProcess(f"agent {name}", ["agent", "run", "--config", str(path)], logs / f"{name}.log")
            for name, path in site.agents.items()
        }
        self._observer = FeedObserver(aggregator.url)

    def run(self) -> dict[str, Any]:
        began_s = time.monotonic()
        try:
            say("starting the aggregator (database, broker, ingest, alerting, API) …")
            self._aggregator.start(self._stop)
            if not self._observer.start():
                raise UnavailableError("the feed does not answer")
            before = self._events_by_kind()
            producers = self._aggregator.get("/api/v1/producers")
            say(f"aggregator ready after {time.monotonic() - began_s:.1f} s; console: {self._aggregator.url}/")
            for agent in self._agents.values():
                agent.start()
            self._await_first_frame()
            started_s = time.monotonic()
            self._watch(started_s)
            watched_s = time.monotonic() - started_s
            say("stopping the agents …")
            for agent in self._agents.values():
                agent.stop()
            return self._summary(watched_s, before, producers)
        finally:
            self._observer.stop()
            for agent in self._agents.values():
                agent.stop()
            say("stopping the aggregator …")
            self._aggregator.stop()

    def _await_first_frame(self) -> None:
        deadline_s = time.monotonic() + _FIRST_FRAME_S
        while time.monotonic() < deadline_s and not self._stop.is_set():
            for agent in self._agents.values():
                agent.require_alive()
            for box in self._aggregator.get("/api/v1/boxes"):
                cameras = (box["health"] or {}).get("cameras", [])
                if box["state"] == "online" and any(camera.get("frames") for camera in cameras):
                    return
            self._stop.wait(0.1)
        if not self._stop.is_set():
            raise UnavailableError(
                f"no agent analysed a frame within {_FIRST_FRAME_S:.0f} s; see {self._site.folder / 'logs'}"
            )

    def _watch(self, started_s: float) -> None:
        limit_s = self._options.for_s
        told_s = started_s
        while not self._stop.wait(0.1):
            now_s = time.monotonic()
            if limit_s is not None and now_s - started_s >= limit_s:
                return
            self._aggregator.process.require_alive()
            if now_s - told_s >= _PROGRESS_S:
                told_s = now_s
                p50 = percentile(self._observer.latencies_s, 0.5)
                say(
                    f"{now_s - started_s:5.0f} s: {len(self._observer.alerts)} alerts"
                    + (f", camera to screen p50 {p50 * 1000:.0f} ms" if p50 is not None else "")
                )

    def _summary(self, watched_s: float, before: Counter[str], producers: list[dict[str, Any]]) -> dict[str, Any]:
        time.sleep(0.5)  # the last alerts are on their way through alerting and feed
        outboxes = [row for path in self._site.agents.values() for row in outbox_of(path)]
        account = settle(
            outboxes,
            self._aggregator.get("/api/v1/producers"),
            self._aggregator.get("/api/v1/gaps?limit=1000"),
            producers,
        )
        alerts = list(self._observer.alerts.values())
        p50, p99 = (percentile(self._observer.latencies_s, part) for part in (0.5, 0.99))
        return {
            "ok": bool(alerts) and not (account.lost or account.duplicated or account.waiting),
            "seconds": round(watched_s, 1),
            "events": dict(self._events_by_kind() - before),
            "alerts": len(alerts),
            "alerts_by_line": dict(Counter(alert["name"] for alert in alerts)),
            "alerts_with_picture": sum(1 for alert in alerts if alert["evidence"]),
            "p50_ms": round(p50 * 1000, 1) if p50 is not None else None,
            "p99_ms": round(p99 * 1000, 1) if p99 is not None else None,
            "numbered": account.numbered,
            "stored": account.stored,
            "waiting": account.waiting,
            "lost": account.lost,
            "duplicated": account.duplicated,
        }

    def _events_by_kind(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for line in self._aggregator.http.get("/metrics").text.splitlines():
            if line.startswith("hawkline_ingest_events_total{"):
                kind = line.split('label="', 1)[1].split('"', 1)[0]
                found[kind] = int(float(line.rsplit(" ", 1)[1]))
        return found
