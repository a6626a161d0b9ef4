"""One connection to a network camera: how it is opened, and what its failures mean."""

import errno
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeAlias, cast

import av

from edge_agent.address import camera_address
from edge_agent.camera.sources.bounds import DECODER
from edge_agent.camera.sources.camera_identity import CameraIdentityError, changed, options_for, takes
from edge_agent.camera.sources.failure import in_words, unreachable
from edge_agent.camera.sources.stall_detector import SHORTEST_S, StallDetector
from edge_agent.frames import SourceEvent
from shared.events import CameraState

Transport = Literal["tcp", "udp"]
VideoPacket: TypeAlias = "av.Packet[av.VideoStream]"

READ_TIMEOUT_S = SHORTEST_S / 2
"""The shortest, for every usual camera. FFmpeg holds the newest picture back until the next one begins, so a silent
stream times out twice: first it gives up that picture, then an error. Together a stall is told within five seconds, and
a burst of 25 pictures at ten a second is none. A slower stream is read on after that, and opened with a longer one the
next time."""
GOOD_AFTER_S = 10.0
"""A stream that gave pictures this long was good: the next failure starts from the first delay again."""
_OPEN_TIMEOUT_S = 5.0
_NEVER = f"no picture for {SHORTEST_S:.1f} s"
"""As of a stream that was opened: a silent camera, which fails now this way and now that, is one event."""
_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 30.0


class StalledError(TimeoutError):
    """A camera has sent no picture for too long; says for how long."""


class CutShortError(StalledError):
    """Our own time-out interrupted FFmpeg in the middle of the camera's protocol, and ended the connection by that.

    Of a camera that usually sends its pictures close to each other, the link has died within a picture. Of one that
    sends them further apart than the time-out, a picture had just begun to arrive.
    """


def open_stream(
    url: str, transport: Transport, *, read_timeout_s: float = READ_TIMEOUT_S, pins: Path | None = None
) -> av.container.InputContainer:
    """Open a camera's stream with bounded waits. Errors never carry the password.

    Args:
        url: of the stream.
        transport: of RTP.
        read_timeout_s: of each read.
        pins: certificates of `rtsps` cameras (`camera_identity`); None keeps none.

    Raises:
        CameraIdentityError: it is another camera than at first.
        av.FFmpegError: it cannot be opened.
        OSError: it does not answer.
    """
    identity = options_for(url, pins)
    try:
        return _opened(url, transport, read_timeout_s, identity)
    except av.FFmpegError:
        if not identity:
            raise
        if why := changed(url, pins):
            raise CameraIdentityError(why) from None
        if takes(identity):
            raise
        # It shows what was pinned, and FFmpeg would never take it, for its dates or its name: a box may have no clock.
        return _opened(url, transport, read_timeout_s, {})


def _opened(
    url: str, transport: Transport, read_timeout_s: float, identity: Mapping[str, str]
) -> av.container.InputContainer:
    return av.open(
        url,
        options={
            "rtsp_transport": transport,
            "fflags": "nobuffer",
            "flags": "low_delay",
            "max_delay": "500000",
            # A camera says all that matters in its first half second; FFmpeg would listen for five.
            "analyzeduration": "500000",
            **DECODER,
            **identity,
        },
        timeout=(_OPEN_TIMEOUT_S, read_timeout_s),
        metadata_errors="replace",  # a camera's name in GBK is no reason not to look through it
    )


def video_packets(
    container: av.container.InputContainer, stream: av.VideoStream, patience: StallDetector
) -> Iterator["VideoPacket | SourceEvent | None"]:
    """The packets of one stream, up to its end or to a silence that its pictures' usual distance does not explain.

    Args:
        container: all its streams are read: sound that goes on would hide within one call that the pictures stopped.
        stream: of the container.
        patience: says how long the silence may be, and hears of every packet.

    Yields:
        Packets; a stall, once for each silence; None at every time-out of reading while there is neither.

    Raises:
        StalledError: it was silent for too long.
        CutShortError: a time-out has ended the connection.
        av.FFmpegError: the connection has failed.
    """
    patience.begin()
    timeout_s = _timeout_s(container)
    heard_s, read_s, told = time.monotonic(), time.monotonic(), False
    next_begun = False  # whether FFmpeg gave the last picture because the next one had begun
    try:
        for packet in _reads(container):
            now_s = time.monotonic()
            if packet is not None and packet.stream_index == stream.index:
                given_up = now_s - read_s >= timeout_s
                # A picture that FFmpeg gives up at a time-out came when the one before was given. If a time-out gave
                # that one too, it came at some moment of this read: the silence that is certain begins now.
                heard_s, told = read_s if given_up and next_begun else now_s, False
                next_begun = not given_up
                patience.note(now_s)
                yield cast("VideoPacket", packet)
            elif now_s - heard_s >= patience.leave_s:
                raise StalledError(_stalled(patience).detail)
            elif now_s - heard_s >= patience.stall_s and not told:
                told = True
                yield _stalled(patience)
            else:
                yield None
            read_s = time.monotonic()
    except StalledError:
        patience.left()
        raise


def _reads(container: av.container.InputContainer) -> "Iterator[av.Packet[av.stream.Stream] | None]":
    """All packets up to the end; None where a read has timed out, and is tried again.

    Raises:
        CutShortError: a read has timed out, and the connection did not outlive it.
        av.FFmpegError: the connection has failed.
    """
    timeout_s = _timeout_s(container)
    while True:
        began_s = time.monotonic()
        try:
            for packet in container.demux():
                if packet.size == 0:  # FFmpeg's word for the end, and for our time-out
                    break
                yield packet
                began_s = time.monotonic()
        except av.error.ExitError:
            pass  # our own time-out has interrupted it
        except av.FFmpegError as error:
            # Our time-out, too, where it interrupts FFmpeg in the middle of the camera's protocol.
            if error.errno != errno.EIO or time.monotonic() - began_s < timeout_s:
                raise
            raise CutShortError(_NEVER) from None
        if time.monotonic() - began_s < timeout_s:
            return
        yield None


def _timeout_s(container: av.container.InputContainer) -> float:
    return float(container.read_timeout or 0.0)


def _stalled(patience: StallDetector) -> SourceEvent:
    return SourceEvent(CameraState.STALLED, f"no picture for {patience.stall_s:.1f} s")


def retry_delay_s(attempt: int, rng: random.Random) -> float:
    """Doubling from half a second to thirty, with a quarter of jitter so that cameras do not come back in step."""
    return float(min(_LAST_RETRY_S, _FIRST_RETRY_S * 2 ** min(attempt, 10)) * rng.uniform(0.75, 1.25))


def explain(error: Exception, url: str) -> SourceEvent:
    """What a failure of FFmpeg at a camera's address means, in words; never with the password."""
    if isinstance(error, (av.error.ExitError, StalledError)):  # the first: our own time-out while it was opened
        return SourceEvent(CameraState.STALLED, str(error) if isinstance(error, StalledError) else _NEVER)
    # FFmpeg says the same of a name that is not found and of a server that speaks nonsense.
    vague = getattr(error, "errno", None) == errno.EIO
    said = (unreachable(camera_address(url)) if vague else None) or in_words(error)
    return SourceEvent(CameraState.UNREACHABLE, said if said.startswith("the ") else f"the camera {said}")
