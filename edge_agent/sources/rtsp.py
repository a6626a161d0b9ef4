"""A network camera. The stream comes back after every failure; a stall is noticed within five seconds.

Two streams of one camera: the small one is decoded and analysed, the large one is only received; its packets since
the last key frame wait, and one picture is decoded when an event asks for it.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Literal, TypeAlias, cast

import av

from edge_agent.sources.base import Colour, Frame, SourceEvent
from edge_agent.sources.credentials import without_credentials
from edge_agent.sources.luma import bgr, chroma, luma
from shared.events import CameraState

log = logging.getLogger(__name__)

VideoPacket: TypeAlias = "av.Packet[av.VideoStream]"
Transport = Literal["tcp", "udp"]
_OPEN_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 2.0
"""FFmpeg holds the newest frame back until the next one begins, so a silent stream times out twice: after 2 s it gives
up that frame, after 4 s an error. Together a stall is told within five seconds."""
_STALL_S = 4.5
"""Bound on the wait for a frame where FFmpeg goes on receiving something that is none."""
_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 30.0
_GOOD_AFTER_S = 10.0
"""A stream that gave frames this long was good: the next failure starts from the first delay again."""
_STALLED = SourceEvent(CameraState.STALLED, f"no frame for {2 * _READ_TIMEOUT_S:g} s")
_KEPT_PACKET_BYTES = 16 * 1024 * 1024


def open_stream(url: str, transport: Transport) -> av.container.InputContainer:
    """Open a camera's stream with bounded waits. Errors never carry the password."""
    return av.open(
        url,
        options={
            "rtsp_transport": transport,
            "fflags": "nobuffer",
            "flags": "low_delay",
            "max_delay": "500000",
            # A camera says all that matters in its first half second; FFmpeg would listen for five.
            "analyzeduration": "500000",
        },
        timeout=(_OPEN_TIMEOUT_S, _READ_TIMEOUT_S),
    )


def retry_delay_s(attempt: int, rng: random.Random) -> float:
    """Doubling from half a second to thirty, with a quarter of jitter so that cameras do not come back in step."""
    return float(min(_LAST_RETRY_S, _FIRST_RETRY_S * 2 ** min(attempt, 10)) * rng.uniform(0.75, 1.25))


class RtspSource:
    """Frames of an RTSP camera, newest first when analysis is slower.

    Args:
        url: the analysis stream, `rtsp://user:password@host/path`.
        picture_url: a larger stream of the same camera for evidence, or empty.
    """

    def __init__(self, url: str, *, picture_url: str = "", transport: Transport = "tcp") -> None:
        self._url = url
        self._transport = transport
        self._closed = threading.Event()
        self._abandon = threading.Event()
        self._newest: deque[Frame | SourceEvent] = deque()
        self._arrived = threading.Condition()
        self._dropped = 0
        self._numbers = count(1)
        self._started_s: float | None = None
        self._pictures = _PictureStream(picture_url, transport, self._closed) if picture_url else None
        threading.Thread(target=self._receive, name="rtsp-receive", daemon=True).start()

    @property
    def dropped(self) -> int:
        return self._dropped

    def frames(self) -> Iterator[Frame | SourceEvent | None]:
        flowing = False
        while not self._closed.is_set():
            with self._arrived:
                if not self._newest:
                    self._arrived.wait(_STALL_S)
                item = self._newest.popleft() if self._newest else None
            if item is not None:
                flowing = isinstance(item, Frame)
                yield item
            elif flowing:
                flowing = False
                self._abandon.set()
                yield _STALLED
            else:
                yield None

    def picture_at(self, captured_at_s: float) -> Colour | None:
        return self._pictures.picture_at(captured_at_s) if self._pictures else None

    def close(self) -> None:
        self._closed.set()
        with self._arrived:
            self._arrived.notify_all()

    def _receive(self) -> None:
        rng, attempt = random.Random(), 0
        while not self._closed.is_set():
            self._abandon.clear()
            began = time.monotonic()
            try:
                event = self._read_stream()
            except (av.FFmpegError, OSError) as error:
                event = _explain(error)
            if self._closed.is_set():
                return
            attempt = 0 if time.monotonic() - began > _GOOD_AFTER_S else attempt + 1
            wait_s = retry_delay_s(attempt - 1 if attempt else 0, rng)
            log.warning("%s: %s; next try in %.1f s", without_credentials(self._url), event.detail, wait_s)
            self._put(event)
            self._closed.wait(wait_s)

    def _read_stream(self) -> SourceEvent:
        """Decode until the stream ends; says how it ended."""
        with open_stream(self._url, self._transport) as container:
            if not container.streams.video:
                return SourceEvent(CameraState.UNREACHABLE, "the stream holds no video")
            stream = container.streams.video[0]
            stream.thread_type = "SLICE"  # threads by frame would hold frames back
            heard_s = time.monotonic()
            for packet in container.demux(stream):
                if self._closed.is_set() or self._abandon.is_set():
                    break
                if packet.size == 0:  # FFmpeg's word for the end, and for our time-out
                    if time.monotonic() - heard_s >= _READ_TIMEOUT_S:
                        return _STALLED
                    break
                heard_s = time.monotonic()
                for decoded in packet.decode():
                    self._put(self._frame(decoded))
        return SourceEvent(CameraState.UNREACHABLE, "the camera ended the stream")

    def _frame(self, decoded: av.VideoFrame) -> Frame:
        # Arrival, not the camera's stamps, is media time: it survives reconnects and wrong clocks.
        now_s, mono_s = time.time(), time.monotonic()
        self._started_s = mono_s if self._started_s is None else self._started_s
        return Frame(
            next(self._numbers), mono_s - self._started_s, now_s, luma(decoded), partial(bgr, decoded), chroma(decoded)
        )

    def _put(self, item: Frame | SourceEvent) -> None:
        with self._arrived:
            if isinstance(item, Frame) and self._newest and isinstance(self._newest[-1], Frame):
                self._newest.pop()
                self._dropped += 1
            self._newest.append(item)
            while len(self._newest) > 16:
                self._newest.popleft()
            self._arrived.notify()


