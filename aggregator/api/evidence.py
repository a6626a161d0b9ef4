"""Evidence: a box brings a picture that it announced, an operator's page fetches it by its hash."""

import logging
import re
from functools import partial
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from aggregator.alerting import alerts
from aggregator.api.audit import ActorDependency
from aggregator.api.parts import ConnectionDependency, Parts, PartsDependency
from aggregator.feed import log as feed_log
from aggregator.store import audit, load_queries
from aggregator.store.allowance import Spending
from aggregator.store.database import Connection
from aggregator.store.pictures import MAX_BYTES, PictureRefusedError, PictureStore
from shared.ids import NAME_PATTERN
from shared.telling import Complaint
from shared.topics import Address

_full = Complaint(logging.getLogger(__name__), logging.ERROR)
_limited = Complaint(logging.getLogger(__name__))
INGEST = load_queries("ingest.sql")

router = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
bringing = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
"""For boxes, at whichever door they come to."""

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
    responses={200: {"content": {"image/jpeg": {}}}, 404: {"description": "unknown, or not arrived yet"}},
)
def get_evidence(
    sha256: Sha256, connection: ConnectionDependency, parts: PartsDependency, actor: ActorDependency
) -> FileResponse:
    """The picture with this hash. That it was seen, by whom and why, is kept."""
    digest = bytes.fromhex(sha256)
    row = connection.execute(alerts.SQL["evidence"], {"sha256": digest}).fetchone()
    path = parts.pictures.path(digest)
    if row is None or row["stored_at"] is None or not path.is_file():
        raise HTTPException(404, "no such picture, or it has not arrived yet")
    audit.record(connection, actor, "picture seen", sha256)
    connection.commit()  # at once: changes wait for the audit's lock
    return FileResponse(
        path, media_type="image/jpeg", headers={"cache-control": "private, max-age=31536000, immutable"}
    )


@bringing.put(
    "/{sha256}",
    status_code=204,
    response_class=Response,
    responses={
        202: {"description": "more is wanted: go on at `Upload-Offset`", "headers": _OFFSET},
        409: {"description": "not announced yet: send the event first, then try again"},
        413: {"description": "too large"},
        429: {"description": "the box has brought as many pictures today as it may: try again later"},
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
    """Bring the picture of an event that has been stored, whole or piece by piece. Again changes nothing."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BYTES:
            raise HTTPException(413, f"a picture has at most {MAX_BYTES} bytes")
    offset, total = _range(content_range, len(content))
    have = await parts.on_connection(partial(_store, parts, bytes.fromhex(sha256), of, bytes(content), offset, total))
    parts.waker.wake()
    if have < total:
        return Response(status_code=202, headers={"upload-offset": str(have)})
    return Response(status_code=204)


def _range(header: str | None, length: int) -> tuple[int, int]:
    """Offset and length of the whole."""
    if header is None:
        return 0, length
    found = re.fullmatch(r"bytes (\d{1,9})-(\d{1,9})/(\d{1,9})", header)
    first, last, total = (int(number) for number in found.groups()) if found else (0, -1, 0)
    if last - first + 1 != length or last >= total or not length:
        raise HTTPException(
            422, f"Content-Range {header!r} does not fit {length} bytes: expected bytes FIRST-LAST/TOTAL"
        )
    if total > MAX_BYTES:
        raise HTTPException(413, f"a picture has at most {MAX_BYTES} bytes")
    return first, total


def _store(
    parts: Parts, digest: bytes, of: Announcement, content: bytes, offset: int, total: int, connection: Connection
) -> int:
    """Write what came; returns how much of the picture is here."""
    connection.execute(alerts.SQL["share_pictures"])  # files that nobody needs are deleted under this lock
    which = {**of.model_dump(), "sha256": digest}
    announced = connection.execute(alerts.SQL["announced_evidence"], which).fetchone()
    if announced is None:
        raise HTTPException(409, "no stored event announces this picture yet; try again")
    if announced["size"] != total:
        raise HTTPException(422, f"{total} bytes were brought and {announced['size']} announced")
    paid = _admit(connection, parts.pictures, digest, of, total)
    try:
        have = parts.pictures.add(digest, offset, content, total)
    except PictureRefusedError as error:
        raise HTTPException(422, str(error)) from None
    except OSError as error:
        paid.undo()  # our disk's fault is not the box's
        _full.tell(f"pictures wait in their boxes: data_dir cannot be written ({error.strerror}); mend its disk")
        raise HTTPException(507, f"the picture cannot be kept ({error.strerror}); try again later") from None
    _full.over("pictures can be written again")
    if not have:
        paid.undo()  # nothing is here: it begins anew, and is paid for then
    if have < total:
        return have
    connection.execute(alerts.SQL["store_evidence"], {"sha256": digest})
    feed_log.lock(connection)
    arrived = connection.execute(
        alerts.SQL["evidence_arrived"], {**which, "producer_id": announced["producer_id"]}
    ).fetchall()
    alerts.publish(connection, {row["alert_id"]: "pictured" for row in arrived}, parts.publishing)
    return have


def _admit(
    connection: Connection, pictures: PictureStore, digest: bytes, of: Announcement, total: int
) -> Spending:
    """Of one box only so much comes in a day, and only so much is kept; what has begun to come goes on.

    Returns:
        What the picture costs its box.

    Raises:
        HTTPException: 429 or 507; the picture stays in the box.
    """
    spending = Spending()
    if pictures.have(digest) or pictures.path(digest).is_file():
        return spending
    box = Address(of.site, of.agent)
    held = connection.execute(alerts.SQL["pictures_of_box"], {"site": of.site, "agent": of.agent}).fetchone()
    if held and held["bytes"] + total > pictures.most_bytes:
        said = f"{held['bytes'] // 10**6} MB of this box are kept, and no more are (limits.pictures_mb)"
        _refuse(connection, of, 507, said, "pictures_mb")
    if not spending.take(pictures.a_day, box, total):
        said = "this box has brought as many pictures today as it may (limits.pictures_mb_per_day)"
        _refuse(connection, of, 429, said, "pictures_mb_per_day")
    return spending


def _refuse(connection: Connection, of: Announcement, status: int, said: str, what: str) -> NoReturn:
    """Count it, and say why."""
    who = f"{of.site}/{of.agent}"
    values = {"worker": "pictures", "names": ["pictures_refused"], "labels": [who], "values": [1]}
    connection.execute(INGEST["add_counters"], values)
    connection.execute(INGEST["note_over_limits"], {"site": of.site, "agent": of.agent, "what": what})
    connection.commit()
    _limited.tell(f"{who}: pictures wait in the box: {said}")
    raise HTTPException(status, f"{said}; try again later", _LATER)


_LATER = {"retry-after": "3600"}
