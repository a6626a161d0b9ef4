"""What boxes report. Positional MessagePack: the order of fields is the wire, so fields are only ever appended.

Every event knows when it happened on the box (`at_ms`, Unix milliseconds). Cameras and lines travel as numbers of the
box's applied configuration `revision`; the `ConfigApplied` event of that revision carries their names.
"""

from collections.abc import Sequence as Many
from enum import IntEnum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import Meta

from shared.desired import SectionState
from shared.errors import HawklineError
from shared.objects import ObjectClass


class Lane(IntEnum):
    """The two roads of an event. Alarms never wait behind bulk."""

    ALARM = 0
    BULK = 1

    @property
    def label(self) -> str:
        return self.name.lower()


class Direction(IntEnum):
    """Which way a line was crossed, as met when walking from its first point to its second."""

    LEFT_TO_RIGHT = 1
    RIGHT_TO_LEFT = 2

    @property
    def label(self) -> str:
        return self.name.lower()


class CameraState(IntEnum):
    """What a box knows of a camera. Anything but WATCHING means: cannot confirm that nothing happens.

    DEGRADED: pictures come and are analysed, but so many are damaged, lost or late that something may be
    missed. BLIND: they come and show nothing: the camera is covered, dark, out of focus or frozen.
    IMPAIRED: they show less than they should, or another view.
    """

    STARTING = 0
    WATCHING = 1
    STALLED = 2
    UNREACHABLE = 3
    ENDED = 4
    CRASHED = 5
    DEGRADED = 6
    BLIND = 7
    IMPAIRED = 8

    @property
    def label(self) -> str:
        return self.name.lower()


class LossReason(IntEnum):
    """Why a range of numbers holds no event."""

    RESTART = 1
    EVICTED = 2
    QUARANTINED = 3
    NEVER_CAME = 4

    @property
    def label(self) -> str:
        return self.name.lower()


class WatchRule(IntEnum):
    """What is watched for. The numbers are the AlarmType of GB/T 28181 for video alarms (AlarmMethod 5)."""

    TRIPWIRE = 5
    INTRUSION = 6
    WRONG_WAY = 7
    LOITERING = 8

    @property
    def label(self) -> str:
        return self.name.lower()


class LineRule(IntEnum):
    """What a numbered line of a configuration is: one of `WatchRule`, or a lane of a checkpoint, which is no alarm."""

    TRIPWIRE = 5
    INTRUSION = 6
    WRONG_WAY = 7
    LOITERING = 8
    LANE = 100


class VehicleClass(IntEnum):
    """What kind of vehicle it was: of a passage, as far as its plate says it.

    CAR: a car or a van. LARGE: a lorry or a bus.
    """

    UNKNOWN = 0
    CAR = 1
    VAN = 2
    LORRY = 3
    BUS = 4
    MOTORCYCLE = 5
    TRACTOR = 6
    LARGE = 7

    @property
    def label(self) -> str:
        return self.name.lower()


class PlateColour(IntEnum):
    """The ground of a plate, as far as a passage tells it; UNKNOWN where none was seen.

    Kinds of plates that are rare would name their vehicle: all of them are OTHER, and never leave the box.
    """

    UNKNOWN = 0
    BLUE = 1
    GREEN = 2
    YELLOW = 3
    OTHER = 4

    @property
    def label(self) -> str:
        return self.name.lower()


class SightFault(IntEnum):
    """Why a camera's picture cannot be judged by, though pictures come.

    PLAIN: there is nothing in it that would show whether it is covered or moved. COLOUR: it is gone, or another one.
    FAINT: its edges are in their places and hardly to be seen, as in fog. INFRARED: the camera sees by infrared at an
    hour when it always had colour.
    """

    FROZEN = 1
    DARK = 2
    GLARING = 3
    COVERED = 4
    MOVED = 5
    BLURRED = 6
    DIRTY = 7
    COLOUR = 8
    NOISE = 9
    STRIPES = 10
    PLAIN = 11
    INFRARED = 12
    FAINT = 13

    @property
    def label(self) -> str:
        return self.name.lower()


