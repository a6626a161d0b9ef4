"""Lines and zones: what an armed one saw is an alarm. Crossings are counted."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

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


class LineNames(NamedTuple):
    """Lines that events are of.

    Attributes:
        known: of each the camera's name and its own; of all others their number stands for the name.
        moved: lines whose camera's view stands elsewhere than it should: they ring, and the alert says so.
    """

    known: Mapping[LineKey, tuple[str, str]]
    moved: Collection[LineKey] = frozenset()


def line_names(connection: Connection, occurrences: Sequence[Occurrence]) -> LineNames:
    """The lines of some events, each of which has a producer, a revision and a line."""
    places = {
        (each.producer_id, each.event.revision, each.event.line)  # type: ignore[union-attr]
        for each in occurrences
    }
    producers, revisions, lines = zip(*places, strict=True)
    asked = {"producer_ids": list(producers), "revisions": list(revisions), "lines": list(lines)}
    known, moved = dict[LineKey, tuple[str, str]](), set[LineKey]()
    for row in connection.execute(SQL["lines"], asked):
        line = row["producer_id"], row["revision"], row["line"]
        known[line] = row["camera"], row["name"]
        if row["moved"]:
            moved.add(line)
    return LineNames(known, moved)


def at_line(
    occurrence: Occurrence,
    address: Address,
    names: LineNames,
    condition: str,
    *,
    what: tuple[int, ...],
    after_ms: int,
    detail: Mapping[str, str | int | float],
    reason: str,
    again: str,
    subject: str = "line",
) -> Signal:
    """An alarm of a line, a zone or a lane.

    Args:
        what: makes two events one occurrence, at one place.
        after_ms: it was certain so long after it happened.
        reason: why its event belongs to the alert.
        again: why it does where it joined one that was there.
    """
    event = occurrence.event
    assert isinstance(event, LineCrossed | ZoneAlarm | ListHit)  # noqa: S101 - the judges of no others
    place = occurrence.producer_id, event.revision, event.line
    camera, name = names.known.get(place, ("?", f"{subject} {event.line}"))
    said = dict[str, str | int | float | list[int]](detail)
    if place not in names.known:
        said["place"] = [*place]  # its configuration may come behind it
    if place in names.moved:
        said["view"] = "moved"
    return Signal(
        subject=Subject(subject, address.site, address.agent, camera, name),
        condition=condition,
        active=True,
        at=occurrence.event_at,
        priority=event.priority,
        occurrence=":".join(str(part) for part in (*place, *what)),
        confirmed_at=occurrence.event_at + timedelta(milliseconds=min(max(after_ms, 0), _MOST_CONFIRM_MS)),
        member=occurrence.member,
        detail=said,
        asked=occurrence.asked,
        reason=reason,
        again=again,
    )


def judged(occurrence: Occurrence, address: Address, names: LineNames) -> Signal:
    """What an event of a line or a zone means."""
    event = occurrence.event
    detail = dict[str, str | int | float]()
    if isinstance(event, LineCrossed):
        condition, reason, subject, after_ms = WatchRule.TRIPWIRE.label, "line_crossed", "line", event.confirm_ms
        detail["direction"] = event.direction.label
    else:
        assert isinstance(event, ZoneAlarm)  # noqa: S101 - the judge of no others
        condition, reason, subject, after_ms = event.rule.label, "zone_alarm", "zone", 0
        if event.lasted_ms:
            detail["lasted_s"] = round(event.lasted_ms / 1000)
    if event.object:
        detail |= {"object": event.object.label, "score": event.score / 100}
    return at_line(
        occurrence,
        address,
        names,
        condition,
        what=(event.run, event.track),
        after_ms=after_ms,
        detail=detail,
        reason=reason,
        again="same_track_within_window",
        subject=subject,
    )


def _say(connection: Connection, occurrences: Sequence[Occurrence], boxes: Mapping[int, Address]) -> Iterator[Signal]:
    names = line_names(connection, occurrences)
    for occurrence in occurrences:
        yield judged(occurrence, boxes[occurrence.producer_id], names)


def ordered(connection: Connection, box: Address) -> Arming:
    """Which lines and zones of a box shall be armed or disarmed, whatever its own configuration says."""
    rows = connection.execute(SQL["arming"], {"site": box.site, "agent": box.agent})
    return Arming(tuple(Armed(row["camera"], row["name"], row["armed"]) for row in rows if row["armed"] is not None))


def _armed_place(event: LineCrossed | ZoneAlarm) -> Place:
    return Place(event.revision, event.line, None, event.priority, int(event.object) if event.object else None)


def _line(event: LineCrossed) -> tuple[int, int]:
    return event.revision, event.line


DOMAIN = Domain(
    "lines",
    (
        Kind(LineCrossed, _armed_place, Crossings, costs="lines", once=_line),
        Kind(ZoneAlarm, _armed_place),
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
    ),
    # One that is not armed has priority 0: it is counted, and says nothing.
    (Judge((LineCrossed, ZoneAlarm), lambda event: event.priority > 0, _say, alarms=lambda _: True),),
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
