"""The record of events: by place, kind, line, priority, what it was, and time."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import LinesQuery, Moment, ObjectNames, moment, objects
from aggregator.api.principal import Record
from aggregator.domains.record import record
from aggregator.domains.record.record import EventPage
from aggregator.store.paging import CursorError

router = APIRouter(prefix="/api/v1", tags=["record"])


@router.get("/events")
def list_events(
    who: Record,
    connection: SnapshotDependency,
    lines: LinesQuery,
    kind: Annotated[list[str] | None, Query(description="any of: " + ", ".join(record.numbers()))] = None,
    priority: Annotated[int | None, Query(ge=1, le=4, description="at least so urgent; 1 is the most")] = None,
    names: ObjectNames = None,
    since: Moment = None,
    until: Moment = None,
    after: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EventPage:
    """Events, newest first, page by page."""
    begin, end = moment("since", since), moment("until", until)
    if begin and end and begin > end:
        raise HTTPException(422, "since lies after until: nothing can be between")
    unknown = sorted(set(kind or ()) - set(record.numbers()))
    if unknown:
        raise HTTPException(422, f"kind={unknown[0]}: there are {', '.join(record.numbers())}")
    asked = record.EventQuestion(
        **asdict(lines),
        kinds=[record.numbers()[name] for name in kind] if kind else None,
        priority=priority,
        objects=objects(names),
        since=begin,
        until=end,
        after=after,
        limit=limit,
    )
    try:
        return record.events(connection, who.scope, asked)
    except CursorError as error:
        raise HTTPException(422, str(error)) from None
