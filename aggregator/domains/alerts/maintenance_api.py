"""Maintenance: begin, end, what is under it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from aggregator.alerting import maintenance
from aggregator.alerting.entities import Maintenance
from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Alerts, Maintains
from aggregator.store.database import Connection
from shared.ids import NAME_PATTERN

router = APIRouter(prefix="/api/v1", tags=["maintenance"])
_LONGEST_H = 31 * 24
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class Begin(BaseModel):
    """Work begins."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(pattern=NAME_PATTERN, description="a site, or a place above sites")]
    agent: Annotated[str, Field(pattern=f"{NAME_PATTERN}|^$", description="a box of the site; empty: all")] = ""
    camera: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$", description="empty: the whole box")] = ""
    reason: Reason
    hours: Annotated[float, Field(gt=0, le=_LONGEST_H, description="until it ends by itself")]


@router.get("/maintenance")
def list_maintenance(
    who: Alerts,
    connection: ConnectionDependency,
    active: Annotated[bool, Query(description="only what is under it now")] = True,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Maintenance]:
    """What is, or was, under maintenance, the newest first."""
    return maintenance.listed(connection, who.scope.of_any_kind, active=active, limit=limit)


@router.post("/maintenance", responses={409: {"description": "there is no such box"}})
@audited
def begin_maintenance(who: Maintains, connection: Connection, body: Begin) -> Maintenance:
    """Begin: what rings there meanwhile is recorded and shown, and rings nobody."""
    until = datetime.now(UTC) + timedelta(hours=body.hours)
    return maintenance.begin(connection, who, body.place, body.agent, body.camera, body.reason, until)


@router.post("/maintenance/{number}/end", responses={404: {"description": "there is none"}})
@audited
def end_maintenance(
    who: Maintains, connection: Connection, number: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> Maintenance:
    """End it before its time: what is still the matter rings now."""
    try:
        return maintenance.end(connection, who, number)
    except maintenance.NoMaintenanceError as error:
        raise HTTPException(404, str(error)) from None
