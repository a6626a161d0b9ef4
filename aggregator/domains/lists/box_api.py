"""Where a box fetches the lists that it shall hold; behind the boxes' door, for itself alone."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from aggregator.api.dependencies import SnapshotDependency
from aggregator.domains.lists import watchlists
from aggregator.domains.lists.secret import deployment_secret
from shared.ids import NAME_PATTERN
from shared.topics import Address

fetching = APIRouter(prefix="/api/v1/watchlist", tags=["boxes"])


@fetching.get("")
def fetch_watchlist(
    request: Request,
    connection: SnapshotDependency,
    site: Annotated[str, Query(pattern=NAME_PATTERN)],
    agent: Annotated[str, Query(pattern=NAME_PATTERN)],
) -> Response:
    """A box's watch list in MessagePack (`shared.plates.watchlist`): hashes that are good for this box alone."""
    deployment = deployment_secret(request.app.state.data_dir)
    signer = request.app.state.vault.time_signer()
    made = watchlists.made(connection, Address(site, agent), deployment, signer, datetime.now(UTC))
    return Response(msgspec.msgpack.encode(made), media_type="application/vnd.msgpack")
