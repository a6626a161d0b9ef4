"""Where a box fetches the lists that it shall hold; behind the boxes' door, for itself alone."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from aggregator.api.dependencies import PartsDependency
from aggregator.domains.lists import watchlists
from aggregator.domains.lists.secret import deployment_secret
from shared.ids import NAME_PATTERN
from shared.topics import Address

fetching = APIRouter(prefix="/api/v1/watchlist", tags=["boxes"])


def one_after_another() -> asyncio.Semaphore:
    """In whose turn watch lists are made, at `app.state.list_turns`: it is work that two threads do no faster.

    All checkpoints of a district come within a second. Who waits has no thread and no connection.
    """
    return asyncio.Semaphore(1)


@fetching.get("")
async def fetch_watchlist(
    request: Request,
    parts: PartsDependency,
    site: Annotated[str, Query(pattern=NAME_PATTERN)],
    agent: Annotated[str, Query(pattern=NAME_PATTERN)],
) -> Response:
    """A box's watch list in MessagePack (`shared.plates.watchlist`): hashes that are good for this box alone."""
    state, box, now = request.app.state, Address(site, agent), datetime.now(UTC)
    deployment = deployment_secret(state.data_dir)
    hashed = await parts.on_snapshot(lambda connection: watchlists.hashed_lists(connection, box, now, deployment))

    def make() -> bytes:
        return msgspec.msgpack.encode(watchlists.made(hashed, box, deployment, state.vault.time_signer(), now))

    async with state.list_turns:
        content = await run_in_threadpool(make)
    return Response(content, media_type="application/vnd.msgpack")
