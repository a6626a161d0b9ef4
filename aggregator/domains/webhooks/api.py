"""Deliveries to receivers of webhooks."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from psycopg.rows import class_row

from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.principal import Runs
from aggregator.store.entity import Entity
from aggregator.store.queries import load_queries

router = APIRouter(tags=["operations"])
_SQL = load_queries(__package__)


class DeliverySummary(Entity):
    """A webhook delivery and how it goes."""

    id: str
    webhook: str
    alert_id: int
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    given_up_at: datetime | None
    last_error: str
    """Why the last try failed; empty where none did, or it was delivered since."""


@router.get("/api/v1/deliveries", tags=["operations"])
def deliveries(
    who: Runs,  # noqa: ARG001 - they are the centre's
    connection: ConnectionDependency,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[DeliverySummary]:
    """Webhook deliveries, the latest first."""
    with connection.cursor(row_factory=class_row(DeliverySummary)) as cursor:
        return cursor.execute(_SQL["deliveries"], {"limit": limit}).fetchall()
