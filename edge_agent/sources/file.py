"""A video file, as fast as it can be read or at the pace it was filmed. No frame is dropped."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import av

from edge_agent.sources.base import Colour, Frame, SourceEvent
from edge_agent.sources.luma import bgr, chroma, luma
from shared.errors import ConfigError
from shared.events import CameraState


class FileSource:
    """Frames of a video file.

    Raises:
        ConfigError: the file is missing or holds no video.
    """

    dropped = 0

    def __init__(self, path: Path, *, realtime: bool, key: str = "video") -> None:
        if not path.is_file():
            raise ConfigError(f"{key} = {str(path)!r}: no such file, expected a video file")
        try:
            self._container = av.open(str(path))
        except av.FFmpegError as error:
            raise ConfigError(f"{key} = {str(path)!r}: not a video that FFmpeg can read ({error.strerror})") from None
        if not self._container.streams.video:
            raise ConfigError(f"{key} = {str(path)!r}: holds no video stream")
        self._path = path
        self._realtime = realtime
        self._closed = False

    @property
    def fps(self) -> float:
        """Average frame rate as the file states it, 25 where it does not."""
        return float(self._container.streams.video[0].average_rate or 25)

    def frames(self) -> Iterator[Frame | SourceEvent]:
        stream = self._container.streams.video[0]
        stream.thread_type = "NONE"
        started_mono, started_wall = time.monotonic(), time.time()
        origin_s: float | None = None
        number = 0
        try:
            for decoded in self._container.decode(stream):
                if self._closed:
                    return
                number += 1
                stamp_s = decoded.time if decoded.time is not None else number / self.fps
                origin_s = stamp_s if origin_s is None else origin_s
                time_s = stamp_s - origin_s
                if self._realtime:
                    time.sleep(max(0.0, started_mono + time_s - time.monotonic()))
                yield Frame(
                    number,
                    time_s,
                    time.time() if self._realtime else started_wall + time_s,
                    luma(decoded),
                    partial(bgr, decoded),
                    chroma(decoded),
                )
        except av.FFmpegError as error:
            yield SourceEvent(CameraState.ENDED, f"damaged after frame {number}: {error.strerror}")
            return
        yield SourceEvent(CameraState.ENDED, f"{number} frames")

    def picture_at(self, captured_at_s: float) -> Colour | None:  # noqa: ARG002 - a file has one stream only
        return None

    def close(self) -> None:
        self._closed = True
