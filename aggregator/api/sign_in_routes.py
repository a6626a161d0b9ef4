"""The addresses where a browser signs in and out, and where the first account is made."""

import asyncio
import hmac
from functools import partial
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from aggregator.api.password_turns import BusyError
from aggregator.api.recognition import FIRST, cookie_of, is_of_this_server
from aggregator.api.refusals import Refusals
from aggregator.api.session import BROWSER_COOKIE, COOKIE
from aggregator.api.sign_in import BUSY, LONGEST_NAME, WRONG, Caller, SignIn
from aggregator.api.sign_in_page import CODE_PAGE, FIRST_PAGE, OUT_PAGE, PAGE
from aggregator.people import accounts, grants, sessions
from aggregator.people.grants import ADMINISTRATOR, Holder
from aggregator.people.principal import Principal
from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.store.errors import RefusedError
from aggregator.store.scope import EVERYWHERE
from shared.errors import HawklineError
from shared.ids import check_name

_MOST_BYTES = 4096
_LONG = "太长 · too long"
_NOT_IT = "令牌不对，或已失效 · not the token, or it has ended"
_FOREIGN = "请从本页登录 · sign in from this page"


def routes(sign_in: SignIn) -> APIRouter:
    """The page, what it sends, the first account, and the way out."""
    router = APIRouter(include_in_schema=False)

    @router.get(PAGE)
    async def show(request: Request) -> HTMLResponse:
        begun = await request.app.state.parts.on_connection(grants.is_begun)
        return sign_in.page("", first=not begun)

    @router.post(PAGE)
    async def take(request: Request) -> Response:
        said = await _said(request)
        name, password = said.get("name", "").strip()[:LONGEST_NAME], said.get("password", "")
        if "\0" in name or not name:
            return sign_in.page(WRONG, 401)
        return await sign_in.attempt(request.app.state.parts, caller_of(request), name, password)

    @router.post(CODE_PAGE)
    async def take_code(request: Request) -> Response:
        said = await _said(request)
        begun, code = said.get("begun", ""), said.get("code", "")
        return await sign_in.finish(request.app.state.parts, caller_of(request), begun, code)

    @router.post(FIRST_PAGE)
    async def make_first(request: Request) -> Response:
        said = await _said(request)
        await asyncio.sleep(1.0)  # nobody guesses the token; this keeps the tries few
        if not hmac.compare_digest(said.get("token", "").strip().encode(), sign_in.recognition.token.value.encode()):
            refusals: Refusals = request.app.state.refusals
            await refusals.note(request.app.state.parts, "nobody", caller_of(request).address, "first token refused")
            return sign_in.page(_NOT_IT, 401, first=True)
        name, password, caller = said.get("name", "").strip(), said.get("password", ""), caller_of(request)
        try:
            check_name(name, "name")
            async with sign_in.turns.one(known=True):
                made = partial(_make_first, name, password, caller.address)
                if not await request.app.state.parts.on_connection(made):
                    return sign_in.page(_NOT_IT, 401)
        except (RefusedError, HawklineError) as error:
            return sign_in.page(str(error), 422, first=True)
        except BusyError:
            return sign_in.page(BUSY, 503, {"retry-after": "5"}, first=True)
        sign_in.recognition.forget()
        return await sign_in.attempt(request.app.state.parts, caller, name, password)

    @router.post(OUT_PAGE)
    async def leave(request: Request) -> Response:
        if not is_of_this_server(request.scope):
            raise HTTPException(403, _FOREIGN)
        if cookie := cookie_of(request.headers, COOKIE):
            hashed, address = sessions.digest(cookie), caller_of(request).address
            if await request.app.state.parts.on_connection(partial(_leave, hashed, address)):
                sign_in.recognition.forget()
        answer = RedirectResponse(PAGE, 303)
        answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        return answer

    return router


def caller_of(request: Request) -> Caller:
    """Where a request comes from."""
    browser, agent = cookie_of(request.headers, BROWSER_COOKIE), request.headers.get("user-agent", "")
    return Caller(request.client.host if request.client else "", browser, agent)


def _make_first(name: str, password: str, address: str, connection: Connection) -> bool:
    """Make the first account, an administrator; False where there is one who can make accounts."""
    grants.lock(connection)
    if grants.is_begun(connection):
        return False
    who = Principal(FIRST.name, EVERYWHERE)
    accounts.add(connection, who, name, "", password)
    grants.give(connection, who, Holder(account=name), ADMINISTRATOR, None)
    audit.record(connection, audit.Actor(FIRST.name, address), "first account", name)
    return True


def _leave(hashed: bytes, address: str, connection: Connection) -> bool:
    """End the session of a cookie; False where there is none."""
    found = sessions.find(connection, hashed, seen=False)
    if found is None:
        return False
    sessions.sign_out(connection, hashed, found.account)
    audit.record(connection, audit.Actor(found.account, address), "signed out", "")
    return True


async def _said(request: Request) -> dict[str, str]:
    """A form, of a page of ours: another site's page could sign its visitor in as somebody else.

    Raises:
        HTTPException: it is too long, or from elsewhere.
    """
    if "origin" in request.headers and not is_of_this_server(request.scope):
        raise HTTPException(403, _FOREIGN)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, _LONG)
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
