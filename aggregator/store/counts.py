"""Questions about counts, fresh and packed alike: rows, newest first, or whole series of many lines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.rows import tuple_row

from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.entities import LineCount
from aggregator.store.packing import QUARTER_S, SQL, Cells, Ints, month_slot
from aggregator.store.places import producers_of
from shared.errors import HawklineError

_DIRECTIONS = ("left_to_right", "right_to_left")
_WINDOWS = (timedelta(days=1), timedelta(days=3))
_WINDOW = timedelta(days=31)
"""Rows are looked for a window at a time, from the newest back: first where counts are fresh, then by the pack."""
MOST_NUMBERS = 16_000_000
"""In an answer of series."""

LineKey = tuple[int, int, int]
"""Producer, revision, line."""
Name = tuple[str, str, str, str]
"""Site, agent, camera and line."""


class Step(StrEnum):
    """How much time a number is of."""

    QUARTER = "quarter"
    """A quarter of an hour."""
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ZoneError(HawklineError):
    """There is no such time zone."""


class TooMuchError(HawklineError):
    """The answer would be too large."""


@dataclass(frozen=True, slots=True)
class CountQuestion:
    """Which counts: from `begin` to before `end`, of these names where they are given.

    Attributes:
        place: a site, or a place above sites.
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
    step: Step = Step.QUARTER
    zone: str = "UTC"
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


