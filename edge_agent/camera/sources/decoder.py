"""From packets to sound pictures: what is broken is skipped and counted, what the container says is obeyed.

A camera's flaky link or worn-out memory breaks single pictures; a picture that cannot be decoded ends nothing.
"""

import contextlib
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import av
from av.stream import Disposition

from edge_agent.camera.sources.bounds import DECODER, MOST_PIXELS
from edge_agent.camera.sources.gop_buffer import Past
from edge_agent.camera.sources.nal_units import Bitstream
from edge_agent.camera.sources.posture import Posture, posture_of
from edge_agent.camera.sources.stand_in import StandIns

_NO_CAMERA = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Covers and previews are video streams too, for FFmpeg."""
_PATIENCE_S = 2.0
"""When nothing sound came for this long, what is decoded in part is looked at: better than to see nothing."""

_MOST_RUINS = 8
"""In a row."""
_STAMPS = 8
"""So many distances of packets are known before one is called usual."""


class NoVideoError(Exception):
    """The stream holds no video that can be decoded; says why."""


def choose_video(streams: Sequence[av.VideoStream], codecs: Collection[str] = ()) -> av.VideoStream:
    """The stream that shows what the camera sees: no cover, no preview; the default one, else the largest.

    Args:
        streams: of a container.
        codecs: that are decoded; all without it.

    Raises:
        NoVideoError: there is none, or it is larger than any camera's, or coded as none is.
    """
    seeing = [stream for stream in streams if stream.codec_context and not stream.disposition & _NO_CAMERA]
    if not seeing:
        raise NoVideoError("the stream holds no video")
    chosen = max(seeing, key=lambda stream: (bool(stream.disposition & Disposition.default), _area(stream)))
    context = chosen.codec_context
    if _area(chosen) > MOST_PIXELS:
        raise NoVideoError(
            f"pictures of {context.width} by {context.height} pixels, expected {MOST_PIXELS // 1_000_000} million "
            "pixels at most; set a smaller resolution on the camera"
        )
    if codecs and context.name not in codecs:
        raise NoVideoError(
            f"the video is coded as {context.name}, expected {', '.join(sorted(codecs))}; set one of them on the camera"
        )
    return chosen


def _area(stream: av.VideoStream) -> int:
    return (stream.codec_context.width or 0) * (stream.codec_context.height or 0)


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """One picture of a stream.

    Attributes:
        stamp_s: the stream's own time of it, None where it has none.
        damaged_before: pictures between this one and the one before that were broken.
        smeared: one of these was decoded in part, or this one is.
        is_key: it builds on no other picture.
        builds_on_missing: by its number, some that it builds on never came.
    """

    picture: av.VideoFrame
    posture: Posture
    stamp_s: float | None
    damaged_before: int
    is_key: bool
    smeared: bool
    builds_on_missing: bool


class _Stamps:
    """Tells by the stamps of a stream's packets whether some are missing."""

    def __init__(self) -> None:
        self._before: int | None = None
        self._apart: deque[int] = deque(maxlen=_STAMPS)

    def step(self, stamp: int | None) -> bool:
        """Whether this packet comes right behind the one before."""
        before, self._before = self._before, stamp
        if stamp is None or before is None or stamp <= before:
            return False
        self._apart.append(stamp - before)
        return len(self._apart) == _STAMPS and stamp - before < 1.5 * min(self._apart)


