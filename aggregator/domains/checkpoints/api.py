"""Checkpoints and their lanes, and what passed them."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from psycopg.rows import class_row

from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery, LinesQuery, Moment
from aggregator.api.principal import Boxes, Record
from aggregator.domains.checkpoints.passages import SQL, since_hours
from aggregator.domains.lines import counts
from aggregator.domains.lines.counts_api import StepQuery, Zone, quarters, require_zone
from aggregator.store.entity import Entity
from aggregator.store.places import where
from shared.events import LineRule

router = APIRouter(prefix="/api/v1", tags=["boxes"])


class CheckpointLane(Entity):
    """A lane, and what passed it in the time asked for."""

    name: str
    direction: str
    passed: int
    unread: int
    """Of these the plate was not read."""


class Checkpoint(Entity):
    """A camera that reads plates."""

    site: str
    agent: str
    camera: str
    box_state: str | None
    camera_state: str | None
    lanes: list[CheckpointLane]


@router.get("/checkpoints")
def list_checkpoints(
    who: Boxes,
    connection: SnapshotDependency,
    boxes: BoxesQuery,
    hours: Annotated[int, Query(ge=1, le=31 * 24, description="count what passed in so many hours")] = 24,
) -> list[Checkpoint]:
    """Checkpoints with their lanes, and how many vehicles passed each; no plate is known of any."""
    asked = {
        **where(connection, who.scope, boxes.place),
        "rule": int(LineRule.LANE),
        "site": boxes.site,
        "agent": boxes.agent,
        "since": since_hours(datetime.now(UTC), hours),
    }
    with connection.cursor(row_factory=class_row(Checkpoint)) as cursor:
        return cursor.execute(SQL["checkpoints"], asked).fetchall()


@router.get("/checkpoints/counts")
def list_passages(
    who: Record,
    connection: SnapshotDependency,
    lanes: LinesQuery,
    since: Moment = None,
    until: Moment = None,
    step: StepQuery = counts.Step.QUARTER,
    zone: Zone = "UTC",
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> list[counts.LineCount]:
    """Passages per lane, class of vehicle, direction and step of time, newest first; of the last day by default."""
    begin, end = quarters(since, until)
    require_zone(zone)
    asked = counts.CountQuestion(
        begin, end, rule=LineRule.LANE, step=step, zone=zone, by_object=True, limit=limit, **asdict(lanes)
    )
    return counts.rows(connection, who.scope, asked)
