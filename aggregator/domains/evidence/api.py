"""Evidence: a box brings a picture that it announced, an operator's page fetches it by its hash."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from aggregator.alerting import alerts
from aggregator.api import bodies
from aggregator.api.audited import ActorDependency
from aggregator.api.dependencies import ConnectionDependency, Parts, PartsDependency
from aggregator.api.principal import Pictures
from aggregator.domains.evidence import cases
from aggregator.feed import log as feed_log
from aggregator.store import audit, load_queries, telemetry
from aggregator.store.allowance import Spending
from aggregator.store.database import Connection
from aggregator.store.pictures import MAX_BYTES, PictureRefusedError, PictureStore
from shared.ids import NAME_PATTERN
from shared.topics import Address
from shared.trouble_log import TroubleLog

_full = TroubleLog(logging.getLogger(__name__), logging.ERROR)
_limited = TroubleLog(logging.getLogger(__name__))
SQL = load_queries(__package__)

router = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
bringing = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
"""For boxes, at whichever door they come to."""

_SEEN_S = 900
"""So long a browser shows a picture again without asking: whoever looks later is written down anew."""
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the picture, hexadecimal")]


_OFFSET: dict[str, Any] = {"Upload-Offset": {"schema": {"type": "integer"}, "description": "bytes that are here"}}


class Announcement(BaseModel):
    """The event that announced the picture."""

    site: str = Field(pattern=NAME_PATTERN)
    agent: str = Field(pattern=NAME_PATTERN)
    epoch: int = Field(ge=0, lt=2**32)
    lane: int = Field(ge=0, le=1)
    seq: int = Field(ge=1, lt=2**62)


@router.get(
    "/{sha256}",
    response_class=FileResponse,
    responses={
        200: {"content": {"image/jpeg": {}}},
        404: {"description": "unknown, or not arrived yet; or no such case of theirs that is open"},
        428: {"description": "no alert that is open has it: say what for first, POST /api/v1/cases"},
    },
)
def get_evidence(
    who: Pictures,
    sha256: Sha256,
    connection: ConnectionDependency,
    parts: PartsDependency,
    actor: ActorDependency,
    case: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="what it is looked at for")] = None,
) -> FileResponse:
    """The picture with this hash. That it was seen, by whom and what for, is kept.

    Who handles an alert says nothing; for a picture of one that is over, or of none, a case is open.
    """
    digest = bytes.fromhex(sha256)
    row = connection.execute(SQL["evidence"], {"sha256": digest, **alerts.cut(who.scope)}).fetchone()
    path = parts.pictures.path(digest)
    if row is None or row["stored_at"] is None or not path.is_file():
        raise HTTPException(404, "no such picture, or it has not arrived yet")
    purpose = cases.purpose_of(connection, who, digest, case)
    if purpose is None:
        raise HTTPException(428, "no alert that is open has this picture: say what for first (POST /api/v1/cases)")
    of = cases.alerts_of(connection, digest)
    audit.record(connection, replace(actor, why=purpose), "picture seen", sha256, of)
    connection.commit()  # at once: changes wait for the audit's lock
    return FileResponse(
        path,
        media_type="image/jpeg",
        headers={"cache-control": f"private, max-age={_SEEN_S}", "vary": "cookie, authorization"},
    )


@bringing.put(
    "/{sha256}",
    status_code=204,
    response_class=Response,
    responses={
        202: {"description": "more is wanted: go on at `Upload-Offset`", "headers": _OFFSET},
        409: {"description": "not announced yet: send the event first, then try again"},
        408: {"description": "it does not come to its end"},
        413: {"description": "too large"},
        429: {"description": "the box has brought as many pictures today as it may: try again later"},
        503: {"description": "too much is being brought at once, or the database does not answer: try again later"},
        507: {"description": "no room on the aggregator's disk, or not for more of this box: try again later"},
        422: {"description": "not the announced content, no JPEG, or a Content-Range that makes no sense"},
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def put_evidence(
    sha256: Sha256,
    of: Annotated[Announcement, Query()],
    request: Request,
    parts: PartsDependency,
    content_range: Annotated[str | None, Header(description="bytes FIRST-LAST/TOTAL, for a picture in pieces")] = None,
) -> Response:
    """Bring the picture of an event that has been stored, whole or piece by piece. Again changes nothing.

    What is not wanted is refused unread, and what is read has room in memory. No connection to the database is
    held meanwhile, for the picture may be long in coming.
    """
    digest, piece = bytes.fromhex(sha256), _said(content_range, request.headers.get("content-length"))
    looked = await parts.on_connection(partial(_look, parts, digest, of, piece))
    have, total = looked.have, looked.total
    if looked.wanted:
        length = total if piece.length is None else piece.length
        async with parts.bodies.room(Address(of.site, of.agent), length):
            admit_again = admitted_again(request)
            content = await bodies.read(request, length, partial(parts.on_connection, admit_again))
            if piece.length is not None and len(content) != length:
                raise HTTPException(422, f"{len(content)} bytes were brought; {length} were said to come")
            brought = len(content) if piece.total is None else piece.total

            def store(connection: Connection) -> int:
                admit_again(connection)
                return _store(parts, digest, of, content, piece.offset, brought, connection)

            have = await parts.on_connection(store)
    parts.waker.wake()
    if have < total:
        return Response(status_code=202, headers={"upload-offset": str(have)})
    return Response(status_code=204)


def admitted_again(request: Request) -> Callable[[Connection], object]:
    """What tells once more whether the box that brings something still counts; a trial on one machine asks nobody."""
    found: Callable[[Connection], object] = getattr(request.state, "admit_again", lambda _connection: None)
    return found


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is going to be brought, as far as its head says.

    Attributes:
        offset: in the whole.
        length: None where it is not said.
        total: length of the whole; None where it is not said.
    """

    offset: int
    length: int | None
    total: int | None


