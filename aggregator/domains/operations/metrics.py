"""Figures for Prometheus: counters of the database, and what the newest heartbeats hold."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aggregator.domains.boxes.presence_judge import SQL as BOXES
from aggregator.store import load_queries
from aggregator.store.database import Connection
from shared.events import CameraState

SQL = load_queries(__package__)
_EVERYWHERE = {"scope": None, "sites": None, "site": None, "agent": None}
_BOX = ["site", "agent"]
UNCONFIRMED = "cannot_confirm"
"""State of a camera whose box is not online, whatever it told last."""

Row = Mapping[str, Any]


class Figures(Collector):
    """Counters live in the database, written in the transactions that they count: exact across processes and kills.

    Args:
        clients: how many operators' pages are connected.
        folder: of the pictures, whose disk is looked at.
    """

    def __init__(self, connection: Connection, clients: int, folder: Path) -> None:
        self._connection, self._clients, self._folder = connection, clients, folder

    def collect(self) -> Iterable[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        for row in self._connection.execute(SQL["counters"]):
            family = families.setdefault(
                row["name"],
                CounterMetricFamily(f"hawkline_ingest_{row['name']}", f"ingest: {row['name']}", labels=["label"]),
            )
            family.add_metric([row["label"]], row["value"])
        yield from families.values()
        yield from self._alerts()
        for name, value in self._one("backlog").items():
            yield GaugeMetricFamily(f"hawkline_waiting_{name}", f"rows waiting in {name}", value=value)
        boxes = self._connection.execute(BOXES["agents"], _EVERYWHERE).fetchall()
        states = [row["state"] for row in boxes]
        counts = {state: states.count(state) for state in ("online", "silent", "unknown")}
        yield _by_state("hawkline_boxes", "boxes by state", counts)
        yield from _of_boxes(boxes)
        yield from _of_cameras(boxes)
        yield self._certificates()
        yield GaugeMetricFamily("hawkline_feed_clients", "connected operators' pages", value=self._clients)
        yield self._jobs()
        free = shutil.disk_usage(self._folder).free
        yield GaugeMetricFamily("hawkline_disk_free_bytes", "free on the disk of data_dir", value=free)

    def _alerts(self) -> Iterable[Metric]:
        totals = self._one("alert_totals")
        yield CounterMetricFamily("hawkline_alerts_raised", "alerts ever raised", value=totals["raised"])
        for name in ("true_alarms", "false_alarms", "tests"):
            yield CounterMetricFamily(
                f"hawkline_alerts_cleared_{name}", f"alerts cleared as {name}", value=totals[name]
            )
        for name in ("open", "unacknowledged"):
            yield GaugeMetricFamily(f"hawkline_alerts_{name}", f"alerts now {name}", value=totals[name])

    def _certificates(self) -> Metric:
        family = GaugeMetricFamily(
            "hawkline_box_certificate_days", "days until the box's certificate expires", labels=_BOX
        )
        for row in self._connection.execute(SQL["certificate_days"]):
            family.add_metric([row["site"], row["agent"]], row["days"])
        return family

    def _jobs(self) -> Metric:
        family = GaugeMetricFamily("hawkline_job_well", "whether a job is done when it should be", labels=["job"])
        for row in self._connection.execute(SQL["jobs"]):
            family.add_metric([row["name"]], row["state"] not in ("failing", "late"))
        return family

    def _one(self, name: str) -> dict[str, Any]:
        row = self._connection.execute(SQL[name]).fetchone()
        return dict(row) if row else {}


def _of_boxes(boxes: Sequence[Row]) -> Iterable[Metric]:
    """What each box told last; a box that has told nothing has no figure."""
    online = GaugeMetricFamily("hawkline_box_online", "whether the box is online", labels=_BOX)
    disk = GaugeMetricFamily("hawkline_box_disk_free_bytes", "free on the box's disk, as told last", labels=_BOX)
    waiting = GaugeMetricFamily("hawkline_box_waiting_events", "events in the box's outbox, as told last", labels=_BOX)
    clock = GaugeMetricFamily("hawkline_box_clock_off_seconds", "by how much the box's clock was ahead", labels=_BOX)
    lost = GaugeMetricFamily("hawkline_box_lost_numbers", "numbers of a week that hold no event", labels=_BOX)
    for row in boxes:
        who, health = [row["site"], row["agent"]], row["health"]
        online.add_metric(who, row["state"] == "online")
        lost.add_metric(who, row["lost"])
        if health is None:
            continue
        disk.add_metric(who, health.get("disk_free_bytes", 0))
        waiting.add_metric(who, health.get("waiting_alarm", 0) + health.get("waiting_bulk", 0))
        if row["clock_off_s"] is not None:
            clock.add_metric(who, row["clock_off_s"])
    return online, disk, waiting, clock, lost


def _of_cameras(boxes: Sequence[Row]) -> Iterable[Metric]:
    """Cameras by state, and each: 1 is watched now, 0 is anything else."""
    counts = {**{state.label: 0 for state in CameraState}, UNCONFIRMED: 0}
    watched = GaugeMetricFamily(
        "hawkline_camera_watched", "whether the camera is watched now", labels=[*_BOX, "camera"]
    )
    for row in boxes:
        # By name: a box that tells one twice must not spoil the whole answer.
        told = {camera["name"]: camera["state"] for camera in (row["health"] or {}).get("cameras", ())}
        for name, last in told.items():
            state = last if row["state"] == "online" else UNCONFIRMED
            # A state that this version does not know confirms nothing.
            counts[state if state in counts else UNCONFIRMED] += 1
            watched.add_metric([row["site"], row["agent"], name], state == CameraState.WATCHING.label)
    return _by_state("hawkline_cameras", "cameras by state", counts), watched


def _by_state(name: str, words: str, counts: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=["state"])
    for state, count in counts.items():
        family.add_metric([state], count)
    return family
