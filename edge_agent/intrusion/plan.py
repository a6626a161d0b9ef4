"""What a box's sensors, partitions and outputs are: the part of its file that the pure machine knows."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from shared.schedule import Span, parse_span
from shared.settings import Section
from shared.time_zones import check_zone

SensorName = Annotated[str, Meta(min_length=1, max_length=48, pattern=r"^[^\x00-\x1f\x7f/]+\Z")]
"""As people call it, in any language; a slash is of panels' sensors."""
Seconds = Annotated[float, Meta(ge=0, le=3600)]


class Mode(StrEnum):
    """How a partition is armed."""

    HOME = "home"
    AWAY = "away"
    NIGHT = "night"


class SensorType(StrEnum):
    """When a sensor's alarm rings: the zone types of the trade."""

    INSTANT = "instant"
    """Armed, at once."""
    ENTRY_EXIT = "entry_exit"
    """Armed, once the entry delay is over: the door that people come and go by."""
    FOLLOWER = "follower"
    """Armed, at once, but not while people come in or leave by the way that it watches."""
    ALWAYS = "always"
    """By day and by night, armed or not."""
    PANIC = "panic"
    """Likewise, with all that sounds."""
    SILENT_PANIC = "silent_panic"
    """Likewise, and nothing sounds."""
    FIRE = "fire"
    """Likewise, and stays until it is reset."""
    TAMPER = "tamper"
    """Likewise: a contact of a cover or a cabinet."""
    KEY_SWITCH = "key_switch"
    """It arms and disarms."""


ARMED = frozenset({SensorType.INSTANT, SensorType.ENTRY_EXIT, SensorType.FOLLOWER})
"""Types that ring only while their partition is armed."""
_URGENT = frozenset({SensorType.PANIC, SensorType.SILENT_PANIC, SensorType.FIRE})
_WHAT = {
    SensorType.PANIC: "panic",
    SensorType.SILENT_PANIC: "panic",
    SensorType.FIRE: "fire",
    SensorType.TAMPER: "tamper",
    SensorType.KEY_SWITCH: "key_switch",
}
_SAID = {
    SensorType.PANIC: ("panic", "duress"),
    SensorType.SILENT_PANIC: ("panic", "duress"),
    SensorType.FIRE: ("fire", "smoke"),
}
"""The centre rings these by their own names, however late: what they are called is not free."""


class SensorPlan(Section, frozen=True):
    """A sensor of the box's own: one zone (防区) of an alarm panel."""

    name: SensorName
    """Unique on the box; what operators read."""
    type: SensorType = SensorType.INSTANT
    """When its alarm rings, or `key_switch`."""
    what: Annotated[str, Meta(pattern=r"^([a-z][a-z_]{1,31})?\Z")] = ""
    """What it is: `door`, `window`, `infrared`, `glass`, `beam`, `button`, `smoke` …; by default what its type says."""
    partition: str = ""
    """With which it is armed; where the box has one only, that."""
    modes: tuple[Mode, ...] = ()
    """In which it is armed; by default in all, a follower in `away` only."""
    priority: Annotated[int, Meta(ge=0, le=4)] = 0
    """Of its alarms, 1 to 4; by default 2, of panic and fire 1."""
    settle_ms: Annotated[int, Meta(ge=0, le=60_000)] = 50
    """What does not last so long did not happen: contacts bounce."""
    entry_s: Seconds | None = None
    """`entry_exit` only: its own entry delay in place of its partition's."""
    latching: bool | None = None
    """It stays in alarm until it is reset; by default panic and fire do."""
    chime: bool = False
    """Outputs with `chime` sound when it opens while its partition is not armed."""
    check_in_s: Annotated[int, Meta(ge=0, le=604_800)] = 0
    """It is missing when nothing was heard of it for so long; 0: it may say nothing for ever."""
    momentary: bool = False
    """`key_switch` only: each turn arms or disarms by turns; otherwise its normal position disarms, the other arms."""

    def __post_init__(self) -> None:
        if self.entry_s is not None and self.type is not SensorType.ENTRY_EXIT:
            raise ValueError(f"entry_s of {self.name!r}: only a sensor of type entry_exit has one")
        allowed = _SAID.get(self.type)
        if self.what and allowed and self.what not in allowed:
            words = " or ".join(allowed)
            raise ValueError(f"what of {self.name!r}: {self.what!r}, expected {words}: its alert is called by it")
        if self.momentary and self.type is not SensorType.KEY_SWITCH:
            raise ValueError(f"momentary of {self.name!r}: only a sensor of type key_switch is")

    @property
    def is_what(self) -> str:
        """`what`, or its default."""
        return self.what or _WHAT.get(self.type, "zone")

    @property
    def rings_at(self) -> int:
        """`priority`, or its default."""
        return self.priority or (1 if self.type in _URGENT else 2)

    @property
    def latches(self) -> bool:
        """`latching`, or its default."""
        return self.type in _URGENT if self.latching is None else self.latching

    def is_armed_in(self, mode: Mode) -> bool:
        """Whether its alarm rings while its partition is armed so."""
        if self.type not in ARMED:
            return False
        default = (Mode.AWAY,) if self.type is SensorType.FOLLOWER else tuple(Mode)
        return mode in (self.modes or default)


class PartitionPlan(Section, frozen=True):
    """Sensors and lines that are armed together (分区)."""

    name: SensorName
    """Unique on the box."""
    exit_s: Seconds = 45.0
    """From arming until it is armed: people leave."""
    entry_s: Seconds = 30.0
    """From the first door until it rings: people come and disarm it."""
    alarm_s: Seconds = 180.0
    """So long it stays triggered behind its last alarm, and is armed again."""
    mode: Mode = Mode.AWAY
    """How its schedule and a key switch arm it."""
    armed: tuple[str, ...] = ()
    """When it is armed by itself: `["mon-fri 20:00-06:00"]`; at the end it is disarmed, unless a person armed it."""
    timezone: str = "Asia/Shanghai"
    """Of `armed`."""
    lines: tuple[str, ...] = ()
    """Lines and zones of cameras that are armed while it is: `["gate/fence"]`, in place of their own schedule."""

    def __post_init__(self) -> None:
        for text in self.armed:
            try:
                parse_span(text)
            except ValueError as error:
                raise ValueError(f"armed of {self.name!r}: {error}") from None
        check_zone(self.timezone)

    @property
    def spans(self) -> list[Span]:
        """`armed`, read."""
        return [parse_span(text) for text in self.armed]


class Cause(StrEnum):
    """Why an output is on."""

    ALARM = "alarm"
    FIRE = "fire"
    TAMPER = "tamper"
    ENTRY = "entry"
    """The entry delay runs."""
    EXIT = "exit"
    """The exit delay runs."""
    CHIME = "chime"
    ARMED = "armed"


class OutputPlan(Section, frozen=True):
    """A siren, a light, a relay."""

    name: SensorName
    """Unique on the box."""
    on: Annotated[tuple[Cause, ...], Meta(min_length=1)]
    """When: any of `alarm`, `fire`, `tamper`, `entry`, `exit`, `chime`, `armed`."""
    partitions: tuple[str, ...] = ()
    """Of which; by default all."""
    seconds: Annotated[float, Meta(ge=1, le=1800)] = 180.0
    """So long at most, however long the cause lasts; but `armed` as long as it is."""
