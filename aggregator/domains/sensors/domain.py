"""Alarm sensors: what one tells, and whether it can tell anything."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from aggregator.domains.sensors import partitions
from aggregator.ingest.heartbeat_parsing import unnulled
from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Condition, Domain, Judge, Kind, Place
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Detail, Signal, Subject
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.desired import PARTITIONS
from shared.events import AS_BEFORE, TESTED, Lane, PartitionChanged, SensorChanged, SensorState
from shared.topics import Address

SQL = load_queries(__package__)

_BY_ITSELF = {"panic": "panic", "duress": "duress", "fire": "fire", "smoke": "fire"}
"""What a sensor is, and what its alarm is called where it is more than an alarm."""
_FAULTS = {
    SensorState.TAMPER: "sensor_tamper",
    SensorState.FAULT: "sensor_fault",
    SensorState.SILENT: "sensor_silent",
}


def judged(occurrence: Occurrence, address: Address, known: Detail) -> Iterator[Signal]:
    """What a sensor's state means.

    Args:
        known: what people know of it: where it is, and who is responsible.
    """
    event = occurrence.event
    assert isinstance(event, SensorChanged)  # noqa: S101 - the judge of no others
    subject = Subject("sensor", address.site, address.agent, "", unnulled(event.sensor))
    detail: Detail = {"what": unnulled(event.what), "why": unnulled(event.detail), **known}
    if _alarms(event):
        yield Signal(
            subject=subject,
            condition=_BY_ITSELF.get(event.what, "sensor_alarm"),
            active=True,
            at=occurrence.event_at,
            priority=event.priority,
            occurrence=f"{address.site}/{address.agent}/{subject.name}",
            member=occurrence.member,
            detail=detail,
            asked=occurrence.asked,
            reason="sensor_alarm",
            again="same_sensor_within_window",
        )
    for state, condition in _FAULTS.items():
        active = event.state is state
        yield Signal(
            subject=subject,
            condition=condition,
            active=active,
            at=occurrence.event_at,
            priority=event.priority if state is SensorState.TAMPER else 0,
            origin=occurrence.member,
            detail=detail if active else {},
        )
    yield Signal(
        subject=subject,
        condition="sensor_battery",
        active=event.battery_low,
        at=occurrence.event_at,
        origin=occurrence.member,
        detail={"what": unnulled(event.what), **known} if event.battery_low else {},
    )


_Name = tuple[str, str, str]
"""Site, box and sensor."""


def _say(connection: Connection, occurrences: Sequence[Occurrence], boxes: Mapping[int, Address]) -> Iterator[Signal]:
    names = [_name(each, boxes[each.producer_id]) for each in occurrences]
    facts = _facts(connection, set(names))
    for occurrence, name in zip(occurrences, names, strict=True):
        yield from judged(occurrence, boxes[occurrence.producer_id], facts.get(name, {}))


def _name(occurrence: Occurrence, address: Address) -> _Name:
    assert isinstance(occurrence.event, SensorChanged)  # noqa: S101 - the judge of no others
    return address.site, address.agent, unnulled(occurrence.event.sensor)


def _facts(connection: Connection, names: set[_Name]) -> dict[_Name, Detail]:
    """Of each of these sensors: where it is, and who is responsible, as far as that was said."""
    sites, agents, sensors = zip(*sorted(names), strict=True)
    asked = {"sites": list(sites), "agents": list(agents), "sensors": list(sensors)}
    return {
        (row["site"], row["agent"], row["sensor"]): {key: row[key] for key in ("location", "responsible") if row[key]}
        for row in connection.execute(SQL["facts_of"], asked)
    }


_Moments = dict[_Name, datetime]
_FIT = frozenset({SensorState.NORMAL, SensorState.ALARM})
"""What is in these can be judged by."""


class States:
    """The newest state of each sensor, by site, agent and name."""

    def __init__(self) -> None:
        self._newest = dict[_Name, tuple[datetime, SensorChanged]]()
        self._last = dict[_Name, tuple[datetime, bool]]()
        """Of what happened at one moment the last counts: when, and whether it was left out."""
        self._fitness = dict[tuple[str, str, str, datetime], bool]()
        self._answered, self._bypassed, self._otherwise = _Moments(), _Moments(), _Moments()

    def take(self, event: SensorChanged, _producer: int, _lane: Lane, event_at: datetime, address: Address) -> None:
        sensor = address.site, address.agent, unnulled(event.sensor)
        if sensor not in self._newest or self._newest[sensor][0] <= event_at:
            self._newest[sensor] = event_at, event
        is_bypassed = event.state is SensorState.BYPASSED
        newest = [self._bypassed if is_bypassed else self._otherwise]
        if self._last.get(sensor, (event_at, False))[0] <= event_at:
            self._last[sensor] = event_at, is_bypassed
        if _answers(event):
            newest.append(self._answered)
        self._fitness[(*sensor, event_at)] = event.state in _FIT
        for moments in newest:
            moments[sensor] = max(moments.get(sensor, event_at), event_at)

    def write(self, connection: Connection, _counters: Counter[tuple[str, str]]) -> None:
        told = sorted(self._newest.items(), key=lambda each: each[0])
        connection.execute(
            SQL["note_sensors"],
            {
                "sites": [site for (site, _, _), _ in told],
                "agents": [agent for (_, agent, _), _ in told],
                "sensors": [name for (_, _, name), _ in told],
                "whats": [unnulled(event.what) for _, (_, event) in told],
                "states": [event.state.label for _, (_, event) in told],
                "details": [unnulled(event.detail) for _, (_, event) in told],
                "batteries": [event.battery_low for _, (_, event) in told],
                "ats": [at for _, (at, _) in told],
                "answered": [self._answered.get(sensor) for sensor, _ in told],
            },
        )
        fitness = sorted(self._fitness.items())
        connection.execute(
            SQL["note_fitness"],
            {
                "sites": [site for (site, _, _, _), _ in fitness],
                "agents": [agent for (_, agent, _, _), _ in fitness],
                "sensors": [name for (_, _, name, _), _ in fitness],
                "ats": [at for (_, _, _, at), _ in fitness],
                "fits": [is_fit for _, is_fit in fitness],
            },
        )
        connection.execute(
            SQL["note_bypasses"],
            {
                "sites": [site for (site, _, _), _ in told],
                "agents": [agent for (_, agent, _), _ in told],
                "sensors": [name for (_, _, name), _ in told],
                "bypassed": [self._bypassed.get(sensor) for sensor, _ in told],
                "otherwise": [self._otherwise.get(sensor) for sensor, _ in told],
                "ends": [not self._last[sensor][1] for sensor, _ in told],
            },
        )
        gone = [sensor for sensor, (_, event) in told if event.state is SensorState.GONE]
        if gone:
            sites, agents, names = (list(column) for column in zip(*gone, strict=True))
            connection.execute(SQL["forget_sensors"], {"sites": sites, "agents": agents, "sensors": names})


def _answers(event: SensorChanged) -> bool:
    """Whether it shows that the sensor finds something, or that the output sounds.

    What was found before a restart is told again behind it, and shows nothing.
    """
    if event.what == "output":
        return event.state is SensorState.NORMAL and event.detail.startswith(TESTED)
    return event.state in (SensorState.ALARM, SensorState.TAMPER) and AS_BEFORE not in event.detail


def _alarms(event: SensorChanged) -> bool:
    return event.state is SensorState.ALARM and event.priority > 0


DOMAIN = Domain(
    "sensors",
    (
        Kind(SensorChanged, lambda event: Place(priority=event.priority), States),
        Kind(PartitionChanged, projection=partitions.States),
    ),
    (
        Condition("sensor_alarm", 2, "探测器报警", "Sensor alarm"),
        Condition("panic", 1, "紧急按钮", "Panic button", however_late=True),
        Condition("duress", 1, "胁迫报警", "Duress", however_late=True),
        Condition("fire", 1, "火警", "Fire", however_late=True),
        Condition("sensor_tamper", 2, "探测器被拆动", "Sensor tampered with", clears_itself=True),
        Condition("sensor_fault", 3, "探测器故障", "Sensor fault", clears_itself=True, rings_after_s=10),
        Condition("sensor_battery", 4, "探测器电量低", "Sensor battery low", clears_itself=True, many=20),
        Condition(
            "partition_not_armed",
            2,
            "应布防而未布防",
            "Not armed though it should be",
            clears_itself=True,
            ends_after_s=5,
        ),
        Condition("sensor_silent", 3, "探测器失联", "Sensor silent", clears_itself=True, rings_after_s=10, many=20),
    ),
    (Judge((SensorChanged,), lambda _: True, _say, _alarms), partitions.JUDGE),
    routers=("aggregator.domains.sensors.api:router", "aggregator.domains.sensors.partitions_api:router"),
    sections={PARTITIONS: partitions.wanted},
    retained=(
        by_day("bypasses", lambda periods: periods.audit, SQL),
        by_day("fitness", lambda periods: periods.coverage, SQL),
    ),
)
