"""Lists of plates: what is drawn up, what waits for approval, what is in force."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.principal import identity_of, needs
from aggregator.api.session import SESSION, Session
from aggregator.domains.lists import lists
from aggregator.domains.lists.lists import MOST_ENTRIES, USUAL, Drawn, Kind, ListAtBox, LookedAt, PlateList
from aggregator.people.principal import Principal
from aggregator.people.rights import Right
from aggregator.people.sealing import Sealer
from aggregator.store.database import Connection
from aggregator.store.scope import NOWHERE, Scope

router = APIRouter(prefix="/api/v1/lists", tags=["lists"])

_NO_LIST: dict[int | str, dict[str, Any]] = {404: {"description": "no such list"}}
_LARGE: dict[int | str, dict[str, Any]] = {413: {"description": "more than 256 KiB"}}
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[
    str,
    Field(min_length=2, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$"),
    AfterValidator(lists.without_plates),
]
Entries = Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=MOST_ENTRIES)]
Reads = Annotated[Principal, needs(Right.LISTS_REQUEST, Right.LISTS_APPROVE, Right.PLATES_SEE, Right.AUDIT_READ)]
Requests = Annotated[Principal, needs(Right.LISTS_REQUEST)]
Approves = Annotated[Principal, needs(Right.LISTS_APPROVE)]
Sees = Annotated[Principal, needs(Right.PLATES_SEE)]


async def sealer_of(request: Request) -> Sealer:
    if request.app.state.door is None:
        raise HTTPException(409, "lists need people who are known: this installation has no [trust]")
    sealer: Sealer = request.app.state.door.sealer
    return sealer


async def in_person(request: Request) -> None:
    """A key is not somebody: what it would approve nobody has."""
    session = request.scope.get(SESSION)
    if not isinstance(session, Session) or session.hashed is None:
        raise HTTPException(403, "a person who has signed in does that, and no key")


async def _where_long(request: Request) -> Scope:
    return identity_of(request).scope_of(Right.LISTS_APPROVE_LONG) or NOWHERE


SealerDependency = Annotated[Sealer, Depends(sealer_of)]
InPerson = Annotated[None, Depends(in_person)]
WhereLong = Annotated[Scope, Depends(_where_long)]


class NewList(BaseModel):
    """A list as it is drawn up."""

    model_config = ConfigDict(extra="forbid")

    title: Text
    purpose: Text
    case_number: Text
    """Of the case, or of the order."""
    place: Annotated[str, Field(min_length=1, max_length=64)]
    """Where it is in force: a site, or what lies above sites."""
    priority: Annotated[int, Field(ge=1, le=4)] = 1
    instructions: Text
    """What to do on a hit."""
    kind: Kind = "watch"
    """`known`: own vehicles, which never ring."""
    ends_at: AwareDatetime | None = None
    """In thirty days where nothing is said."""
    entries: Entries = []


class NewEntries(BaseModel):
    """All entries of a list."""

    model_config = ConfigDict(extra="forbid")

    entries: Entries


class Decision(BaseModel):
    """What was decided, and why."""

    model_config = ConfigDict(extra="forbid")

    approved: bool
    version: Annotated[int, Field(ge=1, lt=2**63)]
    """Of the list that was looked at: of another one nothing is decided."""
    why: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""

    @field_validator("why")
    @classmethod
    def _names_no_plate(cls, text: str) -> str:
        return lists.without_plates(text)


class Why(BaseModel):
    """For what reason."""

    model_config = ConfigDict(extra="forbid")

    why: Text


class Look(BaseModel):
    """What one looks at entries for."""

    model_config = ConfigDict(extra="forbid")

    purpose: Text
    entry: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    """Of a hit; all where none is named."""


@router.get("")
def list_lists(
    who: Reads,
    connection: SnapshotDependency,
    over: Annotated[bool, Query(description="also those that were withdrawn or have ended")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[PlateList]:
    """Lists, the newest first: what for, who asked, who approved, until when; not what their entries say."""
    return lists.listed(connection, who.scope, over=over, limit=limit)


@router.get("/{number}", responses=_NO_LIST)
def show_list(who: Reads, connection: SnapshotDependency, number: Number) -> PlateList:
    """One list, without its entries."""
    return lists.one(connection, who.scope, number)


@router.get("/{number}/boxes", responses=_NO_LIST)
def list_boxes(who: Reads, connection: SnapshotDependency, number: Number) -> list[ListAtBox]:
    """Boxes where a list is in force, or was, and whether each has said that it holds it, or that it does no more."""
    return lists.boxes_of(connection, who.scope, number)


@router.post("", status_code=201, responses=_LARGE)
@audited
def draw(who: Requests, sealer: SealerDependency, body: NewList, connection: Connection) -> PlateList:
    """Draw up a list. It is a draft until it is submitted, and in force once another person has approved it."""
    ends_at = body.ends_at or datetime.now(UTC) + USUAL
    drawn = Drawn(
        body.kind,
        body.title.strip(),
        body.purpose.strip(),
        body.case_number.strip(),
        body.place,
        body.priority,
        body.instructions.strip(),
        ends_at,
    )
    return lists.draw(connection, sealer, who, drawn, body.entries)


@router.put("/{number}/entries", responses={**_NO_LIST, **_LARGE})
@audited
def change_entries(
    who: Requests, sealer: SealerDependency, number: Number, body: NewEntries, connection: Connection
) -> PlateList:
    """Give a draft, or what was refused, other entries: all of them. What is approved is drawn up anew."""
    return lists.change_entries(connection, sealer, who, number, body.entries)


@router.post("/{number}/submit", responses=_NO_LIST)
@audited
def submit(who: Requests, number: Number, connection: Connection) -> PlateList:
    """Ask for a list's approval."""
    return lists.submit(connection, who, number)


@router.post("/{number}/decide", responses=_NO_LIST)
@audited
def decide(
    who: Approves, _person: InPerson, long: WhereLong, number: Number, body: Decision, connection: Connection
) -> PlateList:
    """Approve a list, or refuse it, or take an approval back: a person does, who had no hand in drawing it up."""
    decision = lists.Decided(body.approved, body.version, body.why.strip())
    return lists.decide(connection, who, number, decision, long)


@router.post("/{number}/withdraw", responses=_NO_LIST)
@audited
def withdraw(who: Requests, number: Number, body: Why, connection: Connection) -> PlateList:
    """End a list now: its entries are forgotten."""
    return lists.withdraw(connection, who, number, body.why.strip())


@router.post("/{number}/look", responses=_NO_LIST)
@audited
def look(who: Sees, sealer: SealerDependency, number: Number, body: Look, connection: Connection) -> LookedAt:
    """What a list's entries say, or that of a hit. Why one looks stands in the audit."""
    return lists.look(connection, sealer, who, number, body.purpose.strip(), body.entry)
