"""A video file, as fast as it can be read or at the pace it was filmed. No frame is dropped."""

import time
from collections.abc import Iterator
from pathlib import Path

import av

from edge_agent.camera.sources.bounds import DECODER
from edge_agent.camera.sources.decoder import NoVideoError, choose_video
from edge_agent.camera.sources.picture_quality import Condition
from edge_agent.camera.sources.reader import PacketReader, Reading
from edge_agent.frames import Frame, SourceEvent, Still
from shared.errors import ConfigError
from shared.events import CameraState

_LONGEST_WAIT_S = 2.0
"""Stamps are not trusted with waiting: where pictures are further apart, a file is played faster than it was filmed."""

_SIGN_OF_LIFE_S = 2.0
_CUT_SHORT = 0.02
"""Part of the pictures that a container may promise in vain."""
_MOST_OF_IT = 0.8
"""Of a time that it promises; sound may go on for longer than its pictures."""


class FileSource:
    """Frames of a video file.

    Args:
        path: any name that a file may have.
        realtime: play at the pace it was filmed.
        key: stands for the file in messages.
        after: pictures that an earlier life has looked at, and that are passed over.

    Raises:
        ConfigError: the file is missing or holds no video.
    """

    dropped = 0

    def __init__(self, path: Path, *, realtime: bool, key: str = "video", after: int = 0) -> None:
        if not path.is_file():
            raise ConfigError(f"{key} = {str(path)!r}: no such file, expected a video file")
        try:
            # FFmpeg takes what stands before a colon for a protocol.
            self._container = av.open(f"file:{path}", options=dict(DECODER), metadata_errors="replace")
            self._stream = choose_video(self._container.streams.video)
        except av.FFmpegError as error:
            raise ConfigError(f"{key} = {str(path)!r}: not a video that FFmpeg can read ({error.strerror})") from None
        except NoVideoError as error:
            raise ConfigError(f"{key} = {str(path)!r}: {error}") from None
        self._reader, self._condition = PacketReader(live=False), Condition()
        self._reader.begin(self._stream)
        self._realtime, self._after = realtime, after
        self._closed, self._cut_short = False, ""

    @property
    def fps(self) -> float:
        """Average frame rate as the file states it, 25 where it does not."""
        return float(self._stream.average_rate or 25)

    @property
    def damaged(self) -> int:
        return self._reader.damaged

    @property
    def lost(self) -> int:
        return self._reader.lost

    def frames(self) -> Iterator[Frame | SourceEvent | None]:
        began_at_s, due_s, time_s = time.time(), time.monotonic(), 0.0
        number = 0
        for reading in self._readings():
            if self._closed:
                return
            number += 1 + reading.missing
            step_s, time_s = reading.moment.time_s - time_s, reading.moment.time_s
            if number <= self._after:
                if time.monotonic() - due_s > _SIGN_OF_LIFE_S:
                    due_s = time.monotonic()
                    yield None
                continue
            if self._after and number - reading.missing - 1 <= self._after:
                due_s = time.monotonic()  # what was passed over took a while, and is not caught up with
            if self._realtime:
                due_s += min(step_s, _LONGEST_WAIT_S)
                time.sleep(max(0.0, due_s - time.monotonic()))
            frame = reading.frame(number, time.time() if self._realtime else began_at_s + time_s)
            yield from self._condition.before(frame, time_s, spoilt=self.damaged + self.lost)
        yield SourceEvent(CameraState.ENDED, self._account(number, time_s))

    def picture_at(self, captured_at_s: float) -> Still | None:  # noqa: ARG002 - a file has one stream only
        return None

    def close(self) -> None:
        self._closed = True

    def _readings(self) -> Iterator[Reading]:
        """All pictures to the file's end, or to where FFmpeg finds no further packet."""
        played_s = 0.0
        try:
            for packet in self._container.demux(self._stream):
                for reading in self._reader.read(packet, played_s):
                    played_s = reading.moment.time_s
                    yield reading
                if packet.size:
                    played_s += 1 / self.fps
        except (av.FFmpegError, OSError) as error:
            self._cut_short = f"what follows cannot be read: {error.strerror or error}"

    @property
    def is_whole(self) -> bool:
        """Whether all that the file promises was read up to here, undamaged."""
        return not (self.damaged or self.lost or self._cut_short)

    def _account(self, frames: int, played_s: float) -> str:
        """How the file ended, in words."""
        promised = self._stream.frames
        # Matroska counts no pictures and writes a time; elsewhere that is a guess.
        is_told = "matroska" in self._container.format.name
        lasts_s = (self._container.duration or 0) / av.time_base if is_told else 0.0
        if not self._cut_short and frames < (1 - _CUT_SHORT) * promised:
            self._cut_short = f"the file promises {promised}: it is cut short"
        elif not self._cut_short and not promised and played_s < _MOST_OF_IT * lasts_s:
            self._cut_short = f"the file promises {lasts_s:.0f} s, and these are {played_s:.0f}: it is cut short"
        spoilt = f", {self.damaged} damaged, {self.lost} missing" if self.damaged or self.lost else ""
        return f"{frames} frames{spoilt}" + (f"; {self._cut_short}" if self._cut_short else "")
