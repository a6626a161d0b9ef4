"""Says which lines are improbably still or busy: every hour, from counts, for hours in which their camera was well."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from aggregator.alerting import inbox
from aggregator.config import HabitSettings
from aggregator.domains.lines.counts import CountQuestion, Name, Step, series
from aggregator.domains.lines.usual import HOLIDAY, Usual
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.signals.signal import Detail, Signal, Subject
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE
from shared.events import WatchRule

SQL = load_queries(__package__, "usual.sql")
QUIET, BUSY = "line_quiet", "line_busy"
_HOUR = timedelta(hours=1)
_SETTLES = timedelta(minutes=20)
"""What an hour brought has come by then, from a box that was heard."""
_LEARNS_FROM = timedelta(weeks=12)
"""Of a line that is new to us so much of its counts is looked through."""
_AT_ONCE_H = 24 * 14
_WATCHED = 0.9
"""Part of an hour for which a camera must have been well, or the hour says nothing."""
_FORGOTTEN = timedelta(days=400)


@dataclass(slots=True)
class _Line:
    """A line as the database has it."""

    name: Name
    known: bytes | None
    judged_until: datetime | None
    quiet: bool
    busy: bool
    told: bool
    """As `quiet`, but as far as was judged."""


def look(connection: Connection, now: datetime, settings: HabitSettings) -> int:
    """Judge all hours that are over and were not judged.

    Args:
        connection: in autocommit mode, or in a transaction.

    Returns:
        How many signals were given.
    """
    until = (now - _SETTLES).replace(minute=0, second=0, microsecond=0)
    rows = connection.execute(SQL["usual_lines"], {"rule": int(WatchRule.TRIPWIRE)}).fetchall()
    lines = [
        _Line(
            (row["site"], row["agent"], row["camera"], row["name"]),
            row["known"],
            row["judged_until"],
            row["quiet"],
            row["busy"],
            row["quiet"],
        )
        for row in rows
    ]
    given = _end_of_others(connection, lines, now)
    groups: dict[datetime, list[_Line]] = {}
    for line in lines:
        groups.setdefault(max(line.judged_until or until - _LEARNS_FROM, until - _LEARNS_FROM), []).append(line)
    for begin, group in sorted(groups.items()):
        start = begin
        while start < until:
            end = min(until, start + _AT_ONCE_H * _HOUR)
            given += _judge(connection, group, start, end, settings, last=end == until)
            start = end
    connection.execute(SQL["forget_usual"], {"before": now - _FORGOTTEN})
    return given


def _judge(
    connection: Connection, lines: list[_Line], begin: datetime, end: datetime, settings: HabitSettings, *, last: bool
) -> int:
    """Hours from `begin` to before `end`, of lines that were judged up to the same one."""
    usual = Usual.unpacked([line.known for line in lines])
    counts, watched = _counts(connection, lines, begin, end), _watched(connection, lines, begin, end)
    told = np.array([line.told for line in lines])
    still = busy = np.zeros(len(lines))
    for hour in range(counts.shape[1]):
        slot = slot_of(begin + hour * _HOUR, settings.zone_info, settings.days)
        still, busy = usual.step(slot, counts[:, hour], watched[:, hour], told)
        told = (told | (still > 1)) & ~(counts[:, hour] > 0)
    signals = list[Signal]()
    if last:  # what was so hours ago, and is over, is no news
        for number, line in enumerate(lines):
            expected = round(float(usual.quiet_today[number] + usual.missed[number]), 1)
            crossings = int(counts[number, -1])
            is_quiet, is_busy = bool(told[number]), bool(busy[number] > 1)
            if line.quiet is not is_quiet:
                signals.append(_said(line, QUIET, end, {"expected": expected} if is_quiet else None))
            if line.busy is not is_busy:
                signals.append(_said(line, BUSY, end, {"crossings": crossings} if is_busy else None))
    known = usual.packed()
    sites, agents, cameras, names = zip(*(line.name for line in lines), strict=True)
    with connection.transaction():
        connection.execute(
            SQL["keep_usual"],
            {
                "sites": list(sites),
                "agents": list(agents),
                "cameras": list(cameras),
                "names": list(names),
                "known": arrays.of_bytes(known),
                "until": end,
            },
        )
        inbox.put(connection, signals)
    for line, each, is_told in zip(lines, known, told, strict=True):
        line.known, line.told = each, bool(is_told)
    return len(signals)


def _said(line: _Line, condition: str, at: datetime, detail: Detail | None) -> Signal:
    """It is so from now on, or no more where there is nothing to say of it."""
    return Signal(Subject("line", *line.name), condition, detail is not None, at, detail=detail or {})


def _end_of_others(connection: Connection, lines: Sequence[_Line], now: datetime) -> int:
    """What was told of a line that its box has no more is over."""
    there = {line.name for line in lines}
    gone = [
        Signal(Subject("line", *name), row["condition"], False, now)
        for row in connection.execute(SQL["lines_no_more"]).fetchall()
        if (name := (row["site"], row["agent"], row["camera"], row["name"])) not in there
    ]
    with connection.transaction():
        inbox.put(connection, gone)
    return len(gone)


def _counts(connection: Connection, lines: Sequence[_Line], begin: datetime, end: datetime) -> NDArray[np.float64]:
    """Crossings by line and hour."""
    hours = round((end - begin) / _HOUR)
    found = np.zeros((len(lines), hours))
    place = {line.name: number for number, line in enumerate(lines)}
    for name, crossings in series(connection, EVERYWHERE, CountQuestion(begin, end, step=Step.HOUR)).lines:
        if name in place:
            found[place[name]] = crossings.sum(axis=1)
    return found


def _watched(connection: Connection, lines: Sequence[_Line], begin: datetime, end: datetime) -> NDArray[np.bool_]:
    """Whether each line's camera was well for nearly all of each hour."""
    hours = round((end - begin) / _HOUR)
    of_camera: dict[tuple[str, str, str], NDArray[np.bool_]] = {}
    asked = {"first": begin.date(), "last": (end - _HOUR).date()}
    for row in connection.execute(SQL["covered_quarters"], asked).fetchall():
        well = np.array(row["covered"], np.int64).reshape(24, 4).sum(axis=1) >= _WATCHED * 3_600_000
        camera = of_camera.setdefault((row["site"], row["agent"], row["camera"]), np.zeros(hours, bool))
        midnight = datetime(row["day"].year, row["day"].month, row["day"].day, tzinfo=UTC)
        first = round((midnight - begin) / _HOUR)
        for hour in range(max(0, -first), min(24, hours - first)):
            camera[first + hour] = well[hour]
    never = np.zeros(hours, bool)
    return np.stack([of_camera.get(line.name[:3], never) for line in lines])


def slot_of(hour: datetime, zone: ZoneInfo | None, holidays: Collection[date]) -> int:
    """The hour of the week, or of a holiday, where the lines are; None is the zone of this machine."""
    here = hour.astimezone(zone)
    return (HOLIDAY if here.date() in holidays else here.weekday()) * 24 + here.hour


def turns(work: JobContext) -> Turn:
    """The job."""

    def turn(connection: Connection) -> None:
        look(connection, datetime.now(UTC), work.settings.habits)

    return turn
