"""Adapters on real parts: Modbus servers, a broker, posts, pretended pins, files as the kernel's."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from gpiozero.pins.mock import MockFactory

from edge_agent.inputs.sources.gpio_kernel import by_chip
from edge_agent.inputs.sources.gpio_zero import ZeroGpio
from edge_agent.inputs.sources.http import HttpSensors
from edge_agent.inputs.sources.iio import IioLoops
from edge_agent.inputs.sources.modbus import ModbusBus
from edge_agent.inputs.sources.mqtt import MqttSensors
from edge_agent.inputs.sources.seam import Source, keep_running
from edge_agent.intrusion.plan import Cause
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import (
    AdcSettings,
    GpioOutput,
    GpioWire,
    HttpWire,
    InputsDoor,
    LocalBroker,
    LoopWire,
    ModbusOutput,
    ModbusWire,
    MqttOutput,
    MqttWire,
    OutputSettings,
    RtuBus,
    SensorSettings,
    TcpBus,
    Wire,
)
from shared.clock import Moment, SystemClock
from shared.mqtt import Connection
from shared.net import pick_free_port
from tests.acceptance.site import await_true
from tests.simulators.modbus_module import Modules, serial_line

N, A, T, F, M = Circuit.NORMAL, Circuit.ACTIVE, Circuit.TAMPER, Circuit.FAULT, Circuit.MISSING
SIREN = [Cause.ALARM]


def sensor(name: str, wire: Wire, **more: object) -> SensorSettings:
    return SensorSettings(name=name, partition="house", wire=wire, **more)  # type: ignore[arg-type]


class Heard:
    """What adapters said."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}
        self.changes = list[tuple[str, Circuit]]()
        self.switched: dict[str, str] = {}

    def take(self, name: str, reading: Reading, _at: Moment) -> None:
        if name not in self.readings or self.readings[name].circuit is not reading.circuit:
            self.changes.append((name, reading.circuit))
        self.readings[name] = reading

    def switch(self, name: str, error: str) -> None:
        self.switched[name] = error

    def await_(self, name: str, circuit: Circuit, within_s: float = 10) -> str:
        await_true(
            f"{name} is {circuit}", lambda: name in self.readings and self.readings[name].circuit is circuit, within_s
        )
        return self.readings[name].detail


@contextmanager
def running(source: Source) -> Iterator[Heard]:
    heard, stopping = Heard(), threading.Event()
    work = (source, heard.take, heard.switch, SystemClock(), stopping)
    thread = threading.Thread(target=keep_running, args=work, daemon=True)
    thread.start()
    yield heard
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()


# Modbus


def modbus(bus: str) -> list[SensorSettings]:
    return [
        sensor("door", ModbusWire(bus=bus, unit=1, input=0)),
        sensor("button", ModbusWire(bus=bus, unit=1, input=9, contact="normally_open")),
        sensor("yard", ModbusWire(bus=bus, unit=2, input=3)),
    ]


