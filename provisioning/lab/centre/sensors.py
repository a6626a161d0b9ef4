"""A district of alarm sensors: from the moment that one trips to the operator's page, in calm and in a storm."""

import csv
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioning.lab.boxes.district import ORDINARY, STORM, TRIPS, Trips, run
from provisioning.lab.centre.machine import Mosquitto, bench_folder
from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.local_site.aggregator import LocalAggregator
from provisioning.lab.local_site.observer import FeedObserver, percentile
from provisioning.lab.simulate.comparison import Verdict, compare, read_csv, read_files
from shared.errors import UnavailableError
from shared.output import say

BARS_MS = {ORDINARY: 250.0, STORM: 500.0}
_LONGEST_S = 900.0

Key = tuple[str, str, str]


def measure(boxes: int, trips: Trips) -> list[dict[str, Any]]:
    """Set everything up, let the district's sensors trip, and compare what tripped with what rang.

    Args:
        boxes: how many.
        trips: when sensors trip.

    Returns:
        A row of each phase.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    with bench_folder() as folder, Mosquitto(folder) as broker:
        aggregator = LocalAggregator(folder / "site", broker_port=broker.port)
        observer = FeedObserver(aggregator.url, condition="sensor_alarm")
        stolen, fleet = Stolen(), folder / "fleet"
        try:
            aggregator.start()
            if not observer.start():
                raise UnavailableError("the feed does not answer")
            say(f"{boxes} boxes with {trips.sensors} sensors each; {trips.ordinary} alarms, then {trips.storm} more …")
            figures = _live(fleet, boxes, broker.port, trips)
            with aggregator.http.stream("GET", "/api/v1/ledger.csv", timeout=600) as response:
                response.raise_for_status()
                ledger = compare(read_files([fleet / "ledger.csv"]), read_csv(response.iter_lines()), on_disk=False)
        finally:
            observer.stop()
            aggregator.stop()
            aggregator.remove()
        return list(_rows(_tripped(fleet / TRIPS), _rung(observer), ledger, figures, stolen.part()))


def _live(folder: Path, boxes: int, port: int, trips: Trips) -> dict[str, Any]:
    """The district in a process of its own: it must not share a core's time with who observes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=run, args=(folder, boxes, ("127.0.0.1", port), trips, theirs.send), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_LONGEST_S):
            raise UnavailableError(f"the district has not ended within {_LONGEST_S:g} s")
        found: dict[str, Any] = ours.recv()
        return found
    except EOFError:
        raise UnavailableError("the district's process ended early") from None
    finally:
        process.join(10)
        process.kill()


def _tripped(path: Path) -> dict[Key, tuple[str, float]]:
    """Of each sensor that was heard: the phase, and when it tripped, Unix seconds."""
    with path.open(encoding="utf-8", newline="") as file:
        return {(site, agent, name): (phase, float(at)) for site, agent, name, phase, at in csv.reader(file)}


def _rung(observer: FeedObserver) -> dict[Key, float]:
    """Of each sensor that rang, when its alert was on the page, Unix seconds."""
    return {
        (alert["site"], alert["agent"], alert["name"]): observer.received_s[number]
        for number, alert in observer.alerts.items()
        if number in observer.received_s
    }


def _rows(
    tripped: dict[Key, tuple[str, float]],
    rung: dict[Key, float],
    ledger: Verdict,
    figures: dict[str, Any],
    stolen: float,
) -> Iterator[dict[str, Any]]:
    for phase, bar_ms in BARS_MS.items():
        mine = {key: at_s for key, (of, at_s) in tripped.items() if of == phase}
        delays = [rung[key] - at_s for key, at_s in mine.items() if key in rung]
        p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
        silent = len(mine) - len(delays)
        met = ledger.is_good and not silent and not figures["waiting"] and p99 is not None and p99 * 1000 <= bar_ms
        yield {
            "phase": phase,
            "tripped": len(mine),
            "rung": len(delays),
            "not_rung": silent,
            "of_nobody": len(rung.keys() - tripped.keys()),
            "lost": ledger.lost,
            "twice": ledger.duplicated,
            "unheard_by_radio": figures["unheard"],
            "p50_ms": None if p50 is None else round(1000 * p50, 1),
            "p99_ms": None if p99 is None else round(1000 * p99, 1),
            "late_ms": figures["late_ms"],
            "bar": f"p99 <= {bar_ms:g} ms, none lost",
            "stolen": stolen,
            "verdict": verdict(met, stolen),
        }
