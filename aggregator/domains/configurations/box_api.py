"""Where a box fetches what it shall watch, and says to which key its cameras' passwords are sealed."""

import base64
import binascii
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.dependencies import PartsDependency
from aggregator.domains.configurations import configurations
from aggregator.store import audit
from aggregator.store.database import Connection
from shared.ids import NAME_PATTERN
from shared.topics import Address

fetching = APIRouter(prefix="/api/v1", tags=["boxes"])

_Name = Annotated[str, Query(pattern=NAME_PATTERN)]


class SealingKeyBody(BaseModel):
    """An X25519 key, base64."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=44, max_length=44, pattern=r"^[A-Za-z0-9+/]{43}=$")]


@fetching.get(
    "/configuration",
    response_class=Response,
    responses={
        200: {"content": {"application/vnd.msgpack": {}}},
        404: {"description": "no such configuration is wanted of this box"},
    },
)
async def fetch_configuration(
    parts: PartsDependency, site: _Name, agent: _Name, number: Annotated[int, Query(ge=1, lt=2**62)]
) -> Response:
    """A configuration in MessagePack (`shared.configuration`), for the box that it is of."""
    box = Address(site, agent)
    sent = await parts.on_snapshot(lambda connection: configurations.sent(connection, box, number))
    return Response(msgspec.msgpack.encode(sent), media_type="application/vnd.msgpack")


@fetching.put("/sealing-key", status_code=204, response_class=Response)
async def tell_sealing_key(
    request: Request, parts: PartsDependency, site: _Name, agent: _Name, body: SealingKeyBody
) -> Response:
    """The key to which passwords of this box's cameras are sealed from now on."""
    box = Address(site, agent)
    try:
        key = base64.b64decode(body.key, validate=True)
    except binascii.Error:
        raise HTTPException(422, "expected base64") from None

    def keep(connection: Connection) -> None:
        if configurations.tell_key(connection, box, key):
            actor = audit.Actor(f"box {site}/{agent}", request.client.host if request.client else "")
            audit.record(connection, actor, "sealing key told", f"{site}/{agent}", body.key)

    await parts.on_connection(keep)
    return Response(status_code=204)
