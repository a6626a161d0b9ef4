"""Loopback is no protection from the browser next to us: pages of other origins must not reach the API.

A foreign page can make a browser send requests to 127.0.0.1 (by DNS rebinding with a Host of its own, by a form with
an Origin of its own). Both say who they are, and are refused.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aggregator.api.principal import IDENTITY
from aggregator.api.recognition import is_of_this_server
from aggregator.people.principal import THIS_MACHINE
from shared.ids import NAME_PATTERN
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

_LOCAL = {"127.0.0.1", "localhost", "::1"}


class LoopbackGuard:
    """Answers 403 to requests whose Host or Origin is not this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = urlsplit("//" + headers.get("host", "")).hostname
            foreign = "origin" in headers and not is_of_this_server(scope)
            if host not in _LOCAL or foreign:
                answer = JSONResponse(
                    {"detail": "only pages and programs of this machine are served without [trust]"},
                    status_code=403,
                )
                await answer(scope, receive, send)
                return
            scope[IDENTITY] = THIS_MACHINE
        await self._app(scope, receive, send)


def answer(
    status: int, detail: str = "", *, challenge: bool = False
) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    """A handler of errors: it answers with the error's own words, or with `detail`.

    Args:
        challenge: say that HTTP Basic is expected, as 401 has to.
    """
    headers = {"www-authenticate": 'Basic realm="hawkline"'} if challenge else None

    unavailable = TroubleLog(log)

    async def handler(request: Request, error: Exception) -> JSONResponse:
        if status == 503:  # the caller hears that it failed, and the log why
            unavailable.tell(f"{request.method} {request.url.path}: {type(error).__name__}: {str(error).strip()[:300]}")
        return JSONResponse({"detail": detail or str(error)}, status_code=status, headers=headers)

    return handler


class Refusal(BaseModel):
    """Why something was not done, in a sentence."""

    detail: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description}
    for status, description in (
        (400, "the body cannot be read"),
        (401, "nobody is signed in"),
        (403, "a right is missing; its name is told"),
        (422, "what was asked or sent makes no sense"),
        (503, "the database does not answer"),
    )
}
"""What any route may answer."""


async def explain(_request: Request, error: Exception) -> JSONResponse:
    """422 in the same shape as every other refusal."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for no other
    return JSONResponse({"detail": "; ".join(map(_explained, error.errors()))}, 422)


def _explained(part: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in part["loc"][1:])
    said = str(part["msg"])
    if part.get("ctx", {}).get("pattern") == NAME_PATTERN:
        said = "expected 1 to 32 lower-case letters, digits or hyphens, starting with a letter or digit"
    return f"{where}: {said}" if where else said


async def refuse_unknown_parameters(request: Request) -> None:
    """A misspelt filter must not answer with everything."""
    route = request.scope.get("route")
    if request.method != "GET" or not isinstance(route, APIRoute):
        return
    known = _query_parameters(route.dependant)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        there_are = f"there are {', '.join(sorted(known))}" if known else "there are none"
        raise HTTPException(422, f"query parameter {unknown[0]!r} does not exist here; {there_are}")


def _query_parameters(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*map(_query_parameters, dependant.dependencies))
