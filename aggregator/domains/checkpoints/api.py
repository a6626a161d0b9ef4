"""Checkpoints and their lanes, and what passed them."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery, LinesQuery, Moment
from aggregator.api.principal import Boxes, Record, needs
from aggregator.domains.checkpoints.passages import SQL, since_hours
from aggregator.domains.lines import counts
from aggregator.domains.lines.counts_api import StepQuery, Zone, quarters, require_zone
from aggregator.people.principal import Principal
from aggregator.people.rights import Right
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import SenselessError
from aggregator.store.places import require_place, where
from shared.events import LineRule
from shared.ids import NAME_PATTERN

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


class CheckpointPosition(BaseModel):
    """Where a checkpoint's box stands, and how far along which road: what a cordon ranks by."""

    model_config = ConfigDict(extra="forbid")

    site: Annotated[str, Field(pattern=NAME_PATTERN)]
    agent: Annotated[str, Field(pattern=NAME_PATTERN)]
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    """Degrees, WGS-84."""
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    road: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = ""
    road_km: Annotated[float | None, Field(ge=-1e5, le=1e5, allow_inf_nan=False)] = None
    """Along the road, counted from any end of it."""


class CheckpointPositions(BaseModel):
    """Of some boxes; those of others stay."""

    model_config = ConfigDict(extra="forbid")

    positions: Annotated[list[CheckpointPosition], Field(max_length=1000)]


@router.get("/checkpoints/positions")
def list_positions(who: Boxes, connection: SnapshotDependency) -> list[CheckpointPosition]:
    """Where checkpoints' boxes stand, of those of which somebody has said it."""
    with connection.cursor(row_factory=class_row(CheckpointPosition)) as cursor:
        return cursor.execute(SQL["positions"], {"scope": who.scope.cut}).fetchall()


@router.put("/checkpoints/positions")
@audited
def put_positions(
    who: Annotated[Principal, needs(Right.PLACES_CHANGE)], body: CheckpointPositions, connection: Connection
) -> CheckpointPositions:
    """Say where boxes stand; all of them or none is taken."""
    twice = [key for key, n in Counter((each.site, each.agent) for each in body.positions).items() if n > 1]
    if twice:
        raise SenselessError(f"{'/'.join(twice[0])} is there twice")
    for site in {each.site for each in body.positions}:
        require_place(connection, who.scope, site)
    columns = {"sites": "site", "agents": "agent", "latitudes": "latitude", "longitudes": "longitude"}
    columns |= {"roads": "road", "kms": "road_km"}
    values = {name: [getattr(each, of) for each in body.positions] for name, of in columns.items()}
    connection.execute(SQL["put_positions"], values)
    return body


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
