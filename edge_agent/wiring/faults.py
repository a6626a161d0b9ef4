"""What cannot be right about the sensors, partitions and outputs of a file, each with its wire and terminal."""

from collections.abc import Iterable, Sequence

import msgspec

from edge_agent.intrusion.plan import ARMED, Mode, PartitionPlan, SensorType
from edge_agent.wiring.settings import (
    CameraWire,
    GpioWire,
    HttpWire,
    InputsSettings,
    KeypadSettings,
    LoopWire,
    ModbusOutput,
    ModbusWire,
    MqttOutput,
    MqttWire,
    OutputSettings,
    RtuBus,
    SensorSettings,
)


def in_partitions(sensors: Sequence[SensorSettings], partitions: Sequence[PartitionPlan]) -> tuple[SensorSettings, ...]:
    """Sensors with the partition that they are in, where the box has one only and they name none.

    Raises:
        ValueError: one names a partition that is not there, or needs one and names none.
    """
    names = [each.name for each in partitions]
    found = list[SensorSettings]()
    for sensor in sensors:
        needs = sensor.type in ARMED or sensor.type is SensorType.KEY_SWITCH
        if sensor.partition and sensor.partition not in names:
            there = ", ".join(map(repr, names)) or "there is none"
            raise ValueError(f"sensors: {sensor.name!r} is in partition {sensor.partition!r}, expected one of: {there}")
        if needs and not sensor.partition and len(names) != 1:
            does = "arms" if sensor.type is SensorType.KEY_SWITCH else "rings only while its partition is armed"
            advice = "say in which partition it is" if names else 'add [[partitions]], or make it type = "always"'
            raise ValueError(f"sensors: {sensor.name!r} is of type {sensor.type}, which {does}: {advice}")
        own = names[0] if needs and not sensor.partition else sensor.partition
        found.append(msgspec.structs.replace(sensor, partition=own))
    return tuple(found)


def keypads_in_partitions(
    keypads: Sequence[KeypadSettings], partitions: Sequence[PartitionPlan]
) -> tuple[KeypadSettings, ...]:
    """Keypads with the partition that they arm, where the box has one only and they name none.

    Raises:
        ValueError: one names a partition that is not there, or names none of several; or two have one topic.
    """
    names = [each.name for each in partitions]
    for keypad in keypads:
        if not names:
            raise ValueError(f"keypads: {keypad.name!r} arms a partition, and there is none: add [[partitions]]")
        if keypad.partition and keypad.partition not in names:
            raise ValueError(_unknown(f"keypads: {keypad.name!r}", "partition", keypad.partition, "partitions", names))
        if not keypad.partition and len(names) > 1:
            raise ValueError(f"keypads: {keypad.name!r}: say which partition it arms: {', '.join(map(repr, names))}")
    if twice := _twice([each.topic for each in keypads]):
        raise ValueError(f"keypads: two are on topic {twice!r}")
    return tuple(msgspec.structs.replace(each, partition=each.partition or names[0]) for each in keypads)


def may_disarm(sensor: SensorSettings, inputs: InputsSettings) -> bool:
    """Whether a key switch on this wire is believed when it disarms: a person stood at it, with no network between."""
    wire = sensor.wire
    if isinstance(wire, ModbusWire):
        serial = {each.name for each in inputs.buses if isinstance(each, RtuBus)}
        return wire.bus in serial and wire.table == "inputs"
    return isinstance(wire, GpioWire | LoopWire)


def check(
    inputs: InputsSettings,
    sensors: Sequence[SensorSettings],
    partitions: Sequence[PartitionPlan],
    outputs: Sequence[OutputSettings],
    keypads: Sequence[KeypadSettings] = (),
) -> None:
    """Say what cannot be right.

    Raises:
        ValueError: the first fault; it begins with the key.
    """
    for key, names in (
        ("sensors", [*(each.name for each in sensors), *(plan.name for each in keypads for plan in each.plans)]),
        ("partitions", [each.name for each in partitions]),
        ("outputs", [each.name for each in outputs]),
    ):
        if twice := _twice(names):
            raise ValueError(f"{key}: two are called {twice!r}")
    _check_terminals(sensors, outputs)
    buses, adcs = [each.name for each in inputs.buses], [each.name for each in inputs.adcs]
    devices = [each.name for each in inputs.cameras]
    for sensor in sensors:
        wire = sensor.wire
        if isinstance(wire, ModbusWire) and wire.bus not in buses:
            raise ValueError(_unknown(f"sensors: {sensor.name!r}", "bus", wire.bus, "inputs.buses", buses))
        if isinstance(wire, LoopWire) and wire.adc not in adcs:
            raise ValueError(_unknown(f"sensors: {sensor.name!r}", "adc", wire.adc, "inputs.adcs", adcs))
        if isinstance(wire, CameraWire) and wire.device not in devices:
            raise ValueError(_unknown(f"sensors: {sensor.name!r}", "device", wire.device, "inputs.cameras", devices))
        if isinstance(wire, HttpWire) and inputs.http is None:
            raise ValueError(f"sensors: {sensor.name!r} posts over HTTP: add [inputs.http] with token_file")
        _check_latch(sensor, partitions)
        _check_key(sensor)
    known = [each.name for each in partitions]
    for output in outputs:
        if isinstance(output.wire, ModbusOutput) and output.wire.bus not in buses:
            raise ValueError(_unknown(f"outputs: {output.name!r}", "bus", output.wire.bus, "inputs.buses", buses))
        for name in output.partitions:
            if name not in known:
                raise ValueError(_unknown(f"outputs: {output.name!r}", "partition", name, "partitions", known))


