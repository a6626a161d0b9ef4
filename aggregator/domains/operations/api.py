"""For those who run it: health, readiness, metrics, jobs, dead letters."""

from datetime import datetime
from typing import Annotated, Literal

import psycopg
from fastapi import APIRouter, HTTPException, Path, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, generate_latest
from psycopg.rows import DictRow, class_row
from pydantic import BaseModel

from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency, PartsDependency
from aggregator.api.principal import OPEN, ChangesSystem, Runs
from aggregator.domains.operations.metrics import Figures
from aggregator.ingest.redelivery import replay
from aggregator.store import load_queries
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from shared.events import Lane

router = APIRouter(tags=["operations"])
_SQL = load_queries(__package__)
_NEEDED = ("presence", *(f"ingest-{lane.label}" for lane in Lane), "alerting", "jobs")
"""Services without which no event gets in or no alert is raised; of several workers of a lane one is enough."""


class DeadLetterSummary(Entity):
    """A payload that could not be understood."""

    id: int
    recv_at: datetime
    topic: str
    reason: str
    detail: str
    size: int


class Ready(BaseModel):
    """Whether alerts get through now, and what keeps them where they do not."""

    ready: bool
    reasons: list[str]


@router.get("/healthz", dependencies=[OPEN])
def healthz() -> dict[str, str]:
    """This process answers."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=[OPEN], responses={503: {"model": Ready, "description": "not ready"}})
async def readyz(parts: PartsDependency) -> Response:
    """Database, ingest, alerting and broker are there, and an alert has just gone the whole way (and was undone)."""

    def look(connection: Connection) -> tuple[dict[str, DictRow], str | None]:
        with connection.transaction():
            services = {row["name"]: row for row in connection.execute(_SQL["services"])}
        return services, parts.proven.objection(connection)

    found, objection = await parts.on_connection(look)
    reasons = []
    for name in _NEEDED:
        if name not in found:
            reasons.append(f"{name} has not started")
        elif not found[name]["alive"]:
            reasons.append(f"{name} does not beat, or has no broker")
    if objection:
        reasons.append(objection)
    ready = Ready(ready=not reasons, reasons=reasons)
    return JSONResponse(ready.model_dump(), status_code=200 if ready.ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(who: Runs, connection: ConnectionDependency, parts: PartsDependency) -> Response:  # noqa: ARG001
    """Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(connection, parts.hub.clients, parts.pictures.directory))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class JobRow(BaseModel):
    """What the centre does by the clock, and how it goes: `failing` and `late` ring (`job_failed`)."""

    name: str
    process: str
    every_s: float
    state: Literal["well", "tried_again", "failing", "late", "waiting"]
    started_at: datetime
    ended_at: datetime | None
    done_at: datetime | None
    took_s: float | None
    failures: int
    failed_since: datetime | None
    error: str


@router.get("/api/v1/jobs")
def jobs(who: Runs, connection: ConnectionDependency) -> list[JobRow]:  # noqa: ARG001
    """All jobs, by name."""
    with connection.cursor(row_factory=class_row(JobRow)) as cursor:
        return cursor.execute(_SQL["jobs"]).fetchall()


@router.get("/api/v1/dead-letters", tags=["operations"])
def dead_letters(
    who: Runs,  # noqa: ARG001 - of some it is not known from where they came
    connection: ConnectionDependency,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[DeadLetterSummary]:
    """Payloads that could not be understood, newest first."""
    with connection.cursor(row_factory=class_row(DeadLetterSummary)) as cursor:
        return cursor.execute(_SQL["dead_letters"], {"limit": limit}).fetchall()


@router.get(
    "/api/v1/dead-letters/{letter_id}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, 404: {"description": "no such dead letter"}},
)
def dead_letter(
    who: Runs,  # noqa: ARG001
    connection: ConnectionDependency,
    letter_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> Response:
    """The bytes themselves."""
    row = connection.execute(_SQL["dead_letter"], {"letter_id": letter_id}).fetchone()
    if row is None:
        raise HTTPException(404, f"there is no dead letter {letter_id}")
    return Response(bytes(row["payload"]), media_type="application/octet-stream")


class ReplayedLetter(BaseModel):
    """What became of a dead letter: events stored, numbers still without one, why; `gone` when it is deleted."""

    stored: int
    left: int
    reason: str
    gone: bool


@router.post(
    "/api/v1/dead-letters/{letter_id}/replay",
    responses={404: {"description": "no such dead letter"}, 409: {"description": "the database refuses it again"}},
)
@audited
def replay_dead_letter(
    who: ChangesSystem,  # noqa: ARG001
    connection: Connection,
    letter_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> ReplayedLetter:
    """Read one again: what is understood now is stored, and alerting takes it as backlog."""
    try:
        replayed = replay(connection, letter_id)
    except psycopg.DataError as error:
        raise HTTPException(409, f"the database refuses it again: {error}") from None
    if replayed is None:
        raise HTTPException(404, f"there is no dead letter {letter_id}")
    return ReplayedLetter(stored=replayed.stored, left=replayed.left, reason=replayed.reason, gone=replayed.gone)
