"""Timelines for the machine of sensors and partitions: what is done when, and what is to be told when.

    0        arm house away by key
    0-0.2    > house arming
    45-45.5  > house armed_away
    60       door active
    60-60.5  > house pending

Every event has to be wanted, in its window; what is told when it begins is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from edge_agent.intrusion.memory import Bypass, Memory
from edge_agent.intrusion.outputs import Switch
from edge_agent.intrusion.plan import OutputPlan, PartitionPlan, SensorPlan
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.intrusion.unit import Answer, ControlUnit, Order, Told
from shared.clock import Moment
from shared.desired import BypassWay, PartitionDeed
from shared.events import PartitionChanged, SensorChanged

BEGIN_MS = 1_800_000_000_000
"""2027-01-15 16:00 in Shanghai, a Friday."""
TICK_S = 0.1
_WANTED = re.compile(r"(?P<from>[\d.]+)(?:-(?P<to>[\d.]+))?\s+>\s*(?P<what>.+)")
_DONE = re.compile(r"(?P<at>[\d.]+)\s+(?P<what>.+)")


def words(event: Told) -> str:
    """An event as a timeline has it."""
    if isinstance(event, Switch):
        return f"{event.output} {'on' if event.is_on else 'off'}"
    if isinstance(event, SensorChanged):
        low = " battery_low" if event.battery_low else ""
        return f"{event.sensor} {event.state.label} {event.priority}{low}"
    hinders = f" hinders {','.join(event.hinders)}" if event.hinders else ""
    return f"{event.partition} {event.state.label}{' not_armed' if event.not_armed else ''}{hinders}"


@dataclass
class House:
    """What is built in, and what happens to it."""

    sensors: Sequence[SensorPlan]
    partitions: Sequence[PartitionPlan] = (PartitionPlan(name="house"),)
    outputs: Sequence[OutputPlan] = ()
    begin_ms: int = BEGIN_MS
    trusted_keys: Sequence[str] = ()
    wires: dict[str, Reading] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    told: list[tuple[float, Told]] = field(default_factory=list)
    unit: ControlUnit | None = None

    def moment(self, at_s: float) -> Moment:
        return Moment(1000.0 + at_s, self.begin_ms + round(1000 * at_s))

    def switch_on(self, at_s: float, memory: Memory) -> None:
        """The box begins, and reads its wires."""
        # Through bytes, as the card has it.
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=Memory)
        now = self.moment(at_s)
        self.unit = ControlUnit(self.sensors, self.partitions, self.outputs, kept, now, self.trusted_keys)
        for plan in self.sensors:
            self.unit.read(plan.name, self.wires.setdefault(plan.name, Reading(Circuit.NORMAL)), now)
        self._take(at_s)

    def run(self, script: str, until_s: float | None = None) -> list[tuple[float, str]]:
        """Play a script; returns what was told, each with its second."""
        deeds = [
            (float(m["at"]), m["what"]) for m in map(_DONE.fullmatch, _lines(script)) if m and ">" not in m["what"]
        ]
        ends = [float(m["to"] or m["from"]) for m in map(_WANTED.fullmatch, _lines(script)) if m]
        end_s = until_s or max([*ends, *(at for at, _ in deeds)]) + 1
        self.begin()
        off_until, step = 0.0, 0
        while step * TICK_S <= end_s:
            at_s = round(step * TICK_S, 3)
            while deeds and deeds[0][0] <= at_s:
                when_s, what = deeds.pop(0)
                if what.startswith("cut "):
                    memory = self.unit.memory(self.moment(when_s)) if self.unit else Memory()
                    self.unit, off_until = None, when_s + float(what.split()[1])
                else:
                    self._do(when_s, what)
                self._take(when_s)
            if self.unit is None and at_s >= off_until:
                self.switch_on(at_s, memory)
            if self.unit is not None:
                self.unit.tick(self.moment(at_s))
                self._take(at_s)
            step += 1
        return [(at_s, words(event)) for at_s, event in self.told]

    def begin(self) -> ControlUnit:
        """Switch it on for the first time, and leave out what it tells then."""
        self.switch_on(-1, Memory())
        self._unit.tick(self.moment(-0.5))
        self._unit.drain()
        self.told.clear()
        return self._unit

    def _do(self, at_s: float, what: str) -> None:
        now, (first, *rest) = self.moment(at_s), what.split()
        if first in ("arm", "disarm", "reset", "test"):
            self._order(now, first, rest)
        elif first == "bypass":
            sensor, way, *until = rest
            until_ms = self.moment(float(until[0])).at_ms if until else 0
            self._unit.bypass(sensor, Bypass(BypassWay(way), "keeper", "broken", until_ms), now)
        else:
            battery = {"low": True, "good": False}.get(rest[1] if len(rest) > 1 else "")
            reading = Reading(Circuit(rest[0]), "", battery)
            self.wires[first] = reading
            if self.unit is not None:
                self.unit.read(first, reading, now)

    def _order(self, now: Moment, deed: str, rest: list[str]) -> None:
        partition, *more = rest
        mode = more.pop(0) if deed == "arm" else deed
        said = dict(zip(more[::2], more[1::2], strict=True))
        order = Order(
            partition,
            PartitionDeed(mode),
            said.get("by", "key"),
            said.get("plain") != "yes",
            tuple(said["without"].split(",")) if "without" in said else (),
            int(said.get("number", 0)),
            int(said.get("deeds", 0)),
            said.get("duress") == "yes",
        )
        self.answers.append(self._unit.order(order, now))

    @property
    def _unit(self) -> ControlUnit:
        assert self.unit is not None, "the power is cut"
        return self.unit

    def _take(self, at_s: float) -> None:
        if self.unit is not None:
            self.told += [(at_s, event) for event in self.unit.drain()]

    def details(self) -> list[str]:
        """The words of what was told of partitions."""
        return [event.detail for _, event in self.told if isinstance(event, PartitionChanged)]


def play(house: House, script: str, until_s: float | None = None) -> House:
    """Run a script and compare.

    Raises:
        AssertionError: something was told that was not wanted, or the other way round, with both timelines.
    """
    found = house.run(script, until_s)
    wanted = [
        (float(m["from"]), float(m["to"] or m["from"]), m["what"].strip())
        for m in map(_WANTED.fullmatch, _lines(script)) if m
    ]  # fmt: skip
    left = list(found)
    said = "\n".join(f"{at:8.1f}  {text}" for at, text in found)
    for begin_s, end_s, what in wanted:
        hit = next((each for each in left if each[1] == what and begin_s - 1e-6 <= each[0] <= end_s + 1e-6), None)
        assert hit, f"not told: {begin_s:g}-{end_s:g} {what}\nwas told:\n{said}"
        left.remove(hit)
    assert not left, f"told and not wanted: {left}\nwas told:\n{said}"
    return house


def _lines(script: str) -> list[str]:
    return [line.split("#")[0].strip() for line in script.splitlines() if line.split("#")[0].strip()]
