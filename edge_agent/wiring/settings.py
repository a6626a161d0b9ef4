"""Where sensors and outputs are wired: the part of a box's file that its adapters know."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.intrusion.plan import OutputPlan, SensorName, SensorPlan, SensorType
from shared.ids import WHOLE_NAME
from shared.settings import Port, Section

_Name = Annotated[str, Meta(pattern=WHOLE_NAME)]
_Word = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Said = str | bool | int | float
"""A value in a message."""
Contact = Literal["normally_closed", "normally_open"]


class GpioWire(Section, frozen=True, tag_field="kind", tag="gpio"):
    """A contact between a line of a GPIO chip and ground."""

    line: Annotated[int, Meta(ge=0, le=1023)]
    """Its number on the chip: on a Raspberry Pi the GPIO's (BCM), not the pin's."""
    chip: str = "/dev/gpiochip0"
    """The chip's device; `gpiodetect` lists them."""
    contact: Contact = "normally_closed"
    """Closed or open while nothing happens; only a closed one shows that its line is cut."""
    pull: Literal["up", "down", "none"] = "up"
    """`up`: the contact leads to ground. `down`: to 3.3 V. `none`: to ground, with a resistor of its own outside."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"{self.chip} line {self.line}"

    def is_closed(self, is_high: bool) -> bool:
        """Whether the contact is closed while the line has that level."""
        return is_high is (self.pull == "down")


class LoopWire(Section, frozen=True, tag_field="kind", tag="loop"):
    """A loop with two equal end-of-line resistors, measured by a converter."""

    adc: _Name
    """Of `[[inputs.adcs]]`."""
    channel: Annotated[int, Meta(ge=0, le=63)]
    """Of the converter, from 0."""
    resistor_ohm: Annotated[float, Meta(ge=100, le=100_000)] = 2200.0
    """Each of the two: one in series with the contact and one across it."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"{self.adc} channel {self.channel}"


class ModbusWire(Section, frozen=True, tag_field="kind", tag="modbus"):
    """An input of a Modbus module."""

    bus: _Name
    """Of `[[inputs.buses]]`."""
    unit: Annotated[int, Meta(ge=1, le=247)]
    """The module's address on the bus."""
    input: Annotated[int, Meta(ge=0, le=65535)]
    """From 0, as on the wire: input 10001 of a manual is 0."""
    table: Literal["inputs", "coils"] = "inputs"
    """Where the module has it: discrete inputs (function 2) or coils (function 1)."""
    contact: Contact = "normally_closed"
    """Closed or open while nothing happens; closed is read as 1."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"{self.bus} unit {self.unit} {'input' if self.table == 'inputs' else 'coil'} {self.input}"


def _several(said: Said | tuple[Said, ...]) -> tuple[Said, ...]:
    return said if isinstance(said, tuple) else (said,)


class Message(Section, frozen=True):
    """How a message of a sensor is read."""

    field: str = ""
    """Which part of the JSON says how it is, with points: `contact`, `data.state`; empty: the whole message."""
    alarm: Said | tuple[Said, ...] = True
    """What stands there in alarm; Zigbee's `contact` is true while it is closed, so its alarm is false."""
    normal: Said | tuple[Said, ...] | None = None
    """What stands there while nothing happens; by default all else."""
    match: dict[str, Said] = msgspec.field(default_factory=dict)
    """Only messages in which these stand are its own: `{ id = 12345 }`."""

    def __post_init__(self) -> None:
        alarm, normal = _several(self.alarm), () if self.normal is None else _several(self.normal)
        if both := [each for each in alarm if each in normal]:
            raise ValueError(f"alarm and normal: {both[0]!r} is both")

    clear_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """It never says that it is over: so long behind the last alarm it is. 0: it says it."""


class MqttWire(Message, frozen=True, kw_only=True, tag_field="kind", tag="mqtt"):
    """A sensor of Zigbee2MQTT, of rtl_433, of anything on a broker beside the box."""

    topic: _Word
    """Of its messages: `zigbee2mqtt/front door`; `+` and `#` as MQTT has them."""
    availability: str = ""
    """Topic that says `online` or `offline`; by default that of `topic` with `/availability`."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        said = [f"{key} {value}" for key, value in self.match.items()]
        words = [] if isinstance(self.alarm, bool) else [str(each) for each in _several(self.alarm)]
        return " ".join((f"topic {self.topic}", *said, *([self.field] if self.field else []), *words))


class HttpWire(Message, frozen=True, kw_only=True, tag_field="kind", tag="http"):
    """A sensor that posts to `/inputs/PATH` of this box."""

    path: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
    """Behind `/inputs/`."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"/inputs/{self.path}" + (f" {self.field}" if self.field else "")


