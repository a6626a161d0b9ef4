"""Wires: loops by their tables, messages by their rules, and what cannot be right about a file."""

import json
import random
from pathlib import Path

import pytest

from edge_agent.config import AgentSettings, load_agent_settings
from edge_agent.inputs.loops import Loop
from edge_agent.inputs.mapping import MessageError, is_offline, reading_of
from edge_agent.inputs.sources.gpio_kernel import circuit_of
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.faults import doubtful
from edge_agent.wiring.settings import GpioWire, MqttWire
from shared.errors import ConfigError

N, A, T, F, M = Circuit.NORMAL, Circuit.ACTIVE, Circuit.TAMPER, Circuit.FAULT, Circuit.MISSING

# Loops


@pytest.mark.parametrize(
    ("resistor_ohm", "ideal"),
    [
        (1000, (0, 179, 305, 1023)),
        (2200, (0, 326, 495, 1023)),
        (4700, (0, 512, 682, 1023)),
        (5600, (0, 556, 721, 1023)),
    ],
)
def test_a_loop_has_the_values_of_the_table(resistor_ohm: float, ideal: tuple[int, ...]) -> None:
    """Two equal resistors, pulled up by 4.7 kOhm to 3.3 V, ten bits."""
    loop = Loop(resistor_ohm, 4700, 1023, "adc channel 1")
    # 5.6 kOhm give 556.3 and 721.0, 4.7 kOhm 511.5 and 682.0: tables round.
    assert all(abs(found - wanted) <= 1 for found, wanted in zip(loop.ideal, ideal, strict=True))
    found = [loop.read(value, 0.0).circuit for value in ideal]
    assert found == [F, N, A, T]
    # Contacts and lines have resistance of their own, and the converter its noise: ten counts either way are nothing.
    assert [loop.read(value + 10, 0.0).circuit for value in ideal[:3]] == [F, N, A]
    assert [loop.read(value - 10, 0.0).circuit for value in ideal[1:]] == [N, A, T]


def test_a_value_near_the_edge_of_its_band_is_a_fault_of_its_own_once_it_lasts() -> None:
    loop = Loop(2200, 4700, 1023, "adc channel 1")
    edge = (loop.ideal[1] + loop.ideal[2]) / 2
    assert loop.read(edge - 3, 10.0) == Reading(N)
    assert loop.read(edge - 2, 14.0) == Reading(N)
    worn = loop.read(edge - 4, 15.5)
    assert worn.circuit is F
    assert "adc channel 1: 408 of 1023, between two bands: the line ages" in worn.detail
    assert loop.read(edge + 2, 16.0) == worn, "and says the same, however it wavers"
    assert loop.read(loop.ideal[1], 17.0) == Reading(N)
    assert loop.read(edge + 2, 18.0).circuit is A
    assert loop.read(0, 30.0).detail == "adc channel 1: shorted"
    assert loop.read(0, 60.0).circuit is F, "the outermost values are no edge to another band"
    assert loop.read(1023, 90.0) == loop.read(1023, 99.0) == Reading(T, "adc channel 1: the line is cut")


@pytest.mark.parametrize("value", [-1, 1024, 5000, float("nan")])
def test_a_value_outside_every_band_says_so_with_its_terminal(value: float) -> None:
    found = Loop(2200, 4700, 1023, "adc channel 1").read(value, 0.0)
    assert found.circuit is F
    assert found.detail.startswith(f"adc channel 1: {value:g} lies outside every band, expected 0 to 1023")


# GPIO


@pytest.mark.parametrize(
    ("contact", "pull", "is_high", "circuit"),
    [
        ("normally_closed", "up", False, N), ("normally_closed", "up", True, A),
        ("normally_open", "up", True, N), ("normally_open", "up", False, A),
        ("normally_closed", "down", True, N), ("normally_closed", "down", False, A),
        ("normally_open", "down", False, N), ("normally_open", "down", True, A),
        ("normally_closed", "none", False, N), ("normally_open", "none", False, A),
    ],
)  # fmt: skip
def test_a_level_means_what_contact_and_pull_make_of_it(
    contact: str, pull: str, is_high: bool, circuit: Circuit
) -> None:
    assert circuit_of(GpioWire(line=1, contact=contact, pull=pull), is_high) is circuit  # type: ignore[arg-type]


# Messages

DOOR = MqttWire(topic="zigbee2mqtt/door", field="contact", alarm=False)
RF = MqttWire(topic="rtl_433/box/events", field="state", alarm="open", match={"id": 12345, "model": "Kerui-Security"})


