"""Where a box fetches the lists that it shall hold; behind the boxes' door, for itself alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from aggregator.api.dependencies import PartsDependency
from aggregator.domains.lists import watchlists
from aggregator.domains.lists.secret import deployment_secret
from aggregator.store.database import Connection
from shared.ids import NAME_PATTERN
from shared.topics import Address

fetching = APIRouter(prefix="/api/v1/watchlist", tags=["boxes"])

_WAIT_S = 90.0
"""Less than a box waits for its list. Ten thousand entries take a fiftieth of a second."""


class ListTurns:
    """In whose turn watch lists are made, at `app.state.list_turns`: one, for two threads do such work no faster.

    All checkpoints of a district come within a second; who waits has no thread and no connection. A box has one place
    in the queue, its newest: who asks again and again keeps nobody waiting.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(1)
        self._newest: dict[Address, object] = {}

    @asynccontextmanager
    async def of(self, box: Address, request: Request) -> AsyncIterator[None]:
        """Wait for a box's turn.

        Raises:
            HTTPException: 503, the box has asked again, has hung up, or its turn has not come for long.
        """
        place = self._newest[box] = object()
        try:
            try:
                async with asyncio.timeout(_WAIT_S):
                    await self._free.acquire()
            except TimeoutError:
                raise HTTPException(503, "too many lists are asked for at once; try again") from None
            try:
                if self._newest.get(box) is not place or await _has_hung_up(request):
                    raise HTTPException(503, "asked for again meanwhile")
                yield
            finally:
                self._free.release()
        finally:
            if self._newest.get(box) is place:
                del self._newest[box]


async def _has_hung_up(request: Request) -> bool:
    await request.body()  # there is none; but until its end was heard nothing else is
    return await request.is_disconnected()


@fetching.get("", responses={503: {"description": "too many are asked for at once: try again later"}})
async def fetch_watchlist(
    request: Request,
    parts: PartsDependency,
    site: Annotated[str, Query(pattern=NAME_PATTERN)],
    agent: Annotated[str, Query(pattern=NAME_PATTERN)],
) -> Response:
    """A box's watch list in MessagePack (`shared.plates.watchlist`): hashes that are good for this box alone."""
    state, box, now = request.app.state, Address(site, agent), datetime.now(UTC)

    def read(connection: Connection) -> tuple[watchlists.HashedLists, bytes]:
        deployment = deployment_secret(state.data_dir)
        return watchlists.hashed_lists(connection, box, now, deployment), deployment

    hashed, deployment = await parts.on_snapshot(read)

    def make() -> bytes:
        return msgspec.msgpack.encode(watchlists.made(hashed, box, deployment, state.vault.time_signer(), now))

    async with state.list_turns.of(box, request):
        content = await run_in_threadpool(make)
    await parts.on_connection(request.state.admit_again)  # it may have been revoked while it waited
    return Response(content, media_type="application/vnd.msgpack")
