"""Where a browser signs in and out: a page that needs no script, and the first account."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from aggregator.api.dependencies import Parts
from aggregator.api.recognition import FIRST, PAGE, Recognition, cookie_of, is_of_this_server
from aggregator.api.session import BROWSER_COOKIE, COOKIE
from aggregator.people import accounts, passwords, sessions
from aggregator.people.accounts import ADMINISTRATOR, SQL, Holder
from aggregator.people.principal import Principal
from aggregator.people.sign_in_limits import SignInLimits, place_of
from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.store.errors import RefusedError
from aggregator.store.scope import EVERYWHERE
from shared.errors import HawklineError
from shared.ids import check_name

_MOST_BYTES = 4096
_LONGEST_NAME = 64
_AT_ONCE, _WAITING = 2, 20
"""Passwords that are looked at at once, of 64 MiB each, and requests that wait for that."""
_BROWSER_S = 180 * 24 * 3600
_WRONG = "帐号或密码不对 · wrong name or password"
_WAIT = "尝试太多，请等 {minutes} 分钟 · too many tries: wait {minutes} min"
_BUSY = "登录太多，请稍后再试 · too many sign in at once; try again"
_LONG = "太长 · too long"
_NOT_IT = "令牌不对，或已失效 · not the token, or it has ended"
_FOREIGN = "请从本页登录 · sign in from this page"


class _Busy(Exception):
    """Too many wait already."""


class _Turns:
    """For looking at passwords. One of both is never a stranger's: who is known does not wait for them."""

    def __init__(self) -> None:
        self._all, self._strangers = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_AT_ONCE - 1)
        self._waiting = {True: 0, False: 0}

    @asynccontextmanager
    async def one(self, *, known: bool) -> AsyncIterator[None]:
        """Wait for one.

        Raises:
            _Busy: too many do.
        """
        if self._waiting[known] >= _WAITING:
            raise _Busy
        self._waiting[known] += 1
        try:
            if known:
                async with self._all:
                    yield
            else:
                async with self._strangers, self._all:
                    yield
        finally:
            self._waiting[known] -= 1


@dataclass(slots=True)
class SignIn:
    """What happens when somebody signs in."""

    recognition: Recognition
    limits: SignInLimits = field(default_factory=SignInLimits)
    turns: _Turns = field(default_factory=_Turns)

    async def attempt(
        self, parts: Parts, name: str, password: str, address: str, browser: str | None, agent: str
    ) -> Response:
        """Answer to a name and a password: the same, and after the same time, whatever is wrong with them."""
        hashed = sessions.digest(browser) if browser else None
        account = await parts.on_connection(partial(_look, name, hashed))
        known = account.knows_browser
        source = f"browser {hashed.hex()}" if known and hashed else place_of(address)
        if (wait_s := self.limits.wait_s(name, source, known=known)) > 0:
            minutes = max(1, round(wait_s / 60))
            return page(_WAIT.format(minutes=minutes), 429, {"retry-after": str(max(1, round(wait_s)))})
        # Counted before it is looked at: many that come at once do not all come before the first that failed.
        self.limits.failed(name, source, known=known)
        try:
            async with self.turns.one(known=known):
                fits = await run_in_threadpool(passwords.fits, account.password, password[: passwords.MOST + 1])
        except _Busy:
            return page(_BUSY, 503, {"retry-after": "5"})
        if not fits:
            actor = audit.Actor(name[:_LONGEST_NAME], address)
            await parts.on_connection(lambda each: audit.record(each, actor, "sign-in refused", ""))
            return page(_WRONG, 401)
        self.limits.succeeded(name, source, known=known)
        # What somebody may have put into it before is not what it is known by from now on.
        kept_browser = browser if known and browser else sessions.secret()
        begun = await parts.on_connection(partial(_begin, account, address, agent, sessions.digest(kept_browser)))
        if begun is None:
            return page(_WRONG, 401)
        kept, until_s = begun
        answer = RedirectResponse("/", 303)
        _keep(answer, COOKIE, kept, int(until_s - time.time()))
        _keep(answer, BROWSER_COOKIE, kept_browser, _BROWSER_S)
        return answer

    async def change_password(self, parts: Parts, actor: audit.Actor, old: str, new: str, session: bytes) -> None:
        """Give who asks another password, if they know the old one; their other sessions end.

        Raises:
            HTTPException: 403, the old one is another; 429, too many tries; 503, too many are looked at.
            PasswordError: the new one is not taken.
        """
        name, source = actor.who, f"session {session.hex()}"
        if (wait_s := self.limits.wait_s(name, source, known=True)) > 0:
            raise HTTPException(429, "too many tries; wait", {"retry-after": str(max(1, round(wait_s)))})
        account = await parts.on_connection(partial(_look, name, None))
        self.limits.failed(name, source, known=True)
        try:
            async with self.turns.one(known=True):
                fits = await run_in_threadpool(passwords.fits, account.password, old[: passwords.MOST + 1])
                kept = await run_in_threadpool(accounts.kept, name, new) if fits else ""
        except _Busy:
            raise HTTPException(503, "too many passwords are looked at; try again", {"retry-after": "5"}) from None
        if not fits:
            await parts.on_connection(partial(audit.record, actor=actor, what="password refused", subject=""))
            raise HTTPException(403, "the old password is another")
        self.limits.succeeded(name, source, known=True)

        def change(connection: Connection) -> None:
            accounts.set_password(connection, name, kept, but=session)
            audit.record(connection, actor, "password changed", name)

        await parts.on_connection(change)
        self.recognition.forget()


