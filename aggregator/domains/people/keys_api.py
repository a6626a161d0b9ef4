"""Keys of programs."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from aggregator.api.audited import audited, changes_rights
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import ChangesPeople, SeesPeople
from aggregator.domains.people.bodies import Body, Name, NameSaid, RoleThere
from aggregator.people import grants, keys
from aggregator.people.grants import Holder
from aggregator.people.keys import Key
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1", tags=["people"])

_LONGEST_DAYS = 3 * 366


class NewKey(Body):
    """A program, what it may do, and for how long."""

    name: NameSaid
    roles: Annotated[list[RoleThere], Field(min_length=1, max_length=50)]
    days: Annotated[int, Field(ge=1, le=_LONGEST_DAYS)] = 365


class KeyMade(BaseModel):
    """The key. It is shown this once."""

    name: str
    key: str


@router.get("/keys")
def list_keys(who: SeesPeople, connection: ConnectionDependency) -> list[Key]:  # noqa: ARG001
    """Keys of programs; those that have ended, too."""
    return keys.listed(connection)


@router.post(
    "/keys",
    status_code=201,
    responses={404: {"description": "no such role"}, 409: {"description": "the name is taken"}},
)
@audited
@changes_rights
def add_key(who: ChangesPeople, body: NewKey, connection: Connection) -> KeyMade:
    """Make a key for a program. It is shown this once."""
    key = keys.add(connection, who, body.name, timedelta(days=body.days))
    wanted = [(each.role, each.place) for each in body.roles]
    grants.give_all(connection, who, Holder(key=body.name), wanted)
    return KeyMade(name=body.name, key=key)


@router.post(
    "/keys/{name}/revoke",
    status_code=204,
    responses={404: {"description": "no such key"}, 409: {"description": "nobody could make accounts any more"}},
)
@audited
@changes_rights
def revoke_key(who: ChangesPeople, name: Name, connection: Connection) -> None:
    """End a key now."""
    keys.revoke(connection, who, name)