def test_modules_over_tcp_and_one_that_sleeps_costs_the_others_nothing() -> None:
    port = pick_free_port()
    siren = OutputSettings(name="siren", on=SIREN, wire=ModbusOutput(bus="plc", unit=1, coil=4))
    source = ModbusBus(
        TcpBus(name="plc", host="127.0.0.1", port=port, poll_ms=20, timeout_ms=200),
        modbus("plc"),
        [siren],
        SystemClock(),
    )
    with running(source) as heard:
        await_true("the bus is missing", lambda: "door" in heard.readings, 10)
        assert heard.readings["door"].detail.startswith("plc unit 1 input 0: bus plc (127.0.0.1:")
        with Modules(1, 2).over_tcp(port) as modules:
            heard.await_("door", A)  # nothing is closed yet
            assert heard.readings["button"] == Reading(N)
            modules.set(1, 0, True)
            heard.await_("door", N)
            modules.set(1, 9, True)
            heard.await_("button", A)
            # Both inputs of unit 1 were read by one question.
            assert {function for _, function in modules.asked} == {2}
            source.wanted.want("siren", True)
            await_true("the siren sounds", lambda: modules.coil(1, 4), 5)
            source.wanted.want("siren", False)
            await_true("and falls silent", lambda: not modules.coil(1, 4), 5)
            assert heard.switched == {"siren": ""}

            modules.asleep.add(2)
            assert heard.await_("yard", M) == "plc unit 2 input 3: does not answer"
            before = len([unit for unit, _ in modules.asked if unit == 1])
            time.sleep(1)
            assert len([unit for unit, _ in modules.asked if unit == 1]) - before > 5, "the others are read meanwhile"
            assert heard.readings["button"].circuit is A
            modules.asleep.clear()
            heard.await_("yard", A)
            modules.garbled.add(2)
            heard.await_("yard", M)
            modules.garbled.clear()
            heard.await_("yard", A)
        heard.await_("door", M)
        with Modules(1, 2).over_tcp(port):
            heard.await_("door", A, 20)


def test_an_input_that_the_module_has_not_is_a_fault_with_its_terminal() -> None:
    port = pick_free_port()
    wires = [
        sensor("attic", ModbusWire(bus="plc", unit=1, input=40)),
        sensor("door", ModbusWire(bus="plc", unit=1, input=0)),
    ]
    bus = TcpBus(name="plc", host="127.0.0.1", port=port, poll_ms=20, timeout_ms=200)
    with Modules(1).over_tcp(port), running(ModbusBus(bus, wires, [], SystemClock())) as heard:
        assert heard.await_("attic", F) == "plc unit 1 input 40: has no such address"
        heard.await_("door", A)


def test_modules_on_a_serial_line_and_two_of_one_address() -> None:
    with serial_line() as (ours, theirs), Modules(1, 2).over_serial(theirs) as modules:
        bus = RtuBus(name="rs485", port=ours, poll_ms=20, timeout_ms=300)
        with running(ModbusBus(bus, modbus("rs485"), [], SystemClock())) as heard:
            heard.await_("door", A)
            modules.set(1, 0, True)
            heard.await_("door", N)
            modules.garbled.add(1)
            said = heard.await_("door", M)
            assert said == "rs485 unit 1 input 0: answers are garbled: two modules of one address, or another speed"
            assert heard.readings["yard"].circuit is A
            modules.garbled.clear()
            heard.await_("door", N)
    with running(ModbusBus(RtuBus(name="rs485", port="/dev/nosuch"), modbus("rs485"), [], SystemClock())) as heard:
        assert "bus rs485 (/dev/nosuch) cannot be opened" in heard.await_("door", M)


# A broker beside the box


