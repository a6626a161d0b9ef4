"""Where boxes bring what they rendered for exports; at whichever door they come to, each for its own pictures."""

import hashlib
from functools import partial
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api import bodies
from aggregator.api.dependencies import Parts, PartsDependency
from aggregator.domains.evidence import exports
from aggregator.domains.evidence.api import admitted_again
from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.store.pictures import MAX_BYTES, is_jpeg
from shared.ids import NAME_PATTERN
from shared.topics import Address

rendering = APIRouter(prefix="/api/v1/renderings", tags=["evidence"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "no such export waits for this box"}}


class Box(BaseModel):
    """Who speaks."""

    site: str = Field(pattern=NAME_PATTERN)
    agent: str = Field(pattern=NAME_PATTERN)


class Failure(BaseModel):
    """Why there will be none."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


BoxQuery = Annotated[Box, Query()]


@rendering.get(
    "/{number}/original", response_class=FileResponse, responses={200: {"content": {"image/jpeg": {}}}, **_NONE}
)
async def original(number: Number, box: BoxQuery, request: Request, parts: PartsDependency) -> FileResponse:
    """The picture of an export, for the box that brought it: its ring may have given it up."""
    address = Address(box.site, box.agent)

    def look(connection: Connection) -> bytes | None:
        digest = exports.is_waiting(connection, address, number)
        if digest is not None and not parts.pictures.path(digest).is_file():
            lost = "neither the box nor the centre has the picture any more"
            _settle(connection, request, address, number, None, lost)
            return None
        return digest

    digest = await parts.on_connection(look)
    if digest is None:
        await _refuse(parts, address, number)
    return FileResponse(parts.pictures.path(digest), media_type="image/jpeg")


@rendering.put(
    "/{number}",
    status_code=204,
    response_class=Response,
    responses={
        **_NONE,
        408: {"description": "it does not come to its end"},
        413: {"description": "too large"},
        422: {"description": "no JPEG"},
        503: {"description": "too much is being brought at once: try again later"},
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def bring(number: Number, box: BoxQuery, request: Request, parts: PartsDependency) -> Response:
    """Bring what was rendered; what nobody waits for is refused unread."""
    address = Address(box.site, box.agent)
    if await parts.on_connection(lambda connection: exports.is_waiting(connection, address, number)) is None:
        await _refuse(parts, address, number)
    admit_again = admitted_again(request)
    length = int(request.headers.get("content-length") or MAX_BYTES)
    if length > MAX_BYTES:
        raise HTTPException(413, f"a picture has at most {MAX_BYTES} bytes")
    async with parts.bodies.room(address, length):
        jpeg = bytes(await bodies.read(request, length, partial(parts.on_connection, admit_again)))
    if not is_jpeg(jpeg):
        raise HTTPException(422, "not a JPEG")

    def store(connection: Connection) -> bool:
        admit_again(connection)
        return _settle(connection, request, address, number, jpeg, "")

    if not await parts.on_connection(store):
        await _refuse(parts, address, number)
    return Response(status_code=204)


@rendering.post("/{number}/failure", status_code=204, response_class=Response, responses=_NONE)
async def tell_failed(
    number: Number, box: BoxQuery, request: Request, parts: PartsDependency, said: Failure
) -> Response:
    """Say why there will be none: who asked for it reads that."""
    address = Address(box.site, box.agent)
    if not await parts.on_connection(lambda each: _settle(each, request, address, number, None, said.why)):
        await _refuse(parts, address, number)
    return Response(status_code=204)


def _settle(connection: Connection, request: Request, box: Address, number: int, jpeg: bytes | None, why: str) -> bool:
    of = exports.settle(connection, box, number, jpeg, why)
    if of is None:
        return False
    actor = audit.Actor(f"box {box.site}/{box.agent}", request.client.host if request.client else "")
    deed, said = (
        ("export rendered", f"{hashlib.sha256(jpeg).hexdigest()} made of") if jpeg else ("export failed", f"{why}:")
    )
    audit.record(connection, actor, deed, f"export {number}", f"{said} {of.hex()}")
    return True


async def _refuse(parts: Parts, box: Address, number: int) -> NoReturn:
    """What is not wanted is not taken; of what is, the box is told again."""
    await parts.on_connection(lambda connection: exports.tell_again(connection, box))
    raise HTTPException(404, f"no export {number} waits for this box")