class SensorState(IntEnum):
    """What a box knows of an alarm sensor. Only NORMAL confirms that nothing happens."""

    NORMAL = 1
    ALARM = 2
    TAMPER = 3
    FAULT = 4
    SILENT = 5
    BYPASSED = 6
    """It is left out for a while, because a person said so."""
    GONE = 7
    """It is not in its box's file any more."""

    @property
    def label(self) -> str:
        return self.name.lower()


class PartitionState(IntEnum):
    """Whether a box's sensors that are armed together are.

    ARMING: people still leave. PENDING: somebody entered. GONE: it is not in the box's file any more.
    """

    DISARMED = 1
    ARMING = 2
    ARMED_HOME = 3
    ARMED_AWAY = 4
    ARMED_NIGHT = 5
    PENDING = 6
    TRIGGERED = 7
    GONE = 8

    @property
    def label(self) -> str:
        return self.name.lower()


Unit = Annotated[float, Meta(ge=0, le=1)]
"""A coordinate as a part of the picture's width or height."""
Number = Annotated[int, Meta(ge=0, lt=2**31)]
"""Of a camera, a line, a configuration, a run, a track: small by nature, and a database integer."""
MOST_CAMERAS: Final = 64
CameraNumber = Annotated[int, Meta(ge=0, lt=MOST_CAMERAS)]
Percent = Annotated[int, Meta(ge=0, le=100)]
MOST_LINES: Final = 512
"""Lines and zones of all cameras of a box together."""
TESTED: Final = "tested"
"""An output's detail begins so when it was sounded to hear whether it does."""
AS_BEFORE: Final = "as before the restart"
"""A sensor's detail ends so when it was told of already."""
LONGEST_NAME: Final = 64
LONGEST_DETAIL: Final = 200
Name = Annotated[str, Meta(max_length=LONGEST_NAME)]
"""Of a camera, a line, a zone, a sensor. Every text and every list of an event is bounded: a box may be another's."""
Detail = Annotated[str, Meta(max_length=LONGEST_DETAIL)]
"""Why something is so, in words for people."""
Duration = Annotated[int, Meta(ge=0, lt=2**53)]
"""Milliseconds."""
Sequence = Annotated[int, Meta(ge=1, lt=2**62)]
Epoch = Annotated[int, Meta(ge=0, lt=2**32)]
Session = Annotated[int, Meta(ge=0, lt=2**53)]


class EventBase(msgspec.Struct, frozen=True, array_like=True):
    """Base of all events: tagged by a small number in first place. The first field is `at_ms`."""

    most_bytes: ClassVar[int] = 2048
    """Of one on the wire, fields of later versions included, which this one does not know and keeps."""


class LineCrossed(EventBase, frozen=True, array_like=True, tag=1):
    """A track met a tripwire and went on to its other side.

    `priority` 0 means that the line was not armed: counted, no alert. `confirm_ms` after `at_ms` the frame was taken
    that confirmed the crossing. `(run, track)` names a track within the box; it carries no identity. `object` is what
    looks told it apart as, `score` how sure that is in parts of a hundred.
    """

    at_ms: int
    revision: Number
    line: Number
    direction: Direction
    run: Number
    track: Number
    priority: Annotated[int, Meta(ge=0, le=4)]
    confirm_ms: int
    object: ObjectClass = ObjectClass.UNKNOWN
    score: Percent = 0


class CameraChanged(EventBase, frozen=True, array_like=True, tag=2):
    """A camera began or ceased to be watched."""

    at_ms: int
    revision: Number
    camera: CameraNumber
    state: CameraState
    detail: Detail


class LineSpec(EventBase, frozen=True, array_like=True):
    """A line or a zone as configured: its number is its place in `ConfigApplied.lines`, counted from 0."""

    camera: CameraNumber
    name: Name
    points: Annotated[tuple[tuple[Unit, Unit], ...], Meta(max_length=32)]
    direction: Annotated[str, Meta(max_length=16)]
    priority: Annotated[int, Meta(ge=0, le=4)]
    rule: LineRule = LineRule.TRIPWIRE


