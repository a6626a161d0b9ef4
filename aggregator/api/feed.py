"""The feed over server-sent events."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from aggregator.api.dependencies import PartsDependency
from aggregator.api.token import SESSION, Session

router = APIRouter(prefix="/api/v1", tags=["feed"])


@router.get(
    "/feed",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def feed(
    request: Request,
    parts: PartsDependency,
    last_event_id: Annotated[str | None, Header(description="resume behind this message")] = None,
    after: Annotated[int | None, Query(ge=0, le=2**62, description="as Last-Event-ID, for a first connect")] = None,
) -> StreamingResponse:
    """Events `alert` and `box` as they happen, `ping` in pauses, `reset` when the place to resume is gone.

    To whom has signed in, `session` says for how long, and `ended` is the last when that is over.
    """
    resume = int(last_event_id) if last_event_id and last_event_id.isdigit() and len(last_event_id) < 19 else after
    session: Session | None = request.scope.get(SESSION)
    messages = parts.hub.stream(resume)
    return StreamingResponse(
        messages if session is None else _while_it_holds(messages, session),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _while_it_holds(messages: AsyncGenerator[bytes, None], session: Session) -> AsyncIterator[bytes]:
    """The feed of a session ends with it, at the next ping at the latest: no page goes on listening that may not."""
    if session.until_s is not None:
        yield b'event: session\ndata: {"ends_in_s": %d}\n\n' % max(0, session.until_s - time.time())
    async with aclosing(messages):
        async for part in messages:
            if not session.holds():
                yield b"event: ended\ndata: {}\n\n"
                return
            yield part
