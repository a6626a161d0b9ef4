"""What `hawkline agent check` tries, one finding per key."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import httpx

from edge_agent.address import camera_address
from edge_agent.config import AgentSettings, Camera, RtspCamera, holds_passwords
from edge_agent.sources.decoder import NoVideoError, choose_video
from edge_agent.sources.failure import advice, in_words, unreachable
from edge_agent.sources.file import FileSource
from edge_agent.sources.session import open_stream
from edge_agent.tripwire.faults import faults
from edge_agent.trust.enrolment import Door, days_left
from shared.credentials import without_credentials
from shared.errors import HawklineError
from shared.files import read_by_others
from shared.net import is_known, is_listening
from shared.spans import clock_off

Finding = dict[str, Any]
"""`key`, `ok` and `said`; ok is None where it works and should not stay so."""

_TIMEOUT_S = 3.0
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
    ]
    door = Door(settings.trust.url, settings.trust_folder) if settings.trust else None
    findings.append(_clock(settings, door))
    if door:
        findings.append(_enrolled(door))
    open_to = read_by_others(config) if holds_passwords(settings) else None
    if open_to:
        findings.append({"key": "file", "ok": None, "said": open_to})
    for number, camera in enumerate(cameras):
        findings += _camera(f"cameras[{number}]", camera)
    return findings


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
        yield _stream(f"{key}.source", name, "url", source.url, source.transport)
        if source.picture_url:
            yield _stream(f"{key}.source.picture_url", name, "picture_url", source.picture_url, source.transport)
    elif hasattr(source, "path"):
        yield _file(f"{key}.source", name, source.path)
    else:
        yield {"key": f"{key}.source", "ok": True, "said": f"{name}: generated"}
    for said in faults(camera.scene):
        yield {"key": f"{key}.scene", "ok": False, "said": f"{name}: {camera.settings.scene}: {said}"}


def _file(key: str, name: str, path: Path) -> Finding:
    try:
        return {"key": key, "ok": True, "said": f"{name}: {FileSource(path, realtime=False, key=key).fps:g} frames/s"}
    except HawklineError as error:
        return {"key": key, "ok": False, "said": f"{name}: {without_credentials(str(error))}"}


def _stream(key: str, name: str, which: str, url: str, transport: Any) -> Finding:
    """One stream of a camera, opened; what is said names host and path, and nothing of the credentials."""
    address = camera_address(url)
    said = unreachable(address)
    if said is None:
        try:
            with open_stream(url, transport) as container:
                context = choose_video(container.streams.video).codec_context
                seen = f"{context.name} {context.width}x{context.height}"
            return {"key": key, "ok": True, "said": f"{name}: {address.shown}: {seen}"}
        except NoVideoError:
            said = "has a stream there, and no video in it"
        except (av.FFmpegError, OSError, ValueError) as error:
            said = in_words(error)
    what = "the camera" if which == "url" else "the camera's picture stream (picture_url)"
    return {"key": key, "ok": False, "said": f"{name}: {what} at {address.shown}: {advice(address, said)}"}
