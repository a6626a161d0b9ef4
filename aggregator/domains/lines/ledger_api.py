"""Which lines cannot be confirmed now, which could not be hour by hour, and which cameras stand in for others."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery, Moment, time_span
from aggregator.api.principal import Arms, Boxes
from aggregator.domains.boxes.coverage_queries import CoverageQuestion
from aggregator.domains.lines import ledger
from aggregator.domains.lines.arming import Text
from aggregator.domains.lines.ledger import LedgerHour, UnconfirmedNow
from aggregator.store import load_queries
from aggregator.store.database import Connection
from aggregator.store.places import is_ours
from shared.ids import NAME_PATTERN

router = APIRouter(prefix="/api/v1", tags=["boxes"])
_LINES, _SQL = load_queries(__package__), load_queries(__package__, "ledger.sql")
_LONGEST = timedelta(days=93)
_MOST_NEIGHBOURS = 16


class NeighbourName(BaseModel):
    """A camera that also sees a line."""

    model_config = ConfigDict(extra="forbid")

    agent: Annotated[str, Field(pattern=NAME_PATTERN)]
    camera: Text


class SeenBy(BaseModel):
    """All cameras of the site that also see a line; none takes back what was said."""

    model_config = ConfigDict(extra="forbid")

    camera: Text
    name: Text
    seen_by: Annotated[list[NeighbourName], Field(max_length=_MOST_NEIGHBOURS)]


@router.get("/coverage/now")
def list_unconfirmed(
    who: Boxes,
    connection: SnapshotDependency,
    boxes: BoxesQuery,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> UnconfirmedNow:
    """Lines and zones that cannot be confirmed now, why and since when, and which neighbours see them."""
    return ledger.unconfirmed_now(connection, who.scope, boxes.place, boxes.site, boxes.agent, limit)


@router.get("/coverage/hours")
def list_hours(
    who: Boxes,
    connection: SnapshotDependency,
    boxes: BoxesQuery,
    since: Moment = None,
    until: Moment = None,
) -> list[LedgerHour]:
    """The ledger: of each site and whole hour which lines and zones were confirmed all the time, and which were not.

    Of the last day where nothing else is said, newest first. It tells of the lines that boxes have now, from when their
    camera was first seen.
    """
    begin, end = time_span(since, until, _LONGEST)
    asked = CoverageQuestion(begin, end, boxes.place, boxes.site, boxes.agent, cameras=True)
    return ledger.hours(connection, who.scope, asked)


@router.put("/boxes/{site}/{agent}/seen-by", responses={404: {"description": "no such line, zone or camera"}})
@audited
def set_seen_by(who: Arms, site: str, agent: str, told: SeenBy, connection: Connection) -> SeenBy:
    """Say which other cameras of the site also see a line or zone: they stand in for it while it is not confirmed."""
    where = {"site": site, "agent": agent}
    ours = is_ours(connection, who.scope, site)
    watched = connection.execute(_LINES["watched"], where).fetchall() if ours else []
    if (told.camera, told.name) not in {(row["camera"], row["name"]) for row in watched}:
        raise HTTPException(404, f"box {site}/{agent} has no line or zone {told.name!r} at camera {told.camera!r}")
    there = {(row["agent"], row["camera"]) for row in connection.execute(_SQL["cameras_at"], {"site": site})}
    by = dict.fromkeys((each.agent, each.camera) for each in told.seen_by)
    for each in by:
        if each == (agent, told.camera):
            raise HTTPException(422, f"{agent}/{told.camera} is the line's own camera")
        if each not in there:
            known = ", ".join(f"{box}/{camera}" for box, camera in sorted(there)) or "none"
            raise HTTPException(404, f"site {site} has no camera {each[0]}/{each[1]}; it has: {known}")
    values = {**where, "camera": told.camera, "name": told.name, "by": who.name}
    with connection.transaction():
        connection.execute(_SQL["lock_seen_too"])  # of two who say it at once the later one holds
        connection.execute(_SQL["forget_seen_too"], values)
        agents, cameras = [box for box, _ in by], [camera for _, camera in by]
        connection.execute(_SQL["set_seen_too"], {**values, "by_agents": agents, "by_cameras": cameras})
    return told
