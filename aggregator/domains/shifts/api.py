"""Posts: sign-on, hand-over, who stood there."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Alerts, ChangesPlaces, Corrects, Handles
from aggregator.domains.shifts import shifts
from aggregator.domains.shifts.shifts import Post, Shift
from aggregator.store.database import Connection
from shared.ids import NAME_PATTERN

router = APIRouter(prefix="/api/v1", tags=["shifts"])

PostName = Annotated[str, Path(pattern=NAME_PATTERN)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Note = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]


class NewPost(BaseModel):
    """Where it stands: the alerts of this place, and of all within, are its own."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(pattern=NAME_PATTERN)]
    title: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""


class HandOver(BaseModel):
    """What whoever comes next has to know; the open alerts are added to it."""

    model_config = ConfigDict(extra="forbid")

    note: Note = ""


@router.get("/posts")
def list_posts(who: Alerts, connection: ConnectionDependency) -> list[Post]:
    """All posts, who is on, and what was handed over last."""
    return shifts.posts(connection, who.scope)


@router.put("/posts/{name}", status_code=204, responses={409: {"description": "the name is taken elsewhere"}})
@audited
def put_post(who: ChangesPlaces, connection: Connection, name: PostName, body: NewPost) -> None:
    """Add a post, or change it."""
    shifts.put_post(connection, who.scope, name, body.title, body.place)


@router.delete(
    "/posts/{name}",
    status_code=204,
    responses={404: {"description": "no such post"}, 409: {"description": "somebody stands there"}},
)
@audited
def remove_post(who: ChangesPlaces, connection: Connection, name: PostName) -> None:
    """Forget a post at which nobody stands; what was handed over stays in the audit."""
    shifts.remove_post(connection, who.scope, name)


@router.post(
    "/posts/{name}/sign-on",
    responses={404: {"description": "no such post"}, 409: {"description": "one stands at another"}},
)
@audited
def sign_on(who: Handles, connection: Connection, name: PostName) -> Shift:
    """Stand there from now on. Again changes nothing."""
    return shifts.sign_on(connection, who, name)


@router.post(
    "/posts/{name}/hand-over",
    responses={404: {"description": "no such post"}, 409: {"description": "one does not stand there"}},
)
@audited
def hand_over(who: Handles, connection: Connection, name: PostName, body: HandOver) -> Shift:
    """End one's own shift, with a note; the alerts that are open in the place are written down."""
    return shifts.hand_over(connection, who, name, body.note)


@router.get("/posts/{name}/shifts", responses={404: {"description": "no such post"}})
def list_shifts(
    who: Alerts,
    connection: ConnectionDependency,
    name: PostName,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="shifts with a smaller number")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[Shift]:
    """Who stood there, the newest first."""
    return list(shifts.shifts(connection, who.scope, name, before, limit))


@router.post("/posts/{name}/shifts/{number}/end", responses={404: {"description": "no such shift that goes on"}})
@audited
def end_shift(who: Corrects, connection: Connection, name: PostName, number: Number, body: HandOver) -> Shift:
    """End the shift of somebody who has gone without."""
    return shifts.end_of_another(connection, who, name, number, body.note)