class CameraWire(Section, frozen=True, tag_field="kind", tag="camera"):
    """An alarm input of a camera or a recorder: the door contact beside it hangs on it."""

    device: _Name
    """Of `[[inputs.cameras]]`."""
    input: _Word = "1"
    """ONVIF: its token, as the camera's page has it; Hikvision and Dahua: its number, from 1."""
    alarm: bool = True
    """The state that is an alarm; where the camera calls an open contact false, `alarm = false`."""
    clear_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """So long behind the last word of an alarm it is over, where the camera never says so; Hikvision: 10."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"{self.device} input {self.input}"


Wire = GpioWire | LoopWire | ModbusWire | MqttWire | HttpWire | CameraWire


class SensorSettings(SensorPlan, frozen=True, kw_only=True):
    """A sensor of the box's own, with its wire."""

    wire: Wire
    """`{ kind = "gpio", line = 17 }`: where it is read."""


class GpioOutput(Section, frozen=True, tag_field="kind", tag="gpio"):
    """A relay or a transistor on a line of a GPIO chip."""

    line: Annotated[int, Meta(ge=0, le=1023)]
    """As for a sensor."""
    chip: str = "/dev/gpiochip0"
    """As for a sensor."""
    active: Literal["high", "low"] = "high"
    """The level that switches it on."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"{self.chip} line {self.line}"


class ModbusOutput(Section, frozen=True, tag_field="kind", tag="modbus"):
    """A coil of a Modbus module."""

    bus: _Name
    """Of `[[inputs.buses]]`."""
    unit: Annotated[int, Meta(ge=1, le=247)]
    """The module's address."""
    coil: Annotated[int, Meta(ge=0, le=65535)]
    """From 0."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"{self.bus} unit {self.unit} coil {self.coil}"


class MqttOutput(Section, frozen=True, tag_field="kind", tag="mqtt"):
    """A siren or a plug that hears a broker beside the box."""

    topic: _Word
    """`zigbee2mqtt/siren/set`"""
    on: _Word
    """The message that switches it on: `{"state": "ON"}`."""
    off: _Word
    """The message that switches it off."""

    @property
    def terminal(self) -> str:
        """As messages name it."""
        return f"topic {self.topic}"


class OutputSettings(OutputPlan, frozen=True, kw_only=True):
    """A siren, a light, a relay, with its wire."""

    wire: GpioOutput | ModbusOutput | MqttOutput
    """Where it is switched."""


class KeypadSettings(Section, frozen=True):
    """A keypad that Zigbee2MQTT speaks for. Its cover, its battery and its buttons for help are sensors of the box."""

    name: SensorName
    """Unique among sensors; its buttons are the sensors NAME/panic and NAME/fire."""
    topic: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f+#]+\Z")]
    """Of its messages: `zigbee2mqtt/front keypad`; it is answered on that with `/set`."""
    partition: str = ""
    """That it arms and disarms; where the box has one only, that."""
    code_to_arm: bool = False
    """Arming asks for a code, too; disarming always does."""
    check_in_s: Annotated[int, Meta(ge=0, le=604_800)] = 0
    """It is missing when nothing was heard of it for so long; 0: it may say nothing for ever."""

    @property
    def plans(self) -> tuple[SensorPlan, ...]:
        """What is known of the keypad itself: cover, battery and life; buttons for help; whether codes are tried."""
        of_it = partial(SensorPlan, partition=self.partition, settle_ms=0)
        return (
            of_it(name=self.name, type=SensorType.TAMPER, what="keypad", check_in_s=self.check_in_s),
            of_it(name=f"{self.name}/panic", type=SensorType.PANIC),
            of_it(name=f"{self.name}/fire", type=SensorType.FIRE),
            # What is the matter with codes hinders no arming, as with a key switch.
            of_it(name=f"{self.name}/codes", type=SensorType.KEY_SWITCH, what="codes"),
        )


class AdcSettings(Section, frozen=True):
    """A converter that the kernel knows (Industrial I/O): a MCP3008, an ADS1115 … by its device-tree overlay."""

    name: _Name
    """As `wire.adc` names it."""
    chip: _Word
    """Its name as the kernel has it: `cat /sys/bus/iio/devices/iio:device*/name`; or the device's folder."""
    full: Annotated[int, Meta(ge=1, le=2**24)] = 1023
    """What it reads at the voltage that the loops are pulled up to."""
    pull_up_ohm: Annotated[float, Meta(ge=100, le=1_000_000)] = 4700.0
    """From that voltage to each loop."""


