"""The record: events by place, kind, line, priority and time; counts by line and time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from aggregator.api.parts import ConnectionDependency
from aggregator.store import record
from aggregator.store.entities import EventPage, LineCount
from shared.ids import NAME_PATTERN

router = APIRouter(prefix="/api/v1", tags=["record"])

Name = Annotated[str | None, Query(pattern=NAME_PATTERN)]
Label = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]

Moment = Annotated[str | None, Query(max_length=40, description="not before, or not after: ISO 8601 with a time zone")]


@router.get("/events", responses={422: {"description": "something asked for makes no sense"}})
def list_events(
    connection: ConnectionDependency,
    site: Name = None,
    agent: Name = None,
    camera: Label = None,
    line: Annotated[Label, Query(description="name of a line or zone")] = None,
    kind: Annotated[list[str] | None, Query(description="any of: " + ", ".join(record.NUMBERS))] = None,
    priority: Annotated[int | None, Query(ge=1, le=4, description="at least so urgent; 1 is the most")] = None,
    since: Moment = None,
    until: Moment = None,
    after: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EventPage:
    """Events, newest first, page by page."""
    begin, end = _moment("since", since), _moment("until", until)
    if begin and end and begin > end:
        raise HTTPException(422, "since lies after until: nothing can be between")
    unknown = sorted(set(kind or ()) - set(record.NUMBERS))
    if unknown:
        raise HTTPException(422, f"kind={unknown[0]}: there are {', '.join(record.NUMBERS)}")
    asked = record.EventQuestion(
        site=site,
        agent=agent,
        camera=camera,
        line=line,
        kinds=[record.NUMBERS[name] for name in kind] if kind else None,
        priority=priority,
        since=begin,
        until=end,
        after=after,
        limit=limit,
    )
    try:
        return record.events(connection, asked)
    except record.CursorError as error:
        raise HTTPException(422, str(error)) from None


@router.get("/counts", responses={422: {"description": "something asked for makes no sense"}})
def list_counts(
    connection: ConnectionDependency,
    site: Name = None,
    agent: Name = None,
    camera: Label = None,
    line: Label = None,
    since: Moment = None,
    until: Moment = None,
    step: Annotated[record.Step, Query(description="how much time a row is of")] = record.Step.QUARTER,
    zone: Annotated[str, Query(pattern=r"^[A-Za-z0-9_+/-]{1,40}$", description="whose days and hours")] = "UTC",
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> list[LineCount]:
    """Crossings per line, direction and step of time, newest first; of the last day where nothing else is said.

    Lines that were counted under another name keep it: a row is of a name, not of a number.
    """
    end = _moment("until", until) or datetime.now(UTC) + timedelta(minutes=15)
    begin = _moment("since", since) or end - timedelta(days=1)
    asked = record.CountQuestion(begin, end, site, agent, camera, line, step, zone, limit)
    try:
        return record.counts(connection, asked)
    except record.ZoneError as error:
        raise HTTPException(422, str(error)) from None


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    # A plus that was not escaped comes as a space.
    text = re.sub(r" (?=\d\d:?\d\d$)", "+", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not moment.tzinfo:
        raise HTTPException(422, f"{name}={text}: expected a time with its zone, as 2026-11-20T08:00:00Z or …+08:00")
    return moment
