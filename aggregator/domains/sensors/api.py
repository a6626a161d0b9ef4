"""Alarm sensors and their newest state."""

from datetime import datetime

from fastapi import APIRouter
from psycopg.rows import class_row

from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery
from aggregator.api.principal import Boxes
from aggregator.store.entity import Entity, PresenceState
from aggregator.store.places import where
from aggregator.store.queries import load_queries

router = APIRouter(prefix="/api/v1", tags=["sensors"])
_SQL = load_queries(__package__)


class Sensor(Entity):
    """An alarm sensor in its newest state. Only `normal` of a box that is online confirms that nothing happens."""

    site: str
    agent: str
    sensor: str
    what: str
    """Such as infrared, door, button."""
    box: PresenceState
    state: str
    since: datetime
    """From when on it was told to be so."""
    told_at: datetime
    detail: str


@router.get("/sensors")
def list_sensors(who: Boxes, connection: SnapshotDependency, asked: BoxesQuery) -> list[Sensor]:
    """Alarm sensors with their newest state; how each came to it is among the events of kind `sensor_changed`."""
    values = {
        **where(connection, who.scope, asked.place),
        "site": asked.site,
        "agent": asked.agent,
    }
    with connection.cursor(row_factory=class_row(Sensor)) as cursor:
        return cursor.execute(_SQL["sensors"], values).fetchall()