class ConfigApplied(EventBase, frozen=True, array_like=True, tag=3):
    """The box works with this configuration from here on."""

    most_bytes: ClassVar[int] = 64 * 1024
    at_ms: int
    revision: Number
    cameras: Annotated[tuple[Name, ...], Meta(max_length=MOST_CAMERAS)]
    lines: Annotated[tuple[LineSpec, ...], Meta(max_length=MOST_LINES)]


class EvidenceReady(EventBase, frozen=True, array_like=True, tag=4):
    """A picture of the event `seq` in `lane` lies in the box's ring and will follow by its own way."""

    at_ms: int
    lane: Lane
    seq: Sequence
    sha256: Annotated[bytes, Meta(min_length=32, max_length=32)]
    size: Annotated[int, Meta(ge=1, lt=2**31)]


class ZoneAlarm(EventBase, frozen=True, array_like=True, tag=6):
    """A track did in a zone what the zone's rule names: `lasted_ms` before `at_ms` it began.

    `line` is the zone's number, `priority` 0 means that the zone was not armed: counted, no alert. `object` and `score`
    as for `LineCrossed`.
    """

    at_ms: int
    revision: Number
    line: Number
    rule: WatchRule
    run: Number
    track: Number
    priority: Annotated[int, Meta(ge=0, le=4)]
    lasted_ms: Duration
    object: ObjectClass = ObjectClass.UNKNOWN
    score: Percent = 0


class ListHit(EventBase, frozen=True, array_like=True, tag=7):
    """A plate that an approved list names has passed. The plate stays on the box: `entry` is the list's number for it.

    `line` says where, as for `LineCrossed`; `list_version` of `list_number` is the list that was in force; `likeness`
    is the calibrated probability of the reading in parts of a thousand.
    """

    at_ms: int
    revision: Number
    line: Number
    direction: Direction
    run: Number
    track: Number
    priority: Annotated[int, Meta(ge=0, le=4)]
    confirm_ms: int
    list_number: Number
    list_version: Number
    entry: Number
    likeness: Annotated[int, Meta(ge=0, le=1000)]


class RangeLost(EventBase, frozen=True, array_like=True, tag=5):
    """The numbers `first` to `last` of `lane` hold no event, and the box says why."""

    at_ms: int
    lane: Lane
    first: Sequence
    last: Sequence
    reason: LossReason


class VehiclePassed(EventBase, frozen=True, array_like=True, tag=8):
    """A vehicle has passed a lane, and no list names its plate: where, when and what kind is all that is kept of it.

    `line` is the lane's number, as for `LineCrossed`. `read` says whether its plate could be read. `plate_class` was
    its 号牌种类 up to 0.4 and is 0 since: a rare one would name the vehicle.
    """

    at_ms: int
    revision: Number
    line: Number
    direction: Direction
    run: Number
    track: Number
    vehicle: VehicleClass
    plate_class: Annotated[int, Meta(ge=0, le=99)] = 0
    colour: PlateColour = PlateColour.UNKNOWN
    read: bool = False


class SensorChanged(EventBase, frozen=True, array_like=True, tag=9):
    """An alarm sensor's state. Told when it changes, and of every sensor when a box starts; always as an alarm.

    It brings its own name and what it is (`infrared`, `door`, `button` …): sensors come and go without a configuration.
    Priority 0 of an alarm: it was not armed. `battery_low` is true until the box hears otherwise.
    """

    at_ms: int
    sensor: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    what: Annotated[str, Meta(max_length=32)]
    state: SensorState
    priority: Annotated[int, Meta(ge=0, le=4)]
    detail: Detail = ""
    battery_low: bool = False


