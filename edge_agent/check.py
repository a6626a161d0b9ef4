"""What `hawkline agent check` tries, one finding per key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av

from edge_agent.config import AgentSettings, Camera, RtspCamera
from edge_agent.sources.credentials import without_credentials
from edge_agent.sources.file import FileSource
from edge_agent.sources.session import open_stream
from edge_agent.trust.enrolment import Door, days_left
from shared.errors import HawklineError
from shared.net import is_listening

Finding = dict[str, Any]


def check_everything(settings: AgentSettings, cameras: Sequence[Camera]) -> list[Finding]:
    """Try broker, aggregator and every camera. Each finding has `key`, `ok` and `said`."""
    key, address = "trust.url" if settings.trust else "aggregator.url", urlsplit(settings.http_url)
    port = address.port or (443 if settings.trust else 80)
    findings = [
        _reached("broker", *settings.broker_address, "start the broker or correct broker.host and broker.port"),
        _reached(key, address.hostname or "", port, f"start the aggregator or correct {key}"),
    ]
    if settings.trust:
        findings.append(_enrolled(settings.trust_folder, settings.trust.url))
    findings += [_camera(number, camera) for number, camera in enumerate(cameras)]
    return findings


def _enrolled(folder: Path, url: str) -> Finding:
    door = Door(url, folder)
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
    ok = is_listening(host, port, timeout_s=3)
    return {
        "key": key,
        "ok": ok,
        "said": f"{host}:{port} answers" if ok else f"{host}:{port} does not answer; {advice}",
    }


def _camera(number: int, camera: Camera) -> Finding:
    key, source = f"cameras[{number}].source", camera.settings.source
    try:
        if isinstance(source, RtspCamera):
            with open_stream(source.url, source.transport) as container:
                stream = container.streams.video[0]
                said = f"{stream.codec_context.name} {stream.codec_context.width}x{stream.codec_context.height}"
        elif hasattr(source, "path"):
            said = f"{FileSource(source.path, realtime=False, key=key).fps:g} frames/s"
        else:
            said = "generated"
    except (av.FFmpegError, OSError, IndexError, HawklineError) as error:
        return {"key": key, "ok": False, "said": without_credentials(f"{error}; expected a stream that can be opened")}
    return {"key": key, "ok": True, "said": said}
