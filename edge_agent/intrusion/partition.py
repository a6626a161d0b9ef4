"""One partition: its state, and what is told of it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from edge_agent.intrusion.memory import PartitionMemory
from edge_agent.intrusion.plan import ARMED, Mode, PartitionPlan, SensorType
from edge_agent.intrusion.sensor import Sensor
from shared.clock import Moment
from shared.events import LONGEST_DETAIL, LONGEST_NAME, PartitionChanged, PartitionState
from shared.schedule import covers

STATES = {
    Mode.HOME: PartitionState.ARMED_HOME,
    Mode.AWAY: PartitionState.ARMED_AWAY,
    Mode.NIGHT: PartitionState.ARMED_NIGHT,
}
ARMED_STATES = frozenset(STATES.values())
SCHEDULE = "schedule"
_EARLIEST_MS = 1_735_689_600_000
"""A clock that says less was never set (2025): it moves no schedule."""
_MOST_HINDERS = 16
_ON_THE_WAY = frozenset({SensorType.ENTRY_EXIT, SensorType.FOLLOWER})


class Partition:
    """Its state, without what decides on it.

    Args:
        plan: of it.
        sensors: that are armed with it, or ring beside it.
        memory: of before the start.
        now: the start.
    """

    def __init__(self, plan: PartitionPlan, sensors: list[Sensor], memory: PartitionMemory, now: Moment) -> None:
        self.plan, self.sensors = plan, sensors
        self.state, self.mode, self.wanted = memory.state, memory.mode, memory.wanted
        self.by, self.since_ms = memory.by, memory.since_ms or now.at_ms
        self.scheduled, self.has_left = memory.scheduled, memory.has_left
        self.order, self.deeds = memory.order, memory.deeds
        self.changing_from = memory.changing_from
        """As it was armed while it is being armed otherwise: the way out is free, the rest is watched."""
        self.waits = False
        """It will be armed once its sensors have been heard."""
        self.is_lost = False
        """How it was before is not known: it may have to be armed."""
        self.hinders = dict[str, str]()
        """What hindered it last, each with the reason."""
        self.until_s = float("inf")
        """When the delay of its state is over, monotonic."""
        self.entered = [each for each in sensors if each.plan.name in memory.entered]
        """Sensors that will ring when the entry delay is over."""
        self._zone, self._spans = ZoneInfo(plan.timezone), plan.spans

    def become(self, state: PartitionState, now: Moment, by: str | None = None, until_s: float = float("inf")) -> None:
        """Change the state."""
        self.state, self.until_s, self.since_ms = state, until_s, now.at_ms
        if by is not None:
            self.by = by

    @property
    def is_armed(self) -> bool:
        """Or was when somebody came in, or was seen."""
        if self.state is PartitionState.ARMING:
            return self.changing_from is not None
        return self.state is not PartitionState.DISARMED

    @property
    def is_watched(self) -> bool:
        """It is armed, or being armed."""
        return self.state is not PartitionState.DISARMED

    @property
    def not_armed(self) -> bool:
        """It should be armed, and is not."""
        if self.state is not PartitionState.DISARMED or self.waits:
            return False
        return self.wanted is not None or bool(self.scheduled) or self.is_lost

    def watches(self, sensor: Sensor) -> bool:
        """Whether a sensor of its own rings at once now, or would behind a delay."""
        modes = (self.mode, self.changing_from or self.mode)
        return self.is_armed and any(sensor.plan.is_armed_in(mode) for mode in modes)

    def hinderers(self, mode: Mode, *, leaving: bool) -> dict[str, str]:
        """Sensors that keep it from being armed, each with the reason.

        Args:
            mode: in which it shall be armed.
            leaving: people may go through doors that are on their way.
        """
        found = dict[str, str]()
        for sensor in self.sensors:
            if why := sensor.hinders:
                on_the_way = leaving and sensor.is_open and sensor.plan.type in _ON_THE_WAY
                concerns = sensor.plan.is_armed_in(mode) or sensor.plan.type not in ARMED
                if concerns and not on_the_way:
                    found[sensor.plan.name] = why
        return found

    def wants(self, now: Moment) -> bool | None:
        """Whether its schedule wants it armed; None where it has none, or what time it is is not known."""
        if not self._spans or now.at_ms < _EARLIEST_MS:
            return None
        return covers(self._spans, datetime.fromtimestamp(now.at_ms / 1000, tz=UTC).astimezone(self._zone))

    def told(self, now: Moment, detail: str = "", hinders: dict[str, str] | None = None) -> PartitionChanged:
        """Its state now."""
        if hinders is not None or not self.not_armed:
            self.hinders = hinders or {}
        words = [detail, "; ".join(f"{name}: {why}" for name, why in self.hinders.items())]
        wanted = STATES[self.wanted or self.plan.mode] if self.not_armed else 0
        return PartitionChanged(
            now.at_ms, self.plan.name, self.state, self.by[:LONGEST_NAME], tuple(self.hinders)[:_MOST_HINDERS],
            "; ".join(word for word in words if word)[:LONGEST_DETAIL], self.not_armed, self.order, self.deeds, wanted,
        )  # fmt: skip

    def remembered(self) -> PartitionMemory:
        """What outlives a power cut."""
        return PartitionMemory(
            self.state, self.mode, self.wanted, self.by, self.since_ms, self.scheduled, self.has_left, self.order,
            self.deeds, self.changing_from, tuple(each.plan.name for each in self.entered),
        )  # fmt: skip
