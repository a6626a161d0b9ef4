"""One connection to a network camera: how it is opened, and what its failures mean."""

import errno
import random
from typing import Literal

import av

from edge_agent.address import camera_address
from edge_agent.sources.base import SourceEvent
from edge_agent.sources.failure import in_words, unreachable
from shared.events import CameraState

Transport = Literal["tcp", "udp"]
READ_TIMEOUT_S = 2.4
"""FFmpeg holds the newest picture back until the next one begins, so a silent stream times out twice: first it gives up
that picture, then an error. Together a stall is told within five seconds, and a burst of 25 pictures at ten a second is
none."""
STALL_S = 2 * READ_TIMEOUT_S
GOOD_AFTER_S = 10.0
"""A stream that gave pictures this long was good: the next failure starts from the first delay again."""
STALLED = SourceEvent(CameraState.STALLED, f"no picture for {STALL_S:.1f} s")
_OPEN_TIMEOUT_S = 5.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 30.0


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
        timeout=(_OPEN_TIMEOUT_S, READ_TIMEOUT_S),
        metadata_errors="replace",  # a camera's name in GBK is no reason not to look through it
    )


def retry_delay_s(attempt: int, rng: random.Random) -> float:
    """Doubling from half a second to thirty, with a quarter of jitter so that cameras do not come back in step."""
    return float(min(_LAST_RETRY_S, _FIRST_RETRY_S * 2 ** min(attempt, 10)) * rng.uniform(0.75, 1.25))


def explain(error: Exception, url: str) -> SourceEvent:
    """What a failure of FFmpeg at a camera's address means, in words; never with the password."""
    if isinstance(error, av.error.ExitError):  # our own time-out interrupted a read
        return STALLED
    # FFmpeg says the same of a name that is not found and of a server that speaks nonsense.
    vague = getattr(error, "errno", None) == errno.EIO
    said = (unreachable(camera_address(url)) if vague else None) or in_words(error)
    return SourceEvent(CameraState.UNREACHABLE, said if said.startswith("the ") else f"the camera {said}")