def rows(connection: Connection, asked: CountQuestion) -> list[LineCount]:
    """Answer, newest first: a row a line, direction and step that has crossings.

    Raises:
        ZoneError: there is no such time zone.
    """
    steps, selection = _Steps(connection, asked.step, asked.zone), _Selection(connection, asked)
    found: dict[tuple[int, Name, int], int] = {}
    kept = connection.execute(SQL["kept_range"]).fetchone()
    if kept is None or kept["first"] is None:
        return []
    begin = max(asked.begin, kept["first"])
    end = min(asked.end, kept["last"] + timedelta(seconds=QUARTER_S))
    windows = iter(_WINDOWS)
    while begin < end:
        start = max(begin, end - next(windows, _WINDOW))
        table = selection.table(start, end)
        keys, crossings = _sum_up(np.stack([steps.of(table.slots // 2), table.names, table.slots % 2]), table.crossings)
        for (since, name, direction), count in zip(keys.T.tolist(), crossings.tolist(), strict=True):
            key = since, table.named[name], direction
            found[key] = found.get(key, 0) + count
        # A step that begins within what was looked through is complete.
        if sum(since >= start.timestamp() for since, _, _ in found) >= asked.limit:
            break
        end = start
    newest = sorted(found, key=lambda key: (-key[0], key[1], key[2]))[: asked.limit]
    return [
        LineCount(
            **dict(zip(("site", "agent", "camera", "line"), name, strict=True)),
            direction=_DIRECTIONS[direction],
            since=datetime.fromtimestamp(since, tz=UTC),
            crossings=found[since, name, direction],
        )
        for since, name, direction in newest
    ]


def series(connection: Connection, asked: CountQuestion) -> Series:
    """Answer with every step of the time asked for, those without crossings too.

    Raises:
        ZoneError: there is no such time zone.
        TooMuchError: more than `MOST_NUMBERS`.
    """
    first, last = (-int(-moment.timestamp() // QUARTER_S) for moment in (asked.begin, asked.end))
    quarters = np.arange(first, max(first, last))
    if len(quarters) > MOST_NUMBERS:
        raise TooMuchError("the time asked for is too long: narrow since and until")
    starts, begins = np.unique(_Steps(connection, asked.step, asked.zone).of(quarters), return_index=True)
    parts = _Selection(connection, asked).parts(asked.begin, asked.end)
    if 2 * len(starts) * len(parts) > MOST_NUMBERS:
        raise TooMuchError(
            f"{len(parts)} lines of {len(starts)} steps are too much for one answer: ask for a longer step, "
            "fewer lines or less time"
        )
    sums = {name: sum(int(each.crossings.sum()) for each in cells) for name, cells in parts.items()}

    def lines() -> Iterator[tuple[Name, Ints]]:
        slots = np.empty(2 * len(quarters), np.int64)
        for name in sorted(parts, key=lambda name: (-sums[name], name)):
            slots.fill(0)
            for each in parts[name]:  # within one of them no slot comes twice
                slots[each.slots - 2 * first] += each.crossings
            line = slots.reshape(-1, 2)
            yield name, line if len(starts) == len(quarters) else np.add.reduceat(line, begins, axis=0)

    return Series(starts, lines())


@dataclass(frozen=True, slots=True)
class _Table:
    """Cells of many lines.

    Attributes:
        named: names.
        names: shape (n,), index of the name of each cell.
        slots: shape (n,), counted from 1970.
        crossings: shape (n,).
    """

    named: Sequence[Name]
    names: npt.NDArray[np.intp]
    slots: Ints
    crossings: Ints


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

    def __init__(self, connection: Connection, asked: CountQuestion) -> None:
        self._connection = connection
        self._producers = producers_of(connection, asked.place, asked.site, asked.agent)
        self._lines: list[LineKey] | None = None
        if asked.camera is not None or asked.line is not None:
            which = {"camera": asked.camera, "line": asked.line, "producers": self._producers}
            self._lines = self._fetch("lines_named", which)
        if asked.busiest is not None:
            self._lines = self._busiest(asked.begin, asked.end, asked.busiest)

    def parts(self, begin: datetime, end: datetime) -> dict[Name, list[Cells]]:
        """Their cells from `begin` to before `end`, counted from 1970, by name."""
        values: dict[str, Any] = {"from": begin, "until": end, "producers": self._producers}
        if self._lines is None:
            read = self._fetch("cells_of_producers", values)
        else:
            read = self._fetch("cells_of_lines", {**values, **_columns(self._lines)})
        names = self._names(sorted({row[:3] for row in read}))
        found: dict[Name, list[Cells]] = {}
        for producer, revision, line, month, packed in read:
            cells = _within(month, packed, begin, end)
            if len(cells.slots):
                found.setdefault(names[producer, revision, line], []).append(cells)
        return found

    def table(self, begin: datetime, end: datetime) -> _Table:
        """The same in columns."""
        parts = self.parts(begin, end)
        cells = [each for of_line in parts.values() for each in of_line]
        lengths = [sum(len(each.slots) for each in of_line) for of_line in parts.values()]
        return _Table(
            list(parts),
            np.repeat(np.arange(len(parts)), lengths),
            _joined([each.slots for each in cells]),
            _joined([each.crossings for each in cells]),
        )

    def _busiest(self, begin: datetime, end: datetime, count: int) -> list[LineKey]:
        """The lines of the names that were crossed most.

        Months that the range cuts are looked into for the lines only that may be among them.
        """
        values: dict[str, Any] = {"from": begin, "until": end, "producers": self._producers}
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
        for *key, month, packed in self._fetch("cut_packs", {**values, **_columns(lines)}):
            sure[names[key[0], key[1], key[2]]] += int(_within(month, packed, begin, end).crossings.sum())
        most = set(sorted(sure, key=lambda name: (-sure[name], name))[:count])
        return [line for line in lines if names[line] in most]

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
    first, last = (2 * -int(-moment.timestamp() // QUARTER_S) for moment in (begin, end))
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


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _sum_up(keys: Ints, values: Ints) -> tuple[Ints, Ints]:
    """Sums of equal columns: (k, n) keys and n values become (k, m) and m."""
    different, where = np.unique(keys, axis=1, return_inverse=True)
    sums = np.zeros(different.shape[1], np.int64)
    np.add.at(sums, where.ravel(), values)
    return different, sums
