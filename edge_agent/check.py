"""What `hawkline agent check` tries, one finding per key."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import av
import httpx

from edge_agent.address import camera_address
from edge_agent.camera.looks.lookers import finder_for
from edge_agent.camera.sources.bounds import LIVE_CODECS
from edge_agent.camera.sources.decoder import NoVideoError, choose_video
from edge_agent.camera.sources.failure import advice, in_words, unreachable
from edge_agent.camera.sources.file import FileSource
from edge_agent.camera.sources.network_camera import StalledError, Transport, open_stream, video_packets
from edge_agent.camera.sources.reader import PacketReader
from edge_agent.camera.sources.stall_detector import StallDetector
from edge_agent.config import AgentSettings, Camera, PanelsSettings, RtspCamera, holds_passwords
from edge_agent.inputs.codes import Codes
from edge_agent.inputs.panels import keys_of
from edge_agent.inputs.readings import Readings
from edge_agent.intrusion.reading import Circuit
from edge_agent.sealing import ByMachine
from edge_agent.uplink.trust.enrolment import Door, days_left
from edge_agent.vision.plate.veil import PlateVeil
from edge_agent.vision.tripwire.faults import faults
from edge_agent.wiring.faults import doubtful
from models.plate import PlateReader
from shared.credentials import without_credentials
from shared.durations import clock_off
from shared.errors import HawklineError
from shared.files import read_by_others
from shared.mqtt import Connection
from shared.net import is_known, is_listening, is_loopback, own_address

Finding = dict[str, Any]
"""`key`, `ok` and `said`; ok is None where it works and should not stay so."""

_TIMEOUT_S = 3.0
_WIRES_S = 4.0
"""Wires answer within this; what sends messages may take longer."""
_PICTURE_S = 12.0
"""Key frames of cameras are at most so far apart."""
_CLOCK_OFF_S = 60.0
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""A clock that says less was never set."""


def check_everything(settings: AgentSettings, cameras: Sequence[Camera], config: Path) -> list[Finding]:
    """Try broker, aggregator, clock and every camera, and look at the file and the scenes."""
    key, address = "trust.url" if settings.trust else "aggregator.url", urlsplit(settings.http_url)
    port = address.port or (443 if settings.trust else 80)
    findings = [
        _reached("broker", *settings.broker_address, "start the broker or correct broker.host and broker.port"),
        _reached(key, address.hostname or "", port, f"start the aggregator or correct {key}"),
        _folder(settings.data_dir),
    ]
    if not settings.trust:
        findings[:2] = [_spoken_to(findings[0], settings), _asked(findings[1], settings.http_url)]
    door = Door(settings.trust.url, settings.trust_folder) if settings.trust else None
    findings.append(_clock(settings, door))
    if door:
        findings.append(_enrolled(door))
    if settings.is_empty:
        said = "nothing is watched until the centre sends a configuration: no camera, sensor, panel or keypad"
        findings.append({"key": "cameras", "ok": None, "said": said})
    open_to = read_by_others(config) if holds_passwords(settings) else None
    if open_to:
        findings.append({"key": "file", "ok": None, "said": open_to})
    looks = _looks(settings) if settings.looks.per_second else None
    findings += [looks] if looks else []
    findings += _objects(cameras, looks)
    findings.append(_plates(cameras))
    if lists := _lists(settings, cameras):
        findings.append(lists)
    if settings.panels:
        findings.append(_panels(settings.panels))
    if settings.sensors:
        findings += _sensors(settings)
    if settings.keypads:
        findings.append(_keypads(settings))
    for number, camera in enumerate(cameras):
        findings += _camera(f"cameras[{number}]", camera)
    return findings


def _looks(settings: AgentSettings) -> Finding:
    """Without looks the box works, and counts worse than was asked for."""
    per_second = settings.looks.per_second / max(1, settings.sharing_looks)
    try:
        finder_for(settings.looks, settings.sharing_looks)
    except HawklineError as error:
        return {"key": "looks", "ok": False, "said": f"none, motion goes on alone: {error}"}
    return {"key": "looks", "ok": True, "said": f"{per_second:g} a second for each camera"}