def _said(content_range: str | None, content_length: str | None) -> _Piece:
    """Read the head of a request.

    Raises:
        HTTPException: 413 or 422, it makes no sense.
    """
    length = int(content_length) if content_length else None
    if content_range is None:
        if length is not None and length > MAX_BYTES:
            raise HTTPException(413, f"a picture has at most {MAX_BYTES} bytes")
        return _Piece(0, length, length)
    found = re.fullmatch(r"bytes (\d{1,9})-(\d{1,9})/(\d{1,9})", content_range)
    first, last, total = (int(number) for number in found.groups()) if found else (0, -1, 0)
    piece = last - first + 1
    if piece < 1 or last >= total or length not in (None, piece):
        raise HTTPException(
            422, f"Content-Range {content_range!r} does not fit {length} bytes: expected bytes FIRST-LAST/TOTAL"
        )
    if total > MAX_BYTES:
        raise HTTPException(413, f"a picture has at most {MAX_BYTES} bytes")
    return _Piece(first, piece, total)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is known of a picture before it is read.

    Attributes:
        total: its length, as announced.
        have: how much of it is here.
        wanted: whether the piece goes on from there.
    """

    total: int
    have: int
    wanted: bool


def _look(parts: Parts, digest: bytes, of: Announcement, piece: _Piece, connection: Connection) -> _Looked:
    """See whether a piece is wanted; what is here already is taken note of without being brought again."""
    _, total = _announced(connection, digest, of, piece.total)
    if total > MAX_BYTES:
        raise HTTPException(413, f"a picture has at most {MAX_BYTES} bytes")
    if parts.pictures.path(digest).is_file():
        return _Looked(total, _store(parts, digest, of, memoryview(b""), total, total, connection), wanted=False)
    have = parts.pictures.have(digest)
    if have < total and piece.offset != have and piece.length != piece.total:
        return _Looked(total, have, wanted=False)
    _admit(connection, parts.pictures, digest, of, total)
    _pay(connection, parts.pictures, digest, of, total).undo()  # it counts when it comes
    return _Looked(total, have, wanted=True)


def _announced(connection: Connection, digest: bytes, of: Announcement, total: int | None) -> tuple[int, int]:
    """The producer that announced a picture of this length, and its length; None takes the one that was announced.

    Raises:
        HTTPException: 409, no producer did; 422, it was another length.
    """
    connection.execute(SQL["share_pictures"])  # files that no event needs are deleted under this lock
    which = {**of.model_dump(), "sha256": digest}
    announced = connection.execute(SQL["announced_evidence"], which).fetchone()
    if announced is None:
        raise HTTPException(409, "no stored event announces this picture yet; try again")
    if total not in (None, announced["size"]):
        raise HTTPException(422, f"{total} bytes were brought and {announced['size']} announced")
    return announced["producer_id"], announced["size"]


def _store(
    parts: Parts, digest: bytes, of: Announcement, content: memoryview, offset: int, total: int, connection: Connection
) -> int:
    """Write what came; returns how much of the picture is here."""
    producer, _ = _announced(connection, digest, of, total)
    paid = _pay(connection, parts.pictures, digest, of, total)
    try:
        have = parts.pictures.add(digest, offset, content, total)
    except PictureRefusedError as error:
        raise HTTPException(422, str(error)) from None
    except OSError as error:
        if not (parts.pictures.have(digest) or parts.pictures.path(digest).is_file()):
            # Our disk's fault is not the box's; also of what came before nothing is left, so it is paid for anew.
            parts.pictures.a_day.give_back(Address(of.site, of.agent), total)
        _full.tell(f"pictures wait in their boxes: data_dir cannot be written ({error.strerror}); mend its disk")
        raise HTTPException(507, f"the picture cannot be kept ({error.strerror}); try again later") from None
    _full.over("pictures can be written again")
    if not have:
        paid.undo()  # nothing is here: it begins anew, and is paid for then
    if have < total:
        return have
    connection.execute(SQL["store_evidence"], {"sha256": digest})
    feed_log.lock(connection)
    which = {**of.model_dump(), "sha256": digest, "producer_id": producer}
    arrived = connection.execute(SQL["evidence_arrived"], which).fetchall()
    alerts.publish(connection, {row["alert_id"]: "pictured" for row in arrived}, parts.publishing)
    return have


def _admit(connection: Connection, pictures: PictureStore, digest: bytes, of: Announcement, total: int) -> None:
    """Of one box only so much is kept; what has begun to come goes on.

    Raises:
        HTTPException: 507; the picture stays in the box.
    """
    if pictures.have(digest) or pictures.path(digest).is_file():
        return
    held = connection.execute(SQL["pictures_of_box"], {"site": of.site, "agent": of.agent}).fetchone()
    if held and held["bytes"] + total > pictures.most_bytes:
        said = f"{held['bytes'] // 10**6} MB of this box are kept, and no more are (limits.pictures_mb)"
        _refuse(connection, of, 507, said, "pictures_mb")


def _pay(connection: Connection, pictures: PictureStore, digest: bytes, of: Announcement, total: int) -> Spending:
    """Of one box only so much comes in a day; what has begun to come is paid for.

    Returns:
        What the picture costs its box.

    Raises:
        HTTPException: 429; the picture stays in the box.
    """
    spending = Spending()
    if pictures.have(digest) or pictures.path(digest).is_file():
        return spending
    if not spending.take(pictures.a_day, Address(of.site, of.agent), total):
        said = "this box has brought as many pictures today as it may (limits.pictures_mb_per_day)"
        _refuse(connection, of, 429, said, "pictures_mb_per_day")
    return spending


def _refuse(connection: Connection, of: Announcement, status: int, said: str, what: str) -> NoReturn:
    """Count it, and say why."""
    who = f"{of.site}/{of.agent}"
    telemetry.count(connection, "pictures", {("pictures_refused", who): 1})
    telemetry.exceeded(connection, [(Address(of.site, of.agent), what)])
    connection.commit()
    _limited.tell(f"{who}: pictures wait in the box: {said}")
    raise HTTPException(status, f"{said}; try again later", _LATER)


_LATER = {"retry-after": "300"}
