"""The plan in force, those before it, and another one."""

from typing import Annotated

from fastapi import APIRouter, Query
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited_up_to
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.door import MOST_PLAN_BYTES
from aggregator.api.principal import needs
from aggregator.domains.plans.plans import SQL, Applied, Plan, PlanVersion, apply
from aggregator.domains.plans.plans import plan as plan_of
from aggregator.people.principal import Principal
from aggregator.people.rights import Right
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1", tags=["places"])

Plans = Annotated[Principal, needs(Right.PLACES_CHANGE, of_centre=True)]
_Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
_Key = Annotated[str, Field(max_length=32, pattern=r"^[a-z][a-z0-9_]*$")]


class PlanBody(BaseModel):
    """A plan to be in force."""

    model_config = ConfigDict(extra="forbid")

    based_on: Annotated[int, Field(ge=0, lt=2**63, description="the version that it was made from; 0: none")]
    why: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    sheets: Annotated[
        dict[_Key, Annotated[list[Annotated[dict[_Key, _Text], Field(max_length=64)]], Field(max_length=50_000)]],
        Field(max_length=16),
    ]


@router.get("/plan", responses={404: {"description": "no plan was applied, or it is not kept any more"}})
def read_plan(
    _who: Plans, connection: SnapshotDependency, version: Annotated[int | None, Query(ge=1, lt=2**63)] = None
) -> Plan:
    """The plan in force, or one before it."""
    return plan_of(connection, version)


@router.get("/plan/versions")
def list_versions(_who: Plans, connection: SnapshotDependency) -> list[PlanVersion]:
    """The last twenty plans, the one in force first."""
    with connection.cursor(row_factory=class_row(PlanVersion)) as cursor:
        return cursor.execute(SQL["versions"]).fetchall()


@router.put(
    "/plan",
    responses={409: {"description": "another was applied meanwhile, or a place still holds something"}},
)
@audited_up_to(MOST_PLAN_BYTES)
def put_plan(who: Plans, body: PlanBody, connection: Connection) -> Applied:
    """Have a plan in force: what it changes of the one before is changed, in the tree of places and of what is said of
    sensors, all of it or nothing.

    What was changed by hand meanwhile is not undone: 409 names it. A plan that says what the one in force says changes
    nothing.
    """
    return apply(connection, who.name, body.why, body.based_on, body.sheets)
