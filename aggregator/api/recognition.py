"""Lets nobody in who is not known: a person by the cookie of a session, a program by its key.

A session or a key is looked up at most once a second: what is changed through this process counts at once, what another
process changes a second later.
"""

import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.cookies import CookieError, SimpleCookie

import psycopg
from psycopg_pool import PoolTimeout
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aggregator.api.dependencies import Parts
from aggregator.api.first_token import FirstToken
from aggregator.api.principal import IDENTITY
from aggregator.api.session import COOKIE, SESSION, Session
from aggregator.api.sign_in_page import PAGE
from aggregator.people import grants, keys, sessions
from aggregator.people.grants import Holder
from aggregator.people.principal import Grant, Identity
from aggregator.people.rights import Right
from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.store.scope import EVERYWHERE
from shared.trouble_log import TroubleLog

_OPEN = {"/healthz", "/readyz", PAGE}
_SAFE = {"GET", "HEAD"}
_HOLDS_S = 1.0
_MOST, _LONGEST = 4096, 200
_POLLS = "hawkline-polls"
"""Head of requests that a page makes by itself."""
_NEEDED = "nobody is signed in: sign in with a browser, or send a key: Authorization: Bearer KEY (hawkline key add)"
_ENDED = "the first token has ended, for there are accounts: sign in, or make a key for a program (hawkline key add)"
_FOREIGN = "what changes something comes from a page of this server: its Origin is missing, or another"
FIRST = Identity("first token", (Grant(frozenset({Right.PEOPLE_READ, Right.PEOPLE_CHANGE}), EVERYWHERE),))
"""It makes the first accounts, and nothing else."""
_unavailable = TroubleLog(logging.getLogger(__name__))


@dataclass(frozen=True, slots=True)
class _Recognised:
    identity: Identity
    until_s: float | None
    address: str = ""


_Look = Callable[[Connection], _Recognised | None]


class Recognition:
    """Remembers for a second whom a key or a session is of."""

    def __init__(self, token: FirstToken) -> None:
        self.token = token
        self._known: OrderedDict[bytes, tuple[float, _Recognised | None]] = OrderedDict()
        self._generation = 0
        self._told = OrderedDict[tuple[bytes, str], None]()

    def forget(self) -> None:
        """Rights have changed: look anew."""
        self._generation += 1
        self._known.clear()

    async def find(self, parts: Parts, hashed: bytes, look: _Look) -> _Recognised | None:
        """Whom it is of; None where it opens nothing."""
        now_s = time.monotonic()
        at_s, found = self._known.get(hashed, (-_HOLDS_S, None))
        if now_s - at_s >= _HOLDS_S:
            generation = self._generation
            found = await parts.on_connection(look)
            if generation != self._generation:
                return found  # rights have changed meanwhile: it counts for this request alone
            self._known[hashed] = now_s, found
            self._known.move_to_end(hashed)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return None if found and found.until_s is not None and found.until_s <= time.time() else found

    async def tell_of_move(self, parts: Parts, hashed: bytes, found: _Recognised, address: str) -> None:
        """A session that goes on from another address may be stolen: the audit hears of each such address once."""
        if not found.address or address == found.address or (hashed, address) in self._told:
            return
        actor = audit.Actor(found.identity.name, address)
        said = f"begun at {found.address}"
        await parts.on_connection(
            partial(audit.record, actor=actor, what="session from elsewhere", subject="", detail=said)
        )
        self._told[hashed, address] = None  # behind it: what was not written is tried again
        while len(self._told) > _MOST:
            self._told.popitem(last=False)


