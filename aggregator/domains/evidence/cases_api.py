"""Cases: what pictures are looked at for."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Pictures
from aggregator.domains.evidence import cases
from aggregator.domains.evidence.cases import Case
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1/cases", tags=["evidence"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class NewCase(BaseModel):
    """What for: such as a file number and a sentence."""

    model_config = ConfigDict(extra="forbid")

    purpose: Annotated[str, Field(min_length=4, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


@router.get("")
def list_cases(who: Pictures, connection: ConnectionDependency) -> list[Case]:
    """One's own that are open."""
    return cases.open_cases(connection, who)


@router.post("", status_code=201)
@audited
def open_case(who: Pictures, connection: Connection, body: NewCase) -> Case:
    """Say what one looks at pictures for: it stands with each that one sees. It ends after twelve hours."""
    return cases.open_case(connection, who, body.purpose)


@router.post("/{number}/close", status_code=204, responses={404: {"description": "no such case that is open"}})
@audited
def close_case(who: Pictures, connection: Connection, number: Number) -> None:
    """One has seen what one looked for."""
    cases.close_case(connection, who, number)
