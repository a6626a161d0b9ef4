"""The machine of sensors, partitions and outputs: readings, orders and time go in, what is told and switched comes out.

What the trade's panels do wrong is left out on purpose: arming says at once what hinders it, and goes on being said to
be wanted; a sensor that nothing is heard of neither blocks in silence nor passes; a line that is cut while it is armed
rings.
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
from shared.events import AS_BEFORE, PartitionChanged, PartitionState, SensorChanged, SensorState

_FIRST_S = 15.0
"""A sensor is missing when nothing was heard of it so long after the start."""
_LEFT_S = 10.0
"""An entry delay that a power cut has interrupted lasts at least so long again: people find the key in the dark."""
_OFF_MS = 7 * 86_400_000
"""A clock that is behind what the last life wrote is not right yet; one that was further ahead then was wrong then."""
_SHORT_S = 600.0
"""A restart; how long it was is known to a few minutes only. What spoke before a longer one has to speak anew."""
_SAID = (Circuit.NORMAL, Circuit.ACTIVE)
_NOBODY = "nobody has disarmed within the entry delay"
_ON_THE_WAY = "has to be closed until the exit delay is over"
_WAITS = "is armed once its sensors have been heard"
_GONE = "is not in the box's file any more"

Told = SensorChanged | PartitionChanged | Switch


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be done with a partition.

    Attributes:
        partition: its name.
        deed: what.
        by: who, or what.
        may_disarm: whether that is believed of who says it: plain messages over a network are not. They arm what is
            disarmed, and change nothing else.
        without: sensors that are bypassed for this arming.
        number: of the centre's order; 0: it is none of the centre's.
        deeds: that the centre knew of when it was ordered.
        is_duress: who arms or disarms is forced to.
    """

    partition: str
    deed: PartitionDeed
    by: str
    may_disarm: bool = True
    without: tuple[str, ...] = ()
    number: int = 0
    deeds: int = 0
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
        speaking: sensors that speak when they like, by name: behind a short restart they are as they were.
    """

    def __init__(
        self, sensors: Sequence[SensorPlan], partitions: Sequence[PartitionPlan], outputs: Sequence[OutputPlan],
        memory: Memory, now: Moment, trusted_keys: Collection[str] = (), speaking: Collection[str] = (),
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
        self._began_s, self._told = now.s, list[Told]()
        self._muted = dict[Sensor, None]()
        """What chatters: its newest state is told later."""
        self._not_before_ms = memory.at_ms if memory.at_ms - now.at_ms < _OFF_MS else 0
        for partition in self._partitions.values():
            self._restore(partition, now, memory)
        self._tell_gone(memory, now)
        away_s = (now.at_ms - memory.at_ms) / 1000 if memory.at_ms else float("inf")
        for sensor in map(self._sensors.get, speaking):
            if sensor and 0 <= away_s <= max(_SHORT_S, sensor.plan.check_in_s) and sensor.before in _SAID:
                self._change(sensor, Reading(sensor.before, f"{AS_BEFORE}, and not heard since"), now)

    def drain(self) -> list[Told]:
        """What is to be told and switched since this was asked last, in order."""
        told, self._told = self._told, []
        return told

    def memory(self, now: Moment) -> Memory:
        """What has to outlive a power cut."""
        partitions = {name: each.remembered() for name, each in self._partitions.items()}
        sensors = {name: each.remembered() for name, each in self._sensors.items()}
        return Memory(
            now.at_ms, partitions=partitions, sensors=sensors, ended=tuple(sorted(self._ended)), tested=self._tested
        )

    @property
    def next_s(self) -> float:
        """When `tick` is due next, monotonic; sooner does no harm."""
        settles = [each.settles_s for each in self._sensors.values() if each.settles_s is not None]
        delays = [each.until_s for each in self._partitions.values()]
        return min([*settles, *delays, self._outputs.next_s])

    def is_armed(self, partition: str) -> bool:
        """Whether what is armed with a partition is armed now."""
        return self._partitions[partition].is_armed

    def state(self, partition: str, now: Moment) -> tuple[PartitionState, float]:
        """How a partition is, and for how many seconds yet where that ends by itself."""
        each = self._partitions[partition]
        return each.state, max(0.0, each.until_s - now.s)

    def read(self, sensor: str, reading: Reading, at: Moment) -> None:
        """Something was read of a sensor."""
        each = self._sensors[sensor]
        for lasted, since in each.read(reading, at):
            self._change(each, lasted, since)
        if each.circuit is not None and each.settles_s is None:
            self._tell_of(each, each.told(at), at)  # its battery, perhaps
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
            if sensor.bypass and now.s >= sensor.bypass_until_s:
                self._end_bypass(sensor, now)
        for sensor in [each for each in self._muted if each.may_tell(now.s, rings=False)]:
            del self._muted[sensor]
            sensor.forget_told()
            self._tell_of(sensor, sensor.told(now), now)
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
        """Leave a sensor out; what is left out already is from now on left out so."""
        each = self._sensors.get(sensor)
        if each is None:
            return Answer(False, f"this box has no sensor {sensor!r}")
        each.leave_out(bypass, now)
        each.rung = False
        self._tell_of(each, each.told(now), now)
        if bypass.way is BypassWay.UNTIL_CLOSED and each.circuit is Circuit.NORMAL:
            self._end_bypass(each, now)  # it is closed already, and watched
        self._retry(each, now)
        self._switch(now)
        return Answer(True)

    def bypasses(self, wanted: Iterable[BypassOrder], now: Moment) -> list[str]:
        """Have the centre's bypasses be these: new ones begin, those that are gone end, changed ones go on.

        Returns:
            What could not be done, in words.
        """
        listed = {each.sensor: each for each in sorted(wanted, key=lambda each: each.number)}
        self._ended &= {each.number for each in listed.values()}
        for name, sensor in self._sensors.items():
            if sensor.bypass and sensor.bypass.number and name not in listed:
                self._end_bypass(sensor, now)
        wrong = list[str]()
        for name, each in sorted(listed.items()):
            held = self._sensors[name].bypass if name in self._sensors else None
            if each.number not in self._ended and (held is None or held.number != each.number):
                answer = self.bypass(name, Bypass(each.way, each.by, each.reason, each.until_ms, each.number), now)
                wrong += [] if answer.obeyed else [answer.why]
        self._switch(now)
        return wrong

    # What is read

    def _change(self, sensor: Sensor, reading: Reading, at: Moment) -> None:
        is_first, old = sensor.circuit is None, sensor.circuit or sensor.before
        sensor.circuit, sensor.detail = reading.circuit, reading.detail
        detail, is_new = reading.detail, old is not reading.circuit
        if is_first and old is not None and is_new and reading.circuit is not Circuit.MISSING:
            detail = f"{detail or reading.circuit.value}, found so after a restart"
        if sensor.bypass:
            if sensor.bypass.way is BypassWay.UNTIL_CLOSED and reading.circuit is Circuit.NORMAL:
                self._end_bypass(sensor, at)
            self._tell_of(sensor, sensor.told(at), at)
            self._retry(sensor, at)
            return
        still = (
            is_first and (sensor.rung or bool(sensor.latched)) and not (is_new and reading.circuit is Circuit.ACTIVE)
        )
        if reading.circuit is Circuit.NORMAL:
            sensor.rung = False
        if sensor.plan.type is SensorType.KEY_SWITCH:
            self._turn(sensor, at)
        elif is_new and reading.circuit is Circuit.ACTIVE:
            self._trip(sensor, at, detail)
        elif is_new and (reading.circuit is Circuit.TAMPER or reading.is_forced):
            self._force(sensor, at, detail)
        if is_new and self._is_tampered(sensor):
            self._outputs.ring(sensor.plan.partition, Cause.TAMPER, at.s, holder=_holder(sensor))
        if still:  # it has rung before the restart
            if reading.circuit is Circuit.ACTIVE and sensor.plan.type not in ARMED:
                self._sound(sensor, at)
            word = detail or sensor.latched or reading.circuit.value
            self._tell_of(sensor, sensor.told(at, f"{word}, {AS_BEFORE}"), at)
        else:
            self._tell_of(sensor, sensor.told(at, detail if detail != reading.detail else ""), at)
        self._retry(sensor, at)

    def _force(self, sensor: Sensor, at: Moment, detail: str) -> None:
        """Its line is cut or shorted, its cover open: while it is armed that is an intrusion."""
        partition = self._partitions.get(sensor.plan.partition)
        if sensor.plan.type in ARMED and partition and partition.watches(sensor):
            self._ring(sensor, at, detail or "tampered with")

    @staticmethod
    def _is_tampered(sensor: Sensor) -> bool:
        opened = sensor.circuit is Circuit.ACTIVE and sensor.plan.type is SensorType.TAMPER
        return sensor.circuit is Circuit.TAMPER or opened

    def _trip(self, sensor: Sensor, at: Moment, detail: str = "") -> None:
        """It has found something: whether that rings depends on its type and on how its partition is armed."""
        plan = sensor.plan
        if plan.type in (SensorType.TAMPER, SensorType.KEY_SWITCH):
            return
        if plan.type not in ARMED:
            self._ring(sensor, at, detail)
            return
        partition = self._partitions[plan.partition]
        if partition.state is PartitionState.ARMING:
            modes = (partition.mode, partition.changing_from or partition.mode)
            if plan.type is SensorType.INSTANT and any(map(plan.is_armed_in, modes)):
                self._ring(sensor, at, detail)
        elif not plan.is_armed_in(partition.mode) or partition.state is PartitionState.DISARMED:
            if plan.chime:
                self._outputs.ring(plan.partition, Cause.CHIME, at.s)
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
        self._tell_of(sensor, sensor.rang(at, detail or sensor.latched), at, rings=True)
        if plan.type in ARMED:
            partition = self._partitions[plan.partition]
            until_s = at.s + partition.plan.alarm_s
            if partition.state is PartitionState.TRIGGERED:
                partition.until_s = until_s
            else:
                self._outputs.hush(plan.partition, (Cause.ENTRY, Cause.EXIT))
                partition.become(PartitionState.TRIGGERED, at, until_s=until_s)
                self._tell(partition.told(at, plan.name))
        self._sound(sensor, at)

    def _sound(self, sensor: Sensor, at: Moment) -> None:
        """Sirens: those of what rings day and night fall silent with the sensor, not with its partition's delays."""
        plan = sensor.plan
        holder = plan.partition if plan.type in ARMED else _holder(sensor)
        if plan.type is not SensorType.SILENT_PANIC:
            self._outputs.ring(plan.partition, Cause.ALARM, at.s, holder=holder)
        if plan.type is SensorType.FIRE:
            self._outputs.ring(plan.partition, Cause.FIRE, at.s, holder=holder)

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
        if order.deed is PartitionDeed.RESET:
            return self._reset(partition, order.by, now)
        if order.is_duress:
            self._duress(partition, now)  # whatever becomes of the order
        if order.number and order.deeds != partition.deeds:
            why = f"not obeyed, {order.deed} of {order.by}: {partition.by or 'a person'} has decided here since"
            return self._refuse(partition, now, why)
        if not order.may_disarm and (partition.is_watched or order.deed is PartitionDeed.DISARM):
            return self._refuse(
                partition, now, f"not changed: {order.by} said {order.deed} over a way that proves nothing"
            )
        if order.deed is PartitionDeed.DISARM:
            answer = self._disarm(partition, order.by, now, is_deed=not order.number)
        else:
            mode, is_deed = Mode(order.deed.value), order.may_disarm and not order.number
            answer = self._arm(partition, mode, order.by, now, order.without, is_deed=is_deed)
        return answer

    def _arm(
        self,
        partition: Partition,
        mode: Mode,
        by: str,
        now: Moment,
        without: Collection[str] = (),
        *,
        is_deed: bool = False,
    ) -> Answer:
        if partition.state in (PartitionState.PENDING, PartitionState.TRIGGERED):
            return self._refuse(partition, now, "it has an alarm, disarm it first")
        if partition.mode is mode and partition.state in (STATES[mode], PartitionState.ARMING):
            self._tell(partition.told(now, "is armed so already"))
            return Answer(True, "is armed so already")
        own = {each.plan.name: each for each in partition.sensors if each.plan.type is not SensorType.KEY_SWITCH}
        if unknown := [name for name in without if name not in own]:
            return self._refuse(partition, now, f"{partition.plan.name} has no sensor {unknown[0]!r} to leave out")
        is_armed, knows = partition.state in ARMED_STATES, self._knows(partition, now)
        leaving = partition.plan.exit_s > 0
        hinders = partition.hinderers(mode, leaving=leaving)
        hinders = {name: why for name, why in hinders.items() if name not in without}
        if is_armed and (hinders or not knows):
            return self._refuse(partition, now, f"not armed {mode}, and armed as before", hinders)
        partition.deeds += is_deed
        partition.is_lost, partition.waits = False, not knows
        self._outputs.hush(partition.plan.name, (Cause.EXIT, Cause.ARMED))
        if hinders or not knows:
            partition.wanted, partition.has_left = mode, False
            partition.become(PartitionState.DISARMED, now, by)
            if not knows:
                self._leave_out(own, without, by, now)
                self._tell(partition.told(now, _WAITS))
                return Answer(True, _WAITS)
            self._tell(partition.told(now, f"not armed {mode}", hinders))
            return Answer(False, "not armed", hinders)
        self._leave_out(own, without, by, now)
        partition.wanted = None
        partition.changing_from = partition.mode if is_armed else None
        partition.mode = mode
        if not leaving:
            self._armed(partition, by, now)
            return Answer(True)
        open_doors = [each for each in partition.sensors if each.is_open and each.plan.is_armed_in(mode)]
        until_s = now.s + partition.plan.exit_s
        partition.become(PartitionState.ARMING, now, by, until_s)
        self._outputs.ring(partition.plan.name, Cause.EXIT, now.s, until_s)
        named = {each.plan.name: _ON_THE_WAY for each in open_doors}
        self._tell(partition.told(now, f"armed {mode} in {partition.plan.exit_s:g} s", named))
        return Answer(True)

    def _leave_out(self, own: dict[str, Sensor], without: Collection[str], by: str, now: Moment) -> None:
        for name in without:
            if own[name].bypass is None:  # one that holds is the centre's, and may hold longer
                own[name].leave_out(Bypass(BypassWay.ONCE, by, "left out of this arming"), now)
                self._tell_of(own[name], own[name].told(now), now)

    def _refuse(self, partition: Partition, now: Moment, why: str, hinders: dict[str, str] | None = None) -> Answer:
        self._tell(partition.told(now, why, hinders))
        return Answer(False, why, hinders or {})

    def _armed(self, partition: Partition, by: str, now: Moment, detail: str = "") -> None:
        partition.wanted, partition.has_left, partition.changing_from = None, False, None
        partition.become(STATES[partition.mode], now, by)
        self._outputs.ring(partition.plan.name, Cause.ARMED, now.s)
        still_open = {each.plan.name: each.hinders for each in partition.sensors if each.rung and each.is_open}
        self._tell(partition.told(now, detail, still_open))

    def _disarm(self, partition: Partition, by: str, now: Moment, *, is_deed: bool) -> Answer:
        if by == SCHEDULE:  # what rings day and night goes on
            self._outputs.hush(partition.plan.name, (Cause.ENTRY, Cause.EXIT, Cause.ARMED))
        else:
            self._hush(partition)
        partition.deeds += is_deed
        partition.wanted, partition.has_left, partition.entered = None, False, []
        partition.changing_from, partition.waits, partition.is_lost = None, False, False
        was = partition.state
        for sensor in partition.sensors:
            if sensor.plan.type in ARMED:
                sensor.rung = False
            if sensor.bypass and sensor.bypass.way is BypassWay.ONCE:
                if sensor.bypass.number:
                    self._ended.add(sensor.bypass.number)
                self._resume(sensor, now, trips=sensor.plan.type not in ARMED)
        partition.become(PartitionState.DISARMED, now, by)
        within = "within the time that it is to be armed" if partition.scheduled and by != SCHEDULE else ""
        again = "is disarmed already" if was is PartitionState.DISARMED else ""
        self._tell(partition.told(now, "; ".join(word for word in (again, within) if word), {}))
        return Answer(True, again)

    def _reset(self, partition: Partition, by: str, now: Moment) -> Answer:
        self._hush(partition)
        for sensor in partition.sensors:
            if sensor.latched:
                sensor.latched, sensor.rung = "", False
                self._tell_of(sensor, sensor.told(now, f"reset by {by}"), now)
                self._retry(sensor, now)
        self._tell(partition.told(now, f"reset by {by}"))
        return Answer(True)

    def _hush(self, partition: Partition) -> None:
        for holder in (partition.plan.name, *map(_holder, partition.sensors)):
            self._outputs.hush(holder, tuple(Cause))

    def _test(self, order: Order, now: Moment) -> Answer:
        if order.number and order.number <= self._tested:
            return Answer(True, "is answered already")
        self._tested = order.number or self._tested
        found = self._outputs.test(order.partition, order.by, now.s)
        return Answer(found, "" if found else f"this box has no output {order.partition!r}")

    def _duress(self, partition: Partition, now: Moment) -> None:
        """Told as a sensor's alarm, and nothing here shows it."""
        self._tell_alarm(f"{partition.plan.name}/duress", "duress", 1, "the code of duress was typed", now)

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
                self._disarm(partition, SCHEDULE, now, is_deed=True)

    def _finish_arming(self, partition: Partition, now: Moment) -> None:
        self._outputs.hush(partition.plan.name, (Cause.EXIT,))
        hinders = partition.hinderers(partition.mode, leaving=False)
        if not hinders:
            self._armed(partition, partition.by, now)
            return
        if partition.changing_from:
            wanted, partition.mode = partition.mode, partition.changing_from
            partition.changing_from = None
            partition.become(STATES[partition.mode], now)
            self._outputs.ring(partition.plan.name, Cause.ARMED, now.s)
            self._tell(partition.told(now, f"not armed {wanted}, and armed as before", hinders))
            return
        partition.wanted, partition.has_left = partition.mode, True
        partition.become(PartitionState.DISARMED, now)
        self._tell(partition.told(now, "not armed, though the exit delay is over", hinders))

    def _ring_entered(self, partition: Partition, now: Moment) -> None:
        entered, partition.entered = dict.fromkeys(partition.entered), []
        for sensor in entered:
            self._ring(sensor, now, _NOBODY)
            if sensor.circuit is Circuit.NORMAL:
                sensor.rung = False
                self._tell_of(sensor, sensor.told(now), now)
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
        if wants is None or wants is partition.scheduled or now.at_ms < self._not_before_ms:
            return  # or a clock that is behind the last life: it was not set yet
        was, partition.scheduled = partition.not_armed, wants
        by_schedule = partition.by == SCHEDULE
        if wants and partition.state is PartitionState.DISARMED:
            self._arm(partition, partition.plan.mode, SCHEDULE, now, is_deed=True)
        elif not wants and by_schedule and partition.state in (*ARMED_STATES, PartitionState.ARMING):
            self._disarm(partition, SCHEDULE, now, is_deed=True)
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
        wanted, partition.waits = partition.wanted, False
        if wanted is None or partition.state is not PartitionState.DISARMED:
            return
        leaving = partition.plan.exit_s > 0 and not partition.has_left
        hinders = partition.hinderers(wanted, leaving=leaving)
        if hinders:
            if hinders.keys() != partition.hinders.keys():
                self._tell(partition.told(now, f"not armed {wanted}", hinders))
        elif leaving:
            self._arm(partition, wanted, partition.by, now)
        else:
            partition.mode = wanted
            self._armed(
                partition, partition.by, now, f"armed once nothing hindered it{f', {last} last' if last else ''}"
            )

    def _end_bypass(self, sensor: Sensor, now: Moment) -> None:
        if sensor.bypass and sensor.bypass.number:
            self._ended.add(sensor.bypass.number)
        self._resume(sensor, now, trips=True)
        self._retry(sensor, now)

    def _resume(self, sensor: Sensor, now: Moment, *, trips: bool) -> None:
        """It is watched again, and what it has found counts as found now; a key stands as it stands."""
        sensor.end_bypass()
        if sensor.plan.type is SensorType.KEY_SWITCH and sensor.circuit in (Circuit.NORMAL, Circuit.ACTIVE):
            self._positions[sensor.plan.name] = sensor.circuit
        elif trips and sensor.circuit is Circuit.ACTIVE:
            self._trip(sensor, now)
        self._tell_of(sensor, sensor.told(now), now)

    def _restore(self, partition: Partition, now: Moment, memory: Memory) -> None:
        """As it was before the start, and what that means now."""
        plan = partition.plan
        gone_s = max(0.0, (now.at_ms - memory.at_ms) / 1000) if memory.at_ms else 0.0
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
        partition.is_lost = bool(memory.lost)
        if memory.lost:
            detail = f"how it was armed is not known: {memory.lost}"
        else:
            detail = f"{AS_BEFORE}, at most {_span(gone_s)} away" if memory.at_ms else "begun"
        self._tell(partition.told(now, detail))

    def _tell_gone(self, memory: Memory, now: Moment) -> None:
        """What the file had and has no more: the centre shows it no longer."""
        for name in memory.sensors.keys() - self._sensors.keys():
            self._tell(SensorChanged(now.at_ms, name, "zone", SensorState.GONE, 3, _GONE))
        for name in memory.partitions.keys() - self._partitions.keys():
            self._tell(PartitionChanged(now.at_ms, name, PartitionState.GONE, "", (), _GONE))

    # What is told

    def _tell_of(self, sensor: Sensor, event: SensorChanged | None, at: Moment, *, rings: bool = False) -> None:
        """Tell of a sensor, unless it chatters: one loose contact must not push others out of the outbox."""
        if event is None:
            return
        if sensor.may_tell(at.s, rings=rings):
            self._tell(event)
        elif sensor not in self._muted:
            self._muted[sensor] = None
            self._tell(sensor.chatters(at))

    def _tell(self, event: SensorChanged | PartitionChanged | None) -> None:
        if event:
            self._told.append(event)

    def _switch(self, now: Moment) -> None:
        self._told += self._outputs.due(now.s)


def _holder(sensor: Sensor) -> str:
    """Of what a sensor has sounded by itself."""
    return f"/{sensor.plan.name}"  # no partition is called so


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{to_ms(seconds) // 60_000} min"
