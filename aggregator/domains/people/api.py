"""People, programs, and what is theirs: accounts, roles, keys, sessions; and who asks."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import ActorDependency, audited, audits_itself, changes_rights
from aggregator.api.dependencies import ConnectionDependency, PartsDependency
from aggregator.api.principal import KNOWN, Anybody, ChangesPeople, SeesPeople
from aggregator.api.session import SESSION, Session
from aggregator.api.sign_in import SignIn
from aggregator.people import accounts, keys, sessions
from aggregator.people.accounts import Account, Given, Holder, Role
from aggregator.people.keys import Key
from aggregator.people.rights import Right
from aggregator.people.sessions import OpenSession
from aggregator.store.database import Connection
from shared.ids import NAME_PATTERN

router = APIRouter(prefix="/api/v1", tags=["people"])

Name = Annotated[str, Path(pattern=NAME_PATTERN)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Password = Annotated[str, Field(max_length=1000)]
Title = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
_LONGEST_DAYS = 3 * 366


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RightThere(BaseModel):
    """A right, and the places where it is had; null is everywhere."""

    right: Right
    places: list[str] | None


class Me(BaseModel):
    """Who asks. `checked` is false on a trial, where nobody is."""

    name: str
    checked: bool
    until: datetime | None
    """When the session is over at the latest."""
    rights: list[RightThere]


class NewAccount(_Body):
    """Somebody who may do nothing yet."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    title: Title = ""
    password: Password = ""


class ChangedAccount(_Body):
    """What people call them."""

    title: Title


class NewPassword(_Body):
    """Set by an administrator."""

    password: Password


class OwnPassword(_Body):
    """Changed by whom it is of."""

    old_password: Password
    password: Password


class NewRole(_Body):
    """What a role of this installation may do."""

    rights: list[Right]


class NewGrant(_Body):
    """A role for an account or a key, in a place; null is everywhere."""

    account: Annotated[str | None, Field(pattern=NAME_PATTERN)] = None
    key: Annotated[str | None, Field(pattern=NAME_PATTERN)] = None
    role: Annotated[str, Field(pattern=NAME_PATTERN)]
    place: Annotated[str | None, Field(pattern=NAME_PATTERN)] = None


class RoleThere(_Body):
    """A role in a place; null is everywhere."""

    role: Annotated[str, Field(pattern=NAME_PATTERN)]
    place: Annotated[str | None, Field(pattern=NAME_PATTERN)] = None


class NewKey(_Body):
    """A program, what it may do, and for how long."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    roles: Annotated[list[RoleThere], Field(min_length=1, max_length=50)]
    days: Annotated[int, Field(ge=1, le=_LONGEST_DAYS)] = 365


class KeyMade(BaseModel):
    """The key. It is shown this once."""

    name: str
    key: str


@router.get("/me")
def me(who: Anybody, request: Request) -> Me:
    """Who asks, and what they may do."""
    session: Session | None = request.scope.get(SESSION)
    until = session.until_s if session else None
    rights = []
    for right in sorted(who.rights):
        scope = who.scope_of(right)
        places = None if scope is None or scope.places is None else sorted(scope.places)
        rights.append(RightThere(right=right, places=places))
    ends = datetime.fromtimestamp(until).astimezone() if until else None
    return Me(name=who.name, checked=who.checked, until=ends, rights=rights)


@router.put(
    "/me/password",
    status_code=204,
    dependencies=[KNOWN],
    responses={403: {"description": "the old one is another"}, 429: {"description": "too many tries"}},
)
@audits_itself
async def change_own_password(
    body: OwnPassword, request: Request, parts: PartsDependency, actor: ActorDependency
) -> None:
    """Change one's own password; one's other sessions end. Wrong old ones count as they do for who signs in."""
    sign_in: SignIn | None = getattr(request.app.state, "sign_in", None)
    session: Session | None = request.scope.get(SESSION)
    if sign_in is None or session is None or session.hashed is None:
        raise HTTPException(403, "only who has signed in with a password has one to change")
    await sign_in.change_password(parts, actor, body.old_password, body.password, session.hashed)


@router.get("/me/sessions")
def list_own_sessions(who: Anybody, connection: ConnectionDependency, request: Request) -> list[OpenSession]:
    """Where one is signed in oneself."""
    session: Session | None = request.scope.get(SESSION)
    return sessions.listed(connection, who.name, session.hashed if session else None)


@router.delete("/me/sessions/{number}", status_code=204, responses={404: {"description": "no such session"}})
@audited
@changes_rights
def end_own_session(who: Anybody, number: Number, connection: Connection) -> None:
    """End one of one's own."""
    sessions.end(connection, number, who.name, account=who.name)


