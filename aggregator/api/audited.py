"""The audit as handlers write it: with every change, in its transaction."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

from fastapi import Depends, Header, HTTPException, Request

from aggregator.api.dependencies import Parts, PartsDependency
from aggregator.api.principal import identity_of
from aggregator.store import audit
from aggregator.store.database import Connection

CHANGES = {"POST", "PUT", "DELETE", "PATCH"}
T = TypeVar("T")
_MOST_SAID = 256 * 1024
_AUDITED = "__audited__"
_CHANGES_RIGHTS = "__changes_rights__"
_SECRETS = {"password", "old_password", "one_time_code", "proposal", "entries", "plate"}
"""Fields of bodies that no record holds: what is secret, and what plates say."""


async def _actor(
    request: Request,
    reason: Annotated[
        str, Header(alias="hawkline-reason", max_length=600, description="why, percent-encoded UTF-8; for the audit")
    ] = "",
) -> audit.Actor:
    return audit.Actor(identity_of(request).name, request.client.host if request.client else "", unquote(reason)[:200])


ActorDependency = Annotated[audit.Actor, Depends(_actor)]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the audit will say of a change."""

    actor: audit.Actor
    what: str
    subject: str
    said: str
    parts: Parts


def _entry_of(most_bytes: int) -> Any:
    """What gives an entry to a handler whose body has so many bytes at most."""

    async def bounded(request: Request) -> bytes:
        if int(request.headers.get("content-length") or 0) > most_bytes:
            raise HTTPException(413, f"more than {most_bytes} bytes")
        return await request.body()

    async def entry(
        request: Request, parts: PartsDependency, actor: ActorDependency, body: Annotated[bytes, Depends(bounded)]
    ) -> _Entry:
        # Of a long body nothing is kept: what the handler answers says what it was about.
        said = _without_secrets(body.decode(errors="replace")) if most_bytes <= _MOST_SAID else ""
        subject = "/".join(str(part) for part in request.path_params.values()) or _named(said)
        what = f"{request.method} {request.scope['route'].path}"
        return _Entry(replace(actor, why=actor.why or _field(said, "why")), what, subject, said, parts)

    return entry


_entry = _entry_of(_MOST_SAID)


def audited_up_to(most_bytes: int) -> Callable[[Callable[..., T]], Callable[..., Coroutine[Any, Any, T]]]:
    """`audited`, for a handler whose body may be longer; what it answers has to say what the audit keeps of it."""
    entry = _entry_of(most_bytes)
    return lambda change: _audited(change, entry)


def audited(change: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """Make a handler one transaction: what it changes, then the entry that tells of it; what is refused leaves none.

    All of it happens on one thread without a pause, for until the commit others wait for its locks; and going to
    another thread costs more than the change: with fifty at once they wait for each other's turns at the interpreter.

    Args:
        change: a handler whose `connection` is given to it; what is said to it is read before a connection is taken.
            What it answers may say better what it was about (`audit_subject`, `audit_detail`) than address and body do.
    """
    return _audited(change, _entry)


def _audited(change: Callable[..., T], entry_of: Any) -> Callable[..., Coroutine[Any, Any, T]]:
    @wraps(change)
    async def handler(entry: _Entry, **values: Any) -> T:
        def work(connection: Connection) -> T:
            done = change(connection=connection, **values)
            subject, said = getattr(done, "audit_subject", entry.subject), getattr(done, "audit_detail", entry.said)
            audit.record(connection, entry.actor, entry.what, subject, said)
            return done

        done = await entry.parts.on_connection(work)
        if hasattr(change, _CHANGES_RIGHTS):
            entry.parts.rights_changed()
        entry.parts.waker.wake()  # the feed may have something to tell
        return done

    asked = signature(change)
    entry = Parameter("entry", Parameter.KEYWORD_ONLY, annotation=Annotated[_Entry, Depends(entry_of)])
    others = (each for each in asked.parameters.values() if each.name != "connection")
    named = (each.replace(kind=Parameter.KEYWORD_ONLY) for each in others)
    vars(handler)["__signature__"] = asked.replace(parameters=[entry, *named])
    vars(handler)[_AUDITED] = True
    return handler


def changes_rights(change: Callable[..., T]) -> Callable[..., T]:
    """Mark a handler after which others may do more, or less: nobody goes on with what was remembered of them."""
    vars(change)[_CHANGES_RIGHTS] = True
    return change


def audits_itself(handler: Callable[..., T]) -> Callable[..., T]:
    """Mark a handler that writes its entries itself, because what it does takes several transactions."""
    vars(handler)[_AUDITED] = True
    return handler


def is_audited(handler: object) -> bool:
    """Whether a handler leaves an entry of what it changes."""
    return hasattr(handler, _AUDITED)


def _without_secrets(body: str) -> str:
    """What was said; where it cannot be read, and may hold a secret, nothing of it."""
    if "\\u" not in body and not any(name in body for name in _SECRETS):
        return body
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "…"
    if not isinstance(said, dict):
        return "…"
    return json.dumps({name: "…" if name in _SECRETS else value for name, value in said.items()}, ensure_ascii=False)


def _named(body: str) -> str:
    """The box, or whom, a body is about."""
    site, agent = _field(body, "site"), _field(body, "agent")
    return f"{site}/{agent}" if site and agent else _field(body, "name")


def _field(body: str, name: str) -> str:
    try:
        return str(json.loads(body)[name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
