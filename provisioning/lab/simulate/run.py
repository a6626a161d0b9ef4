"""Runs a simulation from start to verdict, or goes on with one that was interrupted."""

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import httpx

from provisioning.lab.local_site.aggregator import LocalAggregator
from provisioning.lab.local_site.observer import FeedObserver, percentile
from provisioning.lab.simulate.chaos import Chaos
from provisioning.lab.simulate.comparison import Verdict, compare, read_csv, read_files
from provisioning.lab.simulate.fleet import DRAIN_S, FleetProcess
from provisioning.lab.simulate.network import Proxy
from shared.errors import ConfigError, UnavailableError
from shared.locks import hold
from shared.net import require_free_port
from shared.output import say
from shared.stop_signals import set_by_signals

PARTS = [
    "broker", "postgres", "presence", "alerting", "jobs", "api",
    "ingest-alarm", "ingest-alarm-2", "ingest-bulk", "ingest-bulk-2",
]  # fmt: skip
_MORE = """
[ingest]
alarm_workers = {workers}
bulk_workers = {workers}
"""
PROGRESS = "progress.json"
_PROGRESS_S = 10.0
_FIGURES = "late_ms", "drained_s", "alarm_p50_ms", "alarm_p99_ms", "alarm_max_ms"
_EMPTY_S = 120.0


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """What the command was asked.

    Attributes:
        folder: of everything; with chaos a run goes on where it ended.
        boxes: how many.
        alarms: a second, of all together.
        bulk: the same of counted events.
        backlog: events a box that waited for its network; only without chaos.
        at_once: all boxes come back in the same moment; else one after another.
        for_s: seconds; with chaos over all its runs.
        chaos: seed of faults; None breaks nothing.
        kills: end when so many processes were killed, not at a time.
        by_hour: whether the hour of the day counts.
        storms: an hour and box.
        mishaps: an hour and box, of each kind.
        fleets: processes that boxes are spread over, with chaos.
        seed: of what the boxes see.
        port: of console and API; None picks one.
        broker_port: of a broker that runs; None starts the embedded one.
    """

    folder: Path
    boxes: int
    alarms: float
    bulk: float
    backlog: int = 0
    at_once: bool = False
    for_s: float | None = None
    chaos: int | None = None
    kills: int | None = None
    by_hour: bool = True
    storms: float = 0.0
    mishaps: float = 0.0
    fleets: int = 4
    seed: int = 1
    port: int | None = None
    broker_port: int | None = None


def run_simulation(options: SimulationOptions) -> dict[str, Any]:
    """Start everything, let it run, end it, and compare.

    Returns:
        The summary; its `ok` says that every event is stored once.

    Raises:
        ConfigError: the folder holds another simulation.
        UnavailableError: a part did not start, or ended early.
    """
    claim = _claim(options)
    stop = threading.Event()
    with claim, set_by_signals(stop):
        return _Simulation(options, stop).run()


def _claim(options: SimulationOptions) -> TextIO:
    """Hold the folder, which is new or has this simulation, interrupted, in it."""
    folder, named = options.folder, f"--dir {str(options.folder)!r}"
    if options.port is not None:
        require_free_port("127.0.0.1", options.port, "--port")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = hold(folder / "simulation.lock", f"{named}: a simulation runs in it; choose another folder")
    except OSError as error:
        raise ConfigError(f"{named}: {error.strerror}; give a folder that can be made") from None
    others = [path.name for path in folder.iterdir() if path.name != "simulation.lock"]
    if others and not (options.chaos is not None and PROGRESS in others):
        claim.close()
        raise ConfigError(f"{named}: not empty ({sorted(others)[0]}); choose a new folder")
    return claim


