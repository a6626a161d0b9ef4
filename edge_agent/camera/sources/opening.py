"""From a configured source to one that runs."""

from pathlib import Path

from edge_agent.camera.sources.file import FileSource
from edge_agent.camera.sources.rtsp import RtspSource
from edge_agent.camera.sources.synthetic import SyntheticSource
from edge_agent.config import FileCamera, RtspCamera, SyntheticCamera
from edge_agent.frames import Source


def open_source(
    settings: FileCamera | RtspCamera | SyntheticCamera, key: str, after: int = 0, pins: Path | None = None
) -> Source:
    """Open what the configuration names; `key` stands for it in messages.

    Args:
        settings: of the camera.
        key: its place in the configuration.
        pins: where certificates of `rtsps` cameras are kept; None keeps none.
        after: of a file, pictures that an earlier life of the camera has looked at: they are not looked at again.

    Raises:
        ConfigError: a file is missing or no video. A camera that does not answer is no error: it is tried again.
    """
    if isinstance(settings, FileCamera):
        return FileSource(settings.path, realtime=settings.realtime, key=f"{key}.path", after=after)
    if isinstance(settings, RtspCamera):
        return RtspSource(settings.url, picture_url=settings.picture_url, transport=settings.transport, pins=pins)
    return SyntheticSource(settings.scene, seed=settings.seed, fps=settings.fps, trouble=settings.trouble)
