"""The box's own alarm panel at work: adapters read, the machine decides, events go out, outputs are switched.

The machine is pure and behind one lock: adapters tell it from their threads, so an alarm is on its way at once. What
has to outlive a power cut is written by a thread of its own: a slow card delays no alarm.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from edge_agent.inputs.keypads import Shown
from edge_agent.inputs.sources.gpio_kernel import by_chip
from edge_agent.inputs.sources.seam import Source, keep_running
from edge_agent.intrusion.memory import Memory
from edge_agent.intrusion.outputs import Switch
from edge_agent.intrusion.plan import PartitionPlan
from edge_agent.intrusion.reading import Reading
from edge_agent.intrusion.unit import Answer, ControlUnit, Order, Told
from edge_agent.wiring.faults import may_disarm
from edge_agent.wiring.settings import (
    HttpWire,
    InputsSettings,
    KeypadSettings,
    MqttWire,
    OutputSettings,
    SensorSettings,
)
from shared.clock import Clock, Moment
from shared.desired import Partitions
from shared.events import LONGEST_DETAIL, LONGEST_NAME, TESTED, PartitionChanged, SensorChanged, SensorState
from shared.files import write_secret
from shared.threads import start_vital
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

_TICK_S = 0.1
_KEPT_EVERY_S = 300.0
"""So often it is written that the box was here, though nothing has changed: it tells for how long it was away."""
_WRITES_APART_S = 0.3
"""A card wears: what changes faster is written together."""
_JOIN_S = 8.0
_TEST_S = 2.0
"""An output that is tested has to have been switched within this."""
_MEMORY = "box/memory"
"""As a sensor: whether how partitions are armed outlives a power cut."""

Append = Callable[[SensorChanged | PartitionChanged], None]


class Station:
    """All sensors, partitions and outputs of a box.

    Args:
        sensors: of the box.
        partitions: of the box.
        outputs: of the box.
        sources: adapters that read and switch them.
        settings: what they are wired to.
        path: file that keeps what outlives a power cut.
        append: takes what is to be told.
        clock: wall and monotonic time.
        before: how it was when a life of this process ended; None: the file says it.
        keypads: of the box; what they are as sensors is read by `Keypads`.
    """

    def __init__(
        self,
        sensors: Sequence[SensorSettings],
        partitions: Sequence[PartitionPlan],
        outputs: Sequence[OutputSettings],
        sources: Sequence[Source],
        settings: InputsSettings,
        path: Path,
        append: Append,
        clock: Clock,
        before: Memory | None = None,
        keypads: Sequence[KeypadSettings] = (),
    ) -> None:
        self._sources, self._path, self._append, self._clock = sources, path, append, clock
        self._where = {output: source for source in sources for output in source.outputs}
        for output, source in self._where.items():
            source.wanted.want(output, is_on=False)  # the last life may have left it on
        trusted = [each.name for each in sensors if may_disarm(each, settings)]
        speaking = [each.name for each in sensors if isinstance(each.wire, MqttWire | HttpWire)]
        plans = [plan for keypad in keypads for plan in keypad.plans]
        speaking += [plan.name for plan in plans]
        self._lock = threading.RLock()
        self._unit = ControlUnit(
            [*sensors, *plans], partitions, outputs, before or self._kept(), Moment.of(clock), trusted, speaking
        )
        self._stopping, self._dirty = threading.Event(), threading.Event()
        self._card, self._card_error = TroubleLog(log, logging.ERROR), ""
        self._wrong = dict[str, str]()
        """Why outputs could not be switched, as it was told last; of one that was never switched nothing."""
        self._tests = dict[str, tuple[str, float]]()
        """Outputs that are sounded to hear whether they do: by whom, and since when."""

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._dirty.set()

    def run(self) -> None:
        """Read, decide, tell and switch until `stop`."""
        with self._lock:
            self._hand_over()
        threads = [
            threading.Thread(
                target=keep_running,
                args=(source, self.read, self.switched, self._clock, self._stopping),
                name=f"inputs-{number}",
                daemon=True,
            )
            for number, source in enumerate(self._sources)
        ]
        keeper = start_vital("inputs-memory", self._keep)
        for thread in threads:
            thread.start()
        while not self._stopping.is_set():
            with self._lock:
                self._unit.tick(Moment.of(self._clock))
                self._hand_over()
                wait_s = self._unit.next_s - self._clock.monotonic_s()
            self._stopping.wait(min(_TICK_S, max(0.005, wait_s)))
        for thread in (*threads, keeper):
            thread.join(_JOIN_S)
        self._write()

    def read(self, sensor: str, reading: Reading, at: Moment) -> None:
        """Something was read of a sensor."""
        with self._lock:
            self._unit.read(sensor, reading, at)
            self._hand_over()

    def switched(self, output: str, error: str) -> None:
        """An output was switched, or could not be: told at the start, when that changes, and of each test."""
        with self._lock:
            tested_by, since_s = self._tests.pop(output, ("", 0.0))
            if self._clock.monotonic_s() - since_s > _TEST_S:
                tested_by = ""  # what is switched now is not what was to sound
            if self._wrong.get(output) == error and not tested_by:
                return
            self._wrong[output] = error
            said = error or (f"{TESTED} by {tested_by}" if tested_by else "can be switched")
            self._tell_state(f"output/{output}", "output", error, said)

    def _tell_state(self, name: str, what: str, error: str, said: str) -> None:
        state = SensorState.FAULT if error else SensorState.NORMAL
        log.info("%s: %s", name, said)
        at_ms = Moment.of(self._clock).at_ms
        self._append(SensorChanged(at_ms, name[:LONGEST_NAME], what, state, 3, said[:LONGEST_DETAIL]))

    def order(self, order: Order) -> Answer:
        """Do what is ordered of a partition, where it may be done."""
        with self._lock:
            answer = self._unit.order(order, Moment.of(self._clock))
            self._hand_over()
            return answer

    def obey(self, wanted: Partitions) -> list[str]:
        """Do what the centre orders; what was answered before is not done again.

        Returns:
            What could not be done, in words.
        """
        with self._lock:
            now = Moment.of(self._clock)
            wrong = self._unit.bypasses(wanted.bypasses, now)
            for each in wanted.orders:
                order = Order(
                    each.partition, each.deed, each.by, without=each.without, number=each.number, deeds=each.deeds
                )
                answer = self._unit.order(order, now)
                wrong += [] if answer.obeyed or answer.hinders else [answer.why]
            self._hand_over()
            return wrong

    def memory(self) -> Memory:
        """What has to outlive a power cut, and this life."""
        with self._lock:
            return self._unit.memory(Moment.of(self._clock))

    def shown(self, partition: str) -> Shown:
        """How a partition is, for a keypad."""
        with self._lock:
            return Shown(*self._unit.state(partition, Moment.of(self._clock)))

    def is_armed(self, partition: str) -> bool:
        """Whether what is armed with a partition is armed now."""
        with self._lock:
            return self._unit.is_armed(partition)

    def _hand_over(self) -> None:
        told = self._unit.drain()
        for event in told:
            if isinstance(event, Switch):
                log.info("output %s: %s", event.output, "on" if event.is_on else "off")
                if event.tested_by and (wrong := self._wrong.get(event.output)):
                    self._tell_state(f"output/{event.output}", "output", wrong, wrong)
                elif event.tested_by:
                    self._tests[event.output] = event.tested_by, self._clock.monotonic_s()
                self._where[event.output].wanted.want(event.output, event.is_on)
            else:
                log.info("%s", _in_words(event))
                self._append(event)
        if told:
            self._dirty.set()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._dirty.wait(_KEPT_EVERY_S)
            self._dirty.clear()
            self._write()
            self._stopping.wait(_WRITES_APART_S)

    def _write(self) -> None:
        try:
            write_secret(self._path, msgspec.msgpack.encode(self.memory()))
            self._card.over("how partitions are armed is kept again")
            self._tell_card("")
        except OSError as error:
            self._card.tell(f"how partitions are armed cannot be kept, a power cut would lose it: {error}")
            self._tell_card(f"how partitions are armed cannot be kept: {error.strerror}")

    def _tell_card(self, error: str) -> None:
        with self._lock:
            if error != self._card_error:
                self._card_error = error
                self._tell_state(_MEMORY, "memory", error, error or "kept again")

    def _kept(self) -> Memory:
        try:
            return msgspec.msgpack.decode(self._path.read_bytes(), type=Memory)
        except FileNotFoundError:
            return Memory()
        except (OSError, msgspec.DecodeError) as error:
            log.error("%s cannot be read, how partitions were armed is not known: %s", self._path, error)
            return Memory(lost=f"{self._path.name} cannot be read")


def sources_for(
    settings: InputsSettings,
    sensors: Sequence[SensorSettings],
    outputs: Sequence[OutputSettings],
    name: str,
    clock: Clock,
) -> list[Source]:
    """The adapters that sensors and outputs need.

    Args:
        settings: what they are wired to.
        sensors: of the box.
        outputs: of the box.
        name: of the box, for the broker beside it.
        clock: wall and monotonic time.
    """
    # What a box does not use need not be installed on it.
    kinds = {type(each.wire).__name__ for each in sensors} | {type(each.wire).__name__ for each in outputs}
    found = list[Source]()
    if kinds & {"GpioWire", "GpioOutput"}:
        if settings.gpio == "gpiozero":
            from edge_agent.inputs.sources.gpio_zero import ZeroGpio

            found.append(ZeroGpio(sensors, outputs, clock))
        else:
            found += by_chip(sensors, outputs, clock)
    if "LoopWire" in kinds:
        from edge_agent.inputs.sources.iio import IioLoops

        for adc in settings.adcs:
            found.append(IioLoops(adc, [each for each in sensors if getattr(each.wire, "adc", "") == adc.name], clock))
    if kinds & {"ModbusWire", "ModbusOutput"}:
        from edge_agent.inputs.sources.modbus import ModbusBus

        for bus in settings.buses:
            on_it = [each for each in sensors if getattr(each.wire, "bus", "") == bus.name]
            found.append(ModbusBus(bus, on_it, [o for o in outputs if getattr(o.wire, "bus", "") == bus.name], clock))
    if "CameraWire" in kinds:
        from edge_agent.inputs.sources.cameras import CameraAlarmInputs

        for camera in settings.cameras:
            on_it = [each for each in sensors if getattr(each.wire, "device", "") == camera.name]
            found.append(CameraAlarmInputs(camera, on_it, clock))
    if kinds & {"MqttWire", "MqttOutput"}:
        from edge_agent.inputs.sources.mqtt import MqttSensors

        found.append(MqttSensors(settings.mqtt, f"hawkline-inputs-{name}", sensors, outputs, clock))
    if "HttpWire" in kinds and settings.http:
        from edge_agent.inputs.sources.http import HttpSensors

        found.append(HttpSensors(settings.http, sensors, clock))
    return [each for each in found if each.terminals or each.outputs]


def _in_words(event: Told) -> str:
    if isinstance(event, SensorChanged):
        return f"sensor {event.sensor}: {event.state.label} {event.detail}".rstrip()
    assert isinstance(event, PartitionChanged)  # noqa: S101 - the rest is switched
    return f"partition {event.partition}: {event.state.label} by {event.by or 'nobody'} {event.detail}".rstrip()
