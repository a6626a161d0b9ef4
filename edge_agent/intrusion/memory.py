"""What outlives a power cut: how partitions are armed, what latches, who bypassed what."""

import msgspec

from edge_agent.intrusion.plan import Mode
from edge_agent.intrusion.reading import Circuit
from shared.desired import BypassWay
from shared.events import PartitionState


class Bypass(msgspec.Struct, frozen=True, array_like=True):
    """Why and how long a sensor is left out.

    Attributes:
        way: how long.
        by: who did it.
        reason: why.
        until_ms: its end at the latest, Unix milliseconds; 0: none.
        number: the centre's; 0: it was done at the box.
    """

    way: BypassWay
    by: str
    reason: str
    until_ms: int = 0
    number: int = 0


class SensorMemory(msgspec.Struct, frozen=True, array_like=True):
    """Of one sensor.

    Attributes:
        circuit: as it was last; None: it was never heard.
        latched: why it stays in alarm; empty: it does not.
        rung: its alarm has rung, and it is not normal yet.
        bypass: that holds.
    """

    circuit: Circuit | None = None
    latched: str = ""
    rung: bool = False
    bypass: Bypass | None = None


class PartitionMemory(msgspec.Struct, frozen=True, array_like=True):
    """Of one partition.

    Attributes:
        state: as it was last.
        mode: in which it is or was armed.
        wanted: in which it shall be armed as soon as nothing hinders it.
        by: who or what brought the state about.
        since_ms: from when on, Unix milliseconds.
        scheduled: whether its schedule wanted it armed, when that was looked at last; None: never.
        has_left: the exit delay of what is wanted is over.
        order: number of the centre's order that was answered last.
        deeds: how often something was done with it at the box.
        changing_from: as it was armed while it is being armed otherwise.
        entered: sensors that will ring when the entry delay is over.
    """

    state: PartitionState = PartitionState.DISARMED
    mode: Mode = Mode.AWAY
    wanted: Mode | None = None
    by: str = ""
    since_ms: int = 0
    scheduled: bool | None = None
    has_left: bool = False
    order: int = 0
    deeds: int = 0
    changing_from: Mode | None = None
    entered: tuple[str, ...] = ()


class Memory(msgspec.Struct, frozen=True):
    """Of the whole box.

    Attributes:
        at_ms: when it was written, Unix milliseconds; 0: there was none.
        lost: why what there was cannot be read; empty: it can.
        ended: numbers of the centre's bypasses that are over, and not begun again.
        tested: number of the centre's order that tested an output last.
    """

    at_ms: int = 0
    lost: str = ""
    partitions: dict[str, PartitionMemory] = {}
    sensors: dict[str, SensorMemory] = {}
    ended: tuple[int, ...] = ()
    tested: int = 0
