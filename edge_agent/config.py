"""The agent's configuration: one TOML file, every key typed and documented here and in docs/configuration.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta

from edge_agent.address import camera_address
from edge_agent.intrusion.plan import Mode, PartitionPlan
from edge_agent.wiring.faults import check, in_partitions, keypads_in_partitions
from edge_agent.wiring.settings import InputsSettings, KeypadSettings, OutputSettings, SensorSettings
from shared.credentials import http_address, is_stream
from shared.envelope import MAX_BATCH_BYTES, encode_event
from shared.errors import ConfigError
from shared.events import MOST_LINES, ConfigApplied, LineRule, LineSpec
from shared.ids import WHOLE_NAME
from shared.net import require_loopback
from shared.objects import ModelLayout, ObjectName
from shared.scene import Lane, Scene, Tripwire, load_scene
from shared.schedule import parse_span
from shared.settings import Port, Section, load_toml

Name = Annotated[str, Meta(pattern=WHOLE_NAME)]
_MOST_REPORTED_BYTES = MAX_BATCH_BYTES - 1024
"""A box says what it watches in one event, and an event goes in one message."""


class FileCamera(Section, frozen=True, tag_field="kind", tag="file"):
    """A video file in place of a camera."""

    path: Path
    """The file; relative paths start at the configuration file."""
    realtime: bool = True
    """Play at the pace it was filmed, as a camera would."""


class RtspCamera(Section, frozen=True, tag_field="kind", tag="rtsp"):
    """A network camera."""

    url: str
    """The stream that is analysed, best the camera's small one: `rtsp://user:password@host:554/path`."""
    picture_url: str = ""
    """The camera's large stream, for evidence; empty takes pictures from the analysed one."""
    transport: Literal["tcp", "udp"] = "tcp"
    """How RTP travels. TCP loses nothing on the way."""

    def __post_init__(self) -> None:
        for key, url in (("url", self.url), ("picture_url", self.picture_url)):
            if url or key == "url":
                try:
                    coded = camera_address(url).url
                except ValueError as error:
                    raise ValueError(f"{key}: {error}") from None
                msgspec.structs.force_setattr(self, key, coded)


class SyntheticCamera(Section, frozen=True, tag_field="kind", tag="synthetic"):
    """A generated scene, for trials and demonstrations."""

    scene: Literal["gate", "fence"]
    """Vehicles at a gate or walkers at a fence."""
    seed: int = 1
    """The same seed gives the same scene."""
    fps: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """Frames per second."""
    trouble: Path | None = None
    """While this file is there the camera has what it names: `covered`, `moved`, `blurred`, `frozen` or `dark`."""


class DetectorSettings(Section, frozen=True):
    """An object detector in place of motion, where the hardware allows."""

    model: Path
    """ONNX file; relative paths start at the configuration file."""
    layout: ModelLayout = "end_to_end"
    """How it is read: `nanodet`, `yolox`, `detr` or `end_to_end` (docs/configuration.md)."""
    classes: tuple[int, ...] = ()
    """Numbers of the classes that count; empty counts all."""
    min_score: Annotated[float, Meta(ge=0, le=1)] = 0.4
    """What is less sure does not count."""
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """ONNX Runtime execution providers, best first; one that is not there is an error."""


_MOST_DIGITS = 4