def _plates(cameras: Sequence[Camera]) -> Finding:
    """Without its model no picture leaves the box, and no checkpoint reads."""
    lanes, lacks = sum(len(camera.lanes) for camera in cameras), "no picture leaves this box, for none can be blurred"
    try:
        PlateVeil.shipped()
        lacks = "no plate is read"
        if lanes:
            PlateReader.shipped()
    except HawklineError as error:
        return {"key": "plates", "ok": False, "said": f"{lacks}: {error}"}
    return {"key": "plates", "ok": True, "said": f"blurred in pictures{f', read on {lanes} lanes' if lanes else ''}"}


def _panels(settings: PanelsSettings) -> Finding:
    """Whether panels can be heard, and which report so that anybody on their way could do it for them."""
    try:
        keys = keys_of(settings)
    except HawklineError as error:
        return {"key": "panels", "ok": False, "said": str(error)}
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as tried:
            try:
                tried.bind((settings.host, settings.port))
            except OSError as error:
                said = f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}): does it run?"
                return {"key": "panels", "ok": None, "said": said}
    plain = ", ".join(each.name for each in settings.accounts if keys[each.account] is None)
    said = f"{len(keys)} report to {settings.host}:{settings.port}"
    if plain:
        return {"key": "panels", "ok": None, "said": f"{said}; without a key anybody can report for: {plain}"}
    return {"key": "panels", "ok": True, "said": said}


def _keypads(settings: AgentSettings) -> Finding:
    """Whether keypads can be heard, somebody has a code, and a code may disarm."""
    names, broker = ", ".join(each.name for each in settings.keypads), settings.inputs.mqtt
    codes = Codes(settings.data_dir / settings.inputs.codes_file)
    try:
        people = codes.people()
    except HawklineError as error:
        return {"key": "keypads", "ok": False, "said": str(error)}
    if not is_listening(broker.host, broker.port, timeout_s=_TIMEOUT_S):
        said = f"{names}: the broker {broker.host}:{broker.port} does not answer: see inputs.mqtt"
        return {"key": "keypads", "ok": False, "said": said}
    if not people:
        return {"key": "keypads", "ok": None, "said": f"{names}: nobody has a code: `hawkline keypad add` gives one"}
    if codes.path.stat().st_uid != settings.data_dir.stat().st_uid:
        said = f"{names}: {codes.path} is not the agent's: give it the owner of {settings.data_dir}"
        return {"key": "keypads", "ok": False, "said": said}
    said = f"{names}: {len(people)} codes"
    if not is_loopback(broker.host):
        why = f"codes cross a network in plain text to {broker.host}"
        return {"key": "keypads", "ok": None, "said": f"{said}; they arm, and never disarm: {why}"}
    outside = own_address()
    if outside and is_listening(outside, broker.port, timeout_s=_TIMEOUT_S):
        why = (
            f"the broker also listens on {outside}:{broker.port}, where codes can be heard: let it listen on 127.0.0.1"
        )
        return {"key": "keypads", "ok": None, "said": f"{said}; {why}"}
    return {"key": "keypads", "ok": True, "said": said}


def _sensors(settings: AgentSettings) -> Iterator[Finding]:
    """What each wire says, and what works and should be known."""
    with Readings(settings) as readings:
        until_s = time.monotonic() + _WIRES_S
        while time.monotonic() < until_s and len(readings.newest()) < len(settings.sensors):
            time.sleep(0.1)
        found = readings.newest()
    for number, sensor in enumerate(settings.sensors):
        reading, where = found.get(sensor.name), f"{sensor.name}: {readings.terminal(sensor.name)}"
        if reading is None:
            said, ok = f"{where}: has said nothing yet; open it, or wait for its next message", None
        elif reading.circuit in (Circuit.NORMAL, Circuit.ACTIVE):
            said, ok = f"{where}: {reading.circuit}", True
        else:
            said, ok = f"{sensor.name}: {reading.detail or reading.circuit}", False
        yield {"key": f"sensors[{number}]", "ok": ok, "said": said}
    for said in doubtful(settings.sensors, settings.inputs):
        yield {"key": "sensors", "ok": None, "said": said}
    for number, output in enumerate(settings.outputs):
        said = f"{output.name}: {output.wire.terminal}: not tried here; `hawkline sensor test` sounds it"
        yield {"key": f"outputs[{number}]", "ok": None, "said": said}


