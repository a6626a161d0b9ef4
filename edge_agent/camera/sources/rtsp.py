"""A network camera. The stream comes back after every failure; a stall is noticed within five seconds, of a camera that
sends its pictures further apart later, see `StallDetector`.

Two streams of one camera: the small one is decoded and analysed, the large one is only received, see `PictureStream`.
"""

import logging
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av

from edge_agent.address import camera_address
from edge_agent.camera.sources.backlog import Backlog
from edge_agent.camera.sources.bounds import LIVE_CODECS
from edge_agent.camera.sources.decoder import NoVideoError, choose_video
from edge_agent.camera.sources.network_camera import (
    GOOD_AFTER_S,
    CutShortError,
    Transport,
    explain,
    open_stream,
    retry_delay_s,
    video_packets,
)
from edge_agent.camera.sources.picture_quality import Condition
from edge_agent.camera.sources.picture_stream import PictureStream
from edge_agent.camera.sources.reader import PacketReader, Reading
from edge_agent.camera.sources.stall_detector import SHORTEST_S, StallDetector
from edge_agent.frames import Frame, SourceEvent, Still
from shared.events import CameraState

log = logging.getLogger(__name__)

_SIGN_OF_LIFE_S = SHORTEST_S
_SLOW_CALL_S = 20.0
"""A connection to a camera that may be slow: it is opened with the pictures that come meanwhile."""
_HANG_S = 120.0
_FLUKES = 6
"""Noise, too, decodes to a picture now and then: of a stream that is seen at least every sixth does."""
_JOIN_S = 10.0
"""A camera's key frames may be so far apart, and a little more."""


class StreamHungError(Exception):
    """FFmpeg does not come back from a call, in spite of all time-outs."""


class RtspSource:
    """Frames of an RTSP camera: all of them, as long as analysis keeps up.

    Args:
        url: the analysis stream, `rtsp://user:password@host/path`.
        picture_url: a larger stream of the same camera for evidence, or empty.
        transport: of RTP.
        pins: where certificates of `rtsps` cameras are kept.
    """

    def __init__(
        self, url: str, *, picture_url: str = "", transport: Transport = "tcp", pins: Path | None = None
    ) -> None:
        self._pins = pins
        self._url, self._transport, self._shown = url, transport, camera_address(url).shown
        self._closed = threading.Event()
        self._backlog, self._condition, self._reader = Backlog(), Condition(), PacketReader(live=True)
        self._patience = StallDetector()
        self._sign_s = time.monotonic()
        self._number = 0
        self._was_noise = False
        """Whether the connection before was given up because nearly nothing was decoded: then flukes are not shown."""
        self._pictures = PictureStream(picture_url, transport, self._closed, pins) if picture_url else None
        threading.Thread(target=self._keep_receiving, name="rtsp-receive", daemon=True).start()

    @property
    def dropped(self) -> int:
        return self._backlog.dropped

    @property
    def damaged(self) -> int:
        return self._reader.damaged

    @property
    def lost(self) -> int:
        return self._reader.lost

    def frames(self) -> Iterator[Frame | SourceEvent | None]:
        flowing = False
        while not self._closed.is_set():
            item = self._backlog.take(_SIGN_OF_LIFE_S)
            if self._closed.is_set():
                return
            if isinstance(item, Frame):
                flowing = True
                yield from self._condition.before(
                    item,
                    time.monotonic(),
                    spoilt=self.damaged + self.lost,
                    late=self.dropped,
                    hint=self._pictures.trouble if self._pictures else "",
                    complaint=self._patience.complaint,
                )
            elif item is not None:
                flowing = False
                yield item
            elif flowing and time.monotonic() - self._sign_s >= self._longest_call_s():
                flowing = False
                yield SourceEvent(CameraState.STALLED, "FFmpeg does not come back from a call")
            else:
                self._require_life()
                yield None

    def picture_at(self, captured_at_s: float) -> Still | None:
        return self._pictures.picture_at(captured_at_s) if self._pictures else None

    def close(self) -> None:
        self._closed.set()
        self._backlog.close()

    def _longest_call_s(self) -> float:
        return SHORTEST_S if self._patience.read_s <= SHORTEST_S / 2 else _SLOW_CALL_S

    def _require_life(self) -> None:
        """Every wait of the receiving thread is bounded; where it hangs all the same, only a new process helps."""
        if time.monotonic() - self._sign_s > _HANG_S:
            raise StreamHungError(f"nothing was heard of the receiving thread for {_HANG_S:.0f} s")

    def _keep_receiving(self) -> None:
        """Body of the receiving thread. What it did not expect is raised where the frames are taken."""
        try:
            self._receive_again_and_again()
        except Exception as error:  # noqa: BLE001 - the top of a thread: its end must not look like a silent camera
            self._backlog.fail(error)

    def _receive_again_and_again(self) -> None:
        rng, attempt, forgiven = random.Random(), 0, -1
        while not self._closed.is_set():
            began_s = self._sign_s = time.monotonic()
            try:
                event = self._receive()
            except CutShortError as error:
                if self._patience.is_slow and self._number > forgiven:
                    forgiven = self._number  # once, up to the next picture
                    continue
                event = explain(error, self._url)
            except NoVideoError as error:
                event = SourceEvent(CameraState.UNREACHABLE, str(error))
            except (av.FFmpegError, OSError, ValueError) as error:
                event = explain(error, self._url)
            if self._closed.is_set():
                return
            attempt = 0 if time.monotonic() - began_s > GOOD_AFTER_S else attempt + 1
            wait_s = retry_delay_s(attempt - 1 if attempt else 0, rng)
            log.warning("%s: %s; next try in %.1f s", self._shown, event.detail, wait_s)
            self._backlog.put(event)
            self._closed.wait(wait_s)

    def _receive(self) -> SourceEvent:
        """Decode until the stream ends; says how it ended."""
        with open_stream(
            self._url, self._transport, read_timeout_s=self._patience.read_s, pins=self._pins
        ) as container:
            stream = choose_video(container.streams.video, LIVE_CODECS)
            self._reader.begin(stream)
            # In the middle of a group of pictures nothing is seen up to its end.
            seen_s = time.monotonic() + _JOIN_S
            came = shown = 0
            for item in video_packets(container, stream, self._patience):
                if self._closed.is_set():
                    break
                now_s = self._sign_s = time.monotonic()
                if isinstance(item, SourceEvent):
                    self._backlog.put(item)
                if item is None or isinstance(item, SourceEvent):
                    continue
                came += 1
                for reading in self._reader.read(item, now_s):
                    shown += 1
                    frame = self._frame(reading, now_s)
                    if not self._was_noise:
                        self._backlog.put(frame)
                if shown * _FLUKES >= came:
                    seen_s, came, shown = max(seen_s, now_s), 0, 0
                    self._was_noise = False
                if now_s - seen_s >= self._patience.stall_s:
                    self._was_noise = True
                    return SourceEvent(
                        CameraState.STALLED, f"no picture that can be decoded for {self._patience.stall_s:.1f} s"
                    )
        return SourceEvent(CameraState.UNREACHABLE, "the camera ended the stream")

    def _frame(self, reading: Reading, now_s: float) -> Frame:
        self._number += 1 + reading.missing
        return reading.frame(self._number, time.time() - (now_s - reading.moment.taken_s))
