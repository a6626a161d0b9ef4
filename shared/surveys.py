"""Surveys: what a camera shows now, and what a scene that is being drawn would have made of its last minute.

The planner's page asks, the box answers once. No picture is made unless it was asked for (docs/adr/0032).
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from shared.errors import WireError

MOST_PICTURE_BYTES: Final = 2 * 1024 * 1024
MOST_FINDINGS: Final = 200
MOST_SCENE_BYTES: Final = 64 * 1024
_Text = Annotated[str, Meta(max_length=64)]


class Finding(msgspec.Struct, frozen=True):
    """Something that met a line or zone of the scene.

    Attributes:
        at_ms: when, Unix milliseconds.
        watch: name of the line or zone.
        kind: of the event, or `not_counted`.
        direction: in which a line was crossed.
        object: what it was, as far as looks tell.
        score: how sure that is, 0 to 1.
        why: it does not count (`edge_agent.vision.tripwire.reasons`).
    """

    at_ms: Annotated[int, Meta(ge=0, lt=2**53)]
    watch: _Text
    kind: _Text
    direction: _Text = ""
    object: _Text = ""
    score: Annotated[float, Meta(ge=0, le=1)] = 0.0
    why: _Text = ""


class Outcome(msgspec.Struct, frozen=True):
    """What a scene would have made of the last minute.

    Attributes:
        watched_s: of the minute, what the box has watched: it begins when a survey is asked for.
        moved: things that went somewhere in it.
        found: events first, then what does not count; the first two hundred.
        warnings: what of the scene can never happen, in English.
    """

    watched_s: Annotated[float, Meta(ge=0, le=3600)]
    moved: Annotated[int, Meta(ge=0, lt=2**31)]
    found: Annotated[tuple[Finding, ...], Meta(max_length=MOST_FINDINGS)] = ()
    warnings: Annotated[tuple[Annotated[str, Meta(max_length=400)], ...], Meta(max_length=100)] = ()


class SurveyAnswer(msgspec.Struct, frozen=True):
    """What the box brings: plates blurred, what lies in a privacy mask black.

    Attributes:
        taken_at_ms: when the picture was taken, Unix milliseconds.
        jpeg: the whole picture.
        outcome: of the scene; None where none was to be tried.
    """

    taken_at_ms: Annotated[int, Meta(ge=0, lt=2**53)]
    jpeg: Annotated[bytes, Meta(max_length=MOST_PICTURE_BYTES)]
    outcome: Outcome | None = None


def decode_answer(content: bytes) -> SurveyAnswer:
    """Read what a box has brought.

    Raises:
        WireError: it is no answer.
    """
    try:
        return msgspec.msgpack.decode(content, type=SurveyAnswer)
    except msgspec.MsgspecError as error:
        raise WireError("survey", f"what the box brought is no answer ({error})") from None
