"""Questions about counts, fresh and packed alike: rows, newest first, or whole series of many lines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import psycopg
from psycopg.rows import tuple_row

from aggregator.domains.lines.packing import SQL, Cells, Ints, month_slot
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import SenselessError, TooMuchError
from aggregator.store.places import producers_of
from aggregator.store.scope import Scope
from shared.clock import QUARTER_S
from shared.events import LineRule
from shared.objects import ObjectClass

_DIRECTIONS = ("left_to_right", "right_to_left")
_WINDOWS = (timedelta(hours=3), timedelta(days=1), timedelta(days=4))
_WINDOW = timedelta(days=31)
"""Rows are looked for a window at a time, from the newest back: first where counts are fresh, then by the pack."""
MOST_SLOTS = 20_000_000
"""Quarter-hours and directions of all lines that an answer of series is made from."""
_MOST_QUARTERS = 10 * 366 * 96

LineKey = tuple[int, int, int]
"""Producer, revision, line."""
Name = tuple[str, str, str, str]
"""Site, agent, camera and line."""


class LineCount(Entity):
    """Crossings of one line one way within one step of time, which begins at `since`."""

    site: str
    agent: str
    camera: str
    line: str
    direction: str
    object: str | None
    """What crossed; null where that was not asked for."""
    since: datetime
    crossings: int


class LineSeries(Entity):
    """Crossings of one line, a number for each step."""

    site: str
    agent: str
    camera: str
    line: str
    left_to_right: list[int]
    right_to_left: list[int]


class CountSeries(Entity):
    """Crossings of many lines over the same steps of time."""

    step: str
    starts: list[int]
    """Seconds since 1970 at which each step begins."""
    lines: list["LineSeries"]
    """The busiest first."""


class Step(StrEnum):
    """How much time a number is of."""

    QUARTER = "quarter"
    """A quarter of an hour."""
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ZoneError(SenselessError):
    """There is no such time zone."""


@dataclass(frozen=True, slots=True)
class CountQuestion:
    """Which counts: from `begin` to before `end`, of these names where they are given.

    Attributes:
        place: a site, or a place above sites.
        rule: only lines that are watched for this.
        objects: only of these classes.
        by_object: a row a class.
        busiest: only of so many lines, those that were crossed most in this time.
        limit: rows at most.
    """

    begin: datetime
    end: datetime
    place: str | None = None
    site: str | None = None
    agent: str | None = None
    camera: str | None = None
    line: str | None = None
    rule: LineRule | None = None
    step: Step = Step.QUARTER
    zone: str = "UTC"
    objects: Sequence[ObjectClass] = ()
    by_object: bool = False
    busiest: int | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Series:
    """Counts of many lines over the same steps of time.

    Attributes:
        starts: shape (steps,), seconds since 1970 at which each step begins.
        lines: names and crossings of each, the busiest first; shape (steps, 2), from left to right and from right to
            left. They are made while they are taken, and hold until the next is: that saves holding millions.
    """

    starts: Ints
    lines: Iterator[tuple[Name, Ints]]


def rows(connection: Connection, scope: Scope, asked: CountQuestion) -> list[LineCount]:
    """Answer, newest first: a row a line, direction and step that has crossings; on request one a class, too.

    Raises:
        ZoneError: there is no such time zone.
        UnknownPlaceError: there is no such place.
    """
    steps, selection = _Steps(connection, asked.step, asked.zone), _Selection(connection, scope, asked)
    found: Counter[tuple[int, Name, int, int]] = Counter()
    kept = connection.execute(SQL["kept_range"]).fetchone()
    if kept is None or kept["first"] is None:
        return []
    begin = max(asked.begin, kept["first"])
    end = min(asked.end, kept["last"] + timedelta(seconds=QUARTER_S))
    windows = iter(_WINDOWS)
    while begin < end:
        start = max(begin, end - next(windows, _WINDOW))
        first, last = _quarters(start, end)
        # Twice, for a slot is a quarter-hour and a direction.
        starts, step_of = np.unique(steps.of(np.arange(first, last)), return_inverse=True)
        step_of = 2 * np.repeat(step_of, 2) + np.tile((0, 1), len(step_of))
        for name, object_class, cells in selection.cells(start, end):
            sums = np.zeros(2 * len(starts), np.int64)
            np.add.at(sums, step_of[cells.slots - 2 * first], cells.crossings)
            for at in np.flatnonzero(sums).tolist():
                found[int(starts[at // 2]), name, at % 2, object_class if asked.by_object else 0] += int(sums[at])
        # A step that begins within what was looked through is complete.
        if sum(since >= start.timestamp() for since, *_ in found) >= asked.limit:
            break
        end = start
    newest = sorted(found, key=lambda key: (-key[0], *key[1:]))[: asked.limit]
    return [
        LineCount(
            **dict(zip(("site", "agent", "camera", "line"), name, strict=True)),
            direction=_DIRECTIONS[direction],
            object=ObjectClass(object_class).label if asked.by_object else None,
            since=datetime.fromtimestamp(since, tz=UTC),
            crossings=found[since, name, direction, object_class],
        )
        for since, name, direction, object_class in newest
    ]


def series(connection: Connection, scope: Scope, asked: CountQuestion) -> Series:
    """Answer with every step of the time asked for, those without crossings too.

    Args:
        asked: with `busiest`, which bounds the answer.

    Raises:
        ZoneError: there is no such time zone.
        UnknownPlaceError: there is no such place.
        TooMuchError: more than `MOST_SLOTS`, or more than ten years.
    """
    first, last = _quarters(asked.begin, asked.end)
    if last - first > _MOST_QUARTERS:
        raise TooMuchError("the time asked for is too long: at most ten years")
    steps, selection = _Steps(connection, asked.step, asked.zone), _Selection(connection, scope, asked)
    if 2 * (last - first) * selection.lines > MOST_SLOTS:
        raise TooMuchError(
            f"{selection.lines} lines over {(last - first) // 96} days are too much for one answer: "
            "ask for fewer lines or less time"
        )
    starts, begins = np.unique(steps.of(np.arange(first, last)), return_index=True)
    parts: dict[Name, list[Cells]] = {}
    for name, _, cells in selection.cells(asked.begin, asked.end):
        parts.setdefault(name, []).append(cells)
    sums = {name: sum(int(each.crossings.sum()) for each in cells) for name, cells in parts.items()}

    def lines() -> Iterator[tuple[Name, Ints]]:
        slots = np.empty(2 * (last - first), np.int64)
        for name in sorted(parts, key=lambda name: (-sums[name], name)):
            slots.fill(0)
            for each in parts[name]:  # within one of them no slot comes twice
                slots[each.slots - 2 * first] += each.crossings
            line = slots.reshape(-1, 2)
            yield name, line if len(starts) == last - first else np.add.reduceat(line, begins, axis=0)

    return Series(starts, lines())


class _Steps:
    """Where steps of time begin, as PostgreSQL sees them."""

    def __init__(self, connection: Connection, step: Step, zone: str) -> None:
        self._connection, self._step, self._zone = connection, step, zone
        try:
            connection.execute(SQL["try_zone"], {"zone": zone})  # also where nothing is asked of it
        except psycopg.errors.InvalidParameterValue:
            raise ZoneError(f"zone={zone}: expected a time zone such as Asia/Shanghai") from None

    def of(self, quarters: Ints) -> Ints:
        """Seconds since 1970 at which the steps of quarters begin."""
        if self._step is Step.QUARTER:
            return quarters * QUARTER_S
        different, where = np.unique(quarters, return_inverse=True)
        asked = {"step": self._step.value, "zone": self._zone, "quarters": arrays.of_ints(different.tolist())}
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            begins = cursor.execute(SQL["begin_of_steps"], asked).fetchall()
        return np.array([begin for (begin,) in begins], np.int64)[where]


class _Selection:
    """The lines that a question is about."""

    def __init__(self, connection: Connection, scope: Scope, asked: CountQuestion) -> None:
        self._connection = connection
        self._producers = producers_of(connection, scope, asked.place, asked.site, asked.agent)
        self._objects = [int(one) for one in asked.objects] or None
        self._lines: list[LineKey] | None = None
        if asked.camera is not None or asked.line is not None or asked.rule is not None:
            rule = None if asked.rule is None else int(asked.rule)
            which = {"camera": asked.camera, "line": asked.line, "rule": rule, "producers": self._producers}
            self._lines = self._fetch("lines_named", which)
        if asked.busiest is not None:
            self._lines = self._busiest(asked.begin, asked.end, asked.busiest)

    @property
    def lines(self) -> int:
        """How many lines it is about at most; all of them count as none."""
        return 0 if self._lines is None else len(self._lines)

    def cells(self, begin: datetime, end: datetime) -> Iterator[tuple[Name, int, Cells]]:
        """Their cells from `begin` to before `end`, counted from 1970, each of one class of things.

        A name and a class may come several times.
        """
        values = self._values(begin, end)
        if self._lines is None:
            read = self._fetch("cells_of_producers", values)
        else:
            read = self._fetch("cells_of_lines", {**values, **_columns(self._lines)})
        names = self._names(sorted({row[:3] for row in read}))
        for producer, revision, line, object_class, month, packed in read:
            cells = _within(month, packed, begin, end)
            if len(cells.slots):
                yield names[producer, revision, line], object_class, cells

    def _busiest(self, begin: datetime, end: datetime, count: int) -> list[LineKey]:
        """The lines of the names that were crossed most.

        Months that the range cuts are looked into for the lines only that may be among them.
        """
        values = self._values(begin, end)
        totals = self._fetch("totals", values)
        if self._lines is not None:
            wanted = set(self._lines)
            totals = [row for row in totals if row[:3] in wanted]
        names = self._names(sorted({row[:3] for row in totals}))
        sure: Counter[Name] = Counter()
        at_most: Counter[Name] = Counter()
        for producer, revision, line, inside, cut in totals:
            name = names[producer, revision, line]
            sure[name] += inside
            at_most[name] += inside + cut
        bar = min((crossings for _, crossings in sure.most_common(count)), default=0)
        lines = [line for line, name in names.items() if at_most[name] >= bar]
        for *key, _, month, packed in self._fetch("cut_packs", {**values, **_columns(lines)}):
            sure[names[key[0], key[1], key[2]]] += int(_within(month, packed, begin, end).crossings.sum())
        most = set(sorted(sure, key=lambda name: (-sure[name], name))[:count])
        return [line for line in lines if names[line] in most]

    def _values(self, begin: datetime, end: datetime) -> dict[str, Any]:
        return {"from": begin, "until": end, "producers": self._producers, "objects": self._objects}

    def _names(self, lines: Sequence[LineKey]) -> dict[LineKey, Name]:
        values = dict(zip(("producers", "revisions", "lines"), _columns(lines).values(), strict=True))
        return {row[:3]: row[3:] for row in self._fetch("names_of", values)}

    def _fetch(self, query: str, values: dict[str, Any]) -> list[Any]:
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            # Planned for these values each time: a plan for any would look at every month.
            return cursor.execute(SQL[query], values, prepare=False).fetchall()


def _cells(month: Any, packed: bytes) -> Cells:
    return Cells.fresh(packed) if month is None else Cells.unpack(packed, month_slot(month))


def _within(month: Any, packed: bytes, begin: datetime, end: datetime) -> Cells:
    """The cells from `begin` to before `end`."""
    cells = _cells(month, packed)
    first, last = (2 * quarter for quarter in _quarters(begin, end))
    slots = cells.slots
    if len(slots) and (slots[0] < first or slots[-1] >= last):
        inside = (slots >= first) & (slots < last)
        return Cells(slots[inside], cells.crossings[inside])
    return cells


def _columns(lines: Sequence[LineKey]) -> dict[str, str]:
    producers, revisions, numbers = zip(*lines, strict=True) if lines else ((), (), ())
    return {
        "line_producers": arrays.of_ints(producers),
        "line_revisions": arrays.of_ints(revisions),
        "line_numbers": arrays.of_ints(numbers),
    }


def _quarters(begin: datetime, end: datetime) -> tuple[int, int]:
    """Quarter-hours since 1970 that begin from `begin` on, and before `end`."""
    first, last = (-int(-moment.timestamp() // QUARTER_S) for moment in (begin, end))
    return first, max(first, last)