def _lists(settings: AgentSettings, cameras: Sequence[Camera]) -> Finding | None:
    """How a checkpoint keeps its lists."""
    if not any(camera.settings.checkpoint for camera in cameras):
        return None
    ok, said = ByMachine(settings.data_dir).in_words()
    return {"key": "lists", "ok": ok, "said": said}


def _objects(cameras: Sequence[Camera], looks: Finding | None) -> Iterator[Finding]:
    """Lines that ask for kinds of things where no look tells them."""
    for number, camera in enumerate(cameras):
        asking = [watch.name for watch in camera.scene.watches if watch.objects]
        own = camera.settings.detector is not None
        if asking and (own or not looks or not looks["ok"]):
            why = "its own detector does not say" if own else "without looks the box cannot tell"
            advice = "see looks above" if looks else "set looks.per_second, 1 or more for each camera"
            advice = "leave out `detector`" if own else advice
            said = (
                f"{camera.settings.name}: objects of {', '.join(map(repr, asking))}: {why} "
                f"what a thing is, so everything counts; {advice}"
            )
            yield {"key": f"cameras[{number}].scene", "ok": None, "said": said}


def _enrolled(door: Door) -> Finding:
    try:
        left = days_left(door.identity())
        door.ask_time()
        if left > 0:
            door.ask_who_we_are()
    except HawklineError as error:
        return {"key": "trust", "ok": False, "said": str(error)}
    ok = left > 0
    said = (
        f"the certificate holds for {left:.0f} days" if ok else "the certificate has expired; run the agent to renew it"
    )
    return {"key": "trust", "ok": ok, "said": said}


def _reached(key: str, host: str, port: int, advice: str) -> Finding:
    if is_listening(host, port, timeout_s=_TIMEOUT_S):
        return {"key": key, "ok": True, "said": f"{host}:{port} answers"}
    why = f"{host}:{port} does not answer" if is_known(host) else f"the name {host} is not found"
    return {"key": key, "ok": False, "said": f"{why}; {advice}"}


def _spoken_to(found: Finding, settings: AgentSettings) -> Finding:
    """Whether what listens there is a broker that lets us in."""
    if not found["ok"]:
        return found
    came, why = threading.Event(), list[str]()

    def down(said: str) -> None:
        why.append(said)
        came.set()

    connection = Connection(
        f"check-{uuid4().hex[:8]}",
        *settings.broker_address,
        on_up=came.set,
        on_down=down,
    )
    connection.start()
    came.wait(_TIMEOUT_S)
    up = connection.is_up
    connection.stop()
    if up:
        return found
    host, port = settings.broker_address
    said = f"{host}:{port} takes connections and lets us not in ({why[0] if why else 'it does not speak MQTT'})"
    return {"key": "broker", "ok": False, "said": f"{said}; where the centre has TLS, [trust] is needed"}


def _asked(found: Finding, url: str) -> Finding:
    """Whether what listens there answers as an aggregator does."""
    if not found["ok"]:
        return found
    try:
        answer = httpx.get(f"{url}/healthz", timeout=_TIMEOUT_S, trust_env=False)
        if answer.status_code == httpx.codes.OK:
            return found
        said = f"answers with {answer.status_code}"
    except httpx.HTTPError as error:
        said = f"does not answer as an aggregator ({error})"
    return {"key": found["key"], "ok": False, "said": f"{url} {said}; where the centre has TLS, [trust] is needed"}


def _folder(data_dir: Path) -> Finding:
    """Whether the agent can write where its outbox is to be."""
    there = next(folder for folder in (data_dir, *data_dir.absolute().parents) if folder.exists())
    try:
        with TemporaryFile(dir=there):
            return {"key": "data_dir", "ok": True, "said": f"{data_dir} can be written"}
    except OSError as error:
        said = f"{there} cannot be written ({error.strerror}); correct data_dir, or its owner and its disk"
        return {"key": "data_dir", "ok": False, "said": said}


