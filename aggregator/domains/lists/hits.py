"""What a hit says: which entry of which list has passed where, and what to do. The plate itself is in no alert."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from aggregator.domains.lines.domain import LineNames, at_line, line_names
from aggregator.domains.lists.lists import SQL
from aggregator.signals.declarations import Condition, Judge
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal
from aggregator.store.database import Connection
from shared.events import ListHit
from shared.topics import Address

HIT = Condition("list_hit", 1, "布控名单命中", "Watch-list hit", however_late=True)


class HitList(NamedTuple):
    """Of a list, what who sees a hit has to know, and when it was over or will be.

    Attributes:
        lapsed: it is a cordon that nobody confirmed: what it hit is forgotten.
    """

    version: int
    title: str
    case_number: str
    instructions: str
    over_at: datetime
    lapsed: bool = False


def judged(occurrence: Occurrence, address: Address, names: LineNames, lists: Mapping[int, HitList]) -> Signal | None:
    """What a hit means; None where its list was over by then: a box that is cut off may not know of that.

    Args:
        names: of the lanes that are known.
        lists: of one that is not known the hit rings all the same.
    """
    event = occurrence.event
    assert isinstance(event, ListHit)  # noqa: S101 - the judge of no others
    of = lists.get(event.list_number)
    if of is not None and (of.lapsed or of.version != event.list_version or occurrence.event_at >= of.over_at):
        return None
    detail: dict[str, str | int | float] = {
        "direction": event.direction.label,
        "list": event.list_number,
        "version": event.list_version,
        "entry": event.entry,
    }
    if of is not None:
        detail |= {"title": of.title, "case_number": of.case_number, "instructions": of.instructions}
    return at_line(
        occurrence,
        address,
        names,
        "list_hit",
        # The same entry at the same place is one alert, whatever its track was called.
        what=(event.list_number, event.list_version, event.entry),
        after_ms=event.confirm_ms,
        detail=detail,
        reason="list_hit",
        again="same_entry_within_window",
    )


def _say(connection: Connection, occurrences: Sequence[Occurrence], boxes: Mapping[int, Address]) -> Iterator[Signal]:
    names = line_names(connection, occurrences)
    numbers = sorted({each.event.list_number for each in occurrences if isinstance(each.event, ListHit)})
    rows = connection.execute(SQL["hit_lists"], {"numbers": numbers}).fetchall()
    lists = {row["number"]: HitList(**{name: row[name] for name in HitList._fields}) for row in rows}
    for occurrence in occurrences:
        if signal := judged(occurrence, boxes[occurrence.producer_id], names, lists):
            yield signal


JUDGE = Judge((ListHit,), lambda event: event.priority > 0, _say, alarms=lambda _: True)
