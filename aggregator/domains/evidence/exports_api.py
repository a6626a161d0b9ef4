"""Exports: a person asks for one, looks whether it has come, takes it away."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from aggregator.api.audited import ActorDependency, audited
from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Pictures
from aggregator.domains.evidence import exports
from aggregator.domains.evidence.exports import Area, Export
from aggregator.store import audit
from aggregator.store.database import Connection

router = APIRouter(prefix="/api/v1/exports", tags=["evidence"])

LEAST = 0.005
"""Of the picture's sides: what is smaller hides nobody."""
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "no such export of theirs"}}


def _has_extent(area: Area) -> Area:
    left, top, right, bottom = area
    if not (left >= 0 and top >= 0 and right <= 1 and bottom <= 1 and right - left >= LEAST and bottom - top >= LEAST):
        raise ValueError(
            f"expected left, top, right, bottom, each 0 to 1 of the picture's sides, {LEAST} apart at least"
        )
    return area


class NewExport(BaseModel):
    """Which picture shall leave, what for, and to whom."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    case: Annotated[int, Field(ge=1, le=2**63 - 1, description="one's own, open: what it is exported for")]
    recipient: Annotated[str, Field(min_length=2, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    areas: Annotated[
        list[Annotated[Area, AfterValidator(_has_extent)]],
        Field(max_length=64, description="what is blurred besides people: left, top, right, bottom, 0 to 1"),
    ] = []


@router.post(
    "",
    status_code=201,
    responses={
        404: {"description": "no such picture, or no such case of theirs that is open"},
        409: {"description": "too many of theirs are there"},
    },
)
@audited
def ask_for_export(who: Pictures, connection: Connection, body: NewExport) -> Export:
    """Have a picture's box render it so that nobody is recognised in it: seconds later it is ready to be taken away.

    What its detector misses is named as areas of another export.
    """
    return exports.ask(connection, who, bytes.fromhex(body.sha256), body.case, body.recipient, body.areas)


@router.get("")
def list_exports(
    who: Pictures,
    connection: ConnectionDependency,
    limit: Annotated[int, Query(ge=1, le=500, description="at most so many")] = 50,
) -> list[Export]:
    """One's own of the last seven days, the newest first."""
    return exports.own(connection, who, limit)


@router.get("/{number}", responses=_NONE)
def show_export(who: Pictures, connection: ConnectionDependency, number: Number) -> Export:
    """One of one's own."""
    return exports.one(connection, who, number)


@router.get(
    "/{number}/picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_NONE, 409: {"description": "it is not ready"}},
)
def export_picture(
    who: Pictures,
    connection: ConnectionDependency,
    number: Number,
    actor: ActorDependency,
    take: Annotated[bool, Query(description="it leaves, and is not only looked at")] = False,
) -> Response:
    """The picture that may leave. That it was seen, or taken, by whom and for whom, is kept."""
    found = exports.picture(connection, who, number, taken=take)
    said = f"{found.jpeg_sha256.hex()} made of {found.sha256.hex()}, for {found.recipient}"
    deed = "export taken" if take else "export seen"
    audit.record(connection, replace(actor, why=found.purpose), deed, f"export {number}", said)
    return Response(
        found.jpeg,
        media_type="image/jpeg",
        headers={
            "content-disposition": f'attachment; filename="hawkline-export-{number}.jpg"',
            "cache-control": "no-store",
        },
    )


@router.delete("/{number}", responses=_NONE)
@audited
def give_up_export(who: Pictures, connection: Connection, number: Number) -> Export:
    """Delete one, whether it has come or not; the answer is what it was."""
    return exports.give_up(connection, who, number)