def _clock(settings: AgentSettings, door: Door | None) -> Finding:
    """This machine's clock beside the aggregator's, or at least beside the calendar."""
    told, now = _time_of(settings.http_url, door), datetime.now(UTC)
    here = f"{now:%Y-%m-%d %H:%M}Z"
    if told is None and now >= _EARLIEST:
        return {"key": "clock", "ok": None, "said": f"{here}; the aggregator told no time to compare it with"}
    if told is None:
        return {"key": "clock", "ok": False, "said": f"{here}: it was never set; set it, by NTP or a clock module"}
    off_s = (now - told).total_seconds()
    if abs(off_s) < _CLOCK_OFF_S:
        return {"key": "clock", "ok": True, "said": "agrees with the aggregator's"}
    said = f"{clock_off(off_s)}: here it is {here}, at the aggregator {told:%Y-%m-%d %H:%M}Z"
    return {"key": "clock", "ok": False, "said": f"{said}; set the one that is wrong (timedatectl, NTP)"}


def _time_of(url: str, door: Door | None) -> datetime | None:
    """The aggregator's time, signed where there is trust; None where it tells none."""
    try:
        if door:
            return door.ask_time()
        answer = httpx.get(f"{url}/healthz", timeout=_TIMEOUT_S, trust_env=False)
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
    except (HawklineError, httpx.HTTPError, KeyError, ValueError):
        return None


def _camera(key: str, camera: Camera) -> Iterator[Finding]:
    source, name = camera.settings.source, camera.settings.name
    if isinstance(source, RtspCamera):
        yield _stream(f"{key}.source", name, "url", source.url, source.transport, camera.folder)
        if source.picture_url:
            large = source.picture_url
            yield _stream(f"{key}.source.picture_url", name, "picture_url", large, source.transport, camera.folder)
    elif hasattr(source, "path"):
        yield _file(f"{key}.source", name, source.path)
    else:
        yield {"key": f"{key}.source", "ok": True, "said": f"{name}: generated"}
    for said in faults(camera.scene, camera.lanes):
        yield {"key": f"{key}.scene", "ok": False, "said": f"{name}: {camera.settings.scene}: {said}"}


def _file(key: str, name: str, path: Path) -> Finding:
    try:
        return {"key": key, "ok": True, "said": f"{name}: {FileSource(path, realtime=False, key=key).fps:g} frames/s"}
    except HawklineError as error:
        return {"key": key, "ok": False, "said": f"{name}: {without_credentials(str(error))}"}


def _seen(url: str, transport: Transport, pins: Path | None) -> str:
    """Codec and size of the first picture; empty where none comes in time."""
    until_s = time.monotonic() + _PICTURE_S
    with open_stream(url, transport, pins=pins) as container:
        stream = choose_video(container.streams.video, LIVE_CODECS)
        reader = PacketReader(live=True)
        reader.begin(stream)
        for packet in video_packets(container, stream, StallDetector()):
            if time.monotonic() > until_s:
                break
            if isinstance(packet, av.Packet):
                for reading in reader.read(packet, time.monotonic()):
                    picture = reading.decoded.picture
                    return f"{stream.codec_context.name} {picture.width}x{picture.height}"
    return ""


def _stream(key: str, name: str, which: str, url: str, transport: Transport, pins: Path | None) -> Finding:
    """One stream of a camera, opened; what is said names host and path, and nothing of the credentials."""
    address = camera_address(url)
    said = unreachable(address)
    if said is None:
        try:
            seen = _seen(url, transport, pins)
            if seen:
                return {"key": key, "ok": True, "said": f"{name}: {address.shown}: {seen}"}
            said = f"sends no picture that can be decoded within {_PICTURE_S:.0f} s"
        except StalledError:
            said = "sends no picture"
        except NoVideoError as error:
            said = f"has a stream there, but: {error}"
        except (av.FFmpegError, OSError, ValueError) as error:
            said = in_words(error)
    what = "the camera" if which == "url" else "the camera's picture stream (picture_url)"
    return {"key": key, "ok": False, "said": f"{name}: {what} at {address.shown}: {advice(address, said)}"}
