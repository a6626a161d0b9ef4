"""End-of-line loops on a converter that the kernel knows: its Industrial I/O files, whatever the chip.

Kernel drivers exist for the usual ones (mcp320x, ti-ads1015 …), so nothing of ours speaks SPI or I2C, and nothing has
to be compiled on the box.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_agent.inputs.loops import Loop
from edge_agent.inputs.sources.seam import SourceError, Switched, Take, Wanted
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import AdcSettings, LoopWire, SensorSettings
from shared.clock import Clock, Moment

DEVICES = Path("/sys/bus/iio/devices")
_EVERY_S = 0.05
_TRIES = 3


class IioLoops:
    """All loops of one converter.

    Args:
        adc: the converter.
        sensors: on its channels.
        clock: wall and monotonic time.
        devices: where the kernel shows its converters.
    """

    def __init__(
        self, adc: AdcSettings, sensors: Sequence[SensorSettings], clock: Clock, devices: Path = DEVICES
    ) -> None:
        self._adc, self._clock, self._devices = adc, clock, devices
        self._wires = {each.name: each.wire for each in sensors if isinstance(each.wire, LoopWire)}
        self.terminals: Mapping[str, str] = {name: wire.terminal for name, wire in self._wires.items()}
        self.outputs: Mapping[str, str] = {}
        self.wanted = Wanted()

    def run(self, take: Take, _switched: Switched, stopping: threading.Event) -> None:
        """Read until `stopping`.

        Raises:
            SourceError: the converter, or one of its channels, is not there.
        """
        folder = self._folder()
        loops = {
            name: (
                Loop(wire.resistor_ohm, self._adc.pull_up_ohm, self._adc.full, wire.terminal),
                folder / f"in_voltage{wire.channel}_raw",
            )
            for name, wire in self._wires.items()
        }
        failed = dict.fromkeys(loops, 0)
        while not stopping.is_set():
            for name, (loop, file) in loops.items():
                now = Moment.of(self._clock)
                try:
                    value = float(file.read_text("ascii"))
                except (OSError, ValueError) as error:
                    failed[name] += 1
                    why = f"{file}: {error.strerror if isinstance(error, OSError) else 'holds no number'}"
                    if all(failed.values()):
                        raise SourceError(why) from None
                    if failed[name] == _TRIES:  # one bad reading is none; one bad channel is not the converter
                        take(name, Reading(Circuit.MISSING, f"{self.terminals[name]}: {why}", is_settled=True), now)
                else:
                    failed[name] = 0
                    take(name, loop.read(value, now.s), now)
            stopping.wait(_EVERY_S)

    def _folder(self) -> Path:
        named = Path(self._adc.chip)
        if named.is_absolute():
            if named.is_dir():
                return named
            raise SourceError(f"{named} is not there: is the converter's overlay loaded?")
        found = {file.parent: file.read_text().strip() for file in sorted(self._devices.glob("iio:device*/name"))}
        for folder, name in found.items():
            if name == self._adc.chip:
                return folder
        there = ", ".join(sorted(set(found.values()))) or "none"
        raise SourceError(f"no converter {self._adc.chip!r} below {self._devices} (there: {there}): load its overlay")
