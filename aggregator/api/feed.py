"""The feed over server-sent events."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from aggregator.api.parts import PartsDependency

router = APIRouter(prefix="/api/v1", tags=["feed"])


@router.get(
    "/feed",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def feed(
    parts: PartsDependency,
    last_event_id: Annotated[str | None, Header(description="resume behind this message")] = None,
    after: Annotated[int | None, Query(ge=0, le=2**62, description="as Last-Event-ID, for a first connect")] = None,
) -> StreamingResponse:
    """Events `alert` and `box` as they happen, `ping` in pauses, `reset` when the place to resume is gone."""
    resume = int(last_event_id) if last_event_id and last_event_id.isdigit() and len(last_event_id) < 19 else after
    return StreamingResponse(
        parts.hub.stream(resume),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