class PartitionChanged(EventBase, frozen=True, array_like=True, tag=11):
    """Whether sensors are armed that are armed together. Told when it changes or was tried, and when a box starts.

    `by` says who or what did it, `hinders` names sensors that keep it from being armed, or have to be closed until the
    exit delay is over. `not_armed`: it should be armed and is not; then `wanted` is how, a number of `PartitionState`.
    `order` is the number of the centre's order that was answered last, `deeds` how often something was done with it at
    the box: an order says how many of these the centre knew of. Always an alarm.
    """

    most_bytes: ClassVar[int] = 4096
    at_ms: int
    partition: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    state: PartitionState
    by: Annotated[str, Meta(max_length=LONGEST_NAME)]
    hinders: Annotated[tuple[Name, ...], Meta(max_length=16)]
    detail: Detail = ""
    not_armed: bool = False
    order: Duration = 0
    deeds: Number = 0
    wanted: Annotated[int, Meta(ge=0, le=255)] = 0


class SightChanged(EventBase, frozen=True, array_like=True, tag=10):
    """What is the matter with a camera's picture, from now on or no more. Always an alarm.

    `figure` says by how much, in parts of a thousand of what the fault is measured by. What is `expected`, because the
    camera's configuration says that it is so, rings nobody.
    """

    at_ms: int
    revision: Number
    camera: CameraNumber
    fault: SightFault
    active: bool
    figure: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    expected: bool = False
    detail: Detail = ""


Event = (
    LineCrossed
    | CameraChanged
    | ConfigApplied
    | EvidenceReady
    | RangeLost
    | ZoneAlarm
    | ListHit
    | VehiclePassed
    | SensorChanged
    | SightChanged
    | PartitionChanged
)

_OURS: Final[dict[str, type[EventBase]]] = {
    "line_crossed": LineCrossed,
    "camera_changed": CameraChanged,
    "config_applied": ConfigApplied,
    "evidence_ready": EvidenceReady,
    "range_lost": RangeLost,
    "zone_alarm": ZoneAlarm,
    "list_hit": ListHit,
    "vehicle_passed": VehiclePassed,
    "sensor_changed": SensorChanged,
    "sight_changed": SightChanged,
    "partition_changed": PartitionChanged,
}
BROUGHT = "hawkline.kinds"
"""Entry points of kinds from outside the product: name of the kind, and its class."""
OUTSIDE = 200
"""Their numbers begin here."""


class KindError(HawklineError):
    """Two kinds of events have the same name or number, or one is no kind."""


def number_of(kind: type[Any]) -> int:
    """The number of a kind on the wire."""
    return int(str(kind.__struct_config__.tag))


def all_kinds(brought: "Many[tuple[str, type[Any], str]]") -> "dict[type[Any], str]":
    """Our kinds and others, by name.

    Args:
        brought: of each its name, its class, and who brings it.

    Raises:
        KindError: a name or a number is there twice, or a class does not travel as ours do.
    """
    named, names, numbers = dict[type[Any], str](), dict[str, str](), dict[int, str]()
    for name, kind, who in [*((name, kind, "hawkline") for name, kind in _OURS.items()), *brought]:
        if name in names:
            raise KindError(f"kind {name!r} of events is there twice: of {names[name]} and of {who}")
        config = getattr(kind, "__struct_config__", None)
        if not config or not isinstance(config.tag, int) or kind.__struct_fields__[:1] != ("at_ms",):
            raise KindError(
                f"kind {name!r} of {who}: expected a subclass of EventBase with a number as tag and at_ms in front"
            )
        if other := numbers.get(config.tag):
            raise KindError(f"kinds {other!r} and {name!r} of events have the same number, {config.tag}")
        if who != "hawkline" and config.tag < OUTSIDE:
            raise KindError(f"kind {name!r} of {who}: number {config.tag}: those from outside begin at {OUTSIDE}")
        named[kind], names[name], numbers[config.tag] = name, who, name
    return named


@cache
def kinds() -> "dict[type[Any], str]":
    """All kinds of events, each with its name; not before all is loaded, for those from outside need what is here.

    Raises:
        KindError: they contradict each other, or one cannot be loaded.
    """
    return all_kinds([(entry.name, brought(entry, KindError), whose(entry)) for entry in entry_points(group=BROUGHT)])