@pytest.mark.parametrize(
    ("wire", "message", "found"),
    [
        # As Zigbee2MQTT sends them: contact is true while the door is closed.
        (
            DOOR,
            {"battery": 100, "contact": True, "linkquality": 120, "tamper": False, "voltage": 3100},
            Reading(N, "", False),
        ),
        (DOOR, {"battery": 7, "contact": False, "linkquality": 80}, Reading(A, "", True)),
        (DOOR, {"battery_low": True, "contact": True, "tamper": True}, Reading(T, "its cover is open", True)),
        (DOOR, {"linkquality": 80, "last_seen": "2026-11-30T10:00:00Z"}, Reading(A)),
        (MqttWire(topic="t", field="occupancy"), {"occupancy": True, "illuminance": 9}, Reading(A)),
        # As rtl_433 sends them.
        (RF, {"time": "2026-11-30 10:00:00", "model": "Kerui-Security", "id": 12345, "state": "open"}, Reading(A)),
        (RF, {"model": "Kerui-Security", "id": 12345, "state": "close", "battery_ok": 1}, Reading(N, "", False)),
        (RF, {"model": "Kerui-Security", "id": 12345, "state": "close", "battery_ok": 0}, Reading(N, "", True)),
        (RF, {"model": "Kerui-Security", "id": 999, "state": "open"}, None),
        (
            MqttWire(topic="t", field="data.items.0.state", alarm=(2, 3)),
            {"data": {"items": [{"state": 3}]}},
            Reading(A),
        ),
        (MqttWire(topic="t", field="value", alarm="1"), {"value": 1}, Reading(A)),
        (MqttWire(topic="t", field="value", alarm=1), {"value": True}, Reading(N)),
    ],
)
def test_a_message_is_read_by_the_rule_of_its_wire(wire: MqttWire, message: object, found: Reading | None) -> None:
    assert reading_of(json.dumps(message).encode(), wire, A) == found


def test_a_plain_word_is_a_message_too() -> None:
    wire = MqttWire(topic="t", alarm="ON", normal=("OFF", "off"))
    assert reading_of(b"ON\n", wire, M) == Reading(A)
    assert reading_of(b"off", wire, M) == Reading(N)
    with pytest.raises(MessageError, match="neither alarm nor normal"):
        reading_of(b"maybe", wire, M)
    assert reading_of(b'{"battery": 50}', DOOR, M) is None, "nothing is known of one that was never heard"
    for wrong in (b"\xff\xfe", b"{", b"[" * 100_000, b"x" * 20_000):
        with pytest.raises(MessageError):
            reading_of(wrong, DOOR, N)


def test_no_message_breaks_it() -> None:
    draw = random.Random(5)
    whole = json.dumps({"contact": False, "tamper": True, "battery": [1, {"x": None}], "a": {"b": [1, 2]}}).encode()
    for _ in range(20_000):
        cut = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            cut[draw.randrange(len(cut))] = draw.randrange(256)
        try:
            reading_of(bytes(cut[: draw.randint(0, len(cut))]), DOOR, N)
        except MessageError as error:
            assert "contact" not in str(error) or "neither" in str(error)


def test_availability() -> None:
    said = [b"online", b"offline", b'{"state":"offline"}', b'{"state":"online"}', b"{}", b"[", b"\xff", b'{"state":1}']
    assert [is_offline(each) for each in said] == [False, True, True, False, None, None, None, None]


# Files

HEAD = 'site = "north"\nagent = "a"\ndata_dir = "data"\n'
PART = '[[partitions]]\nname = "house"\n'


def loaded(tmp_path: Path, text: str) -> AgentSettings:
    path = tmp_path / "agent.toml"
    path.write_text(HEAD + text)
    return load_agent_settings(path)[0]


def sensor(name: str, wire: str, more: str = "") -> str:
    return f'[[sensors]]\nname = "{name}"\nwire = {{ {wire} }}\n{more}\n'


