"""Arming and disarming boxes' partitions from the centre, and leaving sensors out."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.parameters import BoxesQuery
from aggregator.api.principal import Arms, Boxes
from aggregator.domains.boxes import desired
from aggregator.domains.sensors.api import SensorText, require_name
from aggregator.domains.sensors.partitions import LONGEST_BYPASS, SQL
from aggregator.store.database import Connection
from aggregator.store.entity import Entity, PresenceState
from aggregator.store.places import is_ours, where
from shared.desired import PARTITIONS, BypassWay, PartitionDeed
from shared.topics import Address

router = APIRouter(prefix="/api/v1", tags=["sensors"])

_OUTPUT = "output/"
_SLOTS = {PartitionDeed.RESET: "reset", PartitionDeed.TEST: "test"}
_LONGEST_H = LONGEST_BYPASS.total_seconds() / 3600


class Partition(Entity):
    """What is armed together at a box, as it told it last."""

    site: str
    agent: str
    partition: str
    box: PresenceState
    state: str
    """`disarmed`, `arming`, `armed_home`, `armed_away`, `armed_night`, `pending`, `triggered`."""
    changed_by: str
    hinders: list[str]
    """Sensors that keep it from being armed, or have to be closed until the exit delay is over."""
    detail: str
    not_armed: bool
    """It should be armed, and is not."""
    wanted: str
    """Then: how, `away`, `home` or `night`."""
    since: datetime
    told_at: datetime
    ordered: PartitionDeed | None
    """The newest order of the centre, whatever was done at the box since."""
    ordered_by: str | None
    ordered_at: datetime | None
    is_answered: bool
    """The box has answered that order: it has obeyed, or told why not."""
    answered: int
    """Number of the order that it has answered last, resets among them."""


class NewOrder(BaseModel):
    """What shall be done with a partition; `test` sounds an output for two seconds."""

    model_config = ConfigDict(extra="forbid")

    partition: Annotated[SensorText, Field(description="with `test`: an output, as `output/NAME`")]
    deed: PartitionDeed
    without: Annotated[
        list[SensorText], Field(max_length=64, description="sensors that are left out of this arming")
    ] = []


class Ordered(Entity):
    """An order that was given; `/partitions` says when the box has answered it."""

    number: int
    ordered_at: datetime


class Bypass(Entity):
    """A sensor that is left out."""

    number: int
    site: str
    agent: str
    sensor: str
    way: BypassWay
    until: datetime
    """At the latest."""
    reason: str
    begun_by: str
    begun_at: datetime
    seen_at: datetime | None
    """When the box first told that it leaves it out."""
    ended_at: datetime | None
    ended_by: str
    """`box`: what it waited for has come."""


class NewBypass(BaseModel):
    """A sensor shall be left out."""

    model_config = ConfigDict(extra="forbid")

    sensor: SensorText
    way: BypassWay
    hours: Annotated[float, Field(gt=0, le=_LONGEST_H, description="until it ends by itself, at the latest")] = 24.0
    reason: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


@router.get("/partitions")
def list_partitions(who: Boxes, connection: SnapshotDependency, asked: BoxesQuery) -> list[Partition]:
    """What is armed together at boxes, in its newest state; what a silent box told last is no news."""
    values = {**where(connection, who.scope, asked.place), "site": asked.site, "agent": asked.agent}
    with connection.cursor(row_factory=class_row(Partition)) as cursor:
        return cursor.execute(SQL["partitions"], values).fetchall()


@router.put("/boxes/{site}/{agent}/partitions", responses={404: {"description": "no such partition, sensor or output"}})
@audited
def order_partition(who: Arms, site: str, agent: str, order: NewOrder, connection: Connection) -> Ordered:
    """Arm, disarm, reset or test; the box hears it at once, or when it is back.

    What was done at the box since it last told of the partition stands: the box tells then that it did not obey. What
    it has not heard within a quarter of an hour, a reset or a test within a minute, is not done any more.
    """
    ours, is_test = is_ours(connection, who.scope, site), order.deed is PartitionDeed.TEST
    if is_test and not order.partition.startswith(_OUTPUT):
        raise HTTPException(422, f"deed test: partition {order.partition!r}: expected an output, as output/NAME")
    if order.without and order.deed in (PartitionDeed.DISARM, PartitionDeed.RESET, PartitionDeed.TEST):
        raise HTTPException(422, f"deed {order.deed} leaves nothing out: without is for arming")
    for name in order.without:
        require_name(connection, site, agent, name, ours=ours)
    require_name(connection, site, agent, order.partition, ours=ours, is_partition=not is_test)
    asked = {
        "site": site,
        "agent": agent,
        "partition": order.partition.removeprefix(_OUTPUT) if is_test else order.partition,
        "slot": _SLOTS.get(order.deed, "arm"),
        "deed": order.deed.value,
        "without": order.without,
        "by": who.name,
    }
    with connection.transaction(), connection.cursor(row_factory=class_row(Ordered)) as cursor:
        desired.want(connection, Address(site, agent), PARTITIONS)
        done = cursor.execute(SQL["order"], asked).fetchone()
    assert done is not None  # noqa: S101 - INSERT ... RETURNING returns
    return done


@router.get("/bypasses")
def list_bypasses(
    who: Boxes,
    connection: SnapshotDependency,
    asked: BoxesQuery,
    active: Annotated[bool, Query(description="only those that hold now")] = True,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Bypass]:
    """Sensors that are or were left out by order of the centre, the newest first."""
    values = {**where(connection, who.scope, asked.place), "site": asked.site, "agent": asked.agent}
    with connection.cursor(row_factory=class_row(Bypass)) as cursor:
        return cursor.execute(SQL["bypasses"], {**values, "active": active, "limit": limit}).fetchall()


@router.post("/boxes/{site}/{agent}/bypasses", responses={404: {"description": "no such sensor"}})
@audited
def bypass(who: Arms, site: str, agent: str, body: NewBypass, connection: Connection) -> Bypass:
    """Leave a sensor out: until its partition is disarmed, until it is closed, or until a time; with a reason."""
    require_name(connection, site, agent, body.sensor, ours=is_ours(connection, who.scope, site))
    if "/" in body.sensor:
        raise HTTPException(422, f"{body.sensor!r} is not the box's own sensor: bypass it where it is")
    asked = {
        "site": site,
        "agent": agent,
        "sensor": body.sensor,
        "way": body.way.value,
        "lasts": timedelta(hours=body.hours),
        "reason": body.reason,
        "by": who.name,
    }
    with connection.transaction(), connection.cursor(row_factory=class_row(Bypass)) as cursor:
        desired.want(connection, Address(site, agent), PARTITIONS)
        connection.execute(SQL["one_bypass_at_a_time"])
        connection.execute(SQL["replace_bypass"], asked)
        done = cursor.execute(SQL["bypass"], asked).fetchone()
    assert done is not None  # noqa: S101 - INSERT ... RETURNING returns
    return done


@router.post("/bypasses/{number}/end", responses={404: {"description": "there is none"}})
@audited
def end_bypass(who: Arms, connection: Connection, number: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Bypass:
    """Watch a sensor again that was left out."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Bypass)) as cursor:
        asked = {**where(connection, who.scope, None), "number": number, "by": who.name}
        done = cursor.execute(SQL["end_bypass"], asked).fetchone()
        if done is None:
            raise HTTPException(404, f"no bypass {number} holds")
        desired.want(connection, Address(done.site, done.agent), PARTITIONS)
    return done