def _check_latch(sensor: SensorSettings, partitions: Sequence[PartitionPlan]) -> None:
    if sensor.latches and not partitions:
        said = f"sensors: {sensor.name!r} stays in alarm until it is reset, and a partition is reset"
        raise ValueError(f"{said}: add [[partitions]], or latching = false")


def _check_key(sensor: SensorSettings) -> None:
    """A line that is cut must not disarm; a loop shows it, a plain contact only one way round."""
    contact = getattr(sensor.wire, "contact", "")
    if sensor.type is not SensorType.KEY_SWITCH or not contact:
        return
    right = "normally_open" if sensor.momentary else "normally_closed"
    if contact != right:
        kind = "a momentary key" if sensor.momentary else "a key that stays as it is turned"
        raise ValueError(
            f"sensors: {sensor.name!r} on {sensor.wire.terminal}: a line that is cut would disarm; {kind} is {right} "
            f"({'pressed' if sensor.momentary else 'disarmed'} is closed), or on a loop"
        )


def doubtful(sensors: Iterable[SensorSettings], inputs: InputsSettings) -> list[str]:
    """What works and should be known, in words."""
    found = []
    for sensor in sensors:
        wire = sensor.wire
        if sensor.type is SensorType.KEY_SWITCH and not may_disarm(sensor, inputs):
            only = "only GPIO, a loop and inputs of a serial (rtu) bus disarm"
            found.append(f"{sensor.name}: arms, and never disarms: {wire.terminal} is reached over a network; {only}")
        if sensor.type is SensorType.FOLLOWER and set(sensor.modes or (Mode.AWAY,)) != {Mode.AWAY}:
            found.append(f"{sensor.name}: a follower that is armed while people are inside")
        if getattr(wire, "contact", "") == "normally_open" and sensor.type not in (
            SensorType.PANIC, SensorType.SILENT_PANIC, SensorType.KEY_SWITCH,
        ):  # fmt: skip
            found.append(f"{sensor.name}: normally open, so nothing shows that {wire.terminal} is cut")
        words = isinstance(wire, MqttWire | HttpWire) and isinstance(wire.alarm, str | tuple) and wire.normal is None
        if words:
            found.append(f"{sensor.name}: whatever else {wire.terminal} says counts as normal; say so with normal")
        if isinstance(wire, MqttWire | HttpWire) and not sensor.check_in_s:
            found.append(f"{sensor.name}: without check_in_s nothing shows that it is gone ({wire.terminal})")
    return found


def _check_terminals(sensors: Sequence[SensorSettings], outputs: Sequence[OutputSettings]) -> None:
    """Two on one terminal: neither would be what it says."""
    on = dict[str, str]()
    # Two sirens may hear one topic.
    switched = [(each.name, each.wire.terminal) for each in outputs if not isinstance(each.wire, MqttOutput)]
    for name, terminal in [*((each.name, each.wire.terminal) for each in sensors), *switched]:
        if terminal in on:
            raise ValueError(f"sensors and outputs: {on[terminal]!r} and {name!r} are both on {terminal}")
        on[terminal] = name


def _twice(names: Sequence[str]) -> str | None:
    return next((name for name in names if names.count(name) > 1), None)


def _unknown(what: str, kind: str, name: str, key: str, there: Sequence[str]) -> str:
    known = ", ".join(map(repr, there)) or f"there is no [[{key}]]"
    return f"{what} is on {kind} {name!r}, expected one of {key}: {known}"