def _explain(error: Exception) -> SourceEvent:
    """What a failure of FFmpeg means for the camera; never with the password."""
    if isinstance(error, av.error.ExitError):  # our own time-out interrupted a read
        return _STALLED
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return SourceEvent(CameraState.UNREACHABLE, "the camera refuses user and password")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SourceEvent(CameraState.UNREACHABLE, without_credentials(reason))


class _PictureStream:
    """Receives a large stream without decoding it, and decodes one picture when asked."""

    def __init__(self, url: str, transport: Transport, closed: threading.Event) -> None:
        self._url, self._transport, self._closed = url, transport, closed
        self._lock = threading.Lock()
        self._packets: deque[tuple[float, VideoPacket]] = deque()
        self._codec: av.CodecContext | None = None
        self._bytes = 0
        threading.Thread(target=self._receive, name="rtsp-pictures", daemon=True).start()

    def picture_at(self, captured_at_s: float) -> Colour | None:
        with self._lock:
            if self._codec is None or not self._packets:
                return None
            packets = list(self._packets)
            name, extradata = self._codec.name, self._codec.extradata
        decoder = cast("av.VideoCodecContext", av.CodecContext.create(name, "r"))
        if extradata:
            decoder.extradata = extradata
        best: tuple[float, av.VideoFrame] | None = None
        for arrived_s, packet in packets:
            try:
                decoded = decoder.decode(packet)
            except av.FFmpegError:
                continue
            for frame in decoded:
                distance = abs(arrived_s - captured_at_s)
                if best is None or distance < best[0]:
                    best = (distance, frame)
        return bgr(best[1]) if best else None

    def _receive(self) -> None:
        rng, attempt = random.Random(), 0
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                with open_stream(self._url, self._transport) as container:
                    stream = container.streams.video[0]
                    self._codec = stream.codec_context
                    for packet in container.demux(stream):
                        if self._closed.is_set():
                            return
                        self._keep(packet)
            except (av.FFmpegError, OSError, IndexError) as error:
                log.warning("%s: %s", without_credentials(self._url), _explain(error).detail)
            with self._lock:
                self._packets.clear()
                self._bytes, self._codec = 0, None
            attempt = 0 if time.monotonic() - began > _GOOD_AFTER_S else attempt + 1
            self._closed.wait(retry_delay_s(attempt, rng))

    def _keep(self, packet: VideoPacket) -> None:
        """Two groups of pictures stay, so that a moment just before a key frame is still there."""
        if packet.size == 0:
            return
        with self._lock:
            self._packets.append((time.time(), packet))
            self._bytes += packet.size
            if packet.is_keyframe:
                keys = [place for place, (_, kept) in enumerate(self._packets) if kept.is_keyframe]
                for _ in range(keys[-2] if len(keys) > 1 else 0):
                    self._bytes -= self._packets.popleft()[1].size
            while self._bytes > _KEPT_PACKET_BYTES:
                self._bytes -= self._packets.popleft()[1].size
