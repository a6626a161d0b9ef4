"""Who asks: what they may do, and what of their account they change themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, Field

from aggregator.api.audited import ActorDependency, audited, audits_itself, changes_rights
from aggregator.api.dependencies import ConnectionDependency, PartsDependency
from aggregator.api.principal import KNOWN, Anybody
from aggregator.api.session import SESSION, Session
from aggregator.api.sign_in import SignIn
from aggregator.domains.people.bodies import Body, Number, Password
from aggregator.people import accounts, grants, second_step, sessions
from aggregator.people.errors import AccountError
from aggregator.people.rights import Right
from aggregator.people.sessions import OpenSession
from aggregator.store import audit
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1", tags=["people"])
OneTimeCode = Annotated[str, Field(max_length=64)]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    403: {"description": "password or code are others, or there is no password here"},
    409: {"description": "not as things are"},
    429: {"description": "too many tries"},
    503: {"description": "too many passwords are looked at"},
}


@dataclass(frozen=True, slots=True)
class _Own:
    """Who has signed in with a password here, and how that is done."""

    sign_in: SignIn
    session: bytes


def _own(request: Request) -> _Own:
    sign_in: SignIn | None = getattr(request.app.state, "sign_in", None)
    session: Session | None = request.scope.get(SESSION)
    if sign_in is None or session is None or session.hashed is None:
        raise HTTPException(403, "only who has signed in with a password has one to change")
    return _Own(sign_in, session.hashed)


Own = Annotated[_Own, Depends(_own)]


class NarrowPlace(BaseModel):
    """Where a right is had for alerts of one kind: a subject or a condition."""

    place: str | None
    kind: str


class RightThere(BaseModel):
    """A right, and the places where it is had; null is everywhere. `narrow`: where it is had for some alerts only."""

    right: Right
    places: list[str] | None
    narrow: list[NarrowPlace] = []


class Me(BaseModel):
    """Who asks. `checked` is false on a trial, where nobody is."""

    name: str
    checked: bool
    until: datetime | None
    """When the session is over at the latest."""
    rights: list[RightThere]


class SecondStep(BaseModel):
    """How one comes in besides by a password."""

    set_up: bool
    required: bool
    """A role that one has asks for it."""
    recovery_codes: int
    """That are left."""


class WantedSecondStep(Body):
    """Who wants one gives the password and, where the phone is to be another, a code of the one before."""

    password: Password
    one_time_code: OneTimeCode = ""


class ProposedSecondStep(BaseModel):
    """For a phone: it counts when a code of it is brought back within five minutes."""

    secret: str
    picture: str
    """QR code: a `data:` address of an SVG."""
    proposal: str


class ConfirmedSecondStep(Body):
    """A code that the phone shows, with the proposal it is of."""

    proposal: Annotated[str, Field(max_length=1000)]
    one_time_code: OneTimeCode


class OwnCode(Body):
    """Of one's phone, or a recovery code."""

    one_time_code: OneTimeCode


class RecoveryCodes(BaseModel):
    """They are shown this once."""

    codes: list[str]


class OwnPassword(Body):
    """Changed by whom it is of."""

    old_password: Password
    password: Password


@router.get("/me")
def me(who: Anybody, request: Request) -> Me:
    """Who asks, and what they may do."""
    session: Session | None = request.scope.get(SESSION)
    until = session.until_s if session else None
    rights = []
    for right in sorted(who.rights):
        scope = who.scope_of(right)
        places = None if scope is None or scope.places is None else sorted(scope.places)
        narrow = sorted(scope.narrow, key=str) if scope else []
        rights.append(
            RightThere(
                right=right, places=places, narrow=[NarrowPlace(place=place, kind=kind) for place, kind in narrow]
            )
        )
    ends = datetime.fromtimestamp(until).astimezone() if until else None
    return Me(name=who.name, checked=who.checked, until=ends, rights=rights)


@router.put("/me/password", status_code=204, dependencies=[KNOWN], responses=_REFUSALS)
@audits_itself
async def change_own_password(body: OwnPassword, own: Own, parts: PartsDependency, actor: ActorDependency) -> None:
    """Change one's own password; one's other sessions end. Wrong old ones count as they do for who signs in."""
    await own.sign_in.change_password(parts, actor, body.old_password, body.password, own.session)


@router.get("/me/second-step")
def show_own_second_step(who: Anybody, connection: ConnectionDependency) -> SecondStep:
    """Whether one has a second step, and has to."""
    account = accounts.find(connection, who.name)
    return SecondStep(
        set_up=account is not None and account.has_second_step,
        required=grants.requires_second_step(connection, who.name),
        recovery_codes=second_step.codes_left(connection, who.name),
    )


@router.post("/me/second-step", dependencies=[KNOWN], responses=_REFUSALS)
@audits_itself
async def propose_second_step(
    body: WantedSecondStep, own: Own, parts: PartsDependency, actor: ActorDependency
) -> ProposedSecondStep:
    """Ask for a secret for one's phone. Nothing has changed until a code of it is brought back."""
    account = await own.sign_in.require_password(parts, actor, body.password, own.session)
    if account.has_second_step:
        await own.sign_in.require_code(parts, actor, body.one_time_code, own.session)
    secret, proposal = own.sign_in.propose(account)
    return ProposedSecondStep(secret=secret, picture=second_step.drawn(account.name, secret), proposal=proposal)


@router.put("/me/second-step", dependencies=[KNOWN], responses=_REFUSALS)
@audits_itself
async def set_up_second_step(
    body: ConfirmedSecondStep, own: Own, parts: PartsDependency, actor: ActorDependency
) -> RecoveryCodes:
    """Have one from now on. Again with a code that was taken is refused."""

    def change(connection: Connection) -> list[str]:
        codes = own.sign_in.set_up(connection, actor.who, body.proposal, body.one_time_code)
        audit.record(connection, actor, "second step set up", "")
        return codes

    return RecoveryCodes(codes=await parts.on_connection(change))


@router.post("/me/second-step/remove", status_code=204, dependencies=[KNOWN], responses=_REFUSALS)
@audits_itself
async def remove_own_second_step(body: OwnCode, own: Own, parts: PartsDependency, actor: ActorDependency) -> None:
    """Do without one again, unless a role asks for it."""

    def change(connection: Connection) -> None:
        grants.lock(connection)
        if grants.requires_second_step(connection, actor.who):
            raise AccountError("a role of yours needs a second step; for another phone set it up anew")
        second_step.remove(connection, actor.who)
        audit.record(connection, actor, "second step removed", "")

    await own.sign_in.require_code(parts, actor, body.one_time_code, own.session)
    await parts.on_connection(change)


@router.post("/me/recovery-codes", dependencies=[KNOWN], responses=_REFUSALS)
@audits_itself
async def make_recovery_codes(body: OwnCode, own: Own, parts: PartsDependency, actor: ActorDependency) -> RecoveryCodes:
    """Get new recovery codes; those before count no more."""

    def change(connection: Connection) -> list[str]:
        codes = second_step.make_recovery_codes(connection, actor.who)
        audit.record(connection, actor, "recovery codes made", "")
        return codes

    await own.sign_in.require_code(parts, actor, body.one_time_code, own.session)
    return RecoveryCodes(codes=await parts.on_connection(change))


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
