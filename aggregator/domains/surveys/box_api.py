"""Where a box brings how its camera looks now."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api import bodies
from aggregator.api.dependencies import PartsDependency
from aggregator.domains.surveys import surveys
from aggregator.store.database import Connection
from aggregator.store.pictures import is_jpeg
from shared.errors import WireError
from shared.ids import NAME_PATTERN
from shared.surveys import MOST_PICTURE_BYTES, decode_answer
from shared.topics import Address

answering = APIRouter(prefix="/api/v1/surveys", tags=["boxes"])

_MOST_BYTES = MOST_PICTURE_BYTES + 256 * 1024
_Number = Annotated[int, Path(ge=1, lt=2**62)]
_Name = Annotated[str, Query(pattern=NAME_PATTERN)]
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "no such survey is waited for"}}


class SurveyFailure(BaseModel):
    """Why there will be none."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


@answering.put(
    "/{number}/answer",
    status_code=204,
    response_class=Response,
    responses={**_NONE, 413: {"description": "too large"}, 422: {"description": "no answer with a JPEG"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/vnd.msgpack": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def bring_survey(
    number: _Number, site: _Name, agent: _Name, request: Request, parts: PartsDependency
) -> Response:
    """A picture and what became of the scene, in MessagePack (`shared.surveys`); what nobody waits for is not read."""
    box = Address(site, agent)

    def require(connection: Connection) -> None:
        if not surveys.is_waited_for(connection, box, number):
            raise HTTPException(404, "no such survey is waited for")

    await parts.on_connection(require)
    length = int(request.headers.get("content-length") or _MOST_BYTES)
    if length > _MOST_BYTES:
        raise HTTPException(413, f"an answer has at most {_MOST_BYTES} bytes")
    async with parts.bodies.room(box, length):
        content = bytes(await bodies.read(request, length, partial(parts.on_connection, require)))
    try:
        answer = decode_answer(content)
    except WireError as error:
        raise HTTPException(422, str(error)) from None
    if not is_jpeg(answer.jpeg):
        raise HTTPException(422, "not a JPEG")
    if not await parts.on_connection(lambda connection: surveys.settle(connection, box, number, answer)):
        raise HTTPException(404, "no such survey is waited for")
    return Response(status_code=204)


@answering.post("/{number}/failure", status_code=204, response_class=Response, responses=_NONE)
async def tell_survey_failed(
    number: _Number, site: _Name, agent: _Name, parts: PartsDependency, said: SurveyFailure
) -> Response:
    """Why there will be none: who asked for it reads that."""
    box = Address(site, agent)
    if not await parts.on_connection(lambda connection: surveys.settle(connection, box, number, said.why)):
        raise HTTPException(404, "no such survey is waited for")
    return Response(status_code=204)
