"""What a wire or a radio says of a sensor."""

from dataclasses import dataclass
from enum import StrEnum


class Circuit(StrEnum):
    """How a sensor is, as far as its wire or its radio says."""

    NORMAL = "normal"
    ACTIVE = "active"
    """It has found what it is for: the door is open, something moves, the button is pressed."""
    TAMPER = "tamper"
    """Its cover is open, its line is cut, its eye is masked."""
    FAULT = "fault"
    """It cannot be judged by: its line is shorted or ages."""
    MISSING = "missing"
    """Nothing is heard of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        circuit: how the sensor is.
        detail: why, in words for people, with wire and terminal; empty where the circuit says all.
        battery_low: None where nothing was said of it.
        is_settled: it has lasted as long as the sensor's `settle_ms`, as the kernel or the module says.
        is_forced: a fault that hands make, such as a shorted line: while the sensor is armed it rings.
        is_old: it was said before we listened: it shows a state, and no life.
    """

    circuit: Circuit
    detail: str = ""
    battery_low: bool | None = None
    is_settled: bool = False
    is_forced: bool = False
    is_old: bool = False
