"""Questions to the record: which events, newest first, page by page.

A window of time at a time, each longer than the one before: a busy place answers from the newest rows, a quiet one from
its own index, and neither walks through what the other wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.paging import EPOCH, Cut
from aggregator.store.places import producers_of
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope
from shared.envelope import decode_event
from shared.errors import WireError
from shared.events import Lane, LineCrossed, ZoneAlarm, kinds, number_of
from shared.objects import ObjectClass

SQL = load_queries(__package__)
_CLOCKS = {1: "device", 2: "age", 3: "received"}
_WINDOWS = (timedelta(hours=1), timedelta(hours=8), timedelta(days=3), timedelta(days=24))
_AHEAD = timedelta(minutes=5)
"""Event times may be this far ahead of our clock, and ours behind others of ours."""
_SHOWN = {"at_ms", "revision", "line", "camera", "priority"}


class StoredEvent(Entity):
    """An event as it was received. `clock` says how `at` was found: the box's time, its age, or the receipt."""

    at: datetime
    device_at: datetime | None
    received_at: datetime
    clock: str
    site: str
    agent: str
    camera: str | None
    line: str | None
    kind: str
    priority: int | None
    epoch: int
    lane: str
    number: int
    detail: dict[str, Any]
    """What else it says, by kind."""


class EventPage(Entity):
    """Events, newest first. `next` asks for the page after; null at the end."""

    events: list[StoredEvent]
    next: str | None


@cache
def numbers() -> Mapping[str, int]:
    """Wire numbers of the kinds of events, by name."""
    return {name: number_of(kind) for kind, name in kinds().items()}


@cache
def _names() -> Mapping[int, str]:
    return {number: name for name, number in numbers().items()}


@dataclass(frozen=True, slots=True)
class EventQuestion:
    """What is asked for; None asks for all.

    Attributes:
        place: a site, or a place above sites.
        site: name of a site.
        agent: name of a box; the same name may be at several sites.
        camera: name of a camera.
        line: name of a line or zone.
        kinds: wire numbers of kinds.
        priority: at least so urgent (1 is the most).
        objects: what it was, of lines and zones; that nothing was recognised is a class, too.
        since: not before.
        until: not after.
        after: where the page before ended.
        limit: at most so many.
    """

    place: str | None = None
    site: str | None = None
    agent: str | None = None
    camera: str | None = None
    line: str | None = None
    kinds: Sequence[int] | None = None
    priority: int | None = None
    objects: Sequence[ObjectClass] = ()
    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    limit: int = 100


def events(connection: Connection, scope: Scope, asked: EventQuestion) -> EventPage:
    """Answer.

    Raises:
        CursorError: `after` makes no sense.
        UnknownPlaceError: there is no such place.
    """
    cut = Cut.read(asked.after) if asked.after else None
    values: dict[str, Any] = {
        "producers": producers_of(connection, scope, asked.place, asked.site, asked.agent),
        "kinds": list(asked.kinds) if asked.kinds else None,
        "priority": asked.priority,
        "objects": [int(one) for one in asked.objects] or None,
        "camera": asked.camera,
        "line": asked.line,
        "after": cut.event_at if cut else None,
        "after_producer": cut.producer_id if cut else None,
        "after_lane": cut.lane if cut else None,
        "after_seq": cut.seq if cut else None,
    }
    if values["producers"] == []:
        return EventPage(events=[], next=None)
    begin = asked.since or EPOCH
    end = min(asked.until or datetime.max.replace(tzinfo=UTC), datetime.now(UTC) + _AHEAD)
    if cut:
        end = min(end, cut.event_at)
    found: list[Mapping[str, Any]] = []
    for window in (*_WINDOWS, end - begin):
        if end < begin or len(found) >= asked.limit:
            break
        start = max(begin, end - window)
        limits = {"from": start, "until": end, "limit": asked.limit - len(found)}
        # Planned for these values each time: a plan for any would look at every day.
        found += connection.execute(SQL["events"], {**values, **limits}, prepare=False).fetchall()
        end = start - timedelta(microseconds=1)
    more = str(Cut.of(found[-1])) if len(found) == asked.limit else None
    return EventPage(events=[_event(row) for row in found], next=more)


def _event(row: Mapping[str, Any]) -> StoredEvent:
    return StoredEvent(
        at=row["event_at"],
        device_at=row["device_at"],
        received_at=row["recv_at"],
        clock=_CLOCKS.get(row["time_quality"], "?"),
        site=row["site"],
        agent=row["agent"],
        camera=row["camera"],
        line=row["line"],
        kind=_names().get(row["kind"], f"kind {row['kind']}"),
        priority=row["priority"],
        epoch=row["epoch"],
        lane=Lane(row["lane"]).label,
        number=row["seq"],
        detail=_detail(bytes(row["body"])),
    )


def _detail(body: bytes) -> dict[str, Any]:
    """What else an event says, by the names of its fields."""
    try:
        event = decode_event(body)
    except WireError as error:  # written by a version that knew more, or less
        return {"unreadable": str(error)}
    fields = msgspec.structs.asdict(event)
    if isinstance(event, LineCrossed | ZoneAlarm):
        seen = {"object": fields.pop("object"), "score": fields.pop("score") / 100}  # as alerts and replays have it
        fields |= seen if event.object else {}
    return {name: _plain(value) for name, value in fields.items() if name not in _SHOWN}


def _plain(value: Any) -> Any:
    if hasattr(value, "label"):
        return value.label
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return {name: _plain(part) for name, part in msgspec.structs.asdict(value).items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value