class RtuBus(Section, frozen=True, tag_field="kind", tag="rtu"):
    """Modbus over a serial line (RS-485)."""

    name: _Name
    """As wires name it."""
    port: _Word
    """`/dev/ttyUSB0`; below `/dev/serial/by-id` it keeps its name."""
    baud: Annotated[int, Meta(ge=300, le=1_000_000)] = 9600
    """Bits a second."""
    parity: Literal["N", "E", "O"] = "N"
    """As the modules have it."""
    stop_bits: Literal[1, 2] = 1
    """Likewise."""
    poll_ms: Annotated[int, Meta(ge=20, le=60_000)] = 100
    """Pause from one reading of all to the next."""
    timeout_ms: Annotated[int, Meta(ge=20, le=10_000)] = 300
    """For an answer."""

    @property
    def where(self) -> str:
        """As messages name it."""
        return f"{self.name} ({self.port})"


class TcpBus(Section, frozen=True, tag_field="kind", tag="tcp"):
    """Modbus over TCP: a module, or a gateway with a serial line behind it."""

    name: _Name
    """As wires name it."""
    host: _Word
    """Its address."""
    port: Port = 502
    """TCP port."""
    poll_ms: Annotated[int, Meta(ge=20, le=60_000)] = 100
    """As for a serial line."""
    timeout_ms: Annotated[int, Meta(ge=20, le=10_000)] = 500
    """For an answer."""

    @property
    def where(self) -> str:
        """As messages name it."""
        return f"{self.name} ({self.host}:{self.port})"


class LocalBroker(Section, frozen=True):
    """The broker beside the box that Zigbee2MQTT and others speak to."""

    host: str = "127.0.0.1"
    """Name or address."""
    port: Port = 1883
    """TCP port."""
    username: str = ""
    """Where the broker asks for one."""
    password_file: Path | None = None
    """Has the password in its first line."""


class CameraInputs(Section, frozen=True):
    """A camera or a recorder whose own alarm inputs are listened to."""

    name: _Name
    """As `wire.device` names it."""
    kind: Literal["onvif", "hikvision", "dahua"]
    """What it speaks: ONVIF's events, or its maker's own stream of them."""
    host: _Word
    """Its address."""
    port: Port = 80
    """TCP port."""
    username: str = ""
    """An account of the camera that may read events."""
    password_file: Path | None = None
    """Has its password in its first line."""
    tls: bool = False
    """By HTTPS; its certificate is not proven, for cameras sign their own."""

    @property
    def where(self) -> str:
        """As messages name it."""
        return f"{self.name} ({self.host}:{self.port})"


class InputsDoor(Section, frozen=True):
    """Where sensors of kind `http` post."""

    token_file: Path
    """Has a token in its first line: posts without `Authorization: Bearer TOKEN` are refused."""
    host: str = "0.0.0.0"  # noqa: S104 - sensors are elsewhere
    """Our address; all of this machine's where nothing is said."""
    port: Port = 8430
    """TCP port; plain HTTP, so what is posted can be read and repeated on the way."""


class InputsSettings(Section, frozen=True):
    """What sensors are wired to."""

    gpio: Literal["gpiod", "gpiozero"] = "gpiod"
    """Which library reads GPIO; gpiozero is for boards and pins that gpiod cannot reach, and reads no faster."""
    adcs: Annotated[tuple[AdcSettings, ...], Meta(max_length=16)] = ()
    """`[[inputs.adcs]]`"""
    buses: Annotated[tuple[RtuBus | TcpBus, ...], Meta(max_length=16)] = ()
    """`[[inputs.buses]]`"""
    cameras: Annotated[tuple[CameraInputs, ...], Meta(max_length=64)] = ()
    """`[[inputs.cameras]]`"""
    mqtt: LocalBroker = LocalBroker()
    """`[inputs.mqtt]`"""
    codes_file: Path = Path("codes.json")
    """Has the codes of keypads, hashed, below data_dir, which is the agent's; `hawkline keypad add` writes it."""
    http: InputsDoor | None = None
    """`[inputs.http]`"""

    def __post_init__(self) -> None:
        names = [each.name for each in (*self.adcs, *self.buses, *self.cameras)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"adcs, buses and cameras: two are called {twice!r}")
        places = [(each.port,) if isinstance(each, RtuBus) else (each.host, each.port) for each in self.buses]
        if len(set(places)) < len(places):
            raise ValueError("buses: two are at the same port; sensors of one bus name the same bus")
