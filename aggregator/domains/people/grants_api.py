"""Roles, and who has which where."""

from typing import Annotated

from fastapi import APIRouter, HTTPException
from pydantic import Field

from aggregator.api.audited import audited, changes_rights
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Anybody, ChangesPeople, SeesPeople
from aggregator.domains.people.bodies import Body, Name, NameSaid, Number
from aggregator.people import grants, keys
from aggregator.people.errors import NoAccountError
from aggregator.people.grants import Given, Holder, Role
from aggregator.people.rights import Right
from aggregator.signals.declarations import domains
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1", tags=["people"])
Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_SUBJECTS = {"line", "zone", "sensor", "partition", "camera", "box"}
"""Of alerts that happen in places."""


class NewRole(Body):
    """What a role of this installation may do."""

    rights: list[Right]


class NewSecondStep(Body):
    """Whether who has the role comes in with a second step only."""

    required: bool


class NewGrant(Body):
    """A role for an account or a key, in a place; null is everywhere."""

    account: NameSaid | None = None
    key: NameSaid | None = None
    role: NameSaid
    place: NameSaid | None = None
    kinds: Annotated[list[Kind] | None, Field(min_length=1, max_length=50)] = None
    """Of alerts, of which alone it holds: subjects or conditions; null is all."""


@router.get("/roles")
def list_roles(who: Anybody, connection: ConnectionDependency) -> list[Role]:  # noqa: ARG001
    """All roles, and what each may do."""
    return grants.roles(connection)


@router.put("/roles/{name}", status_code=204, responses={409: {"description": "not one's own, or without rights"}})
@audited
@changes_rights
def put_role(who: ChangesPeople, name: Name, body: NewRole, connection: Connection) -> None:  # noqa: ARG001
    """Make or change a role of this installation."""
    grants.put_role(connection, name, body.rights)


@router.delete(
    "/roles/{name}",
    status_code=204,
    responses={404: {"description": "no such role of one's own"}, 409: {"description": "somebody has it"}},
)
@audited
@changes_rights
def delete_role(who: ChangesPeople, name: Name, connection: Connection) -> None:  # noqa: ARG001
    """Forget a role of this installation."""
    grants.remove_role(connection, name)


@router.put(
    "/roles/{name}/second-step",
    status_code=204,
    responses={404: {"description": "no such role"}, 409: {"description": "who asks has it, and no second step"}},
)
@audited
@changes_rights
def require_second_step(who: ChangesPeople, name: Name, body: NewSecondStep, connection: Connection) -> None:
    """Let who has a role in with a second step only. Sessions without one end; it is set up at the next sign-in."""
    grants.require_second_step(connection, who, name, required=body.required)


@router.get("/grants")
def list_grants(who: SeesPeople, connection: ConnectionDependency) -> list[Given]:  # noqa: ARG001
    """Who has which role where."""
    return grants.listed(connection)


@router.post("/grants", responses={404: {"description": "no such account, key or role"}})
@audited
@changes_rights
def give(who: ChangesPeople, body: NewGrant, connection: Connection) -> Given:
    """Give a role. One that approves lists waits until another administrator confirms it."""
    if (body.account is None) == (body.key is None):
        raise HTTPException(422, "account or key: expected one of the two")
    if body.key is not None and body.key not in {key.name for key in keys.listed(connection)}:
        raise NoAccountError(f"there is no key {body.key!r}")
    known = _SUBJECTS | set(domains().conditions)
    if unknown := sorted(set(body.kinds or ()) - known):
        raise HTTPException(422, f"kinds: {unknown[0]!r} is none; there are {', '.join(sorted(known))}")
    return grants.give(connection, who, Holder(body.account, body.key), body.role, body.place, body.kinds)


@router.post("/grants/{number}/confirm", responses={404: {"description": "no such grant"}})
@audited
@changes_rights
def confirm(who: ChangesPeople, number: Number, connection: Connection) -> Given:
    """Say, as another administrator, that somebody shall have what was given."""
    return grants.confirm(connection, who, number)


@router.delete(
    "/grants/{number}",
    responses={404: {"description": "no such grant"}, 409: {"description": "the last administrator's"}},
)
@audited
@changes_rights
def take(who: ChangesPeople, number: Number, connection: Connection) -> Given:  # noqa: ARG001
    """Take a role away; sessions of who had it end."""
    return grants.take(connection, number)
