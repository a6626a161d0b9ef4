"""Arming and disarming lines and zones of a box from the centre."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Arms, Boxes
from aggregator.domains.boxes import desired
from aggregator.store import load_queries
from aggregator.store.database import Connection
from aggregator.store.places import is_ours
from shared.desired import ARMING
from shared.topics import Address

router = APIRouter(prefix="/api/v1", tags=["arming"])
_SQL = load_queries(__package__)

Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class ArmingChange(BaseModel):
    """What shall be armed (true), disarmed (false) or as configured on the box (null)."""

    model_config = ConfigDict(extra="forbid")

    camera: Text
    name: Text
    armed: bool | None


class Arming(BaseModel):
    """What was ordered last for one line or zone."""

    site: str
    agent: str
    camera: str
    name: str
    armed: bool | None
    changed_by: str
    changed_at: datetime


class WatchedLine(BaseModel):
    """A line or zone of a box; without an order (null) it is armed as configured on the box."""

    camera: str
    name: str
    armed: bool | None
    changed_by: str | None
    changed_at: datetime | None


@router.get("/boxes/{site}/{agent}/arming")
def list_arming(who: Boxes, site: str, agent: str, connection: ConnectionDependency) -> list[Arming]:
    """What was ordered for a box; lines and zones that are not in it are as configured."""
    if not is_ours(connection, who.scope, site):
        return []
    with connection.cursor(row_factory=class_row(Arming)) as cursor:
        return cursor.execute(_SQL["arming"], {"site": site, "agent": agent}).fetchall()


@router.get("/boxes/{site}/{agent}/lines")
def list_lines(who: Boxes, site: str, agent: str, connection: ConnectionDependency) -> list[WatchedLine]:
    """Lines and zones of a box's newest configuration, each with what was ordered for it."""
    if not is_ours(connection, who.scope, site):
        return []
    with connection.cursor(row_factory=class_row(WatchedLine)) as cursor:
        return cursor.execute(_SQL["watched_lines"], {"site": site, "agent": agent}).fetchall()


@router.put("/boxes/{site}/{agent}/arming", responses={404: {"description": "no such line or zone"}})
@audited
def set_arming(who: Arms, site: str, agent: str, change: ArmingChange, connection: Connection) -> Arming:
    """Arm or disarm a line or zone; the box hears it at once, or when it is back. 404 where there is none such."""
    where = {"site": site, "agent": agent}
    rows = connection.execute(_SQL["watched"], where).fetchall() if is_ours(connection, who.scope, site) else []
    watched = [(row["camera"], row["name"]) for row in rows]
    if (change.camera, change.name) not in watched:
        known = ", ".join(f"{camera}/{name}" for camera, name in watched) or "none"
        raise HTTPException(
            404, f"box {site}/{agent} has no line or zone {change.name!r} at camera {change.camera!r}; it has: {known}"
        )
    with connection.transaction(), connection.cursor(row_factory=class_row(Arming)) as cursor:
        desired.want(connection, Address(site, agent), ARMING)
        done = cursor.execute(_SQL["set_arming"], {**where, **change.model_dump(), "by": who.name}).fetchone()
    assert done is not None  # noqa: S101 - INSERT ... RETURNING returns
    return done