class LookSettings(Section, frozen=True):
    """Looks of an object detector at pictures or parts of them, beside motion: it counts what motion takes for one."""

    per_second: Annotated[float, Meta(ge=0, le=30)] = 0.0
    """Looks a second of the whole box, shared among its cameras; 0 is none. Each keeps a core busy for 50 to 300 ms.

    Fewer than one for each camera is none: nothing was measured with so few."""
    model: Path | None = None
    """ONNX file of an object detector of your own, in place of the one that `hawkline model build` makes."""
    layout: ModelLayout = "nanodet"
    """How it is read: `nanodet`, `yolox`, `detr` or `end_to_end` (docs/configuration.md)."""
    classes: dict[str, ObjectName] = msgspec.field(default_factory=dict)
    """What its classes are, such as `{ 0 = "person", 1 = "car" }`; without it they are COCO's eighty."""
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """ONNX Runtime execution providers, best first; where one is missing, motion goes on alone."""

    def __post_init__(self) -> None:
        for number in self.classes:
            if not number.isdecimal() or len(number) > _MOST_DIGITS:
                raise ValueError(f"classes: {number!r} is no number of a class, expected 0, 1, 2 …")
        if self.model is None and (self.classes or self.layout != "nanodet"):
            raise ValueError("classes and layout are of a model of your own: model is missing")


class SightSettings(Section, frozen=True):
    """What is normal in a camera's picture and would be a fault in another's; what is then unwatched is said."""

    dark: tuple[str, ...] = ()
    """When a black picture is normal, in the scene's time zone: `["daily 20:00-06:00"]`."""
    plain: bool = False
    """There is nothing in the picture that would show whether it is covered or moved: a white wall, a screen."""
    away_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    """For so long a camera that can be steered may look elsewhere than at its place before that is told."""

    def __post_init__(self) -> None:
        for text in self.dark:
            try:
                parse_span(text)
            except ValueError as error:
                raise ValueError(f"dark: {error}") from None


class CheckpointSettings(Section, frozen=True):
    """Plates of what drives by are read, compared with the lists that are in force, and forgotten."""

    lanes: Annotated[list[Lane], Meta(min_length=1, max_length=8)]
    """`[[cameras.checkpoint.lanes]]`: `name`, `line`, `direction`."""
    looks_per_second: Annotated[float, Meta(ge=2, le=30)] = 12.0
    """How often plates are looked for while something drives. Each keeps a core busy for 15 to 120 ms."""


class CameraSettings(Section, frozen=True):
    """One camera: where its frames come from and what is watched in them."""

    name: Name
    """Unique on the box."""
    scene: Path
    """Scene file with the tripwires; relative paths start at the configuration file."""
    source: FileCamera | RtspCamera | SyntheticCamera
    """Where frames come from."""
    detector: DetectorSettings | None = None
    """Finds objects; without it, motion does."""
    sight: SightSettings = SightSettings()
    """What is normal in its picture."""
    checkpoint: CheckpointSettings | None = None
    """Reads plates; without it, the camera reads none."""


def _server(url: str, expected: str, schemes: tuple[str, ...] = ("http", "https")) -> SplitResult:
    """An aggregator's address taken apart; user and password have no place in it, for it is told in messages."""
    try:
        parts = http_address(url, expected, schemes)
    except ValueError as error:
        raise ValueError(f"url: {error}") from None
    if parts.username is not None:
        raise ValueError(f"url: user and password stand in it, leave them out; expected {expected}")
    return parts


class BrokerSettings(Section, frozen=True):
    """The MQTT broker."""

    host: str = ""
    """Name or address. Empty: this machine, or with `[trust]` the host of its url. In plain text only loopback."""
    port: Port | None = None
    """TCP port; 1883, with `[trust]` 8883."""


class TrustSettings(Section, frozen=True):
    """Certificates: with this table everything goes over mutual TLS, once the box has enrolled."""

    url: str
    """The aggregator's door for boxes, such as `https://alarm.example.org:8421`: enrolment, the time, pictures."""

    def __post_init__(self) -> None:
        _server(self.url, "https://HOST:PORT", ("https",))


class AggregatorSettings(Section, frozen=True):
    """The aggregator's HTTP side, where pictures go."""

    url: str = "http://127.0.0.1:8420"
    """Base address, only loopback; with `[trust]` its url counts instead."""
    picture_kbit_s: Annotated[int, Meta(ge=0)] = 0
    """Bound on the way of pictures, kilobits a second; 0 is none. Events are not bound by it."""

    def __post_init__(self) -> None:
        require_loopback(_server(self.url, "http://HOST:PORT").hostname or "", "url")


