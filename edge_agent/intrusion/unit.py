"""The machine of sensors, partitions and outputs: readings, orders and time go in, what is told and switched comes out.

What the trade's panels do wrong is left out on purpose: arming says at once what hinders it, and goes on being said to
be wanted; a sensor that nothing is heard of neither blocks in silence nor passes; a cut line opens nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from edge_agent.intrusion.memory import Bypass, Memory, PartitionMemory, SensorMemory
from edge_agent.intrusion.outputs import Outputs, Switch
from edge_agent.intrusion.partition import ARMED_STATES, SCHEDULE, STATES, Partition
from edge_agent.intrusion.plan import ARMED, Cause, Mode, OutputPlan, PartitionPlan, SensorPlan, SensorType
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.intrusion.sensor import Sensor
from shared.clock import Moment, to_ms
from shared.desired import BypassOrder, BypassWay, PartitionDeed
from shared.events import LONGEST_NAME, PartitionChanged, PartitionState, SensorChanged, SensorState

_FIRST_S = 15.0
"""A sensor is missing when nothing was heard of it so long after the start."""
_LEFT_S = 10.0
"""An entry delay that a power cut has interrupted lasts at least so long again: people find the key in the dark."""
_NOBODY = "nobody has disarmed within the entry delay"
_ON_THE_WAY = "has to be closed until the exit delay is over"

Told = SensorChanged | PartitionChanged | Switch


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be done with a partition.

    Attributes:
        partition: its name.
        deed: what.
        by: who, or what.
        may_disarm: whether that is believed of who says it: plain messages over a network are not.
        without: sensors that are bypassed for this arming.
        given_ms: when it was given elsewhere, Unix milliseconds; 0: here and now.
        number: of the centre's order; 0: it is none of the centre's.
        is_duress: who disarms is forced to.
    """

    partition: str
    deed: PartitionDeed
    by: str
    may_disarm: bool = True
    without: tuple[str, ...] = ()
    given_ms: int = 0
    number: int = 0
    is_duress: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order.

    Attributes:
        obeyed: it was done.
        why: it was not, or what there is to know.
        hinders: sensors that keep the partition from being armed, each with the reason.
    """

    obeyed: bool
    why: str = ""
    hinders: dict[str, str] = field(default_factory=dict)


class ControlUnit:
    """All sensors, partitions and outputs of a box.

    Args:
        sensors: of the box; each names a partition that is there, or none.
        partitions: of the box.
        outputs: of the box.
        memory: of before the start.
        now: the start.
        trusted_keys: key switches that may disarm, by name: those on a wire.
    """

    def __init__(
        self, sensors: Sequence[SensorPlan], partitions: Sequence[PartitionPlan], outputs: Sequence[OutputPlan],
        memory: Memory, now: Moment, trusted_keys: Collection[str] = (),
    ) -> None:  # fmt: skip
        nothing = SensorMemory()
        self._sensors = {plan.name: Sensor(plan, memory.sensors.get(plan.name, nothing), now) for plan in sensors}
        self._partitions = {
            plan.name: Partition(
                plan,
                [each for each in self._sensors.values() if each.plan.partition in (plan.name, "")],
                memory.partitions.get(plan.name, PartitionMemory()),
                now,
            )
            for plan in partitions
        }
        self._outputs = Outputs(outputs)
        self._positions = {
            name: each.before for name, each in self._sensors.items() if each.before in (Circuit.NORMAL, Circuit.ACTIVE)
        }
        """Of key switches, as they were seen last."""
        self._trusted_keys = frozenset(trusted_keys)
        self._ended, self._tested = set(memory.ended), memory.tested
        self._began_s, self._hinders = now.s, dict[str, dict[str, str]]()
        self._told = list[Told]()
        for partition in self._partitions.values():
            self._restore(partition, now, memory.at_ms)

    def drain(self) -> list[Told]:
        """What is to be told and switched since this was asked last, in order."""
        told, self._told = self._told, []
        return told

    def memory(self, now: Moment) -> Memory:
        """What has to outlive a power cut."""
        partitions = {name: each.remembered() for name, each in self._partitions.items()}
        sensors = {name: each.remembered() for name, each in self._sensors.items()}
        return Memory(now.at_ms, partitions, sensors, tuple(sorted(self._ended)), self._tested)

    @property
    def next_s(self) -> float:
        """When `tick` is due next, monotonic; sooner does no harm."""
        settles = [each.settles_s for each in self._sensors.values() if each.settles_s is not None]
        delays = [each.until_s for each in self._partitions.values()]
        return min([*settles, *delays, self._outputs.next_s])

    def is_armed(self, partition: str) -> bool:
        """Whether what is armed with a partition is armed now."""
        return self._partitions[partition].is_armed

    def read(self, sensor: str, reading: Reading, at: Moment) -> None:
        """Something was read of a sensor."""
        each = self._sensors[sensor]
        for lasted, since in each.read(reading, at):
            self._change(each, lasted, since)
        if each.circuit is not None and each.settles_s is None:
            self._tell(each.told(at))  # its battery, perhaps
        self._switch(at)

    def tick(self, now: Moment) -> None:
        """Time has passed."""
        for sensor in self._sensors.values():
            for lasted, since in sensor.lasted(now):
                self._change(sensor, lasted, since)
            if why := sensor.missing(now):
                self._change(sensor, Reading(Circuit.MISSING, why), now)
            if sensor.circuit is None and now.s - self._began_s > _FIRST_S:
                self._change(sensor, Reading(Circuit.MISSING, "has not been heard since the start"), now)
            bypass = sensor.bypass
            if bypass and bypass.until_ms and now.at_ms >= bypass.until_ms:
                self._end_bypass(sensor, now)
        for partition in self._partitions.values():
            self._tick_partition(partition, now)
        self._switch(now)

    def order(self, order: Order, now: Moment) -> Answer:
        """Do what is ordered, where it may be done; either is told."""
        partition = self._partitions.get(order.partition)
        if order.deed is PartitionDeed.TEST:
            answer = self._test(order, now)
        elif partition is None:
            answer = Answer(False, f"this box has no partition {order.partition!r}")
        elif order.number and order.number <= partition.order:
            return Answer(True, "is answered already")
        else:
            answer = self._order(partition, order, now)
        self._switch(now)
        return answer

    def bypass(self, sensor: str, bypass: Bypass, now: Moment) -> Answer:
        """Leave a sensor out."""
        each = self._sensors.get(sensor)
        if each is None:
            return Answer(False, f"this box has no sensor {sensor!r}")
        each.bypass, each.rung = bypass, False
        self._tell(each.told(now))
        if bypass.way is BypassWay.UNTIL_CLOSED and each.circuit is Circuit.NORMAL:
            self._end_bypass(each, now)  # it is closed already, and watched
        self._retry(each, now)
        self._switch(now)
        return Answer(True)

    def bypasses(self, wanted: Iterable[BypassOrder], now: Moment) -> list[str]:
        """Have the centre's bypasses be these: new ones begin, those that are gone end.

        Returns:
            What could not be done, in words.
        """
        listed = {each.number: each for each in wanted}
        for sensor in self._sensors.values():
            if sensor.bypass and sensor.bypass.number and sensor.bypass.number not in listed:
                self._end_bypass(sensor, now)
        self._ended &= listed.keys()
        held = {each.bypass.number for each in self._sensors.values() if each.bypass}
        wrong = list[str]()
        for number, each in sorted(listed.items()):
            if number not in self._ended and number not in held:
                said = Bypass(each.way, each.by, each.reason, each.until_ms, number)
                answer = self.bypass(each.sensor, said, now)
                wrong += [] if answer.obeyed else [answer.why]
        self._switch(now)
        return wrong

    # What is read

    def _change(self, sensor: Sensor, reading: Reading, at: Moment) -> None:
        is_first, old = sensor.circuit is None, sensor.circuit or sensor.before
        sensor.circuit, sensor.detail = reading.circuit, reading.detail
        detail, plan = reading.detail, sensor.plan
        if is_first and old is not None and old is not reading.circuit:
            detail = f"{detail or reading.circuit.value}, found so after a restart"
        if sensor.bypass:
            if sensor.bypass.way is BypassWay.UNTIL_CLOSED and reading.circuit is Circuit.NORMAL:
                self._end_bypass(sensor, at)
            self._tell(sensor.told(at))
            self._retry(sensor, at)
            return
        still = is_first and (sensor.rung or sensor.latched) and old is reading.circuit
        if reading.circuit is Circuit.NORMAL:
            sensor.rung = False
        if plan.type is SensorType.KEY_SWITCH:
            self._turn(sensor, at)
        elif reading.circuit is Circuit.ACTIVE and old is not Circuit.ACTIVE:
            self._trip(sensor, at, detail)
        if old is not reading.circuit and self._is_tampered(sensor):
            self._outputs.ring(plan.partition, Cause.TAMPER, at.s)
        if still:  # it has rung before the restart
            word = sensor.latched or detail or reading.circuit.value
            self._tell(sensor.told(at, f"{word}, as before the restart", priority=0))
        else:
            self._tell(sensor.told(at, detail if detail != reading.detail else ""))
        self._retry(sensor, at)

    @staticmethod
    def _is_tampered(sensor: Sensor) -> bool:
        opened = sensor.circuit is Circuit.ACTIVE and sensor.plan.type is SensorType.TAMPER
        return sensor.circuit is Circuit.TAMPER or opened

    def _trip(self, sensor: Sensor, at: Moment, detail: str = "") -> None:
        """It has found something: whether that rings depends on its type and on how its partition is armed."""
        plan = sensor.plan
        if plan.type is SensorType.TAMPER:
            return
        if plan.type not in ARMED:
            self._ring(sensor, at, detail)
            return
        partition = self._partitions[plan.partition]
        if not plan.is_armed_in(partition.mode) or partition.state is PartitionState.DISARMED:
            if plan.chime:
                self._outputs.ring(plan.partition, Cause.CHIME, at.s)
        elif partition.state is PartitionState.ARMING:
            if plan.type is SensorType.INSTANT:
                self._ring(sensor, at, detail)
        elif partition.state is PartitionState.PENDING and plan.type is not SensorType.INSTANT:
            partition.entered.append(sensor)
            if plan.type is SensorType.ENTRY_EXIT:
                partition.until_s = min(partition.until_s, at.s + self._entry_s(sensor))
        elif partition.state in ARMED_STATES and plan.type is SensorType.ENTRY_EXIT and self._entry_s(sensor) > 0:
            partition.entered = [sensor]
            until_s = at.s + self._entry_s(sensor)
            partition.become(PartitionState.PENDING, at, until_s=until_s)
            self._outputs.ring(plan.partition, Cause.ENTRY, at.s, until_s)
            self._tell(partition.told(at, f"{plan.name}: rings in {self._entry_s(sensor):g} s unless it is disarmed"))
        else:
            self._ring(sensor, at, detail)

    def _entry_s(self, sensor: Sensor) -> float:
        own = sensor.plan.entry_s
        return self._partitions[sensor.plan.partition].plan.entry_s if own is None else own

    def _ring(self, sensor: Sensor, at: Moment, detail: str = "") -> None:
        plan = sensor.plan
        sensor.rung = True
        if plan.latches:
            sensor.latched = "in alarm until it is reset"
        self._tell(sensor.rang(at, detail or sensor.latched))
        if plan.type in ARMED:
            partition = self._partitions[plan.partition]
            until_s = at.s + partition.plan.alarm_s
            if partition.state is PartitionState.TRIGGERED:
                partition.until_s = until_s
            else:
                self._outputs.hush(plan.partition, (Cause.ENTRY, Cause.EXIT))
                partition.become(PartitionState.TRIGGERED, at, until_s=until_s)
                self._tell(partition.told(at, plan.name))
        if plan.type is not SensorType.SILENT_PANIC:
            self._outputs.ring(plan.partition, Cause.ALARM, at.s)
        if plan.type is SensorType.FIRE:
            self._outputs.ring(plan.partition, Cause.FIRE, at.s)

    def _turn(self, sensor: Sensor, at: Moment) -> None:
        """A key switch; what is the matter with its line turns nothing."""
        name, circuit = sensor.plan.name, sensor.circuit
        if circuit not in (Circuit.NORMAL, Circuit.ACTIVE):
            return
        was = self._positions.get(name)
        self._positions[name] = circuit
        partition = self._partitions[sensor.plan.partition]
        if was is circuit or (was is None and circuit is Circuit.NORMAL):
            return
        arms = circuit is Circuit.ACTIVE
        if sensor.plan.momentary:
            if circuit is Circuit.NORMAL or was is None:
                return
            arms = partition.state is PartitionState.DISARMED and partition.wanted is None
        deed = PartitionDeed(partition.plan.mode.value) if arms else PartitionDeed.DISARM
        self._order(partition, Order(partition.plan.name, deed, name, name in self._trusted_keys), at)

    # What is ordered

    def _order(self, partition: Partition, order: Order, now: Moment) -> Answer:
        partition.order = order.number or partition.order
        if order.given_ms and order.given_ms < partition.here_ms and order.deed is not PartitionDeed.RESET:
            why = f"not obeyed, {order.deed} of {order.by}: {partition.by} has decided here since"
            self._tell(partition.told(now, why))
            return Answer(False, why)
        if order.deed is PartitionDeed.RESET:
            return self._reset(partition, order.by, now)
        if order.deed is PartitionDeed.DISARM:
            if not order.may_disarm:
                why = f"not disarmed: {order.by} said so over a way that proves nothing"
                self._tell(partition.told(now, why))
                return Answer(False, why)
            if order.is_duress:
                self._duress(partition, now)
        if not order.number:
            partition.here_ms = now.at_ms
        if order.deed is PartitionDeed.DISARM:
            return self._disarm(partition, order.by, now)
        return self._arm(partition, Mode(order.deed.value), order.by, now, order.without)

    def _arm(self, partition: Partition, mode: Mode, by: str, now: Moment, without: Sequence[str] = ()) -> Answer:
        if partition.state in (PartitionState.PENDING, PartitionState.TRIGGERED):
            return self._refuse(partition, now, "it has an alarm, disarm it first")
        if partition.mode is mode and partition.state in (STATES[mode], PartitionState.ARMING):
            self._tell(partition.told(now, "is armed so already"))
            return Answer(True, "is armed so already")
        for name in without:
            if name not in self._sensors:
                return self._refuse(partition, now, f"this box has no sensor {name!r}")
        for name in without:
            self._sensors[name].bypass = Bypass(BypassWay.ONCE, by, "left out of this arming")
            self._tell(self._sensors[name].told(now))
        leaving = partition.plan.exit_s > 0
        hinders = partition.hinderers(mode, leaving=leaving)
        if hinders and partition.state in ARMED_STATES:
            return self._refuse(partition, now, f"not armed {mode}, and armed as before", hinders)
        self._outputs.hush(partition.plan.name, (Cause.EXIT, Cause.ARMED))
        if hinders:
            partition.wanted, partition.has_left = mode, False
            partition.become(PartitionState.DISARMED, now, by)
            self._tell_hindered(partition, now, f"not armed {mode}", hinders)
            return Answer(False, "not armed", hinders)
        partition.wanted, partition.mode = None, mode
        if leaving:
            open_doors = {each.plan.name: _ON_THE_WAY for each in partition.sensors if each.is_open and each.hinders}
            until_s = now.s + partition.plan.exit_s
            partition.become(PartitionState.ARMING, now, by, until_s)
            self._outputs.ring(partition.plan.name, Cause.EXIT, now.s, until_s)
            named = {name: why for name, why in open_doors.items() if self._sensors[name].plan.is_armed_in(mode)}
            self._tell(partition.told(now, f"armed {mode} in {partition.plan.exit_s:g} s", named))
        else:
            self._armed(partition, by, now)
        return Answer(True)

    def _refuse(self, partition: Partition, now: Moment, why: str, hinders: dict[str, str] | None = None) -> Answer:
        self._tell(partition.told(now, why, hinders))
        return Answer(False, why, hinders or {})

    def _armed(self, partition: Partition, by: str, now: Moment, detail: str = "") -> None:
        partition.wanted, partition.has_left = None, False
        partition.become(STATES[partition.mode], now, by)
        self._outputs.ring(partition.plan.name, Cause.ARMED, now.s)
        self._tell(partition.told(now, detail))

    def _disarm(self, partition: Partition, by: str, now: Moment) -> Answer:
        self._hush(partition)
        partition.wanted, partition.has_left, partition.entered = None, False, []
        was = partition.state
        for sensor in partition.sensors:
            if sensor.plan.type in ARMED:
                sensor.rung = False
            if sensor.bypass and sensor.bypass.way is BypassWay.ONCE:
                if sensor.bypass.number:
                    self._ended.add(sensor.bypass.number)
                sensor.end_bypass()
                if sensor.circuit is Circuit.ACTIVE and sensor.plan.type not in ARMED:
                    self._trip(sensor, now)
                self._tell(sensor.told(now))
        partition.become(PartitionState.DISARMED, now, by)
        within = "within the time that it is to be armed" if partition.scheduled and by != SCHEDULE else ""
        again = "is disarmed already" if was is PartitionState.DISARMED else ""
        self._tell(partition.told(now, "; ".join(word for word in (again, within) if word)))
        return Answer(True, again)

    def _reset(self, partition: Partition, by: str, now: Moment) -> Answer:
        self._hush(partition)
        for sensor in partition.sensors:
            if sensor.latched:
                sensor.latched, sensor.rung = "", False
                self._tell(sensor.told(now, f"reset by {by}", priority=0 if sensor.circuit is Circuit.ACTIVE else None))
                self._retry(sensor, now)
        self._tell(partition.told(now, f"reset by {by}"))
        return Answer(True)

    def _hush(self, partition: Partition) -> None:
        self._outputs.hush(partition.plan.name, tuple(Cause))
        self._outputs.hush("", tuple(Cause))

    def _test(self, order: Order, now: Moment) -> Answer:
        if order.number and order.number <= self._tested:
            return Answer(True, "is answered already")
        self._tested = order.number or self._tested
        if not self._outputs.test(order.partition, now.s):
            return Answer(False, f"this box has no output {order.partition!r}")
        name = f"output/{order.partition}"[:LONGEST_NAME]
        self._tell(SensorChanged(now.at_ms, name, "output", SensorState.NORMAL, 3, f"tested by {order.by}"[:120]))
        return Answer(True)

    def _duress(self, partition: Partition, now: Moment) -> None:
        """Told as a sensor's alarm, and nothing here shows it."""
        self._tell_alarm(f"{partition.plan.name}/duress", "duress", 1, "disarmed with the code of duress", now)

    def _tell_alarm(self, name: str, what: str, priority: int, detail: str, now: Moment) -> None:
        """Of what is no sensor: it alarms, and is as before."""
        self._tell(SensorChanged(now.at_ms, name, what, SensorState.ALARM, priority, detail))
        self._tell(SensorChanged(now.at_ms, name, what, SensorState.NORMAL, priority))

    # What time brings

    def _tick_partition(self, partition: Partition, now: Moment) -> None:
        if self._knows(partition, now):
            self._follow_schedule(partition, now)
            self._try_again(partition, now, "")
        if now.s < partition.until_s:
            return
        if partition.state is PartitionState.ARMING:
            self._finish_arming(partition, now)
        elif partition.state is PartitionState.PENDING:
            self._ring_entered(partition, now)
        elif partition.state is PartitionState.TRIGGERED:
            self._outputs.hush(partition.plan.name, (Cause.ALARM,))
            self._armed(partition, partition.by, now, "armed on, behind its alarm")
            if partition.by == SCHEDULE and partition.scheduled is False:
                self._disarm(partition, SCHEDULE, now)

    def _finish_arming(self, partition: Partition, now: Moment) -> None:
        self._outputs.hush(partition.plan.name, (Cause.EXIT,))
        hinders = partition.hinderers(partition.mode, leaving=False)
        if not hinders:
            self._armed(partition, partition.by, now)
            return
        partition.wanted, partition.has_left = partition.mode, True
        partition.become(PartitionState.DISARMED, now)
        self._tell_hindered(partition, now, "not armed, though the exit delay is over", hinders)

    def _ring_entered(self, partition: Partition, now: Moment) -> None:
        entered, partition.entered = dict.fromkeys(partition.entered), []
        for sensor in entered:
            self._ring(sensor, now, _NOBODY)
            if sensor.circuit is Circuit.NORMAL:
                sensor.rung = False
                self._tell(sensor.told(now))
        if not entered:  # what was opened before a restart is not in the file any more
            partition.become(PartitionState.TRIGGERED, now, until_s=now.s + partition.plan.alarm_s)
            self._outputs.ring(partition.plan.name, Cause.ALARM, now.s)
            self._tell_alarm(f"{partition.plan.name}/entry", "entry", 2, _NOBODY, now)
            self._tell(partition.told(now, _NOBODY))

    def _knows(self, partition: Partition, now: Moment) -> bool:
        """Whether it is known by now how its sensors are: directly after the start each would hinder it."""
        return now.s - self._began_s > _FIRST_S or all(each.circuit is not None for each in partition.sensors)

    def _follow_schedule(self, partition: Partition, now: Moment) -> None:
        wants = partition.wants(now)
        if wants is None or wants is partition.scheduled:
            return
        was, partition.scheduled = partition.not_armed, wants
        by_schedule = partition.by == SCHEDULE
        if wants and partition.state is PartitionState.DISARMED:
            self._arm(partition, partition.plan.mode, SCHEDULE, now)
        elif not wants and by_schedule and partition.state in (*ARMED_STATES, PartitionState.ARMING):
            self._disarm(partition, SCHEDULE, now)
        elif not wants and was:
            if by_schedule:
                partition.wanted = None
            self._tell(partition.told(now, "the time that it is to be armed is over"))

    def _retry(self, sensor: Sensor, now: Moment) -> None:
        for partition in self._partitions.values():
            if sensor in partition.sensors and self._knows(partition, now):
                self._try_again(partition, now, sensor.plan.name)

    def _try_again(self, partition: Partition, now: Moment, last: str) -> None:
        """What is wanted armed is armed as soon as nothing hinders it; what hinders it now is told."""
        wanted = partition.wanted
        if wanted is None or partition.state is not PartitionState.DISARMED:
            return
        leaving = partition.plan.exit_s > 0 and not partition.has_left
        hinders = partition.hinderers(wanted, leaving=leaving)
        if hinders:
            if hinders != self._hinders.get(partition.plan.name):
                self._tell_hindered(partition, now, f"not armed {wanted}", hinders)
        elif leaving:
            self._arm(partition, wanted, partition.by, now)
        else:
            partition.mode = wanted
            self._armed(
                partition, partition.by, now, f"armed once nothing hindered it{f', {last} last' if last else ''}"
            )

    def _end_bypass(self, sensor: Sensor, now: Moment) -> None:
        ended = sensor.end_bypass()
        if ended and ended.number:
            self._ended.add(ended.number)
        if sensor.circuit is Circuit.ACTIVE:
            self._trip(sensor, now)
        self._tell(sensor.told(now))
        self._retry(sensor, now)

    def _restore(self, partition: Partition, now: Moment, off_ms: int) -> None:
        """As it was before the start, and what that means now."""
        plan = partition.plan
        gone_s = max(0.0, (now.at_ms - off_ms) / 1000) if off_ms else 0.0
        spent_s = min(3600.0, max(0.0, (now.at_ms - partition.since_ms) / 1000))
        if partition.state is PartitionState.ARMING:
            partition.until_s = now.s + plan.exit_s
            self._outputs.ring(plan.name, Cause.EXIT, now.s, partition.until_s)
        elif partition.state is PartitionState.PENDING:
            partition.until_s = now.s + max(min(_LEFT_S, plan.entry_s), plan.entry_s - spent_s)
            self._outputs.ring(plan.name, Cause.ENTRY, now.s, partition.until_s)
        elif partition.state is PartitionState.TRIGGERED:
            partition.until_s = now.s + max(0.0, plan.alarm_s - spent_s)
            self._outputs.ring(plan.name, Cause.ALARM, now.s, partition.until_s)
        elif partition.state in ARMED_STATES:
            self._outputs.ring(plan.name, Cause.ARMED, now.s)
        detail = f"as before the restart, at most {_span(gone_s)} away" if off_ms else "begun"
        self._tell(partition.told(now, detail))

    # What is told

    def _tell_hindered(self, partition: Partition, now: Moment, detail: str, hinders: dict[str, str]) -> None:
        self._hinders[partition.plan.name] = hinders
        self._tell(partition.told(now, detail, hinders))

    def _tell(self, event: SensorChanged | PartitionChanged | None) -> None:
        if event:
            self._told.append(event)

    def _switch(self, now: Moment) -> None:
        self._told += self._outputs.due(now.s)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{to_ms(seconds) // 60_000} min"