def test_a_box_with_sensors_needs_no_camera_and_one_partition_need_not_be_named(tmp_path: Path) -> None:
    settings = loaded(tmp_path, PART + sensor("前门", 'kind = "gpio", line = 17'))
    assert settings.sensors[0].partition == "house"
    assert settings.sensors[0].rings_at == 2
    assert loaded(tmp_path, "").is_empty  # it waits for the centre, and says so


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PART + sensor("a", 'kind = "gpio", line = 17') + sensor("b", 'kind = "gpio", line = 17'),
         "key sensors and outputs: 'a' and 'b' are both on /dev/gpiochip0 line 17"),
        (PART + sensor("a", 'kind = "gpio", line = 17')
         + '[[outputs]]\nname = "siren"\non = ["alarm"]\nwire = { kind = "gpio", line = 17 }\n',
         "'a' and 'siren' are both on /dev/gpiochip0 line 17"),
        (PART + sensor("a", 'kind = "modbus", bus = "rs485", unit = 3, input = 1'),
         "'a' is on bus 'rs485', expected one of inputs.buses: there is no [[inputs.buses]]"),
        (PART + sensor("a", 'kind = "loop", adc = "adc0", channel = 1'),
         "'a' is on adc 'adc0', expected one of inputs.adcs: there is no [[inputs.adcs]]"),
        (PART + '[[inputs.buses]]\nkind = "rtu"\nname = "rs485"\nport = "/dev/ttyUSB0"\n'
         '[[inputs.buses]]\nkind = "rtu"\nname = "other"\nport = "/dev/ttyUSB0"\n',
         "buses: two are at the same port"),
        (PART + '[[inputs.buses]]\nkind = "tcp"\nname = "plc"\nhost = "10.0.0.5"\n'
         + sensor("a", 'kind = "modbus", bus = "plc", unit = 3, input = 1')
         + sensor("b", 'kind = "modbus", bus = "plc", unit = 3, input = 1'),
         "'a' and 'b' are both on plc unit 3 input 1"),
        (PART + sensor("a", 'kind = "gpio", line = 27, contact = "normally_open"', 'type = "key_switch"'),
         "'a' on /dev/gpiochip0 line 27: a line that is cut would disarm; a key that stays as it is "
         "turned is normally_closed"),
        (PART + sensor("a", 'kind = "gpio", line = 27', 'type = "key_switch"\nmomentary = true'),
         "a momentary key is normally_open (pressed is closed)"),
        (sensor("a", 'kind = "gpio", line = 27', 'type = "panic"'),
         "'a' stays in alarm until it is reset, and a partition is reset: add [[partitions]], or latching = false"),
        (PART + sensor("a", 'kind = "gpio", line = 27', 'type = "panic"\nwhat = "button"'),
         "what of 'a': 'button', expected panic or duress"),
        (PART + sensor("a", 'kind = "mqtt", topic = "t", alarm = "open", normal = "open"'), "'open' is both"),
        (PART + sensor("a", 'kind = "modbuss", bus = "b"'), "expected one of: camera, gpio, http, loop, modbus, mqtt"),
        (PART + sensor("a", 'kind = "http", path = "a"'), "'a' posts over HTTP: add [inputs.http] with token_file"),
        (sensor("a", 'kind = "gpio", line = 1'), "'a' is of type instant, which rings only while its partition"),
        (PART + sensor("a", 'kind = "gpio", line = 1', 'partition = "shed"'), "'shed', expected one of: 'house'"),
        (PART + sensor("a", 'kind = "gpio", line = 1', 'type = "entry"'),
         "expected one of: instant, entry_exit, follower, always, panic"),
        (PART + sensor("a", 'kind = "gpio", line = 1', "momentary = true"), "only a sensor of type key_switch is"),
        (PART + sensor("a", 'kind = "gpio", line = 1') + sensor("a", 'kind = "gpio", line = 2'), "two are called 'a'"),
        ('[[partitions]]\nname = "house"\nlines = ["gate/fence"]\n' + sensor("a", 'kind = "gpio", line = 1'),
         "no line or zone 'gate/fence', expected CAMERA/LINE, of: no camera has one"),
        ('[[partitions]]\nname = "house"\narmed = ["funday 1:00-2:00"]\n' + sensor("a", 'kind = "gpio", line = 1'),
         "'funday' is no day"),
        (PART + sensor("a/b", 'kind = "gpio", line = 1'), "key sensors[0].name: expected text without a slash"),
        (PART + '[[outputs]]\nname = "siren"\non = ["noise"]\nwire = { kind = "gpio", line = 17 }\n',
         "expected one of: alarm, fire"),
        (PART + '[[outputs]]\nname = "siren"\non = ["alarm"]\nseconds = 9999\nwire = { kind = "gpio", line = 17 }\n',
         "<= 1800"),
        (PART + '[panels]\n[[panels.accounts]]\nname = "shop"\naccount = "1"\n'
         '[[panels.accounts.partitions]]\npartition = "shed"\n',
         "'shop' arms partition 'shed', expected one of: house"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_named_with_wire_and_terminal(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as found:
        loaded(tmp_path, text)
    assert said in str(found.value)
    assert str(tmp_path / "agent.toml") in str(found.value)


def test_what_works_and_should_be_known_is_said(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        PART + sensor("key", 'kind = "mqtt", topic = "t", field = "state"', 'type = "key_switch"')
        + sensor("door", 'kind = "gpio", line = 3, contact = "normally_open"')
        + sensor("button", 'kind = "gpio", line = 4, contact = "normally_open"', 'type = "panic"')
        + sensor("hall", 'kind = "gpio", line = 5', 'type = "follower"\nmodes = ["home"]'),
    )  # fmt: skip
    assert doubtful(settings.sensors, settings.inputs) == [
        "key: arms, and never disarms: topic t state is reached over a network; "
        "only GPIO, a loop and inputs of a serial (rtu) bus disarm",
        "key: without check_in_s nothing shows that it is gone (topic t state)",
        "door: normally open, so nothing shows that /dev/gpiochip0 line 3 is cut",
        "hall: a follower that is armed while people are inside",
    ]
