"""Cordons: started at once, confirmed by a second person, ended by themselves; each says which boxes are armed."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.principal import needs
from aggregator.domains.lists import cordons
from aggregator.domains.lists.api import InPerson, SealerDependency, Text, Why
from aggregator.domains.lists.cordons import LONGEST, MOST_CHECKPOINTS, Asked, Cordon
from aggregator.people.principal import Principal
from aggregator.people.rights import Right
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1/cordons", tags=["lists"])

_NO_CORDON: dict[int | str, dict[str, Any]] = {404: {"description": "no such cordon"}}
_REFUSED: dict[int | str, dict[str, Any]] = {409: {"description": "the plate is barred, or two of yours wait"}}
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Reads = Annotated[Principal, needs(Right.CORDONS_START, Right.LISTS_APPROVE, Right.AUDIT_READ)]
Starts = Annotated[Principal, needs(Right.CORDONS_START)]
Confirms = Annotated[Principal, needs(Right.LISTS_APPROVE)]
Ends = Annotated[Principal, needs(Right.CORDONS_START, Right.LISTS_APPROVE)]


class NewCordon(BaseModel):
    """A cordon as it is started."""

    model_config = ConfigDict(extra="forbid")

    plate: Annotated[str, Field(max_length=40)] = ""
    """As somebody typed it; or the alert of a hit is named."""
    alert: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None
    """Of a hit, whose plate it is."""
    site: Annotated[str, Field(max_length=64)] = ""
    """What is closed off; of a hit where it was."""
    title: Text
    purpose: Text
    case_number: Text
    instructions: Text
    priority: Annotated[int, Field(ge=1, le=4)] = 1
    hours: Annotated[float, Field(gt=0, le=LONGEST.total_seconds() / 3600)] = 2.0
    checkpoints: Annotated[int, Field(ge=1, le=MOST_CHECKPOINTS)] = 40
    """How many take part: the first ones by distance and along the roads."""


@router.get("")
def list_cordons(
    who: Reads,
    connection: SnapshotDependency,
    over: Annotated[bool, Query(description="also those that have ended")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[Cordon]:
    """Cordons, the newest first, and what each of their boxes says; no plate is in it."""
    return cordons.listed(connection, who.scope, over=over, limit=limit)


@router.get("/{number}", responses=_NO_CORDON)
def show_cordon(who: Reads, connection: SnapshotDependency, number: Number) -> Cordon:
    """One cordon: which boxes are armed, which are not, and why."""
    return cordons.one(connection, who.scope, number)


@router.post("", status_code=201, responses=_REFUSED)
@audited
def start_cordon(
    who: Starts, _person: InPerson, sealer: SealerDependency, body: NewCordon, connection: Connection
) -> Cordon:
    """Start one; it is in force at once, and lapses when no second person confirms it within half an hour."""
    said = body.model_dump(exclude={"hours"})
    said |= {name: said[name].strip() for name in ("plate", "title", "purpose", "case_number", "instructions")}
    asked = Asked(**said, lasts=timedelta(hours=body.hours))
    return cordons.start(connection, sealer, who, asked)


@router.post("/{number}/confirm", responses=_NO_CORDON)
@audited
def confirm_cordon(who: Confirms, _person: InPerson, number: Number, connection: Connection) -> Cordon:
    """Stand for it as the second person."""
    return cordons.confirm(connection, who, number)


@router.post("/{number}/end", responses=_NO_CORDON)
@audited
def end_cordon(who: Ends, number: Number, body: Why, connection: Connection) -> Cordon:
    """End it now. What nobody has confirmed is forgotten, with its hits and pictures."""
    return cordons.end(connection, who, number, body.why.strip())
