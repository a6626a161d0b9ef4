"""Availability: for how long boxes and cameras were known to be well, when they were not, and how a box did."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query

from aggregator.api import principal
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import Boxes, BoxesQuery, Moment, time_span
from aggregator.domains.boxes import coverage_queries
from aggregator.domains.boxes.entities import Availability, HealthSample, Uncovered
from aggregator.store.places import is_ours
from shared.ids import NAME_PATTERN

router = APIRouter(prefix="/api/v1", tags=["boxes"])

_LONGEST = timedelta(days=400)
Cameras = Annotated[bool, Query(description="cameras instead of boxes")]
PathName = Annotated[str, Path(pattern=NAME_PATTERN)]


@router.get("/availability")
def list_availability(
    who: principal.Boxes,
    connection: SnapshotDependency,
    boxes: BoxesQuery,
    cameras: Cameras = False,
    since: Moment = None,
    until: Moment = None,
) -> list[Availability]:
    """For how long each box, or camera, was known to be well; of the last day where nothing else is said.

    Counted in whole quarter-hours that are over. What is not covered cannot be confirmed: the box or the way to it was
    away, or its camera was not watched.
    """
    return coverage_queries.availability(connection, who.scope, _asked(boxes, cameras, since, until))


@router.get("/availability/gaps")
def list_uncovered(
    who: principal.Boxes,
    connection: SnapshotDependency,
    boxes: BoxesQuery,
    cameras: Cameras = False,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[Uncovered]:
    """Stretches of quarter-hours in which a box, or camera, was not known to be well all the time, newest first."""
    return coverage_queries.uncovered(connection, who.scope, _asked(boxes, cameras, since, until), limit)


@router.get("/boxes/{site}/{agent}/samples")
def list_samples(
    who: principal.Boxes,
    connection: SnapshotDependency,
    site: PathName,
    agent: PathName,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[HealthSample]:
    """How a box did: a heartbeat of every quarter-hour in numbers, newest first; of the last day unless told."""
    begin, end = time_span(since, until)
    if not is_ours(connection, who.scope, site):
        return []
    return coverage_queries.samples(connection, site, agent, begin, end, limit)


def _asked(boxes: Boxes, cameras: bool, since: str | None, until: str | None) -> coverage_queries.CoverageQuestion:
    begin, end = time_span(since, until, _LONGEST)
    return coverage_queries.CoverageQuestion(begin, end, cameras=cameras, **asdict(boxes))