class PanelZone(Section, frozen=True):
    """A zone of a panel, by its number there."""

    zone: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{1,6}$")]
    """As the panel counts it; `hawkline panel listen` shows that."""
    name: Name
    """Its sensor is called PANEL/NAME."""
    what: Annotated[str, Meta(pattern=r"^[a-z][a-z_]{1,31}$")] = "zone"
    """What it is: `door`, `window`, `infrared`, `glass`, `beam`, `button`, `smoke`, `fire`, `panic` …"""
    priority: Annotated[int, Meta(ge=1, le=4)] = 2
    """Of its alarms; fire, panic, duress and gas are 1, whatever stands here."""


class PanelPartition(Section, frozen=True, kw_only=True):
    """A partition of a panel that arms one of the box's own."""

    number: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{1,4}$")] = "1"
    """As the panel counts it; a panel that names none has 1."""
    mode: Mode = Mode.AWAY
    """How it is armed then."""
    partition: str
    """Of `[[partitions]]`: armed with it. Disarmed with it only where the account has a key."""


class PanelAccount(Section, frozen=True):
    """An alarm panel."""

    name: Name
    """Its sensors' names begin with it; unique on the box."""
    account: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{1,16}$")]
    """Its account number, as it is set in the panel."""
    key_file: Path | None = None
    """Has its AES key: 16, 24 or 32 bytes, as text or hexadecimal. With it, what is plain or old is not believed."""
    poll_s: Annotated[int, Meta(ge=0, le=86_400)] = 0
    """How often it polls: without a message for twice as long it is silent. 0: it may be silent for ever."""
    zones: Annotated[tuple[PanelZone, ...], Meta(max_length=512)] = ()
    """`[[panels.accounts.zones]]`; others are called PANEL/zone N."""

    partitions: Annotated[tuple[PanelPartition, ...], Meta(max_length=64)] = ()
    """`[[panels.accounts.partitions]]`: what is armed with a partition of the panel."""

    def __post_init__(self) -> None:
        for key in ("zone", "name"):
            seen = [getattr(zone, key).upper().lstrip("0") for zone in self.zones]
            if len(set(seen)) < len(seen):
                raise ValueError(f"zones: two have the same {key}")


class PanelsSettings(Section, frozen=True):
    """Alarm panels that report to this box by SIA DC-09, over TCP and UDP."""

    accounts: Annotated[list[PanelAccount], Meta(min_length=1, max_length=64)]
    """`[[panels.accounts]]`"""
    host: str = "0.0.0.0"  # noqa: S104 - panels are elsewhere
    """Our address that they report to; all of this machine's where nothing is said."""
    port: Port = 12000
    """TCP and UDP."""

    def __post_init__(self) -> None:
        for key in ("name", "account"):
            seen = [getattr(account, key).upper() for account in self.accounts]
            if len(set(seen)) < len(seen):
                raise ValueError(f"accounts: two have the same {key}")


class OutboxSettings(Section, frozen=True):
    """Where events wait until the aggregator has them."""

    max_bytes: Annotated[int, Meta(ge=100_000)] = 64 * 1024 * 1024
    """Bound on waiting events; beyond it the oldest bulk goes first, alarms last, and the gap is reported."""
    max_picture_bytes: Annotated[int, Meta(ge=1_000_000)] = 512 * 1024 * 1024
    """Bound on the ring of evidence pictures."""


class HealthSettings(Section, frozen=True):
    """The heartbeat."""

    interval_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0
    """Seconds between heartbeats; the aggregator calls a box silent after one and a half."""
    trial_s: Annotated[float, Meta(ge=15, le=3600)] = 120.0
    """Within which cameras have to come back under a configuration that the centre has sent, or it is undone."""


