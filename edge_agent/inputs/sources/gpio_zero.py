"""GPIO through gpiozero: for pins that gpiod cannot reach, and with pretended pins in tests.

Its own debounce loses edges, and means another thing on each of its factories: it is not used, the machine settles.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from edge_agent.inputs.sources.gpio_kernel import circuit_of
from edge_agent.inputs.sources.seam import SourceError, Switched, Take, Wanted
from edge_agent.intrusion.reading import Reading
from edge_agent.wiring.settings import GpioOutput, GpioWire, OutputSettings, SensorSettings
from shared.clock import Clock, Moment

_AGAIN_S = 0.2


class ZeroGpio:
    """All pins of the board.

    Args:
        sensors: on its pins.
        outputs: on its pins.
        clock: wall and monotonic time.
        factory: of gpiozero; None is what gpiozero finds itself.
    """

    def __init__(
        self, sensors: Sequence[SensorSettings], outputs: Sequence[OutputSettings], clock: Clock, factory: Any = None
    ) -> None:
        self._clock, self._factory = clock, factory
        self._sensors = {each.name: each.wire for each in sensors if isinstance(each.wire, GpioWire)}
        self._outputs = {each.name: each.wire for each in outputs if isinstance(each.wire, GpioOutput)}
        self.terminals: Mapping[str, str] = {name: f"GPIO {wire.line}" for name, wire in self._sensors.items()}
        self.outputs: Mapping[str, str] = {name: f"GPIO {wire.line}" for name, wire in self._outputs.items()}
        self.wanted = Wanted()
        self._lock = threading.RLock()

    def run(self, take: Take, switched: Switched, stopping: threading.Event) -> None:
        """Read and switch until `stopping`.

        Raises:
            SourceError: a pin cannot be used.
        """
        import gpiozero

        with ExitStack() as opened:
            try:
                pins = {name: opened.enter_context(self._input(gpiozero, wire)) for name, wire in self._sensors.items()}
                relays = {
                    name: opened.enter_context(self._relay(gpiozero, wire)) for name, wire in self._outputs.items()
                }
            except gpiozero.GPIOZeroError as error:
                raise SourceError(f"gpiozero: {error}") from None
            for name, pin in pins.items():
                pin.when_activated = partial(self._take, take, name, True)
                pin.when_deactivated = partial(self._take, take, name, False)
            self.wanted.changed.set()
            while not stopping.is_set():
                for name, pin in pins.items():
                    with self._lock:  # a level that is older than an edge must not come behind it
                        self._take(take, name, pin.is_active)
                for name, is_on in self.wanted.taken().items():
                    relays[name].value = int(is_on)
                    switched(name, "")
                self.wanted.changed.wait(_AGAIN_S)

    def _take(self, take: Take, name: str, is_active: bool) -> None:
        wire = self._sensors[name]
        is_high = is_active is (wire.pull != "up")  # for gpiozero a pin that is pulled up is active while it is low
        with self._lock:
            take(name, Reading(circuit_of(wire, is_high)), Moment.of(self._clock))

    def _input(self, gpiozero: Any, wire: GpioWire) -> Any:
        pull = {"up": True, "down": False, "none": None}[wire.pull]
        active = {"active_state": True} if pull is None else {}
        return gpiozero.DigitalInputDevice(wire.line, pull_up=pull, pin_factory=self._factory, **active)

    def _relay(self, gpiozero: Any, wire: GpioOutput) -> Any:
        high = wire.active == "high"
        return gpiozero.DigitalOutputDevice(wire.line, active_high=high, initial_value=False, pin_factory=self._factory)
