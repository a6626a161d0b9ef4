"""Who may be a box: claims, those who have enrolled, and those who may no more."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery
from aggregator.store.database import Connection
from aggregator.store.places import sites_within
from aggregator.trust import enrolment
from aggregator.trust.enrolment import Device
from shared.ids import NAME_PATTERN
from shared.topics import Address

_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "not possible in the present state"}}
router = APIRouter(prefix="/api/v1", tags=["devices"], responses=_CONFLICT)

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PathName = Annotated[str, Path(pattern=NAME_PATTERN)]
Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class ClaimOrder(BaseModel):
    """Which machine may become which box, and for how long."""

    site: Name
    agent: Name
    serial: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00:]+$")]
    """Of the machine; `hawkline agent serial` prints it there. Without a colon."""
    by: Text
    hours: Annotated[int, Field(ge=1, le=24 * 90)] = 24 * 14
    replace: bool = True
    """Whether an earlier claim for this box that may still be used ends; `false` leaves it and answers 409."""


class ClaimMade(BaseModel):
    """What the installer needs. The code is shown this once."""

    site: str
    agent: str
    serial: str
    code: str
    expires_at: datetime
    url: str
    fingerprint: str
    """SHA-256 of the deployment's root certificate."""


class Revocation(BaseModel):
    """Who takes a box's certificates back, and why."""

    by: Text
    why: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


@router.get("/devices")
def list_devices(connection: SnapshotDependency, asked: BoxesQuery) -> list[Device]:
    """Who has enrolled, may enrol, or was revoked."""
    sites = None if asked.place is None else list(sites_within(connection, asked.place))
    return enrolment.devices(connection, sites, asked.site, asked.agent)


@router.post("/claims", status_code=201)
@audited
def make_claim(order: ClaimOrder, connection: Connection, request: Request) -> ClaimMade:
    """Let a machine become a box, once. 409 where the box is enrolled already, or its claim is not to be replaced."""
    where = {"site": order.site, "agent": order.agent, "serial": order.serial}
    address, lasts = Address(order.site, order.agent), timedelta(hours=order.hours)
    door = request.app.state.door
    if door is None:
        raise enrolment.DeviceError("there is no certificate authority here; make one: hawkline aggregator init")
    claim = enrolment.make_claim(connection, address, order.serial, order.by, lasts, replace=order.replace)
    return ClaimMade(**where, code=claim.code, expires_at=claim.expires_at, url=door.url, fingerprint=door.fingerprint)


@router.post("/devices/{site}/{agent}/revoke", status_code=204)
@audited
def revoke(site: PathName, agent: PathName, order: Revocation, connection: Connection) -> None:
    """Take back a box's certificates and its claim. Its session at the broker ends within seconds."""
    enrolment.revoke(connection, Address(site, agent), order.by, order.why)