@router.get("/accounts")
def list_accounts(who: SeesPeople, connection: ConnectionDependency) -> list[Account]:  # noqa: ARG001
    """All accounts."""
    return accounts.listed(connection)


@router.post("/accounts", status_code=204, responses={409: {"description": "the name is taken"}})
@audited
def add_account(who: ChangesPeople, body: NewAccount, connection: Connection) -> None:
    """Add an account. It may do nothing until it is given a role."""
    accounts.add(connection, who, body.name, body.title, body.password)


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
        sign_in.limits.forgive(name)


@router.get("/roles")
def list_roles(who: Anybody, connection: ConnectionDependency) -> list[Role]:  # noqa: ARG001
    """All roles, and what each may do."""
    return accounts.roles(connection)


@router.put("/roles/{name}", status_code=204, responses={409: {"description": "not one's own, or without rights"}})
@audited
@changes_rights
def put_role(who: ChangesPeople, name: Name, body: NewRole, connection: Connection) -> None:  # noqa: ARG001
    """Make or change a role of this installation."""
    accounts.put_role(connection, name, body.rights)


@router.delete(
    "/roles/{name}",
    status_code=204,
    responses={404: {"description": "no such role of one's own"}, 409: {"description": "somebody has it"}},
)
@audited
@changes_rights
def delete_role(who: ChangesPeople, name: Name, connection: Connection) -> None:  # noqa: ARG001
    """Forget a role of this installation."""
    accounts.remove_role(connection, name)


@router.get("/grants")
def list_grants(who: SeesPeople, connection: ConnectionDependency) -> list[Given]:  # noqa: ARG001
    """Who has which role where."""
    return accounts.grants(connection)


@router.post("/grants", responses={404: {"description": "no such account, key or role"}})
@audited
@changes_rights
def give(who: ChangesPeople, body: NewGrant, connection: Connection) -> Given:
    """Give a role. One that approves lists waits until another administrator confirms it."""
    if (body.account is None) == (body.key is None):
        raise HTTPException(422, "account or key: expected one of the two")
    if body.key is not None and body.key not in {key.name for key in keys.listed(connection)}:
        raise accounts.NoAccountError(f"there is no key {body.key!r}")
    return accounts.give(connection, who, Holder(body.account, body.key), body.role, body.place)


@router.post("/grants/{number}/confirm", responses={404: {"description": "no such grant"}})
@audited
@changes_rights
def confirm(who: ChangesPeople, number: Number, connection: Connection) -> Given:
    """Say, as another administrator, that somebody shall have what was given."""
    return accounts.confirm(connection, who, number)


@router.delete(
    "/grants/{number}",
    responses={404: {"description": "no such grant"}, 409: {"description": "the last administrator's"}},
)
@audited
@changes_rights
def take(who: ChangesPeople, number: Number, connection: Connection) -> Given:  # noqa: ARG001
    """Take a role away; sessions of who had it end."""
    return accounts.take(connection, number)


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
    for each in body.roles:
        accounts.give(connection, who, Holder(key=body.name), each.role, each.place)
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
