"""Alarm sensors, their newest state, and what people know of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery, Moment, moment, time_span
from aggregator.api.principal import Boxes, ChangesPlaces
from aggregator.domains.boxes import coverage_queries
from aggregator.domains.boxes.entities import Availability
from aggregator.domains.sensors.partitions import SQL
from aggregator.store.database import Connection
from aggregator.store.entity import Entity, PresenceState
from aggregator.store.places import is_ours, where
from shared.events import LineCrossed, ZoneAlarm, number_of

router = APIRouter(prefix="/api/v1", tags=["sensors"])

SensorText = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
_Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
_HOUR, _LONGEST_WALK, _LONGEST = timedelta(hours=1), timedelta(days=2), timedelta(days=400)
_CROSSINGS = [number_of(LineCrossed), number_of(ZoneAlarm)]


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
    battery_low: bool
    answered_at: datetime | None
    """When it found something last, as in a walk test."""
    code: str
    """Of GB/T 28181."""
    location: str
    responsible: str
    bypassed_until: datetime | None
    """A bypass that was ordered holds until then at the latest."""
    bypass_reason: str


class SensorFacts(BaseModel):
    """What people know of a sensor and no box does."""

    model_config = ConfigDict(extra="forbid")

    sensor: SensorText
    code: Annotated[str, Field(pattern=r"^([0-9]{20})?$", description="of GB/T 28181: twenty digits")] = ""
    location: _Words = ""
    responsible: _Words = ""


class SensorAvailability(Entity):
    """For how long a sensor was fit to confirm something, its box and the way to that included."""

    site: str
    agent: str
    sensor: str
    since: datetime
    until: datetime
    covered_s: int
    uncovered_s: int
    share: float


class Walked(Entity):
    """A sensor or a line, and whether it has answered since a walk began."""

    site: str
    agent: str
    kind: Literal["sensor", "line"]
    camera: str
    name: str
    what: str
    state: str
    answered_at: datetime | None


@router.get("/sensors")
def list_sensors(who: Boxes, connection: SnapshotDependency, asked: BoxesQuery) -> list[Sensor]:
    """Alarm sensors with their newest state; how each came to it is among the events of kind `sensor_changed`."""
    values = {
        **where(connection, who.scope, asked.place),
        "site": asked.site,
        "agent": asked.agent,
    }
    with connection.cursor(row_factory=class_row(Sensor)) as cursor:
        return cursor.execute(SQL["sensors"], values).fetchall()


@router.put(
    "/boxes/{site}/{agent}/sensors",
    status_code=204,
    responses={404: {"description": "no such sensor"}, 409: {"description": "the code is of another sensor"}},
)
@audited
def put_facts(who: ChangesPlaces, site: str, agent: str, facts: SensorFacts, connection: Connection) -> None:
    """Say a sensor's code, where it is, and who is responsible for it; what is said replaces what was."""
    require_name(connection, site, agent, facts.sensor, ours=is_ours(connection, who.scope, site))
    asked = {"site": site, "agent": agent, **facts.model_dump(), "by": who.name}
    with connection.transaction():
        other = connection.execute(SQL["code_of"], asked).fetchone() if facts.code else None
        if other:
            whose = f"{other['site']}/{other['agent']}/{other['sensor']}"
            if not is_ours(connection, who.scope, other["site"]):
                whose = "a sensor of another place"
            raise HTTPException(409, f"code {facts.code} is that of {whose}")
        connection.execute(SQL["put_facts"], asked)


@router.get("/walk")
def walk(
    who: Boxes,
    connection: SnapshotDependency,
    asked: BoxesQuery,
    since: Moment = None,
) -> list[Walked]:
    """Which sensors and lines have answered since a walk test began, and which have not: of the last hour unless told,
    at most of two days.

    What rings meanwhile rings as always; maintenance keeps it from people.
    """
    begun = moment("since", since) or datetime.now(UTC) - _HOUR
    if datetime.now(UTC) - begun > _LONGEST_WALK:
        raise HTTPException(422, f"since={since}: expected a moment of the last two days")
    values = {
        **where(connection, who.scope, asked.place),
        "site": asked.site,
        "agent": asked.agent,
        "since": begun,
        "crossings": _CROSSINGS,
    }
    with connection.cursor(row_factory=class_row(Walked)) as cursor:
        return cursor.execute(SQL["walk"], values).fetchall()


@router.get("/sensors/availability")
def list_availability(
    who: Boxes, connection: SnapshotDependency, asked: BoxesQuery, since: Moment = None, until: Moment = None
) -> list[SensorAvailability]:
    """For how long each sensor was fit to confirm something; of the last day unless told, of 400 at most.

    Counted as for boxes, in whole quarter-hours that are over: not while its box was away, and not while the sensor
    was tampered with, faulty, silent or bypassed.
    """
    begin, end = time_span(since, until, _LONGEST)
    question = coverage_queries.CoverageQuestion(begin, end, asked.place, asked.site, asked.agent)
    boxes = {(box.site, box.agent): box for box in coverage_queries.availability(connection, who.scope, question)}
    values = {
        "sites": [site for site, _ in boxes],
        "agents": [agent for _, agent in boxes],
        "since": [box.since for box in boxes.values()],
        "until": [box.until for box in boxes.values()],
    }
    return [_available(row, boxes[row["site"], row["agent"]]) for row in connection.execute(SQL["unfit"], values)]


def _available(row: Mapping[str, Any], box: Availability) -> SensorAvailability:
    lasted_s = round((row["until"] - row["since"]).total_seconds())
    # What its box lacks is counted whole, for when it lacked it is known by the quarter-hour only.
    covered_s = max(0, min(lasted_s, box.covered_s) - row["unfit_s"])
    return SensorAvailability(
        site=row["site"],
        agent=row["agent"],
        sensor=row["sensor"],
        since=row["since"],
        until=row["until"],
        covered_s=covered_s,
        uncovered_s=lasted_s - covered_s,
        share=covered_s / lasted_s,
    )


def require_name(
    connection: Connection, site: str, agent: str, name: str, *, ours: bool, is_partition: bool = False
) -> None:
    """Refuse what a box has not told of.

    Raises:
        HTTPException: 404, with what it has told of.
    """
    rows = connection.execute(SQL["names"], {"site": site, "agent": agent}).fetchall() if ours else []
    there = [row["name"] for row in rows if row["is_partition"] is is_partition]
    if name not in there:
        kind, known = "partition" if is_partition else "sensor", ", ".join(there) or "none"
        raise HTTPException(404, f"box {site}/{agent} has told of no {kind} {name!r}; it has told of: {known}")