class RecognitionGuard:
    """Lets in who is recognised."""

    def __init__(self, app: ASGIApp, recognition: Recognition) -> None:
        self._app, self._recognition = app, recognition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _OPEN or scope["path"].startswith(f"{PAGE}/"):
            await self._app(scope, receive, send)
            return
        try:
            refusal = await self._recognise(scope)
        except (psycopg.OperationalError, PoolTimeout) as error:
            _unavailable.tell(f"nobody can be recognised: {str(error).strip()[:300]}")
            await JSONResponse({"detail": "the database does not answer; try again"}, 503)(scope, receive, send)
            return
        if not refusal:
            await self._app(scope, receive, send)
        elif _is_page(scope):
            await RedirectResponse(PAGE, 303)(scope, receive, send)
        else:
            asked = None if refusal == _FOREIGN else {"www-authenticate": 'Bearer realm="hawkline"'}
            await JSONResponse({"detail": refusal}, 401 if asked else 403, asked)(scope, receive, send)

    async def _recognise(self, scope: Scope) -> str:
        """Leave in the scope who it is; returns why nobody is let in, or nothing."""
        headers, parts = Headers(scope=scope), scope["app"].state.parts
        scheme, _, given = headers.get("authorization", "").partition(" ")
        hashed: bytes | None = None
        look: _Look
        again_look: _Look
        if scheme.lower() == "bearer":
            given = given.strip()
            if not is_credible(given):
                return _NEEDED
            is_first = hmac.compare_digest(given.encode(), self._recognition.token.value.encode())
            look = _of_first_token if is_first else partial(_of_key, given)
            key, again_look = sessions.digest(given), look
        else:
            cookie = cookie_of(headers, COOKIE)
            if cookie is None or not is_credible(cookie):
                return _NEEDED
            if scope["method"] not in _SAFE and not is_of_this_server(scope):
                return _FOREIGN
            key = hashed = sessions.digest(cookie)
            look = partial(_of_session, hashed, _is_done_by_somebody(scope, headers))
            again_look = partial(_of_session, hashed, False)
        found = await self._recognition.find(parts, key, look)
        if found is None and hashed is None:
            address = scope["client"][0] if scope.get("client") else ""
            await scope["app"].state.refusals.note(parts, "nobody", address, "key refused")
        if found is None:
            return _ENDED if look is _of_first_token else _NEEDED
        if hashed is not None and scope.get("client"):
            await self._recognition.tell_of_move(parts, hashed, found, scope["client"][0])

        async def renewed() -> Identity | None:
            again = await self._recognition.find(parts, key, again_look)
            return again.identity if again else None

        scope[IDENTITY] = found.identity
        scope[SESSION] = Session(found.until_s, renewed, hashed)
        return ""


def cookie_of(headers: Headers, name: str) -> str | None:
    """What a browser has kept for us."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return morsel.value if morsel and morsel.value else None


def is_of_this_server(scope: Scope) -> bool:
    """Browsers say where a change comes from: a foreign page can make one send it, and cannot make it lie.

    Compared whole: another port of this machine is another server, and so is what came without TLS.
    """
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    return bool(host) and headers.get("origin") == f"{scope['scheme']}://{host}"


def _is_page(scope: Scope) -> bool:
    wants = "text/html" in Headers(scope=scope).get("accept", "")
    return scope["method"] in _SAFE and not scope["path"].startswith("/api/") and wants


def is_credible(given: str) -> bool:
    """Whether it may be a key, a session or the first token: what cannot be one costs the database nothing."""
    return 20 <= len(given) <= _LONGEST and given.isascii()


def _is_done_by_somebody(scope: Scope, headers: Headers) -> bool:
    """Whether a person does it; pages that listen, and ask by themselves, keep no session."""
    return not scope["path"].endswith("/feed") and _POLLS not in headers


def _of_session(hashed: bytes, seen: bool, connection: Connection) -> _Recognised | None:
    found = sessions.find(connection, hashed, seen=seen)
    if found is None:
        return None
    return _Recognised(
        grants.identity(connection, Holder(account=found.account)), found.until.timestamp(), found.address
    )


def _of_key(key: str, connection: Connection) -> _Recognised | None:
    found = keys.find(connection, key)
    return _Recognised(found, None) if found else None


def _of_first_token(connection: Connection) -> _Recognised | None:
    return None if grants.is_begun(connection) else _Recognised(FIRST, None)
