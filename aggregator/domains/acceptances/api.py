"""What was tried of a site: for who hands it over, and for who takes it."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.principal import Accepts, Boxes
from aggregator.domains.acceptances.acceptances import AcceptancePoint, Kind, points, record
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1", tags=["acceptances"])

_Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
_REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"description": "no such line, lane or sensor"},
    409: {"description": "it was not heard within half an hour"},
}


class AcceptanceBody(BaseModel):
    """One line, lane or sensor is accepted, or not yet."""

    model_config = ConfigDict(extra="forbid")

    agent: _Text
    kind: Kind
    camera: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = ""
    name: _Text
    passed: bool
    note: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$", description="what is wrong with it")] = ""


@router.get("/acceptances/{site}")
def list_acceptances(who: Boxes, site: str, connection: SnapshotDependency) -> list[AcceptancePoint]:
    """Every line, lane and sensor of a site: whether it was accepted, by whom, when, what was heard of it then."""
    return points(connection, who, site)


@router.post("/acceptances/{site}", responses=_REFUSED)
@audited
def record_acceptance(who: Accepts, site: str, body: AcceptanceBody, connection: Connection) -> AcceptancePoint:
    """Record that one was tried. Nothing is accepted that was not heard: walk over it, or open it, before."""
    of = site, body.agent, body.kind, body.camera, body.name
    return record(connection, who, of, passed=body.passed, note=body.note)