def test_zigbee_and_radio_sensors_on_a_broker_beside_the_box(broker: tuple[str, int]) -> None:
    host, port = broker
    wires = [
        sensor("door", MqttWire(topic="zigbee2mqtt/front door", field="contact", alarm=False)),
        sensor("hall", MqttWire(topic="rtl_433/+/events", match={"id": 77}, field="motion", alarm=1, clear_s=1)),
    ]
    siren = OutputSettings(name="siren", on=SIREN, wire=MqttOutput(topic="siren/set", on='{"state":"ON"}', off="OFF"))
    got = list[bytes]()
    peer = Connection("peer", host, port, subscriptions=[("siren/set", 1)], on_message=lambda m: got.append(m.payload))
    peer.start()
    await_true("the peer is there", lambda: peer.is_up)
    source = MqttSensors(LocalBroker(host=host, port=port), "box", wires, [siren], SystemClock())

    def say(topic: str, body: object) -> None:
        assert peer.publish(topic, body if isinstance(body, bytes) else json.dumps(body).encode(), qos=1) is not None

    with running(source) as heard:
        source.wanted.want("siren", True)
        await_true("the siren sounds", lambda: got == [b'{"state":"ON"}'])

        def until(name: str, circuit: Circuit, topic: str, body: object) -> None:
            deadline = time.monotonic() + 10
            while heard.readings.get(name, Reading(M)).circuit is not circuit and time.monotonic() < deadline:
                say(topic, body)
                time.sleep(0.2)
            heard.await_(name, circuit, 1)

        until("door", N, "zigbee2mqtt/front door", {"contact": True, "battery": 90})
        say("zigbee2mqtt/front door", {"contact": False, "battery": 9})
        heard.await_("door", A)
        assert heard.readings["door"].battery_low is True
        say("zigbee2mqtt/front door/availability", {"state": "offline"})
        assert heard.await_("door", M).endswith("is offline, its gateway says")
        say("zigbee2mqtt/front door/availability", {"state": "online"})
        say("zigbee2mqtt/front door", {"battery": 9})
        time.sleep(0.5)
        assert heard.readings["door"].circuit is M, "what it said before is no knowledge about now"
        say("zigbee2mqtt/front door", {"contact": False, "battery": 9})
        heard.await_("door", A)
        say("zigbee2mqtt/front door", b"\xff{")
        assert heard.await_("door", F).endswith("its message is no JSON")
        say("rtl_433/box/events", {"id": 78, "motion": 1})
        say("rtl_433/box/events", {"id": 77, "motion": 1})
        heard.await_("hall", A)
        heard.await_("hall", N)  # it never says that it is over
        assert ("hall", M) not in heard.changes
    peer.stop()


def test_a_broker_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.inputs.sources.mqtt.PATIENCE_S", 0.5)
    wires = [sensor("door", MqttWire(topic="t", field="contact", alarm=False))]
    source = MqttSensors(LocalBroker(host="127.0.0.1", port=pick_free_port()), "box", wires, [], SystemClock())
    with running(source) as heard:
        assert "does not answer" in heard.await_("door", M)


# Posts


