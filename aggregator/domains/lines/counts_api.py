"""Counts of lines: as rows, or as whole series of many lines."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse

from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import LinesQuery, Moment, ObjectNames, moment, objects
from aggregator.api.principal import Record
from aggregator.domains.lines import counts
from aggregator.domains.lines.counts import CountSeries, LineCount
from aggregator.domains.lines.packing import Ints
from shared.clock import QUARTER_S
from shared.time_zones import check_zone

router = APIRouter(prefix="/api/v1", tags=["record"])

_QUARTER = timedelta(minutes=15)
_AT_ONCE = 5

StepQuery = Annotated[counts.Step, Query(description="how much time a number is of")]
Zone = Annotated[str, Query(pattern=r"^[A-Za-z0-9_+/-]{1,40}$", description="whose days and hours")]
_BUSIEST = "only of so many lines, those that were crossed most in this time"


@router.get("/counts")
def list_counts(
    who: Record,
    connection: SnapshotDependency,
    lines: LinesQuery,
    since: Moment = None,
    until: Moment = None,
    step: StepQuery = counts.Step.QUARTER,
    zone: Zone = "UTC",
    busiest: Annotated[int | None, Query(ge=1, le=10_000, description=_BUSIEST)] = None,
    names: ObjectNames = None,
    by_object: Annotated[bool, Query(description="a row for each class of things that crossed")] = False,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> list[LineCount]:
    """Crossings per line, direction and step of time, newest first; of the last day where nothing else is said.

    What crossed is known where looks tell; all else is `unknown`, and without `object` everything counts.
    Lines that were counted under another name keep it: a row is of a name, not of a number.
    """
    begin, end = quarters(since, until)
    require_zone(zone)
    asked = counts.CountQuestion(
        *(begin, end),
        step=step,
        zone=zone,
        objects=objects(names),
        by_object=by_object,
        busiest=busiest,
        limit=limit,
        **asdict(lines),
    )
    return counts.rows(connection, who.scope, asked)


@router.get("/counts/series", response_model=CountSeries)
def list_series(
    who: Record,
    connection: SnapshotDependency,
    lines: LinesQuery,
    since: Moment = None,
    until: Moment = None,
    step: StepQuery = counts.Step.HOUR,
    zone: Zone = "UTC",
    names: ObjectNames = None,
    busiest: Annotated[int, Query(ge=1, le=10_000, description=_BUSIEST)] = 100,
) -> StreamingResponse:
    """Crossings of many lines over the same steps, the busiest line first: what a chart draws."""
    begin, end = quarters(since, until)
    require_zone(zone)
    asked = counts.CountQuestion(
        begin, end, step=step, zone=zone, objects=objects(names), busiest=busiest, **asdict(lines)
    )
    found = counts.series(connection, who.scope, asked)
    return StreamingResponse(_encoded(step, found), media_type="application/json")


def _encoded(step: counts.Step, found: counts.Series) -> Iterator[bytes]:
    """`CountSeries` as JSON, a few lines at a time: pydantic would look at each of millions of numbers."""
    head = msgspec.json.encode({"step": step.value, "starts": found.starts.tolist()})
    held = [head[:-1] + b',"lines":[']
    for number, (name, crossings) in enumerate(found.lines):
        who = msgspec.json.encode(dict(zip(("site", "agent", "camera", "line"), name, strict=True)))
        right, left = (_numbers(crossings[:, direction]) for direction in (0, 1))
        held.append(b'%s%s,"left_to_right":%s,"right_to_left":%s}' % (b"," if number else b"", who[:-1], right, left))
        if len(held) >= _AT_ONCE:
            yield b"".join(held)
            held.clear()
    yield b"".join(held) + b"]}"


def _numbers(numbers: Ints) -> bytes:
    """As JSON. Small ones are looked up all at once, which takes half the time: an answer may hold millions."""
    if numbers.max(initial=0) >= len(_TEXTS) or not len(numbers):
        return msgspec.json.encode(numbers.tolist())
    letters: npt.NDArray[np.uint8] = _TEXTS[numbers].view(np.uint8)
    return b"[%s]" % letters[letters != 0][:-1].tobytes()


_TEXTS = np.array([f"{number}," for number in range(1000)], "S4").view(np.uint32)
"""Each number and a comma, filled up with zeros to four bytes."""


def require_zone(zone: str) -> None:
    """PostgreSQL would also take POSIX's, where UTC+8 lies west of Greenwich, and any case."""
    try:
        check_zone(zone)
    except ValueError as error:
        raise HTTPException(422, f"zone: {error}") from None


def quarters(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """From the quarter-hour in which `since` lies to the one in which `until` does."""
    end = moment("until", until) or datetime.now(UTC) + _QUARTER
    begin = moment("since", since) or end - timedelta(days=1)
    if begin > end:
        raise HTTPException(422, "since lies after until: nothing can be between")
    return datetime.fromtimestamp(begin.timestamp() // QUARTER_S * QUARTER_S, tz=UTC), end
