"""Accounts, and where they are signed in."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from aggregator.api.audited import audited, changes_rights
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import ChangesPeople, SeesPeople
from aggregator.api.session import SESSION, Session
from aggregator.domains.people.bodies import Body, Name, NameSaid, Number, Password, RoleThere
from aggregator.people import accounts, grants, second_step, sessions
from aggregator.people.accounts import Account
from aggregator.people.errors import AccountError
from aggregator.people.grants import Given, Holder
from aggregator.people.sessions import OpenSession
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1", tags=["people"])

Title = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]


class NewAccount(Body):
    """Somebody who may do nothing yet."""

    name: NameSaid
    title: Title = ""
    password: Password = ""
    roles: Annotated[list[RoleThere], Field(max_length=50, default_factory=list)]


class ChangedAccount(Body):
    """What people call them."""

    title: Title


class NewPassword(Body):
    """Set by an administrator."""

    password: Password


@router.get("/accounts")
def list_accounts(who: SeesPeople, connection: ConnectionDependency) -> list[Account]:  # noqa: ARG001
    """All accounts."""
    return accounts.listed(connection)


@router.post(
    "/accounts",
    status_code=201,
    responses={404: {"description": "no such role"}, 409: {"description": "the name is taken"}},
)
@audited
@changes_rights
def add_account(who: ChangesPeople, body: NewAccount, connection: Connection) -> list[Given]:
    """Add an account with its roles, or nothing of it. Without one it may do nothing."""
    accounts.add(connection, who, body.name, body.title, body.password)
    wanted = [(each.role, each.place) for each in body.roles]
    return grants.give_all(connection, who, Holder(account=body.name), wanted)


@router.put("/accounts/{name}", status_code=204, responses={404: {"description": "no such account"}})
@audited
def change_account(who: ChangesPeople, name: Name, body: ChangedAccount, connection: Connection) -> None:  # noqa: ARG001
    """Change what people call somebody."""
    accounts.set_title(connection, name, body.title)


@router.put("/accounts/{name}/password", status_code=204, responses={404: {"description": "no such account"}})
@audited
@changes_rights
def set_password(who: ChangesPeople, name: Name, body: NewPassword, connection: Connection) -> None:  # noqa: ARG001
    """Give an account another password; all its sessions end."""
    accounts.set_password(connection, name, accounts.kept(name, body.password))


@router.post(
    "/accounts/{name}/disable",
    status_code=204,
    responses={404: {"description": "no such account"}, 409: {"description": "the last administrator"}},
)
@audited
@changes_rights
def disable_account(who: ChangesPeople, name: Name, connection: Connection) -> None:
    """Let somebody in no more; all their sessions end, what they did stays in the record."""
    accounts.disable(connection, who, name)


@router.post("/accounts/{name}/enable", status_code=204, responses={404: {"description": "no such account"}})
@audited
@changes_rights
def enable_account(who: ChangesPeople, name: Name, connection: Connection) -> None:  # noqa: ARG001
    """Let them in again."""
    accounts.enable(connection, name)


@router.post("/accounts/{name}/unlock", status_code=204)
@audited
def unlock_account(who: ChangesPeople, name: Name, connection: Connection, request: Request) -> None:  # noqa: ARG001
    """Forget tries to sign in that were in vain: the account may try again at once, from everywhere."""
    if sign_in := getattr(request.app.state, "sign_in", None):
        sign_in.forgive(name)


@router.delete(
    "/accounts/{name}/second-step",
    status_code=204,
    responses={404: {"description": "no such account"}, 409: {"description": "it has none"}},
)
@audited
@changes_rights
def remove_second_step(who: ChangesPeople, name: Name, connection: Connection) -> None:
    """Take away the second step of who has lost phone and recovery codes; their sessions end.

    Where a role asks for one, they set it up when they sign in next.
    """
    grants.lock(connection)
    grants.hold(connection, name)
    if not second_step.remove(connection, name):
        raise AccountError(f"{name!r} has no second step")
    sessions.end_all(connection, name, who.name)


@router.get("/sessions")
def list_sessions(who: SeesPeople, connection: ConnectionDependency, request: Request) -> list[OpenSession]:  # noqa: ARG001
    """Who is signed in where."""
    session: Session | None = request.scope.get(SESSION)
    return sessions.listed(connection, None, session.hashed if session else None)


@router.delete("/sessions/{number}", status_code=204, responses={404: {"description": "no such session"}})
@audited
@changes_rights
def end_session(who: ChangesPeople, number: Number, connection: Connection) -> None:
    """End somebody's session."""
    sessions.end(connection, number, who.name, account=None)