@dataclass(frozen=True, slots=True)
class _Looked:
    name: str
    password: str
    knows_browser: bool


def _look(name: str, browser: bytes | None, connection: Connection) -> _Looked:
    found = accounts.find(connection, name)
    known = False
    if browser is not None:
        row = connection.execute(SQL["is_known_browser"], {"hash": browser, "account": name}).fetchone()
        known = bool(row and row["known"])
    return _Looked(name, found.password if found else "", known)


def _begin(
    account: _Looked, address: str, agent: str, browser: bytes, connection: Connection
) -> tuple[str, float] | None:
    """Begin a session; None where the password was changed, or the account disabled, while it was looked at."""
    row = connection.execute(SQL["account_stays"], {"name": account.name}).fetchone()
    if row is None or row["password"] != account.password:
        return None
    kept, until = sessions.begin(connection, account.name, address, agent)
    connection.execute(SQL["know_browser"], {"hash": browser, "account": account.name})
    audit.record(connection, audit.Actor(account.name, address), "signed in", "", agent)
    return kept, until.timestamp()


def _keep(answer: Response, name: str, value: str, lasts_s: int) -> None:
    answer.set_cookie(name, value, max_age=lasts_s, path="/", secure=True, httponly=True, samesite="strict")


def routes(sign_in: SignIn) -> APIRouter:
    """The page, what it sends, the first account, and the way out."""
    router = APIRouter(include_in_schema=False)

    @router.get(PAGE)
    async def show(request: Request) -> HTMLResponse:
        begun = await request.app.state.parts.on_connection(accounts.is_begun)
        return page("", first=not begun)

    @router.post(PAGE)
    async def take(request: Request) -> Response:
        said = await _said(request)
        browser, agent = cookie_of(request.headers, BROWSER_COOKIE), request.headers.get("user-agent", "")
        address = request.client.host if request.client else ""
        name, password = said.get("name", "").strip()[:_LONGEST_NAME], said.get("password", "")
        if "\0" in name or not name:
            return page(_WRONG, 401)
        return await sign_in.attempt(request.app.state.parts, name, password, address, browser, agent)

    @router.post(f"{PAGE}/first")
    async def make_first(request: Request) -> Response:
        said = await _said(request)
        address = request.client.host if request.client else ""
        await asyncio.sleep(1.0)  # nobody guesses the token; this keeps the tries few
        if not hmac.compare_digest(said.get("token", "").strip().encode(), sign_in.recognition.token.value.encode()):
            return page(_NOT_IT, 401, first=True)
        name, password = said.get("name", "").strip(), said.get("password", "")
        try:
            check_name(name, "name")
            async with sign_in.turns.one(known=True):
                made = partial(_make_first, name, password, address)
                if not await request.app.state.parts.on_connection(made):
                    return page(_NOT_IT, 401)
        except (RefusedError, HawklineError) as error:
            return page(str(error), 422, first=True)
        except _Busy:
            return page(_BUSY, 503, {"retry-after": "5"}, first=True)
        sign_in.recognition.forget()
        agent = request.headers.get("user-agent", "")
        return await sign_in.attempt(request.app.state.parts, name, password, address, None, agent)

    @router.post(f"{PAGE}/out")
    async def leave(request: Request) -> Response:
        if not is_of_this_server(request.headers):
            raise HTTPException(403, _FOREIGN)
        if cookie := cookie_of(request.headers, COOKIE):
            hashed = sessions.digest(cookie)
            if await request.app.state.parts.on_connection(lambda each: _leave(each, hashed, request)):
                sign_in.recognition.forget()
        answer = RedirectResponse(PAGE, 303)
        answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        return answer

    return router


