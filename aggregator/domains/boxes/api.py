"""Boxes and what was received from them."""

from dataclasses import astuple
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from psycopg.rows import class_row

from aggregator.api import principal
from aggregator.api.dependencies import ConnectionDependency, PartsDependency
from aggregator.api.parameters import BoxesQuery, Moment, moment
from aggregator.api.principal import Record
from aggregator.domains.boxes import desired
from aggregator.domains.boxes.entities import Box, DesiredSection, Gap, LaneAccount
from aggregator.domains.boxes.stored_numbers import pieces, producers
from aggregator.store import load_queries
from aggregator.store.places import is_ours, producers_of, where
from shared.topics import Address

router = APIRouter(prefix="/api/v1", tags=["boxes"])
_SQL = load_queries(__package__)


@router.get("/boxes")
def list_boxes(who: principal.Boxes, connection: ConnectionDependency, asked: BoxesQuery) -> list[Box]:
    """Boxes with their state and newest heartbeat."""
    values = {**where(connection, who.scope, asked.place), "site": asked.site, "agent": asked.agent}
    with connection.cursor(row_factory=class_row(Box)) as cursor:
        return cursor.execute(_SQL["agents"], values).fetchall()


@router.get("/boxes/{site}/{agent}/desired")
def list_desired(who: principal.Boxes, site: str, agent: str, connection: ConnectionDependency) -> list[DesiredSection]:
    """What is wanted of a box, by sections of its desired state, and whether it obeys."""
    return desired.sections(connection, Address(site, agent)) if is_ours(connection, who.scope, site) else []


@router.get("/producers")
def list_producers(who: Record, connection: ConnectionDependency) -> list[LaneAccount]:
    """What was received of every lane of every outbox: proof that nothing is missing and nothing stored twice."""
    asked = {"producers": producers_of(connection, who.scope, None, None, None)}
    with connection.cursor(row_factory=class_row(LaneAccount)) as cursor:
        return cursor.execute(_SQL["producers"], asked).fetchall()


@router.get(
    "/ledger.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}, 503: {"description": "too many are under way: try again later"}},
)
async def ledger(who: Record, parts: PartsDependency) -> StreamingResponse:
    """Every stored number with the CRC-32 of its event: what a ledger kept elsewhere is compared with."""
    of = await parts.on_connection(partial(producers, who.scope))
    return parts.streams.answer(pieces(of, parts.on_connection, parts.pictures.directory), "text/csv")


@router.get("/gaps")
def list_gaps(
    who: Record,
    connection: ConnectionDependency,
    asked: BoxesQuery,
    since: Moment = None,
    until: Moment = None,
    lost: Annotated[bool, Query(description="only lost events")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Gap]:
    """Numbers that hold no event, and why; recorded newest first."""
    values = {
        "producers": producers_of(connection, who.scope, *astuple(asked)),
        "from": moment("since", since),
        "until": moment("until", until),
        "limit": limit,
    }
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return cursor.execute(_SQL["losses" if lost else "gaps"], values).fetchall()