class PictureDecoder:
    """Decodes the packets of one video stream.

    Args:
        stream: chosen by `choose_video`; its own decoder is used.
        threads: decode on several cores, slice by slice; by frame would hold pictures back.
    """

    def __init__(self, stream: av.VideoStream, *, threads: bool) -> None:
        self._stream = stream
        stream.thread_type = "SLICE" if threads else "NONE"
        self._begun = False
        self._sound_s: float | None = None
        self._broken, self._smeared = 0, False
        self._held: tuple[tuple[int, int, int], Posture] | None = None
        context = stream.codec_context
        self._bitstream = Bitstream(context.name, context.extradata or b"")
        self._stand_ins = StandIns(context.name, self._bitstream)
        options = dict(DECODER)
        if self._bitstream.never_reorders:
            options["has_b_frames"] = "0"  # noise in what was probed makes FFmpeg hold pictures back
        if not context.is_open:
            context.options = options
        self._past = Past(self._bitstream)
        self._unseen = self._is_gap = False
        self._ruins, self._stamps = 0, _Stamps()
        self.damaged = 0
        """Pictures that could not be decoded, or only in part."""

    def decode(self, packet: "av.Packet[av.VideoStream]", now_s: float) -> list[DecodedPicture]:
        """The pictures that this packet completes and that are worth a look; what is broken is counted.

        Args:
            packet: the next one of the stream; the empty one at its end gives what was held back.
            now_s: a time that only grows; after two seconds of it without a sound picture, damaged ones must do.
        """
        if packet.is_keyframe and self._begun and not self._is_whole(packet):
            self._stand_ins.lost_key()
            self._break()
            return []
        if self._is_ruin(packet):
            self._break()
            return []
        try:
            decoded = self._decoded(packet)
        except EOFError:
            return []
        except (av.FFmpegError, ValueError):
            self._break()
            return []
        return [self._taken(picture) for picture in decoded if self._is_worth(picture, now_s)]

    def _decoded(self, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
        if not packet.size:
            return packet.decode()
        content = bytes(packet)
        if self._past.may_be_mended(content):
            self._begin_again()
        return self._fed(packet, content)

    def _begin_again(self) -> None:
        """Decode anew what came soundly since the key frame, as if what was broken had never come."""
        context = self._stream.codec_context
        context.flush_buffers()
        self._stand_ins = StandIns(context.name, self._bitstream)
        self._unseen = self._smeared = False
        for content in self._past.again():
            with contextlib.suppress(av.FFmpegError):
                self._fed(av.Packet(content), content)

    def _fed(self, packet: "av.Packet[Any]", content: bytes) -> list[av.VideoFrame]:
        """Give the decoder a packet, and before it what stands in for those that are missing."""
        context = self._stream.codec_context
        delays = context.has_b_frames > 0
        # A decoder that holds pictures back would show stand-ins later, and now what is not to be lost.
        for stand_in in () if delays else self._stand_ins.before(content, unseen=self._unseen):
            self._is_gap = True
            try:
                made = context.decode(av.Packet(stand_in))
            except av.FFmpegError:
                break
            if any(picture.is_corrupt for picture in made):
                break  # then so is the packet, and the fewer of it the better
        decoded, sound = list[av.VideoFrame](), False
        try:
            decoded = context.decode(packet)
            sound = not any(picture.is_corrupt for picture in decoded) if decoded else delays or not self._begun
        finally:
            # Also of a broken one the decoder may have taken the number.
            holds_picture = self._stand_ins.took(content, sound=sound)
            self._unseen = holds_picture and not decoded and self._begun and not delays
            self._past.went(content, sound=sound, spoils=holds_picture and not delays)
        return decoded

    def _is_whole(self, key: "av.Packet[av.VideoStream]") -> bool:
        """Try a key frame on a decoder of its own.

        One that is broken would make the decoder forget all pictures and begin to count anew: it would hold back what
        follows up to the next key frame. When it does not see it at all, it goes on with what it has.
        """
        context = self._stream.codec_context
        if not self._bitstream.begins_anew(bytes(key)):
            return True
        scout = cast("av.VideoCodecContext", av.CodecContext.create(context.name, "r"))
        scout.extradata = context.extradata
        scout.thread_count = 1
        scout.options = dict(DECODER)
        try:
            decoded = [*scout.decode(av.Packet(bytes(key))), *scout.decode(None)]
        except (av.FFmpegError, ValueError):
            return False
        return bool(decoded)  # one that is damaged in part is better than none

    def _is_ruin(self, packet: "av.Packet[av.VideoStream]") -> bool:
        """Whether the decoder is better not given it; where nearly all seem to be ruins, we may be who cannot read.

        Noise, too, may look like a slice; but its number is another than was to come, though by the stamps none is
        missing. Where numbers do jump, the next one goes on from there, and is taken.
        """
        content, steady = bytes(packet), self._stamps.step(packet.pts)
        if self._bitstream.is_ruin(content) or (steady and not self._ruins and self._stand_ins.is_odd(content)):
            self._ruins += 1
            return self._begun and self._ruins <= _MOST_RUINS
        self._ruins = 0
        return False

    def _break(self) -> None:
        # Before the first key frame there is nothing to decode with, and nothing is broken.
        self.damaged += self._begun
        self._broken += self._begun

    def _is_worth(self, picture: av.VideoFrame, now_s: float) -> bool:
        if not picture.is_corrupt:
            self._begun, self._sound_s = True, now_s
            return True
        self._break()
        self._smeared = True
        self._sound_s = now_s if self._sound_s is None else self._sound_s
        return now_s - self._sound_s >= _PATIENCE_S

    def _taken(self, picture: av.VideoFrame) -> DecodedPicture:
        posture = self._posture(picture)
        broken, smeared, is_gap = self._broken, self._smeared, self._is_gap
        self._broken, self._smeared, self._is_gap = 0, False, False
        return DecodedPicture(picture, posture, picture.time, broken, picture.key_frame, smeared, is_gap)

    def _posture(self, picture: av.VideoFrame) -> Posture:
        """How pictures of this shape are held. To ask a picture ties it to itself, and all of them would stay."""
        told = picture.rotation, picture.width, picture.height
        if self._held is None or self._held[0] != told:
            shape = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio
            self._held = told, posture_of(picture, float(shape) if shape else None)
        return self._held[1]
