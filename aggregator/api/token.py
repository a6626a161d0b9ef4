"""Who may use the port for people: the holder of the administrator's token, until there are accounts.

Programs send it as a bearer token. A browser gives it once, on a page of our own, for a cookie that scripts cannot read
and that no other site's page can make it send.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from dataclasses import dataclass
from functools import partial
from html import escape
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request, Response
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aggregator.api.audited import WHO
from aggregator.store import audit
from aggregator.store.database import Connection
from shared.errors import ConfigError
from shared.files import write_secret
from shared.trouble_log import TroubleLog

_unread = TroubleLog(logging.getLogger(__name__))

SESSION = "hawkline.session"
"""Where in the scope the session of the caller who was let in lies."""
COOKIE = "__Host-hawkline"
_LASTS_S = 12 * 3600
_PAGE = "/sign-in"
_OPEN = {"/healthz", "/readyz", _PAGE}
_NEEDED = "the administrator's token is needed: Authorization: Bearer TOKEN; its file is in data_dir/secrets"
_SAFE = {"GET", "HEAD"}
_WRONG_S = 1.0
_MOST_BYTES = 4096


def token_path(data_dir: Path) -> Path:
    """Where the administrator's token is kept."""
    return data_dir / "secrets" / "administrator.token"


def token_of(data_dir: Path) -> str:
    """The administrator's token.

    Raises:
        ConfigError: there is none; the message says what to do.
    """
    path = token_path(data_dir)
    try:
        found = path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); make it: hawkline aggregator init") from None
    if len(found) < 20:
        raise ConfigError(f"{path}: too short for a token; delete it and make another: hawkline aggregator init")
    return found


def make_token(data_dir: Path) -> Path:
    """Make the token where there is none; returns its file."""
    path = token_path(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(32).encode() + b"\n")
    return path


class Token:
    """The administrator's token as its file has it now: who replaces it shuts out everybody who had the old one."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir, self._path = data_dir, token_path(data_dir)
        self._written = self._stamp()
        self._value = token_of(data_dir)

    @property
    def value(self) -> str:
        """The token; while its file cannot be read, the one before."""
        written = self._stamp()
        if written != self._written:
            try:
                self._value, self._written = token_of(self._data_dir), written
                _unread.over(f"{self._path}: the token is read again")
            except ConfigError as error:
                _unread.tell(f"{error}; the token before still counts")
        return self._value

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino


@dataclass(frozen=True, slots=True)
class Session:
    """How long a caller who was let in may stay: until then, and for as long as the token is the same.

    Attributes:
        until_s: seconds since 1970; None: no end of its own.
    """

    token: Token
    value: str
    until_s: int | None

    def holds(self) -> bool:
        """Whether it does, now."""
        return self.token.value == self.value and (self.until_s is None or time.time() < self.until_s)


class TokenGuard:
    """Lets no caller in without the token."""

    def __init__(self, app: ASGIApp, token: Token) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        headers, token = Headers(scope=scope), self._token.value
        until_s = _until(scope["method"], headers, token)
        if until_s is not None or _has_token(headers, token):
            scope[WHO] = "administrator"
            scope[SESSION] = Session(self._token, token, until_s)
            await self._app(scope, receive, send)
        elif (
            scope["method"] in _SAFE
            and not scope["path"].startswith("/api/")
            and "text/html" in headers.get("accept", "")
        ):
            await RedirectResponse(_PAGE, 303)(scope, receive, send)
        else:
            answer = JSONResponse(
                {"detail": _NEEDED},
                401,
                {"www-authenticate": 'Bearer realm="hawkline"'},
            )
            await answer(scope, receive, send)


def _has_token(headers: Headers, token: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _until(method: str, headers: Headers, token: str) -> int | None:
    """Until when the cookie counts, in seconds since 1970; None without one that does."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    if morsel is None or not is_signed(morsel.value, token):
        return None
    # Browsers say where a change comes from.
    origin = headers.get("origin")
    if method not in _SAFE and (origin is None or urlsplit(origin).netloc != headers.get("host")):
        return None
    return int(morsel.value.partition(".")[0])


def signed(token: str, until_s: int) -> str:
    """What a browser is given for the token: worth as much, until then. Another token makes it worthless."""
    return f"{until_s}.{hmac.new(_key(token), str(until_s).encode(), hashlib.sha256).hexdigest()}"


def is_signed(cookie: str, token: str) -> bool:
    """Whether it was given by us, and still counts."""
    until, _, _ = cookie.partition(".")
    if not until.isdecimal() or len(until) > 12 or int(until) < time.time():
        return False
    return hmac.compare_digest(cookie.encode(), signed(token, int(until)).encode())


def _key(token: str) -> bytes:
    return hashlib.sha256(b"hawkline cookie 1\0" + token.encode()).digest()


def routes(token: Token) -> APIRouter:
    """The page where a browser gives the token, and gets a cookie for it."""
    router = APIRouter(include_in_schema=False)

    @router.get(_PAGE)
    def show() -> HTMLResponse:
        return _page("")

    @router.post(_PAGE)
    async def take(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                return _page("太长 · too long", 413)
        given = parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()
        if not hmac.compare_digest(given.encode(), token.value.encode()):
            await asyncio.sleep(_WRONG_S)
            return _page("令牌不对 · not the token", 401)
        answer = RedirectResponse("/", 303)
        await request.app.state.parts.on_connection(partial(_note, request))
        value = signed(token.value, int(time.time()) + _LASTS_S)
        answer.set_cookie(COOKIE, value, max_age=_LASTS_S, path="/", secure=True, httponly=True, samesite="strict")
        return answer

    return router


def _note(request: Request, connection: Connection) -> None:
    """That the administrator has come in, and from where."""
    actor = audit.Actor("administrator", request.client.host if request.client else "")
    audit.record(connection, actor, "signed in", "")


def _page(complaint: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f"""<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>鹰线 Hawkline</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;background:#101418;color:#e8eaed;display:grid;place-items:center;
min-height:100vh;margin:0}}form{{width:min(24rem,90vw)}}input,button{{font:inherit;width:100%;box-sizing:border-box;
padding:.6rem;margin:.3rem 0;border-radius:.3rem;border:1px solid #5f6b76;background:#1b2127;color:inherit}}
button{{background:#2d6cdf;border:0;cursor:pointer}}p[role=alert]{{color:#ff8a80;min-height:1.5em}}</style>
<form method="post"><h1>鹰线 Hawkline</h1>
<label for="token">管理员令牌 · administrator's token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>登录 · sign in</button><p role="alert">{escape(complaint)}</p></form></html>""",
        status,
        {
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
            "frame-ancestors 'none'",
            "referrer-policy": "no-referrer",
        },
    )
