"""Confirming what a camera sees now: after it was turned on purpose, or cleaned, or its focus was set."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.principal import Arms
from aggregator.domains.boxes import desired
from aggregator.store import load_queries
from aggregator.store.database import Connection
from aggregator.store.places import is_ours
from shared.desired import VIEWS
from shared.topics import Address

router = APIRouter(prefix="/api/v1", tags=["cameras"])
_SQL = load_queries(__package__)


class ViewConfirmation(BaseModel):
    """Whose view is right as it is now."""

    model_config = ConfigDict(extra="forbid")

    camera: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class ConfirmedView(BaseModel):
    """When a view was confirmed last, and by whom."""

    site: str
    agent: str
    camera: str
    confirmed_by: str
    confirmed_at: datetime


@router.put("/boxes/{site}/{agent}/views", responses={404: {"description": "no such camera"}})
@audited
def confirm_view(who: Arms, site: str, agent: str, view: ViewConfirmation, connection: Connection) -> ConfirmedView:
    """Confirm what a camera sees now: its box forgets what it saw before and learns anew, or will when it is back."""
    where = {"site": site, "agent": agent}
    rows = connection.execute(_SQL["cameras_of_box"], where).fetchall() if is_ours(connection, who.scope, site) else []
    cameras = [row["name"] for row in rows]
    if view.camera not in cameras:
        known = ", ".join(cameras) or "none"
        raise HTTPException(404, f"box {site}/{agent} has no camera {view.camera!r}; it has: {known}")
    with connection.transaction(), connection.cursor(row_factory=class_row(ConfirmedView)) as cursor:
        desired.want(connection, Address(site, agent), VIEWS)
        done = cursor.execute(_SQL["confirm_view"], {**where, "camera": view.camera, "by": who.name}).fetchone()
    assert done is not None  # noqa: S101 - INSERT ... RETURNING returns
    return done
