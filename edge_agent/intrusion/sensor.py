"""One sensor: what was read becomes what it is, once it has lasted."""

from collections import deque

from edge_agent.intrusion.memory import Bypass, SensorMemory
from edge_agent.intrusion.plan import SensorPlan, SensorType
from edge_agent.intrusion.reading import Circuit, Reading
from shared.clock import Moment
from shared.events import LONGEST_DETAIL, SensorChanged, SensorState

_STATES = {
    Circuit.NORMAL: SensorState.NORMAL,
    Circuit.ACTIVE: SensorState.ALARM,
    Circuit.TAMPER: SensorState.TAMPER,
    Circuit.FAULT: SensorState.FAULT,
    Circuit.MISSING: SensorState.SILENT,
}
_MOST_TOLD, _MINUTE_S, _RINGS_EVERY_S = 40, 60.0, 10.0
_UNHEARD = "has not been heard yet"


class Sensor:
    """A sensor with its bounce, its bypass and its latch.

    Args:
        plan: of it.
        memory: of before the start.
        now: the start.
    """

    def __init__(self, plan: SensorPlan, memory: SensorMemory, now: Moment) -> None:
        self.plan = plan
        self.circuit: Circuit | None = None
        """None: it has not been heard since the start."""
        self.before = memory.circuit
        self.latched, self.rung, self.bypass = memory.latched, memory.rung, memory.bypass
        self.bypass_until_s = float("inf")
        """When its bypass ends, monotonic: a clock that is set ends none."""
        if self.bypass:
            self.leave_out(self.bypass, now)
        self._told_s = deque[float](maxlen=_MOST_TOLD)
        self._rang_s = float("-inf")
        self.detail = ""
        self.heard_s = now.s
        self._battery_low = False
        self._tried: tuple[Reading, Moment] | None = None
        """What was read and has not lasted yet, and since when."""
        self._told: tuple[SensorState, str, bool] | None = None
        """What was told last, without its time and its priority."""

    def read(self, reading: Reading, at: Moment) -> list[tuple[Reading, Moment]]:
        """Take what was read.

        Returns:
            What has lasted by now, each with the moment when it began.
        """
        lasted = self.lasted(at)
        if reading.battery_low is not None:
            self._battery_low = reading.battery_low
        if reading.circuit is not Circuit.MISSING and not reading.is_old:
            self.heard_s = at.s
        known = (lasted[-1][0].circuit, lasted[-1][0].detail) if lasted else (self.circuit, self.detail)
        if (reading.circuit, reading.detail) == known:
            self._tried = None
        elif self._tried is None or self._tried[0].circuit is not reading.circuit:
            self._tried = reading, at
        if self._tried and reading.is_settled:
            lasted.append((reading, self._tried[1]))
            self._tried = None
        return lasted + self.lasted(at)

    def lasted(self, now: Moment) -> list[tuple[Reading, Moment]]:
        """What has lasted by now and is not taken yet, with the moment when it began."""
        if self._tried and now.s - self._tried[1].s >= self.plan.settle_ms / 1000 - 1e-9:
            lasted, self._tried = [self._tried], None
            return lasted
        return []

    @property
    def settles_s(self) -> float | None:
        """When what was read will have lasted."""
        return self._tried[1].s + self.plan.settle_ms / 1000 if self._tried else None

    def missing(self, now: Moment) -> str:
        """Why it is missing by now, though nobody said so; empty where it is not."""
        if not self.plan.check_in_s or self.circuit is Circuit.MISSING:
            return ""
        silent_s = now.s - self.heard_s
        return f"has not been heard for {silent_s:.0f} s" if silent_s > self.plan.check_in_s else ""

    @property
    def hinders(self) -> str:
        """Why its partition cannot be armed, in words; empty where it does not hinder it."""
        if self.bypass or self.plan.type is SensorType.KEY_SWITCH:
            return ""
        if self.latched:
            return "is not reset"
        if self.circuit is None:
            return _UNHEARD
        return "" if self.circuit is Circuit.NORMAL else self.detail or self.circuit.value

    @property
    def is_open(self) -> bool:
        """It has found something, and nothing else is the matter."""
        return not self.bypass and not self.latched and self.circuit is Circuit.ACTIVE

    def told(self, at: Moment, detail: str = "") -> SensorChanged | None:
        """Its state now; None where that was told.

        Args:
            at: when it came to it.
            detail: in place of its own.
        """
        state, why = self._state()
        if self._told == (state, why, self._battery_low):
            return None
        self._told = state, why, self._battery_low
        # An alarm rings by `rang`, once; told of again it is a state.
        return self._event(at, state, 0 if state is SensorState.ALARM else self.plan.rings_at, detail or why)

    def chatters(self, at: Moment) -> SensorChanged:
        """That it changes too often to be told of each time."""
        return self._event(at, SensorState.FAULT, self.plan.rings_at, f"changes more than {_MOST_TOLD} times a minute")

    def rang(self, at: Moment, detail: str) -> SensorChanged:
        """That it has rung for what it found before, whatever it is now."""
        state, why = self._state()
        self._told = SensorState.ALARM, why if state is SensorState.ALARM else detail, self._battery_low
        return self._event(at, SensorState.ALARM, self.plan.rings_at, detail)

    def _event(self, at: Moment, state: SensorState, priority: int, detail: str) -> SensorChanged:
        return SensorChanged(
            at.at_ms, self.plan.name, self.plan.is_what, state, priority, detail[:LONGEST_DETAIL], self._battery_low
        )

    def _state(self) -> tuple[SensorState, str]:
        if self.bypass:
            now = self.circuit.value if self.circuit else "unheard"
            return SensorState.BYPASSED, f"by {self.bypass.by}: {self.bypass.reason}; {now}"
        if self.circuit is Circuit.TAMPER or (self.circuit is Circuit.ACTIVE and self.plan.type is SensorType.TAMPER):
            return SensorState.TAMPER, self.detail
        if self.circuit in (Circuit.MISSING, Circuit.FAULT):  # of what is silent no latch may hide that
            return _STATES[self.circuit], self.detail
        if self.latched:
            return SensorState.ALARM, self.latched
        if self.plan.type is SensorType.KEY_SWITCH and self.circuit is Circuit.ACTIVE:
            return SensorState.NORMAL, "on"
        if self.circuit is None:
            return SensorState.SILENT, _UNHEARD
        return _STATES[self.circuit], self.detail

    def remembered(self) -> SensorMemory:
        """What outlives a power cut."""
        return SensorMemory(self.before if self.circuit is None else self.circuit, self.latched, self.rung, self.bypass)

    def leave_out(self, bypass: Bypass, now: Moment) -> None:
        """It counts no more."""
        self.bypass = bypass
        left_s = (bypass.until_ms - now.at_ms) / 1000
        self.bypass_until_s = now.s + max(0.0, left_s) if bypass.until_ms else float("inf")

    def end_bypass(self) -> Bypass | None:
        """It counts again."""
        ended, self.bypass = self.bypass, None
        return ended

    def may_tell(self, now_s: float, *, rings: bool) -> bool:
        """Whether one more is told of it: what chatters is told of 40 times a minute, and rings every ten seconds."""
        if rings and now_s - self._rang_s >= _RINGS_EVERY_S:
            self._rang_s = now_s
        elif len(self._told_s) == _MOST_TOLD and now_s - self._told_s[0] < _MINUTE_S:
            return False
        self._told_s.append(now_s)
        return True

    def forget_told(self) -> None:
        """Tell of it again, whatever it is."""
        self._told = None
