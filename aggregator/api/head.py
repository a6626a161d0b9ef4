"""HEAD on everything that answers GET: the same answer without its body, as monitors and load balancers ask it."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Answers HEAD as GET; what would go on for ever, such as the feed, ends with its head."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun = asyncio.Event()

        async def only_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                begun.set()

        async def gone_after_head() -> Message:
            if begun.is_set():
                return {"type": "http.disconnect"}
            waiting = {asyncio.ensure_future(receive()), asyncio.ensure_future(begun.wait())}
            done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            message = done.pop().result()
            return message if isinstance(message, dict) else {"type": "http.disconnect"}

        await self._app({**scope, "method": "GET"}, gone_after_head, only_head)
