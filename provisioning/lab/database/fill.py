"""Fills a database with a district's events of many days, in seconds where boxes took years.

Boxes, lines, stations and the shape of a day are made up; the rows are as ingest writes them: bodies that decode,
counts that are sums of them, cursors behind them. Checksums are random.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from aggregator.domains.lines.packing import due, pack_counts
from aggregator.domains.record.days import COMPRESS_AFTER, kept_days
from aggregator.domains.record.days import SQL as RECORD
from aggregator.ingest.commit import SQL as INGEST
from aggregator.store.database import Connection, Database
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from shared.clock import QUARTER_S
from shared.envelope import encode_event
from shared.events import Direction, LineCrossed

_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LINES_A_BOX = 6
_BOXES_A_SITE = 10
_SITES_A_STATION = 3
_STATIONS_A_DISTRICT = 10
_ALARMS = 0.005
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_PACK_DAYS = 30
_DAYS_AT_ONCE = 100
"""Made in one transaction, which locks each."""
_DAY_S = 86400
_HOURS = np.array([2, 1, 1, 1, 1, 2, 5, 9, 10, 8, 7, 7, 8, 7, 7, 8, 9, 11, 10, 8, 6, 5, 4, 3], float)
"""How busy the hours of a day are (UTC+8)."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is.

    Attributes:
        events: at least one a day.
        days: before now.
        boxes: with six lines each; ten a site, three sites a station.
    """

    events: int
    days: int
    boxes: int = 1100

    @property
    def stations(self) -> list[str]:
        """Names of all stations."""
        return [f"station-{n}" for n in range(-(-self.boxes // (_BOXES_A_SITE * _SITES_A_STATION)))]


def fill(database: Database, size: Size, now: datetime, told: Callable[[str], None]) -> None:
    """Fill a database that has our schema and nothing in it.

    Args:
        told: hears about progress.
    """
    rng = np.random.default_rng(1)
    with database.connect("fill", autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        producers = _places(connection, size)
        lines = size.boxes * _LINES_A_BOX
        # A line is as busy as its rank says, and ranks are spread over the boxes.
        share = 1 / (1 + rng.permutation(lines))
        busy = np.cumsum(share / share.sum())
        of_day = np.cumsum(np.roll(np.repeat(_HOURS, 4), -32) / _HOURS.sum() / 4)
        sequences = np.ones(2 * size.boxes, np.int64)
        end = datetime.fromtimestamp(now.timestamp() // QUARTER_S * QUARTER_S, tz=UTC)
        begin = end - timedelta(days=size.days)
        days = [begin.date() + timedelta(days=n) for n in range(size.days + 1)]
        for start in range(0, len(days), _DAYS_AT_ONCE):
            connection.execute(INGEST["make_days"], {"days": days[start : start + _DAYS_AT_ONCE]})
        for day in range(size.days):
            count = size.events * (day + 1) // size.days - size.events * day // size.days
            at = _moments(rng, of_day, count, begin + timedelta(days=day))
            line = np.searchsorted(busy, rng.random(count)).clip(max=lines - 1)
            _copy_events(connection, rng, producers, line, at, sequences)
            if (day + 1) % _PACK_DAYS == 0 or day + 1 == size.days:
                pack_counts(connection, min(due(now), begin + timedelta(days=day)))
                told(f"{size.events * (day + 1) // size.days:,} of {size.events:,} events")
        for n, next_ in enumerate(sequences.tolist()):
            connection.execute(
                "UPDATE cursors SET contiguous = %s, stored = %s WHERE (producer_id, lane) = (%s, %s)",
                (next_ - 1, next_ - 1, int(producers[n // 2]), n % 2),
            )
        # It never held more than two days anywhere else.
        connection.execute("VACUUM FULL counts")
        connection.execute("VACUUM ANALYZE")


def compress(database: Database, now: datetime) -> tuple[int, int]:
    """Compress what is old enough.

    Returns:
        Bytes of all days before and after.
    """
    with database.connect("fill", autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        before = kept_days(connection)
        for day in before:
            if not day.compressed and day.day < (now - COMPRESS_AFTER).date():
                connection.execute(RECORD["compress_day"], {"day": day.day})
        return sum(day.bytes for day in before), sum(day.bytes for day in kept_days(connection))


def _places(connection: Connection, size: Size) -> Ints:
    """Stations, sites, boxes and lines; returns the boxes' ids as producers."""
    with connection.transaction():
        put_place(connection, EVERYWHERE, "city")
        for number, station in enumerate(size.stations):
            district = f"district-{number // _STATIONS_A_DISTRICT}"
            if number % _STATIONS_A_DISTRICT == 0:
                put_place(connection, EVERYWHERE, district, above="city")
            put_place(connection, EVERYWHERE, station, above=district)
        for site in range(-(-size.boxes // _BOXES_A_SITE)):
            put_place(connection, EVERYWHERE, f"site-{site}", above=f"station-{site // _SITES_A_STATION}")
        many = {"boxes": size.boxes, "a_site": _BOXES_A_SITE, "lines": _LINES_A_BOX}
        for statement in _BOXES:
            connection.execute(statement, many)
    found = connection.execute("SELECT id FROM producers ORDER BY split_part(agent, '-', 2)::int")
    return np.array([row["id"] for row in found], np.int64)


_BOXES = (
    "INSERT INTO producers (site, agent, epoch) SELECT 'site-' || n / %(a_site)s, 'box-' || n, 1 "
    "FROM generate_series(0, %(boxes)s - 1) n",
    "INSERT INTO agents (site, agent, epoch, state, last_seen_at) "
    "SELECT site, agent, epoch, 'online', now() FROM producers",
    "INSERT INTO cursors (producer_id, lane) SELECT id, lane FROM producers, generate_series(0, 1) lane",
    "INSERT INTO config_cameras SELECT id, 1, camera, 'camera-' || camera FROM producers, "
    "generate_series(0, %(lines)s / 2 - 1) camera",
    "INSERT INTO config_lines (producer_id, revision, line, camera, name, points, direction, priority) "
    "SELECT id, 1, line, line / 2, 'line-' || line, '[[0, 0.5], [1, 0.5]]', 'both', 2 "
    "FROM producers, generate_series(0, %(lines)s - 1) line",
)


def _moments(rng: np.random.Generator, of_day: npt.NDArray[np.float64], count: int, begin: datetime) -> Ints:
    """Microseconds since 1970, in order."""
    quarter = np.searchsorted(of_day, rng.random(count)).clip(max=95)
    # The day begins at `begin`, whatever the hour is there: the hours stay those of the clock.
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    at_s = (quarter * 900 + rng.random(count) * 900 - (begin - midnight).total_seconds()) % _DAY_S
    return np.sort((begin.timestamp() * 1e6 + at_s * 1e6).astype(np.int64))


def _copy_events(
    connection: Connection, rng: np.random.Generator, producers: Ints, line: Ints, at: Ints, sequences: Ints
) -> None:
    box, number = line // _LINES_A_BOX, line % _LINES_A_BOX
    direction = 1 + (rng.random(len(line)) < 0.4)
    alarm = rng.random(len(line)) < _ALARMS
    body, spots = _template()
    rows = np.zeros(len(line), _layout(len(body)))
    for name, value in _LENGTHS.items():
        rows[f"{name}_n"] = value
    rows["fields"], rows["body_n"] = len(_LENGTHS) + 1, len(body)
    rows["event_at"] = rows["device_at"] = at - round(_POSTGRES_EPOCH.timestamp()) * 1_000_000
    rows["recv_at"] = rows["event_at"] + 40_000
    rows["producer_id"], rows["line"], rows["priority"] = producers[box], number, 2 * alarm
    lane = 2 * box + ~alarm
    rows["seq"] = sequences[lane] + _rank(lane)
    np.add.at(sequences, lane, 1)
    rows["crc"] = rng.integers(0, 2**32, len(line))
    rows["lane"], rows["kind"], rows["time_quality"], rows["revision"] = ~alarm, 1, 1, 1
    bodies = np.tile(np.frombuffer(body, np.uint8), (len(line), 1))
    bodies[:, spots["at"] : spots["at"] + 8] = (at // 1000).astype(">u8").view(np.uint8).reshape(-1, 8)
    bodies[:, spots["line"]], bodies[:, spots["direction"]] = number, direction
    bodies[:, spots["priority"]] = 2 * alarm
    rows["body"] = bodies
    counts, crossings = np.unique(np.stack([box, number, direction, at // 900_000_000]), axis=1, return_counts=True)
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(INGEST["copy_events"]) as copy:
            copy.write(_HEAD + rows.tobytes() + _TAIL)
        with cursor.copy(_COPY_COUNTS) as copy:
            copy.write(_HEAD + _count_rows(producers, counts, crossings) + _TAIL)


def _rank(keys: Ints) -> Ints:
    """How many of the same key stand before each."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.searchsorted(ordered, ordered)
    return rank


_COPY_COUNTS = "COPY counts (producer_id, revision, line, direction, quarter, crossings) FROM STDIN (FORMAT BINARY)"


def _count_rows(producers: Ints, keys: Ints, crossings: Ints) -> bytes:
    box, number, direction, quarter = keys
    fields = (
        ("producer_id", ">i4", producers[box]),
        ("revision", ">i4", 1),
        ("line", ">i4", number),
        ("direction", ">i2", direction),
        ("quarter", ">i8", quarter * 900_000_000 - round(_POSTGRES_EPOCH.timestamp()) * 1_000_000),
        ("crossings", ">i8", crossings),
    )
    shape = [("fields", ">i2")]
    for name, of, _ in fields:
        shape += [(f"{name}_n", ">i4"), (name, of)]
    rows = np.zeros(len(box), np.dtype(shape))
    rows["fields"] = len(fields)
    for name, of, values in fields:
        rows[name], rows[f"{name}_n"] = values, np.dtype(of).itemsize
    return rows.tobytes()


_FIELDS = (
    *(("event_at", ">i8"), ("device_at", ">i8"), ("recv_at", ">i8"), ("producer_id", ">i4"), ("seq", ">i8")),
    *(("crc", ">i8"), ("lane", ">i2"), ("kind", ">i2"), ("time_quality", ">i2"), ("revision", ">i4"), ("line", ">i4")),
    *(("camera", None), ("priority", ">i2"), ("object", None)),
)
"""In the order of `copy_events`; cameras are null, for the events are of lines; so is what it was: no looks."""
_LENGTHS = {name: np.dtype(of).itemsize if of else -1 for name, of in _FIELDS}


def _layout(body: int) -> np.dtype[np.void]:
    shape: list[tuple[str, object]] = [("fields", ">i2")]
    for name, of in _FIELDS:
        shape += [(f"{name}_n", ">i4"), *([(name, of)] if of else [])]
    return np.dtype([*shape, ("body_n", ">i4"), ("body", f"({body},)u1")])


def _template() -> tuple[bytes, dict[str, int]]:
    """A body, and where in it stand its time, line, direction and priority."""
    at = 0x123456789AB
    plain = (1, 0, Direction.LEFT_TO_RIGHT, 1, 1000, 0, 0)
    body = encode_event(LineCrossed(at, *plain))
    spots = {"at": body.index(struct.pack(">Q", at))}
    for name, other in (
        ("line", (1, 5, *plain[2:])),
        ("direction", (1, 0, Direction.RIGHT_TO_LEFT, *plain[3:])),
        ("priority", (*plain[:5], 2, 0)),
    ):
        changed = encode_event(LineCrossed(at, *other))
        spots[name] = next(n for n, (here, there) in enumerate(zip(body, changed, strict=True)) if here != there)
    return body, spots
