"""The audit: written with every change and every picture seen, and read by whoever has to answer for it."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Query, Request

from aggregator.api.asked import Label, Moment, moment
from aggregator.api.parts import ConnectionDependency
from aggregator.store import audit
from aggregator.store.entities import AuditEntry

router = APIRouter(prefix="/api/v1", tags=["audit"])

CHANGES = {"POST", "PUT", "DELETE", "PATCH"}
WHO = "hawkline.who"
"""Where whoever checks tokens leaves in the scope whom it has let in."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; what is not given means all."""

    who: Label = None
    what: Label = None
    subject: Label = None


@router.get("/audit")
def list_audit(
    connection: ConnectionDependency,
    asked: Annotated[Filter, Depends()],
    since: Moment = None,
    until: Moment = None,
    before: Annotated[int | None, Query(ge=1, lt=2**62, description="older than this entry")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AuditEntry]:
    """Who changed or looked at what, when, why and from where; the newest first."""
    begin, end = moment("since", since), moment("until", until)
    return audit.entries(connection, **asdict(asked), begin=begin, end=end, before=before, limit=limit)


def _actor(
    request: Request,
    reason: Annotated[
        str, Header(alias="hawkline-reason", max_length=600, description="why, percent-encoded UTF-8; for the audit")
    ] = "",
) -> audit.Actor:
    who = str(request.scope.get(WHO, "this machine"))
    return audit.Actor(who, request.client.host if request.client else "", unquote(reason)[:200])


ActorDependency = Annotated[audit.Actor, Depends(_actor)]


async def _body(request: Request) -> bytes:
    return await request.body()


def record_changes(
    request: Request,
    connection: ConnectionDependency,
    actor: ActorDependency,
    body: Annotated[bytes, Depends(_body)],
) -> None:
    """Every change leaves an entry, in the transaction of the change: what is refused leaves none."""
    route = request.scope["route"]
    said = body.decode(errors="replace")
    subject = "/".join(str(part) for part in request.path_params.values()) or _named(said)
    what = f"{request.method} {route.path}"
    audit.record(connection, replace(actor, why=actor.why or _field(said, "why")), what, subject, said)


def _named(body: str) -> str:
    """The box that a body is about."""
    site, agent = _field(body, "site"), _field(body, "agent")
    return f"{site}/{agent}" if site and agent else ""


def _field(body: str, name: str) -> str:
    try:
        return str(json.loads(body)[name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