class _Simulation:
    def __init__(self, options: SimulationOptions, stop: threading.Event) -> None:
        self._options, self._stop = options, stop
        workers = 2 if options.chaos is not None else 1
        self._aggregator = LocalAggregator(
            options.folder, options.port, _MORE.format(workers=workers), options.broker_port
        )
        self._network = Proxy(("127.0.0.1", self._aggregator.broker_port)) if options.chaos is not None else None
        count = min(options.fleets, options.boxes) if options.chaos is not None else 1
        self._folders = [options.folder / f"fleet-{number}" for number in range(1, count + 1)]
        self._fleets = [self._fleet(index, count) for index in range(count)]
        self._observer = FeedObserver(self._aggregator.url)
        self._progress = options.folder / PROGRESS
        self._lives = 0
        self._before_s = 0.0
        self._done: Counter[str] = Counter()

    def run(self) -> dict[str, Any]:
        self._take_up()
        chaos = self._chaos()
        try:
            say("starting the aggregator …")
            self._aggregator.start(self._stop)
            self._aggregator.limit_files("postgres", None)  # a run that was killed may have left it so
            if not self._observer.start():
                raise UnavailableError("the feed does not answer")
            say(f"console: {self._aggregator.url}/")
            for fleet in self._fleets:
                fleet.start()
            began_s = time.monotonic()
            self._let_run(chaos, began_s)
            seconds = time.monotonic() - began_s
            if chaos:
                self._note(seconds, chaos.done)
            if self._network:
                self._network.delay_s = 0.0
            self._aggregator.await_ready()
            interrupted = "interrupted; " if self._stop.is_set() else ""
            say(f"{interrupted}stopping the boxes; what waits still goes out …")
            ends = [fleet.finish() for fleet in self._fleets]
            summary = self._summary(self._before_s + seconds, chaos, ends)
        finally:
            self._observer.stop()
            for fleet in self._fleets:
                fleet.stop()
            self._aggregator.stop()
            if self._network:
                self._network.close()
        # Gigabytes, in which there is nothing to look for after a good run.
        if summary["interrupted"] and chaos is not None:
            return summary  # it goes on with its database
        if not (summary["ok"] and chaos is None and self._aggregator.remove()):
            config = self._options.folder / "aggregator.toml"
            say(f"the database is kept until: hawkline aggregator remove --config {config} --yes (it ends this run)")
        return summary

    def _fleet(self, index: int, count: int) -> FleetProcess:
        options = self._options
        boxes = [number for number in range(1, options.boxes + 1) if (number - 1) * count // options.boxes == index]
        part = len(boxes) / options.boxes
        port = self._network.address[1] if self._network else self._aggregator.broker_port
        arguments = [
            *("simulate-boxes", "--dir", str(self._folders[index]), "--broker", f"127.0.0.1:{port}"),
            *("--first", str(boxes[0]), "--boxes", str(len(boxes)), "--seed", str(options.seed)),
            *("--alarms", str(options.alarms * part), "--bulk", str(options.bulk * part)),
            *("--storms", str(options.storms), "--mishaps", str(options.mishaps), "--drain", str(DRAIN_S - 60)),
            "--by-hour" if options.by_hour else "--steady",
        ]
        if options.chaos is not None:
            arguments += ["--on-disk", "--twice", "0.05"]
        else:
            arguments += ["--backlog", str(options.backlog), *(["--at-once"] if options.at_once else [])]
            arguments += ["--for", str(options.for_s)] if options.for_s else []
        log = options.folder / "logs" / f"{self._folders[index].name}.log"
        return FleetProcess(self._folders[index].name, arguments, log)

    def _take_up(self) -> None:
        """Where an interrupted run with chaos was, and whether it was this one."""
        options = self._options
        asked = {key: value for key, value in asdict(options).items() if key not in ("folder", "port", "broker_port")}
        if self._progress.is_file():
            kept = json.loads(self._progress.read_text(encoding="utf-8"))
            if kept["options"] != asked:
                raise ConfigError(f"--dir {str(options.folder)!r}: holds another simulation; choose another folder")
            begun = any(folder.is_dir() for folder in self._folders)
            if begun and not self._aggregator.has_data():
                raise ConfigError(f"--dir {str(options.folder)!r}: its database was deleted; choose a new folder")
            self._lives, self._before_s, self._done = kept["lives"], kept["seconds"], Counter(kept["faults"])
            say(f"goes on after {self._before_s:.0f} s and {sum(self._done.values())} faults")
        self._asked = asked
        self._lives += 1
        for folder in self._folders:  # of an earlier life; no verdict may rest on it
            (folder / "ledger.csv").unlink(missing_ok=True)
        if options.chaos is not None:
            self._note(0.0, self._done)

    def _chaos(self) -> Chaos | None:
        if self._network is None:
            return None
        seed = f"{self._options.chaos} {self._lives}"
        chaos = Chaos(seed, self._aggregator, self._fleets, self._network, PARTS)
        chaos.done = self._done
        return chaos

    def _note(self, seconds: float, faults: Counter[str]) -> None:
        kept = {
            "options": self._asked,
            "lives": self._lives,
            "seconds": round(self._before_s + seconds, 1),
            "faults": dict(faults),
        }
        part = self._progress.with_suffix(".new")
        with part.open("w", encoding="utf-8") as out:
            json.dump(kept, out)
            out.flush()
            os.fsync(out.fileno())
        part.replace(self._progress)

    def _let_run(self, chaos: Chaos | None, began_s: float) -> None:
        options, told_s = self._options, time.monotonic()
        while not self._stop.is_set():
            seconds = time.monotonic() - began_s
            if chaos is None:
                if self._fleets[0].exit_code is not None:
                    return
                self._stop.wait(0.2)
                self._aggregator.process.require_alive()
            else:
                if options.for_s is not None and self._before_s + seconds >= options.for_s:
                    return
                if options.kills is not None and chaos.kills >= options.kills:
                    return
                chaos.step(self._stop)
                self._aggregator.process.require_alive()
                for fleet in self._fleets:
                    fleet.require_alive()
            if time.monotonic() - told_s >= _PROGRESS_S:
                told_s = time.monotonic()
                self._tell(seconds, chaos)
                if chaos:
                    self._note(seconds, chaos.done)

    def _tell(self, seconds: float, chaos: Chaos | None) -> None:
        words = f"{self._before_s + seconds:5.0f} s: "
        if chaos:
            say(f"{words}{chaos.kills} kills, {sum(chaos.done.values())} faults")
        else:
            if now := self._fleets[0].figures():
                told = f"{now['alarms']} alarms, {now['bulk']} bulk, {now['waiting']} wait"
                say(f"{words}{told}; p99 of alarms {now['alarm_p99_ms']} ms")

    def _summary(self, seconds: float, chaos: Chaos | None, ends: list[dict[str, Any]]) -> dict[str, Any]:
        say("comparing ledger and database …")
        verdict = self._compare()
        self._await_inbox()
        alerts, missed = self._alerts()
        latencies = self._observer.latencies_s
        found: dict[str, Any] = {
            "ok": verdict.is_good and not missed and not any(end["waiting"] for end in ends),
            "interrupted": self._stop.is_set(),
            "seconds": round(seconds, 1),
            "boxes": self._options.boxes,
            **asdict(verdict),
            "waiting": sum(end["waiting"] for end in ends),
            "alerts": alerts,
            "alarms_without_alert": missed,
        }
        if chaos:
            found["kills"], found["faults"] = chaos.kills, dict(sorted(chaos.done.items()))
        else:
            found |= {key: ends[0][key] for key in _FIGURES}
            p50, p99 = (percentile(latencies, part) for part in (0.5, 0.99))
            found["screen_p50_ms"] = round(p50 * 1000, 1) if p50 is not None else None
            found["screen_p99_ms"] = round(p99 * 1000, 1) if p99 is not None else None
        return found

    def _compare(self) -> Verdict:
        with self._aggregator.http.stream("GET", "/api/v1/ledger.csv", timeout=600) as response:
            response.raise_for_status()
            numbered = read_files(folder / "ledger.csv" for folder in self._folders)
            return compare(numbered, read_csv(_lines(response)), on_disk=self._network is not None)

    def _alerts(self) -> tuple[int, int]:
        """How many alerts there are, and how many stored alarms are in none of them."""
        figures = self._metrics()
        producers = self._aggregator.get("/api/v1/producers")
        missed = sum(row["alarms"] - row["in_alerts"] for row in producers)
        return int(float(figures["hawkline_alerts_raised_total"])), missed

    def _metrics(self) -> dict[str, str]:
        lines = self._aggregator.http.get("/metrics").text.splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    def _await_inbox(self) -> None:
        """Wait until alerting has worked off what ingest left."""
        deadline_s = time.monotonic() + _EMPTY_S
        while True:
            figures = {}
            with contextlib.suppress(httpx.HTTPError):
                figures = self._metrics()
            if figures and float(figures["hawkline_waiting_inbox"]) == 0:
                return
            if time.monotonic() > deadline_s:
                raise UnavailableError(f"alerting has not worked off its inbox within {_EMPTY_S:.0f} s")
            time.sleep(0.5)


def _lines(response: httpx.Response) -> Iterator[str]:
    return response.iter_lines()
