"""Lines and zones: what an armed one saw is an alarm, as is a plate of an approved list. Crossings are counted."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from aggregator.domains.lines.crossings import Crossings
from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Condition, Domain, Job, Judge, Kind, Place
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.desired import ARMING, Armed, Arming
from shared.events import LineCrossed, ListHit, WatchRule, ZoneAlarm
from shared.topics import Address

SQL = load_queries(__package__)
RETENTION = load_queries(__package__, "retention.sql")
_MOST_CONFIRM_MS = 3_600_000
LineKey = tuple[int, int, int]
"""Producer, revision and number of a line or zone."""
Names = Mapping[LineKey, tuple[str, str]]
"""Of each the camera's name and its own."""


def judged(occurrence: Occurrence, address: Address, names: Names, moved: Collection[LineKey] = frozenset()) -> Signal:
    """What one event means.

    Args:
        names: of the lines that are known; of all others their number stands for the name.
        moved: lines whose camera's view stands elsewhere than it should: they ring, and the alert says so.
    """
    event = occurrence.event
    assert isinstance(event, LineCrossed | ZoneAlarm | ListHit)  # noqa: S101 - the judge of no others
    after_ms = 0 if isinstance(event, ZoneAlarm) else event.confirm_ms
    what: tuple[int, ...] = (event.run, event.track)
    again, subject = "same_track_within_window", "line"
    detail = dict[str, str | int | float | list[int]]()
    if isinstance(event, LineCrossed):
        condition, reason = WatchRule.TRIPWIRE.label, "line_crossed"
        detail["direction"] = event.direction.label
    elif isinstance(event, ZoneAlarm):
        condition, reason, subject = event.rule.label, "zone_alarm", "zone"
        if event.lasted_ms:
            detail["lasted_s"] = round(event.lasted_ms / 1000)
    else:
        # The same entry at the same place is one alert, whatever its track was called.
        condition, reason, again = "list_hit", "list_hit", "same_entry_within_window"
        what = (event.list_number, event.list_version, event.entry)
        detail |= {"direction": event.direction.label, "list": event.list_number, "entry": event.entry}
    if not isinstance(event, ListHit) and event.object:
        detail |= {"object": event.object.label, "score": event.score / 100}
    place = occurrence.producer_id, event.revision, event.line
    camera, name = names.get(place, ("?", f"{subject} {event.line}"))
    if place not in names:
        detail["place"] = [*place]  # its configuration may come behind it
    if place in moved:
        detail["view"] = "moved"
    return Signal(
        subject=Subject(subject, address.site, address.agent, camera, name),
        condition=condition,
        active=True,
        at=occurrence.event_at,
        priority=event.priority,
        occurrence=":".join(str(part) for part in (*place, *what)),
        confirmed_at=occurrence.event_at + timedelta(milliseconds=min(max(after_ms, 0), _MOST_CONFIRM_MS)),
        member=occurrence.member,
        detail=detail,
        asked=occurrence.asked,
        reason=reason,
        again=again,
    )


def _say(connection: Connection, occurrences: Sequence[Occurrence], boxes: Mapping[int, Address]) -> Iterator[Signal]:
    places = {
        (each.producer_id, each.event.revision, each.event.line)  # type: ignore[union-attr]
        for each in occurrences
    }
    producers, revisions, lines = zip(*places, strict=True)
    asked = {"producer_ids": list(producers), "revisions": list(revisions), "lines": list(lines)}
    names, moved = dict[LineKey, tuple[str, str]](), set[LineKey]()
    for row in connection.execute(SQL["lines"], asked):
        line = row["producer_id"], row["revision"], row["line"]
        names[line] = row["camera"], row["name"]
        if row["moved"]:
            moved.add(line)
    for occurrence in occurrences:
        yield judged(occurrence, boxes[occurrence.producer_id], names, moved)


def ordered(connection: Connection, box: Address) -> Arming:
    """Which lines and zones of a box shall be armed or disarmed, whatever its own configuration says."""
    rows = connection.execute(SQL["arming"], {"site": box.site, "agent": box.agent})
    return Arming(tuple(Armed(row["camera"], row["name"], row["armed"]) for row in rows if row["armed"] is not None))


def _armed_place(event: LineCrossed | ZoneAlarm) -> Place:
    return Place(event.revision, event.line, None, event.priority, int(event.object) if event.object else None)


def _hit_place(event: ListHit) -> Place:
    return Place(event.revision, event.line, None, event.priority)


def _line(event: LineCrossed) -> tuple[int, int]:
    return event.revision, event.line


DOMAIN = Domain(
    "lines",
    (
        Kind(LineCrossed, _armed_place, Crossings, costs="lines", once=_line),
        Kind(ZoneAlarm, _armed_place),
        Kind(ListHit, _hit_place),
    ),
    (
        Condition("tripwire", 2, "越界（绊线）", "Line crossed"),
        Condition("intrusion", 2, "入侵", "Intrusion"),
        Condition("wrong_way", 2, "逆行", "Wrong way"),
        Condition("loitering", 3, "徘徊", "Loitering"),
        Condition(
            "line_quiet",
            3,
            "绊线异常安静",
            "Line improbably still",
            clears_itself=True,
            many=20,
            many_here=3,
            hides=True,
        ),
        Condition("line_busy", 4, "绊线异常繁忙", "Line improbably busy", clears_itself=True, many=20, many_here=3),
        Condition("list_hit", 1, "布控名单命中", "Watch-list hit", however_late=True),
    ),
    # One that is not armed has priority 0: it is counted, and says nothing.
    (Judge((LineCrossed, ZoneAlarm, ListHit), lambda event: event.priority > 0, _say, alarms=lambda _: True),),
    sections={ARMING: ordered},
    routers=(
        "aggregator.domains.lines.arming:router",
        "aggregator.domains.lines.counts_api:router",
        "aggregator.domains.lines.ledger_api:router",
    ),
    jobs=(
        Job(
            "pack-counts",
            3600,
            "aggregator.domains.lines.packing:turns",
            patience_s=6 * 3600,
            settles_s=60,
            takes_long=True,
        ),
        Job(
            "judge-lines",
            3600,
            "aggregator.domains.lines.usual_judge:turns",
            patience_s=6 * 3600,
            settles_s=120,
            takes_long=True,
        ),
    ),
    retained=(by_day("spells", lambda periods: periods.coverage, RETENTION),),
)
