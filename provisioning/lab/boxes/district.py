"""A district of alarm sensors: boxes with the real machine of partitions, and radio that loses frames.

Each trip of a sensor is a frame that is sent again until one is heard, four times at most, as Zigbee's radio does it.
"""

import csv
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.intrusion.memory import Memory
from edge_agent.intrusion.outputs import Switch
from edge_agent.intrusion.plan import PartitionPlan, SensorPlan
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.intrusion.unit import ControlUnit, Order
from provisioning.lab.boxes.behaviour import Rates
from provisioning.lab.boxes.box import Box
from provisioning.lab.boxes.fleet import Fleet, Plan
from shared.clock import Moment
from shared.desired import PartitionDeed
from shared.events import Lane

_FRAMES, _FRAME_S = 4, 0.02
"""A frame that is not acknowledged is sent again after this, so often in all."""
_OPEN_S = 2.0
TRIPS = "trips.csv"
ORDINARY, STORM = "ordinary", "storm"


@dataclass(frozen=True, slots=True)
class Trips:
    """When sensors trip.

    Attributes:
        sensors: of each box.
        ordinary: alarms of the first phase, one after another.
        every_s: between two of them.
        storm: alarms of the second phase.
        storm_s: in which they are spread.
        loss: part of the frames that the radio loses.
    """

    sensors: int
    ordinary: int
    every_s: float
    storm: int
    storm_s: float
    loss: float


class SensorBox(Box):
    """A box whose sensors are armed."""

    def arm(self, sensors: int) -> None:
        """Build its sensors in, and arm them."""
        plans = [
            SensorPlan(name=f"sensor {n + 1}", what="infrared", partition="all", settle_ms=0) for n in range(sensors)
        ]
        now = Moment.of(self.clock)
        self._unit = ControlUnit(plans, [PartitionPlan(name="all", exit_s=0)], [], Memory(), now)
        for plan in plans:
            self._unit.read(plan.name, Reading(Circuit.NORMAL), now)
        self._unit.order(Order("all", PartitionDeed.AWAY, "bench"), now)
        self._tell()

    def hear(self, sensor: str, circuit: Circuit) -> None:
        """A frame has come through."""
        self._unit.read(sensor, Reading(circuit), Moment.of(self.clock))
        self._tell()

    def _tell(self) -> None:
        for event in self._unit.drain():
            if not isinstance(event, Switch):
                self._number(Lane.ALARM, event)
        self._stirred(self)


class District(Fleet):
    """Boxes whose sensors trip by a plan.

    Args:
        plan: of the boxes.
        broker: host and port.
        trips: when sensors trip.
    """

    box = SensorBox

    def __init__(self, plan: Plan, broker: tuple[str, int], trips: Trips) -> None:
        super().__init__(plan, broker)
        self._trips, self._unheard = trips, 0
        self._made = list[tuple[str, str, str, str, float]]()
        for box in self._boxes:
            assert isinstance(box, SensorBox)  # noqa: S101 - made so

    def _schedule(self, box: Box, index: int, began_s: float) -> None:
        super()._schedule(box, index, began_s)
        if index:
            return
        draw, trips = random.Random(self._plan.seed), self._trips
        sensors = [(each, number) for each in self._boxes for number in range(trips.sensors)]
        draw.shuffle(sensors)
        first, second = sensors[: trips.ordinary], sensors[trips.ordinary : trips.ordinary + trips.storm]
        storm_s = began_s + 1 + trips.ordinary * trips.every_s + 5
        for number, (each, sensor) in enumerate(first):
            self._trip_at(began_s + 1 + number * trips.every_s, each, sensor, ORDINARY, draw)
        for each, sensor in second:
            self._trip_at(storm_s + draw.uniform(0, trips.storm_s), each, sensor, STORM, draw)

    def _trip_at(self, at_s: float, box: Box, sensor: int, phase: str, draw: random.Random) -> None:
        assert isinstance(box, SensorBox)  # noqa: S101 - made so
        name = f"sensor {sensor + 1}"
        frames = [draw.random() >= self._trips.loss for _ in range(_FRAMES)]
        if not any(frames):
            self._unheard += 1
            return
        heard_s = at_s + _FRAME_S * frames.index(True)

        def trip(_: object) -> None:
            late_s = time.monotonic() - at_s
            self._made.append((box.address.site, box.address.agent, name, phase, time.time() - late_s))
            box.hear(name, Circuit.ACTIVE)
            self._late_s = max(self._late_s, time.monotonic() - heard_s)

        self._at(heard_s, trip)
        self._at(heard_s + _OPEN_S, lambda _: box.hear(name, Circuit.NORMAL))

    def _before_seeing(self) -> None:
        for box in self._boxes:
            assert isinstance(box, SensorBox)  # noqa: S101 - made so
            box.arm(self._trips.sensors)

    def _write_ledger(self) -> None:
        super()._write_ledger()
        with (self._plan.folder / TRIPS).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(self._made)

    def _figures(self, seconds: float, delays_s: list[float]) -> dict[str, Any]:
        return {**super()._figures(seconds, delays_s), "tripped": len(self._made), "unheard": self._unheard}


def run(
    folder: Path, boxes: int, broker: tuple[str, int], trips: Trips, tell: Callable[[dict[str, Any]], None]
) -> None:
    """Let a district live through its plan, and write what was numbered and what tripped."""
    seconds = 1 + trips.ordinary * trips.every_s + 5 + trips.storm_s + 5
    plan = Plan(boxes, Rates(0, 0, by_hour=False), folder, for_s=seconds)
    tell(District(plan, broker, trips).run(threading.Event(), lambda _: None))
