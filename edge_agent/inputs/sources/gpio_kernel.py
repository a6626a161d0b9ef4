"""GPIO through the kernel's own interface (libgpiod): its debounce, its time stamps, every board."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from edge_agent.inputs.sources.seam import SourceError, Switched, Take, Wanted
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import GpioOutput, GpioWire, OutputSettings, SensorSettings
from shared.clock import Clock, Moment

_LOOK_S = 0.1
"""Longest wait for an edge; outputs are switched this fast at the latest."""
_AGAIN_S = 0.5
"""Levels are read so often besides: edges that a full buffer lost are found."""


def circuit_of(wire: GpioWire, is_high: bool) -> Circuit:
    """What a level means for a sensor."""
    is_closed = wire.is_closed(is_high)
    return Circuit.NORMAL if is_closed is (wire.contact == "normally_closed") else Circuit.ACTIVE


class KernelGpio:
    """All lines of one chip.

    Args:
        chip: its device.
        sensors: on its lines.
        outputs: on its lines.
        clock: wall and monotonic time.
    """

    def __init__(
        self, chip: str, sensors: Sequence[SensorSettings], outputs: Sequence[OutputSettings], clock: Clock
    ) -> None:
        self._chip, self._clock = chip, clock
        self._sensors: dict[int, tuple[SensorSettings, GpioWire]] = {}
        for sensor in sensors:
            assert isinstance(sensor.wire, GpioWire)  # noqa: S101 - no others are given
            self._sensors[sensor.wire.line] = sensor, sensor.wire
        self._outputs: dict[str, GpioOutput] = {
            each.name: each.wire for each in outputs if isinstance(each.wire, GpioOutput)
        }
        self.terminals: Mapping[str, str] = {s.name: wire.terminal for s, wire in self._sensors.values()}
        self.outputs: Mapping[str, str] = {name: wire.terminal for name, wire in self._outputs.items()}
        self.wanted = Wanted()

    def run(self, take: Take, switched: Switched, stopping: threading.Event) -> None:
        """Read and switch until `stopping`.

        Raises:
            SourceError: the chip is not there, or a line of it is another program's.
        """
        import gpiod

        try:
            with self._request(gpiod) as request:
                self._go_on(gpiod, request, take, switched, stopping)
        except OSError as error:
            lines = ", ".join(str(line) for line in (*self._sensors, *(each.line for each in self._outputs.values())))
            raise SourceError(f"{self._chip} cannot be used, lines {lines}: {error.strerror or error}") from None

    def _request(self, gpiod: Any) -> Any:
        line = gpiod.line
        pulls = {"up": line.Bias.PULL_UP, "down": line.Bias.PULL_DOWN, "none": line.Bias.DISABLED}
        settings: dict[Any, Any] = {
            number: gpiod.LineSettings(
                direction=line.Direction.INPUT,
                edge_detection=line.Edge.BOTH,
                bias=pulls[wire.pull],
                debounce_period=timedelta(milliseconds=sensor.settle_ms),
                event_clock=line.Clock.MONOTONIC,
            )
            for number, (sensor, wire) in self._sensors.items()
        }
        for wire in self._outputs.values():
            settings[wire.line] = gpiod.LineSettings(
                direction=line.Direction.OUTPUT, active_low=wire.active == "low", output_value=line.Value.INACTIVE
            )
        return gpiod.request_lines(self._chip, consumer="hawkline", config=settings)

    def _go_on(self, gpiod: Any, request: Any, take: Take, switched: Switched, stopping: threading.Event) -> None:
        high, looked_s = gpiod.line.Value.ACTIVE, -_AGAIN_S
        numbers = list(self._sensors)
        self.wanted.changed.set()
        while not stopping.is_set():
            now = Moment.of(self._clock)
            if now.s - looked_s >= _AGAIN_S:
                looked_s = now.s
                for number, value in zip(numbers, request.get_values(numbers) if numbers else (), strict=True):
                    self._take(take, number, value is high, now)
            if self.wanted.changed.is_set():
                for name, is_on in self.wanted.taken().items():
                    value = gpiod.line.Value.ACTIVE if is_on else gpiod.line.Value.INACTIVE
                    request.set_value(self._outputs[name].line, value)
                    switched(name, "")
            if not numbers:
                stopping.wait(_LOOK_S)
            elif request.wait_edge_events(timedelta(seconds=_LOOK_S)):
                for event in request.read_edge_events():
                    now = Moment.of(self._clock)
                    at = now.before(max(0.0, now.s - event.timestamp_ns / 1e9))
                    self._take(take, event.line_offset, event.event_type is event.Type.RISING_EDGE, at)

    def _take(self, take: Take, number: int, is_high: bool, at: Moment) -> None:
        sensor, wire = self._sensors[number]
        # The kernel has waited until the level had lasted.
        take(sensor.name, Reading(circuit_of(wire, is_high), is_settled=True), at)


def by_chip(sensors: Sequence[SensorSettings], outputs: Sequence[OutputSettings], clock: Clock) -> list[KernelGpio]:
    """One adapter a chip: one that fails takes no other with it."""
    inputs, switches = defaultdict[str, list[SensorSettings]](list), defaultdict[str, list[OutputSettings]](list)
    for sensor in sensors:
        if isinstance(sensor.wire, GpioWire):
            inputs[sensor.wire.chip].append(sensor)
    for output in outputs:
        if isinstance(output.wire, GpioOutput):
            switches[output.wire.chip].append(output)
    return [KernelGpio(chip, inputs[chip], switches[chip], clock) for chip in sorted({*inputs, *switches})]
