"""What is broken next: drawn from a seed, done to the real parts."""

import random
import signal
import threading
from collections import Counter
from collections.abc import Sequence

from provisioning.lab.local_site.aggregator import LocalAggregator, send
from provisioning.lab.local_site.processes import PartProcess
from provisioning.lab.simulate.network import Proxy, Weather

_PAUSE_S = 1.2
"""Between two faults, on average."""
_LONGEST_S = 6.0


class Chaos:
    """Breaks one thing after another.

    Args:
        seed: of the order of faults.
        aggregator: whose parts are killed and frozen.
        fleets: processes of boxes; a killed one is started again.
        network: between boxes and broker.
    """

    def __init__(
        self, seed: str, aggregator: LocalAggregator, fleets: Sequence[PartProcess], network: Proxy, parts: list[str]
    ) -> None:
        self._rng = random.Random(seed)
        self._aggregator, self._fleets, self._network, self._parts = aggregator, fleets, network, parts
        self.done: Counter[str] = Counter()

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(count for name, count in self.done.items() if name.startswith("kill "))

    def step(self, stop: threading.Event) -> None:
        """Wait a little, then break something, and mend what does not mend itself."""
        if stop.wait(self._rng.expovariate(1 / _PAUSE_S)):
            return
        lasting_s = self._rng.uniform(0.5, _LONGEST_S)
        chosen = self._rng.random()
        if chosen < 0.25:
            fleet = self._rng.choice(self._fleets)
            fleet.kill()
            fleet.start()
            self.done["kill boxes"] += 1
        elif chosen < 0.80:
            part = self._rng.choice(self._parts)
            if self._aggregator.signal(part, signal.SIGKILL):
                self.done[f"kill {part}"] += 1
        elif chosen < 0.83:
            self._aggregator.restart()
            self.done["kill aggregator"] += 1
        elif chosen < 0.93:
            weather = self._rng.choice((Weather.CUT, Weather.DEAD))
            self._network.turn(weather)
            stop.wait(lasting_s)
            self._network.turn(Weather.FINE)
            self.done[f"network {weather.value}"] += 1
        elif chosen < 0.96:
            self._network.delay_s = self._rng.uniform(0.05, 0.4)
            stop.wait(lasting_s)
            self._network.delay_s = 0.0
            self.done["network slow"] += 1
        elif chosen < 0.98:
            # Tables cannot grow, or not even the log of the database can be written.
            if self._aggregator.limit_files("postgres", self._rng.choice((0, 2**24))):
                stop.wait(lasting_s)
                self._aggregator.limit_files("postgres", None)
                self.done["disk full"] += 1
        else:
            part = self._rng.choice(self._parts)
            if frozen := self._aggregator.signal(part, signal.SIGSTOP, with_children=True):
                stop.wait(lasting_s)
                send(frozen, signal.SIGCONT)  # those and no others: the part may be another process by now
                self.done[f"freeze {part}"] += 1
