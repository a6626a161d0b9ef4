"""Who may be a box: claims, those who have enrolled, and those who may no more."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery
from aggregator.api.principal import Devices, Enrols, Revokes
from aggregator.store.database import Connection
from aggregator.store.errors import NotYoursError
from aggregator.store.places import is_ours
from aggregator.trust import enrolment
from aggregator.trust.enrolment import Device
from shared.ids import NAME_PATTERN
from shared.topics import Address

_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "not possible in the present state"}}
router = APIRouter(prefix="/api/v1", tags=["devices"], responses=_CONFLICT)

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PathName = Annotated[str, Path(pattern=NAME_PATTERN)]


class ClaimOrder(BaseModel):
    """Which machine may become which box, and for how long."""

    model_config = ConfigDict(extra="forbid")

    site: Name
    agent: Name
    serial: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00:]+$")]
    """Of the machine; `hawkline agent serial` prints it there. Without a colon."""
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
    """Why a box's certificates are taken back."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


@router.get("/devices")
def list_devices(who: Devices, connection: SnapshotDependency, asked: BoxesQuery) -> list[Device]:
    """Who has enrolled, may enrol, or was revoked."""
    return enrolment.devices(connection, who.scope, asked.place, asked.site, asked.agent)


@router.post("/claims", status_code=201)
@audited
def make_claim(who: Enrols, order: ClaimOrder, connection: Connection, request: Request) -> ClaimMade:
    """Let a machine become a box, once. 409 where the box is enrolled already, or its claim is not to be replaced."""
    if not is_ours(connection, who.scope, order.site):
        raise NotYoursError(f"site {order.site!r} lies in no place where you may enrol boxes; add it to the tree first")
    where = {"site": order.site, "agent": order.agent, "serial": order.serial}
    address, lasts = Address(order.site, order.agent), timedelta(hours=order.hours)
    door = request.app.state.door
    if door is None:
        raise enrolment.DeviceError("there is no certificate authority here; make one: hawkline aggregator init")
    claim = enrolment.make_claim(connection, address, order.serial, who.name, lasts, replace=order.replace)
    return ClaimMade(**where, code=claim.code, expires_at=claim.expires_at, url=door.url, fingerprint=door.fingerprint)


@router.post("/devices/{site}/{agent}/revoke", status_code=204)
@audited
def revoke(who: Revokes, site: PathName, agent: PathName, order: Revocation, connection: Connection) -> None:
    """Take back a box's certificates and its claim. Its session at the broker ends within seconds."""
    if not is_ours(connection, who.scope, site):
        raise enrolment.unknown_box(Address(site, agent))
    enrolment.revoke(connection, Address(site, agent), who.name, order.why)
