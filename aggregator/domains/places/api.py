"""The tree of places."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import ChangesPlaces, Places
from aggregator.store.database import Connection
from aggregator.store.places import Place, UnknownPlaceError, places, put_place, remove_place
from shared.ids import NAME_PATTERN

router = APIRouter(prefix="/api/v1", tags=["places"])

PlaceName = Annotated[str, Path(pattern=NAME_PATTERN)]


class PlaceBody(BaseModel):
    """Where a place lies and what people call it. What is not given stays as it is."""

    model_config = ConfigDict(extra="forbid")

    above: str | None = Field(None, pattern=NAME_PATTERN, description="the place that it lies in; null: at the top")
    title: str = Field("", max_length=200, pattern=r"^[^\x00]*$")


@router.get("/places")
def list_places(who: Places, connection: ConnectionDependency) -> list[Place]:
    """All places, and sites of boxes that lie in none."""
    return places(connection, who.scope)


@router.put("/places/{name}", status_code=204, responses={409: {"description": "the places would no longer be a tree"}})
@audited
def change_place(who: ChangesPlaces, connection: Connection, name: PlaceName, body: PlaceBody) -> None:
    """Add a place, or move or rename it."""
    put_place(connection, who.scope, name, **body.model_dump(exclude_unset=True))


@router.delete(
    "/places/{name}",
    status_code=204,
    responses={404: {"description": "not in the tree"}, 409: {"description": "others lie in it"}},
)
@audited
def delete_place(who: ChangesPlaces, connection: Connection, name: PlaceName) -> None:
    """Take a place out of the tree."""
    try:
        remove_place(connection, who.scope, name)
    except UnknownPlaceError as error:
        raise HTTPException(404, str(error)) from None