def test_posts_with_a_token_and_nothing_else(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    door = InputsDoor(token_file=token, host="127.0.0.1", port=pick_free_port())
    wires = [
        sensor("gate", HttpWire(path="gate", field="state", alarm="open", normal="closed")),
        sensor("pir", HttpWire(path="pir", alarm="motion", clear_s=0.5)),
    ]
    source = HttpSensors(door, wires, SystemClock())
    with running(source) as heard, httpx.Client(trust_env=False, timeout=5) as client:
        await_true("it listens", lambda: source.port > 0)

        def post(path: str, body: str, said: str = "Bearer open sesame") -> int:
            answer = client.post(f"http://127.0.0.1:{source.port}{path}", content=body, headers={"authorization": said})
            assert "sesame" not in answer.text
            return answer.status_code

        assert post("/inputs/gate", '{"state": "open"}') == 204
        assert heard.readings["gate"].circuit is A
        assert post("/inputs/gate", '{"state": "closed"}') == 204
        assert heard.readings["gate"].circuit is N
        assert [post("/inputs/gate", body) for body in ('{"state": "ajar"}', "{", "x" * 20_000)] == [400, 400, 413]
        assert post("/inputs/nosuch", "{}") == post("/else", "{}") == 404
        assert [post("/inputs/gate", '{"state": "open"}', said) for said in ("", "Bearer x", "Basic x")] == [401] * 3
        assert heard.readings["gate"].circuit is N
        assert post("/inputs/pir", "motion") == 204
        assert heard.readings["pir"].circuit is A
        heard.await_("pir", N)
    token.write_text("")
    with running(HttpSensors(door, wires, SystemClock())) as heard:
        assert "is empty" in heard.await_("gate", M)


# Pins and converters


def test_pins_by_gpiozero_and_not_one_pulse_is_lost() -> None:
    factory = MockFactory()
    wires = [
        sensor("door", GpioWire(line=4)),
        sensor("button", GpioWire(line=5, contact="normally_open")),
        sensor("gate", GpioWire(line=6, pull="down")),
        sensor("shed", GpioWire(line=7, pull="none")),
    ]
    relay = OutputSettings(name="siren", on=SIREN, wire=GpioOutput(line=17, active="low"))
    source = ZeroGpio(wires, [relay], SystemClock(), factory)
    with running(source) as heard:
        heard.await_("door", A)  # a pull-up, and nothing closed yet
        for number in (4, 7):
            factory.pin(number).drive_low()
        factory.pin(6).drive_high()
        for name in ("door", "button", "gate", "shed"):
            heard.await_(name, N)
        pin = factory.pin(4)
        for _ in range(100):
            pin.drive_high()
            pin.drive_low()
        await_true(
            "each pulse", lambda: heard.changes.count(("door", A)) == 101 and heard.readings["door"].circuit is N
        )
        factory.pin(5).drive_low()
        heard.await_("button", A)
        factory.pin(6).drive_low()
        heard.await_("gate", A)
        factory.pin(7).drive_high()
        heard.await_("shed", A)
        assert factory.pin(17).state is True, "a relay that low switches on is off"
        source.wanted.want("siren", True)
        await_true("the relay is on", lambda: factory.pin(17).state is False)


def test_a_chip_that_is_not_there_is_told_with_its_lines() -> None:
    (source,) = by_chip([sensor("door", GpioWire(line=4, chip="/dev/gpiochip99"))], [], SystemClock())
    with running(source) as heard:
        said = heard.await_("door", M)
    assert said.startswith("/dev/gpiochip99 line 4: /dev/gpiochip99 cannot be used, lines 4: No such file")


def test_loops_on_a_converter_as_the_kernel_shows_it(tmp_path: Path) -> None:
    folder = tmp_path / "iio:device0"
    folder.mkdir()
    (folder / "name").write_text("mcp3008\n")
    adc = AdcSettings(name="adc0", chip="mcp3008")

    def measure(channel: int, value: int) -> None:
        part = folder / "part"
        part.write_text(f"{value}\n")
        part.rename(folder / f"in_voltage{channel}_raw")

    measure(1, 326)
    measure(2, 1023)
    wires = [sensor("door", LoopWire(adc="adc0", channel=1)), sensor("hall", LoopWire(adc="adc0", channel=2))]
    with running(IioLoops(adc, wires, SystemClock(), tmp_path)) as heard:
        heard.await_("door", N)
        assert heard.await_("hall", T) == "adc0 channel 2: the line is cut"
        for value, circuit in ((495, A), (0, F), (1023, T), (326, N)):
            measure(1, value)
            heard.await_("door", circuit)
        (folder / "in_voltage2_raw").unlink()
        assert "in_voltage2_raw" in heard.await_("hall", M)
        measure(2, 326)
        heard.await_("hall", N)
    with running(IioLoops(AdcSettings(name="adc0", chip="ads1115"), wires, SystemClock(), tmp_path)) as heard:
        assert "no converter 'ads1115'" in heard.await_("door", M)


def test_an_adapter_that_breaks_is_begun_anew_and_its_sensors_say_why() -> None:
    class Broken:
        def __init__(self) -> None:
            self.terminals, self.outputs, self.runs = {"door": "line 4"}, {"siren": "line 5"}, 0

        def run(self, take: Callable[..., None], *_: object) -> None:
            self.runs += 1
            if self.runs == 1:
                raise RuntimeError("a driver of another")
            take("door", Reading(N), Moment(0, 0))
            threading.Event().wait(0.2)

    with running(Broken()) as heard:  # type: ignore[arg-type]
        assert heard.await_("door", M) == "line 4: its adapter failed: RuntimeError: a driver of another"
        assert heard.switched["siren"].startswith("line 5: its adapter failed")
        heard.await_("door", N)