def _make_first(name: str, password: str, address: str, connection: Connection) -> bool:
    """Make the first account, an administrator; False where there is one who can make accounts."""
    connection.execute(SQL["lock_people"])
    if accounts.is_begun(connection):
        return False
    who = Principal(FIRST.name, EVERYWHERE)
    accounts.add(connection, who, name, "", password)
    accounts.give(connection, who, Holder(account=name), ADMINISTRATOR, None)
    audit.record(connection, audit.Actor(FIRST.name, address), "first account", name)
    return True


def _leave(connection: Connection, hashed: bytes, request: Request) -> bool:
    """End the session of a cookie; False where there is none."""
    found = sessions.find(connection, hashed, seen=False)
    if found is None:
        return False
    sessions.sign_out(connection, hashed, found.identity.name)
    actor = audit.Actor(found.identity.name, request.client.host if request.client else "")
    audit.record(connection, actor, "signed out", "")
    return True


async def _said(request: Request) -> dict[str, str]:
    """A form, of a page of ours: another site's page could sign its visitor in as somebody else.

    Raises:
        HTTPException: it is too long, or from elsewhere.
    """
    if "origin" in request.headers and not is_of_this_server(request.headers):
        raise HTTPException(403, _FOREIGN)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, _LONG)
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


_STYLE = """body{font:16px/1.5 system-ui,sans-serif;background:#101418;color:#e8eaed;display:grid;place-items:center;
min-height:100vh;margin:0}form{width:min(24rem,90vw)}input,button{font:inherit;width:100%;box-sizing:border-box;
padding:.6rem;margin:.3rem 0 .8rem;border-radius:.3rem;border:1px solid #5f6b76;background:#1b2127;color:inherit}
button{background:#2d6cdf;border:0;cursor:pointer}p[role=alert]{color:#ff8a80;min-height:1.5em}"""
_FIRST = """<p>还没有帐号。用首个令牌建第一个管理员帐号。<br>
There are no accounts yet: make the first administrator's.</p>
<label for="token">首个令牌 · first token (data_dir/secrets)</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>"""
_NAME = """<label for="name">{label}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" required {focus}>
<label for="password">密码 · password</label>
<input id="password" name="password" type="password" autocomplete="{which}" required>"""


def page(
    complaint: str, status: int = 200, headers: dict[str, str] | None = None, *, first: bool = False
) -> HTMLResponse:
    """The page, with what was wrong."""
    fields = (_FIRST if first else "") + _NAME.format(
        label="新帐号：小写字母、数字、连字符 · new name: a-z, 0-9, -" if first else "帐号 · name",
        focus="" if first else "autofocus",
        which="new-password" if first else "current-password",
    )
    action, button = (f"{PAGE}/first", "建立帐号 · make account") if first else (PAGE, "登录 · sign in")
    return HTMLResponse(
        f"""<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>鹰线 Hawkline</title><style>{_STYLE}</style>
<form method="post" action="{action}"><h1>鹰线 Hawkline</h1>{fields}
<button>{button}</button><p role="alert">{escape(complaint)}</p></form></html>""",
        status,
        {
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
            "frame-ancestors 'none'",
            "referrer-policy": "same-origin",  # without a referrer a browser hides the form's origin, too
            **(headers or {}),
        },
    )
