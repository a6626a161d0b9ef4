"""The large stream of a camera: received all the time, decoded only where an event asks for a picture."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av

from edge_agent.address import camera_address
from edge_agent.camera.sources.bounds import DECODER, LIVE_CODECS
from edge_agent.camera.sources.decoder import NoVideoError, choose_video
from edge_agent.camera.sources.media_clock import PacketPace
from edge_agent.camera.sources.network_camera import (
    GOOD_AFTER_S,
    Transport,
    explain,
    open_stream,
    retry_delay_s,
    video_packets,
)
from edge_agent.camera.sources.planes import bgr
from edge_agent.camera.sources.posture import posture_of
from edge_agent.camera.sources.stall_detector import StallDetector
from edge_agent.frames import SourceEvent, Still

log = logging.getLogger(__name__)

_KEPT_BYTES = 16 * 1024 * 1024
_KEPT_S = 6.0
_NEAR_S = 1.0
"""What is further from the moment shows something else; the analysed picture is better."""
_AWAITED_S = 2.0
"""A stream that comes in bursts brings the moment of an event this much later than the small one."""
_MOST_DECODE_S = 5.0
"""When a picture takes longer than this to decode, the nearest one so far must do."""


@dataclass(frozen=True, slots=True)
class _Kept:
    taken_s: float
    """Wall clock."""
    data: bytes
    is_key: bool


class PictureStream:
    """Keeps the packets of the last seconds; `picture_at` decodes them up to the moment asked for.

    Args:
        url: of the stream.
        transport: of RTP.
        closed: set when the camera is not watched any more.
        pins: where certificates of `rtsps` cameras are kept.
    """

    def __init__(self, url: str, transport: Transport, closed: threading.Event, pins: Path | None = None) -> None:
        self._url, self._transport, self._closed, self._pins = url, transport, closed, pins
        self._shown = camera_address(url).shown
        self._changed = threading.Condition()
        self._packets: deque[_Kept] = deque()
        self._bytes = 0
        self._patience, self._pace = StallDetector(), PacketPace()
        self._codec: tuple[str, bytes | None, float | None] | None = None
        self.trouble = ""
        """Why there are no pictures at present; empty where there are."""
        threading.Thread(target=self._keep_receiving, name="rtsp-pictures", daemon=True).start()

    def picture_at(self, captured_at_s: float) -> Still | None:
        """The whole picture nearest to that moment (wall clock), None where there is none. May take seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._holds(captured_at_s) or self._closed.is_set(), _AWAITED_S)
            if self._codec is None or not self._packets:
                return None
            (name, extradata, pixel_shape), packets = self._codec, list(self._packets)
        keys = [place for place, kept in enumerate(packets) if kept.is_key and kept.taken_s <= captured_at_s]
        if not keys or packets[-1].taken_s < captured_at_s - _NEAR_S:
            return None
        best = _nearest(_decoder(name, extradata), packets[keys[-1] :], captured_at_s)
        if best is None:
            return None
        taken_at_s, picture = best
        return Still(bgr(picture, posture_of(picture, pixel_shape)), taken_at_s)

    def _holds(self, captured_at_s: float) -> bool:
        return bool(self._packets) and self._packets[-1].taken_s >= captured_at_s

    def _keep_receiving(self) -> None:
        rng, attempt = random.Random(), 0
        while not self._closed.is_set():
            began_s = time.monotonic()
            try:
                self._receive()
                reason = "the camera ended the stream"
            except NoVideoError as error:
                reason = str(error)
            except (av.FFmpegError, OSError) as error:
                reason = explain(error, self._url).detail
            except Exception as error:
                log.exception("%s: the picture stream failed", self._shown)
                reason = f"failed: {type(error).__name__}"
            with self._changed:
                self._packets.clear()
                self._bytes, self._codec = 0, None
            attempt = 0 if time.monotonic() - began_s > GOOD_AFTER_S else attempt + 1
            wait_s = retry_delay_s(attempt, rng)
            if not self._closed.is_set():
                self.trouble = f"picture stream: {reason}"
                log.warning("%s: %s; next try in %.1f s", self._shown, self.trouble, wait_s)
            self._closed.wait(wait_s)

    def _receive(self) -> None:
        with open_stream(
            self._url, self._transport, read_timeout_s=self._patience.read_s, pins=self._pins
        ) as container:
            stream = choose_video(container.streams.video, LIVE_CODECS)
            context = stream.codec_context
            shape = stream.sample_aspect_ratio
            self._codec = context.name, context.extradata, float(shape) if shape else None
            self._pace.cut()
            for item in video_packets(container, stream, self._patience):
                if self._closed.is_set():
                    return
                if isinstance(item, SourceEvent):
                    self.trouble = f"picture stream: {item.detail}"
                elif item is not None:
                    complaint = self._patience.complaint
                    self.trouble = f"picture stream: {complaint}" if complaint else ""
                    now_s, stamp = time.monotonic(), item.pts
                    stamp_s = None if stamp is None or item.time_base is None else float(stamp * item.time_base)
                    taken_s = time.time() - (now_s - self._pace.taken_s(stamp_s, now_s))
                    self._keep(_Kept(taken_s, bytes(item), item.is_keyframe))

    def _keep(self, kept: _Kept) -> None:
        """Whole groups of pictures stay for some seconds: a crossing is confirmed later than it happened."""
        with self._changed:
            self._packets.append(kept)
            self._bytes += len(kept.data)
            if kept.is_key:
                keys = [place for place, other in enumerate(self._packets) if other.is_key]
                old = [key for key in keys[:-1] if self._packets[key].taken_s < kept.taken_s - _KEPT_S]
                for _ in range(old[-1] if old else 0):
                    self._bytes -= len(self._packets.popleft().data)
            while self._bytes > _KEPT_BYTES:
                self._bytes -= len(self._packets.popleft().data)
            self._changed.notify_all()


def _decoder(name: str, extradata: bytes | None) -> "av.VideoCodecContext":
    decoder = cast("av.VideoCodecContext", av.CodecContext.create(name, "r"))
    decoder.options = dict(DECODER)
    if extradata:
        decoder.extradata = extradata
    return decoder


def _nearest(
    decoder: "av.VideoCodecContext", packets: list[_Kept], captured_at_s: float
) -> "tuple[float, av.VideoFrame] | None":
    """Decode from a key frame up to the moment; a picture that is broken does not count.

    Returns:
        When the picture was taken, and the picture.
    """
    best: tuple[float, av.VideoFrame] | None = None
    until_s = time.monotonic() + _MOST_DECODE_S
    for taken_s, picture in _decoded(decoder, packets):
        if not picture.is_corrupt and (best is None or abs(taken_s - captured_at_s) < abs(best[0] - captured_at_s)):
            best = taken_s, picture
        if taken_s > captured_at_s or time.monotonic() > until_s:
            break
    return best if best and abs(best[0] - captured_at_s) <= _NEAR_S else None


def _decoded(decoder: "av.VideoCodecContext", packets: list[_Kept]) -> "Iterator[tuple[float, av.VideoFrame]]":
    """All pictures in the order in which they were taken: a decoder holds back those that are shown later."""
    for place, kept in enumerate([*packets, None]):
        packet = None
        if kept:
            packet = av.Packet(kept.data)
            packet.pts = place  # comes back with its picture
        try:
            decoded = decoder.decode(packet)
        except (av.FFmpegError, ValueError):
            continue
        for picture in decoded:
            yield packets[place if picture.pts is None else picture.pts].taken_s, picture