def brought(entry: "EntryPoint", error: type[HawklineError]) -> Any:
    """What an entry point names.

    Raises:
        HawklineError: of the given class: it cannot be loaded; the message says of whom it is.
    """
    try:
        return entry.load()
    except (ImportError, AttributeError) as cause:
        said = f"entry point {entry.name!r} ({entry.value}) of {whose(entry)} cannot be loaded: {cause}"
        raise error(said) from None


def whose(entry: "EntryPoint") -> str:
    """The distribution that an entry point is of."""
    return entry.dist.name if entry.dist else "unknown"


def kind_of(event: Event) -> str:
    """The name of an event's kind, for people and records."""
    return kinds()[type(event)]


HEALTH_EXPIRES = 1.5
"""Intervals after which a heartbeat says nothing any more."""


class CameraHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one camera does."""

    name: str
    state: str
    fps: float = 0.0
    dropped: int = 0
    frames: int = 0
    last_frame_ms: int = 0
    detail: str = ""
    damaged: int = 0
    """Pictures that could not be decoded, or only in part."""
    lost: int = 0
    """Pictures that never came, by the stream's own stamps."""
    sight: str = ""
    """What is the matter with its picture, by labels of `SightFault` and a comma; `clear`; empty while that is open."""


class LookHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a box's object detector does, which looks at pictures beside motion."""

    looking: bool = False
    why: str = ""
    """Why there are no looks, in words: motion goes on alone."""
    looks: int = 0
    """Made since its process began."""
    refused: int = 0
    """Asked for and not made: the budget was used up, or others were more urgent."""
    took_ms: float = 0.0
    """One look, of late."""


class ConfigurationHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which configuration of the centre's is in force on a box, and what became of it there."""

    number: int = 0
    """0: the box's own file."""
    content: str = ""
    """Of the files as they lie there (`shared.configuration.content_of`)."""
    changed: tuple[str, ...] = ()
    """Files that say something else than what was sent: somebody has changed them at the box."""
    tried: int = 0
    """The one that is being tried; 0: none."""


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """A box's heartbeat: unnumbered, the newest counts."""

    at_ms: int
    session: Session
    uptime_s: float
    epoch: Epoch = 0
    cameras: tuple[CameraHealth, ...] = ()
    waiting_alarm: int = 0
    waiting_bulk: int = 0
    pictures_waiting: int = 0
    disk_free_bytes: int = 0
    cpu_temperature_c: float | None = None
    load_1m: float = 0.0
    order: int = 0
    """Version of arming that a box of 0.1 obeys, which knows no sections."""
    outbox_damages: int = 0
    """Damaged outbox files that were put aside on the box."""
    outbox: str = ""
    """Why events are kept in memory only, in words; empty while they get on the card."""
    outbox_since_ms: int = 0
    """Since when it is so (Unix milliseconds); 0 while they get on the card."""
    disk_full: bool = False
    """The disk was found full: new events take the place of the oldest."""
    pictures_given_up: int = 0
    """Pictures since the box's start that neither its card nor its memory took; their events came all the same."""
    sections: tuple[SectionState, ...] = ()
    """Of each section of its desired state, what the box does."""
    looks: LookHealth | None = None
    """None where none were asked for."""
    throttled: str = ""
    """Why the box's processor is slower than it could be, in words; empty where it is not, or cannot be told."""
    card_wear: int = 0
    """How much of its life the box's flash memory has used, in percent, as it says itself; 0 where it does not."""
    configuration: ConfigurationHealth | None = None
    """None where the centre has never sent one."""


class BoxState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Birth (`alive`) and will (`not alive`) of a box's session; a smaller session of the same epoch is ignored."""

    session: Session
    alive: bool
    at_ms: int = 0
    version: str = ""
    health_interval_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0
    epoch: Epoch = 0


class AggregatorState(msgspec.Struct, frozen=True):
    """Retained marker of the aggregator: boxes send while it is alive."""

    session: str
    alive: bool
