"""End-of-line loops: what a converter reads becomes what the loop is.

The contact lies in series with one resistor R and has an equal one across it, so the loop has R while it is closed and
2R while it is open; 0 is a short, and more than both a cut. The loop is pulled up by a resistor, so what is read is
full · r / (r + pull-up).
"""

from itertools import pairwise

from edge_agent.intrusion.reading import Circuit, Reading

_AGEING_S = 5.0
"""A value that lies so long near the edge of its band is a fault of its own."""
_OUTER = 0.1
"""Of a band, at each edge to another."""


class Loop:
    """One loop.

    Args:
        resistor_ohm: each of the two.
        pull_up_ohm: from the full voltage to the loop.
        full: what the converter reads at the full voltage.
        terminal: as messages name it.
    """

    def __init__(self, resistor_ohm: float, pull_up_ohm: float, full: int, terminal: str) -> None:
        self._full, self._terminal = full, terminal
        ideal = [0.0, *(full * ohm / (ohm + pull_up_ohm) for ohm in (resistor_ohm, 2 * resistor_ohm)), float(full)]
        edges = [(low + high) / 2 for low, high in pairwise(ideal)]
        self.ideal = tuple(round(value) for value in ideal)
        """Of short, normal, alarm and open."""
        self._bands = list(zip([0.0, *edges], [*edges, float(full)], (0, 1, 2, 3), strict=True))
        self._near_s: float | None = None
        """Since when the value has lain near an edge."""
        self._worn = self._outside = ""

    def read(self, value: float, now_s: float) -> Reading:
        """What a value means.

        Args:
            value: as the converter has it.
            now_s: monotonic.
        """
        if not 0 <= value <= self._full:
            self._near_s = None
            if not self._outside:
                self._outside = f"{self._terminal}: {value:g} lies outside every band, expected 0 to {self._full}"
            return Reading(Circuit.FAULT, f"{self._outside}; correct full of the adc, or its reference voltage")
        self._outside = ""
        low, high, band = next(each for each in self._bands if value < each[1] or each[2] == 3)
        margin = _OUTER * (high - low)
        is_near = (band > 0 and value < low + margin) or (band < 3 and value > high - margin)
        if not is_near:
            self._near_s = None
        elif self._near_s is None:
            # What is measured is said as it was when it began: a text that changes with each reading says nothing.
            self._near_s, self._worn = now_s, f"{self._terminal}: {value:.0f} of {self._full}, between two bands"
        if self._near_s is not None and now_s - self._near_s > _AGEING_S:
            return Reading(Circuit.FAULT, f"{self._worn}: the line ages, or its resistors are others")
        return (
            Reading(Circuit.FAULT, f"{self._terminal}: shorted", is_forced=True),
            Reading(Circuit.NORMAL),
            Reading(Circuit.ACTIVE),
            Reading(Circuit.TAMPER, f"{self._terminal}: the line is cut"),
        )[band]