class RehearsalSettings(Section, frozen=True):
    """A plan is rehearsed on one machine: cameras that the centre names are generated scenes."""

    fps: Annotated[float, Meta(gt=0, le=25)] = 4.0
    """Frames per second of each."""


class Watch(Section, frozen=True):
    """What a box watches: the part of its file that the centre can send (`edge_agent/configuration`)."""

    cameras: Annotated[list[CameraSettings], Meta(max_length=64)] = msgspec.field(default_factory=list)
    """The box's cameras, `[[cameras]]`; none where it has sensors or panels."""
    looks: LookSettings = LookSettings()
    panels: PanelsSettings | None = None
    inputs: InputsSettings = InputsSettings()
    sensors: Annotated[tuple[SensorSettings, ...], Meta(max_length=256)] = ()
    """The box's own sensors, `[[sensors]]`."""
    partitions: Annotated[tuple[PartitionPlan, ...], Meta(max_length=32)] = ()
    """What is armed together, `[[partitions]]`."""
    outputs: Annotated[tuple[OutputSettings, ...], Meta(max_length=32)] = ()
    """Sirens and lights, `[[outputs]]`."""
    keypads: Annotated[tuple[KeypadSettings, ...], Meta(max_length=16)] = ()
    """Where people type codes, `[[keypads]]`."""

    @property
    def sharing_looks(self) -> int:
        """Cameras that motion watches: they share the looks."""
        return sum(camera.detector is None for camera in self.cameras)

    def __post_init__(self) -> None:
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            raise ValueError("cameras: every camera needs a name of its own")
        msgspec.structs.force_setattr(self, "sensors", in_partitions(self.sensors, self.partitions))
        msgspec.structs.force_setattr(self, "keypads", keypads_in_partitions(self.keypads, self.partitions))
        check(self.inputs, self.sensors, self.partitions, self.outputs, self.keypads)
        self._check_panels()

    @property
    def is_empty(self) -> bool:
        """Nothing is watched."""
        return not (self.cameras or self.sensors or self.panels or self.keypads)

    def _check_panels(self) -> None:
        sensors = {each.name for each in self.sensors} | {each.name for each in self.keypads}
        partitions = {each.name for each in self.partitions}
        for account in self.panels.accounts if self.panels else ():
            if account.name in sensors:
                raise ValueError(f"sensors: {account.name!r} is the name of a panel, too")
            for each in account.partitions:
                if each.partition not in partitions:
                    said = f"panels: {account.name!r} arms partition {each.partition!r}"
                    raise ValueError(f"{said}, expected one of: {', '.join(sorted(partitions)) or 'there is none'}")


