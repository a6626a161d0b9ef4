"""What holds for every request at both doors, of people and of boxes, before anything of ours looks at it.

A body has an end: so many bytes, and so much time as a whole. Who hangs up costs a line in the log, and now and then
one that counts the others. Pictures have bounds of their own (`aggregator.api.bodies`), for they are long.
"""

import asyncio
import logging
import time

from fastapi import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024
WITHIN_S = 30.0
_LONG = "/api/v1/evidence/", "/api/v1/renderings/"
"""Where pictures are brought."""
_PLANS, MOST_PLAN_BYTES = ("/api/v1/plan", "/api/v1/configurations"), 16 * 1024 * 1024
"""A district has two megabytes of the one, and five of the other."""
_TELL_S = 60.0


class Door:
    """Bounds bodies, and takes note of those who hang up.

    Args:
        app: behind the door.
        most_bytes: of a body.
        within_s: until a body has come to its end.
    """

    def __init__(self, app: ASGIApp, *, most_bytes: int = MOST_BYTES, within_s: float = WITHIN_S) -> None:
        self._app, self._most_bytes, self._within_s = app, most_bytes, within_s
        self._hung_up, self._told_s = 0, float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_picture = scope.get("method") == "PUT" and scope["path"].startswith(_LONG)
        is_plan = scope.get("method") == "PUT" and scope["path"] in _PLANS
        most_bytes = MOST_PLAN_BYTES if is_plan else self._most_bytes
        bounded = receive if is_picture else self._bounded(receive, most_bytes)
        try:
            await self._app(scope, bounded, send)
        except ClientDisconnect:
            self._note(scope)

    def _bounded(self, receive: Receive, most_bytes: int) -> Receive:
        until_s, came, ended = time.monotonic() + self._within_s, 0, False

        async def take() -> Message:
            nonlocal came, ended
            if ended:  # what comes now is the end of the connection, and may be long in coming
                return await receive()
            try:
                async with asyncio.timeout(until_s - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "what was sent does not come to its end") from None
            came += len(message.get("body", b""))
            if came > most_bytes:
                raise HTTPException(413, f"expected at most {most_bytes} bytes")
            ended = not message.get("more_body", False)
            return message

        return take

    def _note(self, scope: Scope) -> None:
        self._hung_up += 1
        if time.monotonic() - self._told_s < _TELL_S:
            return
        client = scope.get("client") or ("?", 0)
        log.info("%d requests were not brought to their end; the last by %s", self._hung_up, client[0])
        self._hung_up, self._told_s = 0, time.monotonic()