class AgentSettings(Watch, frozen=True, kw_only=True):
    """The whole file: what is watched, and what the box needs to be itself and to reach the centre."""

    site: Name
    """The site the box stands at."""
    agent: Name
    """The box, unique within its site."""
    data_dir: Path
    """Outbox and pictures; relative paths start at the configuration file."""
    broker: BrokerSettings = BrokerSettings()
    aggregator: AggregatorSettings = AggregatorSettings()
    trust: TrustSettings | None = None
    outbox: OutboxSettings = OutboxSettings()
    health: HealthSettings = HealthSettings()
    rehearsal: RehearsalSettings | None = None
    """For a trial on one machine, `[rehearsal]` (`hawkline rehearse`)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trust and self.rehearsal:
            raise ValueError("rehearsal: is for a trial on one machine; a box that enrols has real cameras")
        if self.trust is None and self.broker.host:
            require_loopback(self.broker.host, "broker.host")

    @property
    def broker_address(self) -> tuple[str, int]:
        """Host and port of the broker."""
        if self.trust is None:
            return self.broker.host or "127.0.0.1", self.broker.port or 1883
        return self.broker.host or urlsplit(self.trust.url).hostname or "", self.broker.port or 8883

    @property
    def http_url(self) -> str:
        """Where pictures go."""
        return (self.trust.url if self.trust else self.aggregator.url).rstrip("/")

    @property
    def trust_folder(self) -> Path:
        """Where root, key and certificate are kept."""
        return self.data_dir / "trust"


class Camera(msgspec.Struct, frozen=True):
    """A camera with its scene read, ready to run."""

    settings: CameraSettings
    scene: Scene
    folder: Path | None = None
    """Where what is known of each camera is kept, such as the certificate of an `rtsps` one; None keeps nothing."""

    @property
    def lanes(self) -> list[Lane]:
        """Of its checkpoint; none where it is no checkpoint."""
        return self.settings.checkpoint.lanes if self.settings.checkpoint else []


def load_agent_file(path: Path) -> AgentSettings:
    """The file alone, with data_dir absolute; videos, models and scenes that it names need not be there yet.

    Raises:
        ConfigError: naming file, key and what was expected.
    """
    settings = load_toml(path, AgentSettings)
    return msgspec.structs.replace(settings, data_dir=path.resolve().parent / settings.data_dir)


def load_agent_settings(path: Path) -> tuple[AgentSettings, list[Camera]]:
    """Read and check everything that a box needs to know.

    Raises:
        ConfigError: naming file, key and what was expected.
    """
    base = path.resolve().parent
    return ready(load_agent_file(path), path, base, base)


def ready(settings: AgentSettings, path: Path, base: Path, scenes: Path) -> tuple[AgentSettings, list[Camera]]:
    """Find the files that settings name, and read the scenes.

    Args:
        settings: of a box.
        path: the file that messages name.
        base: where relative paths start.
        scenes: where those of scenes do.

    Raises:
        ConfigError: naming file, key and what was expected.
    """
    if settings.looks.model:
        # One that is not there leaves the box without looks, not without motion.
        looks = msgspec.structs.replace(settings.looks, model=base / settings.looks.model)
        settings = msgspec.structs.replace(settings, looks=looks)
    if settings.panels:
        accounts = [
            msgspec.structs.replace(each, key_file=base / each.key_file) if each.key_file else each
            for each in settings.panels.accounts
        ]
        settings = msgspec.structs.replace(settings, panels=msgspec.structs.replace(settings.panels, accounts=accounts))
    settings = msgspec.structs.replace(settings, inputs=_with_base(settings.inputs, base))
    cameras = []
    for number, camera in enumerate(settings.cameras):
        source = camera.source
        if isinstance(source, FileCamera):
            if is_stream(source.path):
                raise ConfigError(
                    f"{path}: key cameras[{number}].source.path: an address, expected a video file; "
                    'a camera is written kind = "rtsp" with url'
                )
            source = msgspec.structs.replace(source, path=base / source.path)
            if not source.path.is_file():
                raise ConfigError(
                    f"{path}: key cameras[{number}].source.path: no such file {str(source.path)!r}, expected a video"
                    f" (of camera {camera.name!r})"
                )
        elif isinstance(source, SyntheticCamera) and source.trouble:
            source = msgspec.structs.replace(source, trouble=base / source.trouble)
        detector = camera.detector
        if detector is not None:
            detector = msgspec.structs.replace(detector, model=base / detector.model)
            if not detector.model.is_file():
                raise ConfigError(
                    f"{path}: key cameras[{number}].detector.model: no such file {str(detector.model)!r}, "
                    f"expected an ONNX model (of camera {camera.name!r})"
                )
        scene_path = scenes / camera.scene
        if not scene_path.is_file():
            raise ConfigError(
                f"{path}: key cameras[{number}].scene: no such file {str(scene_path)!r}, expected a scene file"
                f" (of camera {camera.name!r})"
            )
        camera = msgspec.structs.replace(camera, source=source, scene=scene_path, detector=detector)  # noqa: PLW2901
        cameras.append(Camera(camera, load_scene(scene_path), settings.data_dir / "cameras"))
        _require_own_names(path, number, cameras[-1])
    _require_reportable(path, cameras)
    _require_lines(path, settings, cameras)
    return settings, cameras


def _with_base(inputs: InputsSettings, base: Path) -> InputsSettings:
    """Secrets lie beside the configuration file."""
    mqtt, http = inputs.mqtt, inputs.http
    if mqtt.password_file:
        mqtt = msgspec.structs.replace(mqtt, password_file=base / mqtt.password_file)
    if http:
        http = msgspec.structs.replace(http, token_file=base / http.token_file)
    cameras = tuple(
        msgspec.structs.replace(each, password_file=base / each.password_file) if each.password_file else each
        for each in inputs.cameras
    )
    return msgspec.structs.replace(inputs, mqtt=mqtt, http=http, cameras=cameras)


def _require_lines(path: Path, settings: AgentSettings, cameras: Sequence[Camera]) -> None:
    """Partitions arm lines that are there, each by one only."""
    known = {f"{camera.settings.name}/{watch.name}" for camera in cameras for watch in camera.scene.watches}
    armed = dict[str, str]()
    for number, partition in enumerate(settings.partitions):
        for line in partition.lines:
            key = f"{path}: key partitions[{number}].lines"
            if line not in known:
                there = ", ".join(sorted(known)) or "no camera has one"
                raise ConfigError(f"{key}: no line or zone {line!r}, expected CAMERA/LINE, of: {there}")
            if line in armed:
                raise ConfigError(f"{key}: {line!r} is armed by {armed[line]!r} already, expected one partition")
            armed[line] = partition.name


def line_specs(cameras: Sequence[Camera]) -> tuple[LineSpec, ...]:
    """All lines, zones and lanes of the box in the order of their numbers."""
    return tuple(spec for index, camera in enumerate(cameras) for spec in _specs_of(index, camera))


def _specs_of(index: int, camera: Camera) -> Iterator[LineSpec]:
    for watch in camera.scene.watches:
        way = watch.direction if isinstance(watch, Tripwire) else ""
        priority = watch.priority if watch.armed else 0
        yield LineSpec(index, watch.name, tuple(watch.points), way, priority, LineRule(watch.rule))
    for lane in camera.lanes:
        yield LineSpec(index, lane.name, tuple(lane.line), lane.direction, 0, LineRule.LANE)


def _require_own_names(path: Path, number: int, camera: Camera) -> None:
    """Events say where they happened by name."""
    names = [watch.name for watch in camera.scene.watches] + [lane.name for lane in camera.lanes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"{path}: key cameras[{number}].checkpoint.lanes: {', '.join(map(repr, twice))} is the name of two lines, "
            f"zones or lanes of camera {camera.settings.name!r}, expected names that differ"
        )


def _require_reportable(path: Path, cameras: Sequence[Camera]) -> None:
    """The centre takes no more of a box than one event holds."""
    lines = line_specs(cameras)
    if len(lines) > MOST_LINES:
        raise ConfigError(
            f"{path}: key cameras: {len(lines)} lines, zones and lanes of theirs together, expected {MOST_LINES} at "
            "most; give some of the cameras to another box"
        )
    size = len(encode_event(ConfigApplied(0, 0, tuple(camera.settings.name for camera in cameras), lines)))
    if size > _MOST_REPORTED_BYTES:
        raise ConfigError(
            f"{path}: key cameras: names and corners of their {len(lines)} lines, zones and lanes take {size} bytes, "
            f"expected {_MOST_REPORTED_BYTES} at most; draw some with fewer points, or give some of the cameras to "
            "another box"
        )


def holds_passwords(settings: AgentSettings) -> bool:
    """Whether the file has to be kept from others."""
    return any(
        url and camera_address(url).secret
        for camera in settings.cameras
        if isinstance(camera.source, RtspCamera)
        for url in (camera.source.url, camera.source.picture_url)
    )
