"""Counts: the same answer whatever is packed and when, and nothing counted twice or lost while it is."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest

from aggregator.domains.lines import counts
from aggregator.domains.lines.domain import SQL as LINES
from aggregator.domains.lines.packing import Cells, due, month_slot, pack_counts
from aggregator.store import Database, arrays
from aggregator.store.database import Connection
from aggregator.store.scope import EVERYWHERE
from shared.objects import ObjectClass

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEGIN = NOW - timedelta(days=400)
QUARTERS = 400 * 96
DIRECTIONS = ("left_to_right", "right_to_left")

Told = Counter[tuple[str, str, str, int, int]]
"""Crossings by site, agent, line, direction (0 or 1) and quarter since 1970."""
CLASSES = (ObjectClass.UNKNOWN, ObjectClass.PERSON, ObjectClass.CAR, ObjectClass.BUS)


class Lines:
    """Two boxes with three lines each, one of them in two revisions, and what they counted."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.told, self.rng = connection, Told(), random.Random(5)
        self.told_of = {each: Told() for each in CLASSES}
        self.keys: list[tuple[int, int, int, str, str, str]] = []
        for site, agent in (("north", "a"), ("south", "a")):
            row = connection.execute(
                "INSERT INTO producers (site, agent, epoch) VALUES (%s, %s, 1) RETURNING id", (site, agent)
            ).fetchone()
            assert row
            for revision in (1, 2) if site == "north" else (1,):
                connection.execute("INSERT INTO config_cameras VALUES (%s, %s, 0, 'gate')", (row["id"], revision))
                for line, name in enumerate(("in", "out", "wall")):
                    connection.execute(
                        "INSERT INTO config_lines (producer_id, revision, line, camera, name, points, direction,"
                        " priority) VALUES (%s, %s, %s, 0, %s, '[]', 'both', 2)",
                        (row["id"], revision, line, name),
                    )
                    self.keys.append((row["id"], revision, line, site, agent, name))

    def count(self, n: int, connection: Connection | None = None) -> None:
        """Add crossings as ingest does."""
        added: Counter[tuple[int, int, int, int, int, int]] = Counter()
        for _ in range(n):
            producer, revision, line, *names = self.keys[int(len(self.keys) * self.rng.random() ** 2)]
            quarter = int(BEGIN.timestamp()) // 900 + self.rng.randrange(QUARTERS)
            direction, crossings = self.rng.randrange(2), int(10 ** (5 * self.rng.random() ** 4))
            object_class = self.rng.choice(CLASSES)
            added[producer, revision, line, object_class, direction, quarter] += crossings
            for told in (self.told, self.told_of[object_class]):
                told[names[0], names[1], names[2], direction, quarter] += crossings
        producers, revisions, lines, objects, directions, quarters = zip(*added, strict=True)
        (connection or self.connection).execute(
            LINES["add_counts"],
            {
                "producer_ids": arrays.of_ints(producers),
                "revisions": arrays.of_ints(revisions),
                "lines": arrays.of_ints(lines),
                "objects": arrays.of_ints(int(object_class) for object_class in objects),
                "directions": arrays.of_ints(direction + 1 for direction in directions),
                "quarters": arrays.of_plain(datetime.fromtimestamp(900 * q, tz=UTC).isoformat() for q in quarters),
                "crossings": arrays.of_ints(added.values()),
            },
        )

    def by(
        self, step: Any, begin: datetime, end: datetime, objects: Sequence[ObjectClass] = (), **names: str
    ) -> Counter[tuple[str, str, int, datetime]]:
        """Sums by site, line, direction and beginning of the step."""
        sums: Counter[tuple[str, str, int, datetime]] = Counter()
        told = sum((self.told_of[each] for each in objects), Told()) if objects else self.told
        for (site, _, line, direction, quarter), crossings in told.items():
            at = datetime.fromtimestamp(900 * quarter, tz=UTC)
            if begin <= at < end and names.get("site", site) == site and names.get("line", line) == line:
                sums[site, line, direction, step(at)] += crossings
        return sums


def step_of(step: str, zone: str) -> Any:
    """Python's own idea of when a step begins."""

    def begin(at: datetime) -> datetime:
        local = at.astimezone(ZoneInfo(zone))
        day = local.replace(hour=0, minute=0)
        begins = {
            "quarter": local,
            "hour": local.replace(minute=0),
            "day": day,
            "week": day - timedelta(days=local.weekday()),
            "month": day.replace(day=1),
        }
        return begins[step].astimezone(UTC)

    return begin


def asked(client: httpx.Client, begin: datetime, end: datetime, **more: Any) -> list[dict[str, Any]]:
    answer = client.get(
        "/api/v1/counts", params={"since": begin.isoformat(), "until": end.isoformat(), "limit": 100_000, **more}
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def rows_of(found: list[dict[str, Any]]) -> Counter[tuple[str, str, int, datetime]]:
    rows: Counter[tuple[str, str, int, datetime]] = Counter()
    for row in found:
        key = row["site"], row["line"], DIRECTIONS.index(row["direction"]), datetime.fromisoformat(row["since"])
        assert key not in rows, "a row of two parts"
        rows[key] = row["crossings"]
    return rows


def test_packed_or_not_the_answer_is_the_same(client: httpx.Client, connection: Connection) -> None:
    lines = Lines(connection)
    for packed_to in (None, NOW - timedelta(days=200), NOW - timedelta(days=2), NOW - timedelta(hours=6)):
        lines.count(1500)
        if packed_to:
            assert pack_counts(connection, packed_to) > 0
            left = connection.execute("SELECT min(quarter) AS q FROM counts").fetchone()
            assert left
            assert left["q"] >= packed_to
        for begin, end in ((BEGIN, NOW), (NOW - timedelta(days=35, minutes=15), NOW - timedelta(days=3, hours=1))):
            for step in ("quarter", "hour", "day", "week", "month"):
                for zone in ("UTC", "Asia/Shanghai", "Asia/Kathmandu"):
                    found = rows_of(asked(client, begin, end, step=step, zone=zone))
                    assert found == lines.by(step_of(step, zone), begin, end), (packed_to, step, zone)
        found = rows_of(asked(client, BEGIN, NOW, site="north", line="out", step="month"))
        assert found == lines.by(step_of("month", "UTC"), BEGIN, NOW, site="north", line="out")


def test_a_time_within_a_quarter_hour_takes_the_whole_of_it(client: httpx.Client, connection: Connection) -> None:
    lines = Lines(connection)
    lines.count(3000)
    begin = NOW - timedelta(days=3)
    part = asked(client, begin + timedelta(minutes=7), begin + timedelta(hours=5, minutes=7), step="quarter")
    assert rows_of(part) == lines.by(step_of("quarter", "UTC"), begin, begin + timedelta(hours=5, minutes=15))
    refused = client.get("/api/v1/counts", params={"since": NOW.isoformat(), "until": BEGIN.isoformat()})
    assert (refused.status_code, "nothing can be between" in refused.text) == (422, True)


def test_the_newest_rows_are_whole_when_there_are_more(client: httpx.Client, connection: Connection) -> None:
    lines = Lines(connection)
    lines.count(4000)
    pack_counts(connection, NOW - timedelta(days=1))
    for step in ("quarter", "day", "week", "month"):
        whole = asked(client, BEGIN, NOW, step=step)
        for limit in (1, 7, 40):
            assert asked(client, BEGIN, NOW, step=step, limit=limit) == whole[:limit]


def test_series_hold_every_step_and_the_busiest_line_first(client: httpx.Client, connection: Connection) -> None:
    lines = Lines(connection)
    lines.count(3000)
    pack_counts(connection, NOW - timedelta(days=1))
    for begin, step in ((NOW - timedelta(days=365), "quarter"), (NOW - timedelta(days=40, hours=5), "day")):
        params = {"since": begin.isoformat(), "until": NOW.isoformat(), "step": step, "zone": "Asia/Shanghai"}
        answer = client.get("/api/v1/counts/series", params=params).json()
        if step == "quarter":
            assert answer["starts"] == [int(begin.timestamp()) + 900 * n for n in range(365 * 96)]
        told = lines.by(step_of(step, "Asia/Shanghai"), begin, NOW)
        found: Counter[tuple[str, str, int, datetime]] = Counter()
        sums = []
        for line in answer["lines"]:
            sums.append(0)
            for direction, name in enumerate(DIRECTIONS):
                assert len(line[name]) == len(answer["starts"])
                sums[-1] += sum(line[name])
                for start, crossings in zip(answer["starts"], line[name], strict=True):
                    if crossings:
                        found[line["site"], line["line"], direction, datetime.fromtimestamp(start, tz=UTC)] = crossings
        assert found == told
        assert sums == sorted(sums, reverse=True)
        two = client.get("/api/v1/counts/series", params={**params, "busiest": 2}).json()
        assert two["lines"] == answer["lines"][:2]
        only = {(line["site"], line["line"]) for line in two["lines"]}
        rows = asked(client, begin, NOW, busiest=2, step="month")
        assert {(row["site"], row["line"]) for row in rows} == only
        assert sum(row["crossings"] for row in rows) == sum(sums[:2])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"zone": "Mars/Olympus"}, "Asia/Shanghai"),
        ({"zone": "UTC+8"}, "expected a name of IANA's"),
        ({"zone": "Asia/shanghai"}, "did you mean Asia/Shanghai"),
        ({"since": "0001-01-01T00:00Z"}, "a time of our days"),
        ({"until": "0001-01-01T00:00Z"}, "a time of our days"),
        ({"until": "9999-12-31T23:59-12:00"}, "a time of our days"),
        ({"since": "1980-01-01T00:00Z", "step": "month"}, "at most ten years"),
        ({"place": "nowhere"}, "hawkline place list"),
    ],
)
def test_series_that_cannot_be(client: httpx.Client, connection: Connection, more: dict[str, str], words: str) -> None:
    Lines(connection).count(1000)
    answer = client.get("/api/v1/counts/series", params=more)
    assert answer.status_code == 422
    assert words in answer.text


def test_an_answer_has_its_bounds(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    Lines(connection).count(1000)
    asked_for = counts.CountQuestion(NOW - timedelta(days=30), NOW, busiest=100)
    assert len(list(counts.series(connection, EVERYWHERE, asked_for).lines)) == 6
    monkeypatch.setattr(counts, "MOST_SLOTS", 50_000)
    with pytest.raises(counts.TooMuchError, match="9 lines over 30 days are too much"):
        counts.series(connection, EVERYWHERE, asked_for)


def test_what_is_counted_while_it_is_packed_is_counted_once(database: Database, connection: Connection) -> None:
    lines, stop = Lines(connection), threading.Event()
    packed = [0]

    def pack() -> None:
        with database.connect("packer", autocommit=True) as own:
            while not stop.is_set():
                packed[0] += pack_counts(own, NOW)

    packers = [threading.Thread(target=pack) for _ in range(2)]
    for packer in packers:
        packer.start()
    deadline_s = time.monotonic() + 4
    while time.monotonic() < deadline_s:
        lines.count(50)
    stop.set()
    for packer in packers:
        packer.join()
    pack_counts(connection, NOW)
    assert packed[0] > 50
    kept = connection.execute(
        "SELECT (SELECT coalesce(sum(crossings), 0) FROM counts) AS fresh, sum(crossings) AS packed FROM count_packs"
    ).fetchone()
    assert kept == {"fresh": 0, "packed": sum(lines.told.values())}
    rows = connection.execute(
        "SELECT p.producer_id, p.revision, p.line, p.first_quarter, p.last_quarter, p.crossings AS sum, u.* "
        "FROM count_packs p, unpack_counts(p.month, p.cells) u"
    ).fetchall()
    names = {key[:3]: key[3:] for key in lines.keys}
    seen: Told = Counter()
    for row in rows:
        name = names[row["producer_id"], row["revision"], row["line"]]
        seen[*name, row["direction"] - 1, int(row["quarter"].timestamp()) // 900] += row["crossings"]
        assert row["first_quarter"] <= row["quarter"] <= row["last_quarter"]
    assert seen == lines.told


def test_what_crossed_is_asked_for_and_told_apart(client: httpx.Client, connection: Connection) -> None:
    lines, month = Lines(connection), step_of("month", "UTC")
    lines.count(1500)
    pack_counts(connection, NOW - timedelta(days=40))
    asks: dict[tuple[str, ...], list[ObjectClass]] = {
        ("person",): [ObjectClass.PERSON],
        ("vehicle",): [ObjectClass.CAR, ObjectClass.BUS],
        ("bus", "unknown"): [ObjectClass.BUS, ObjectClass.UNKNOWN],
        ("animal",): [],
    }
    for names, objects in asks.items():
        found = asked(client, BEGIN, NOW, step="month", object=names)
        assert rows_of(found) == (lines.by(month, BEGIN, NOW, objects) if objects else Counter()), names
        series = client.get(
            "/api/v1/counts/series",
            params={"since": BEGIN.isoformat(), "until": NOW.isoformat(), "step": "month", "object": names},
        ).json()
        total = sum(sum(line["left_to_right"]) + sum(line["right_to_left"]) for line in series["lines"])
        assert total == sum(row["crossings"] for row in found)
    apart = asked(client, BEGIN, NOW, step="month", by_object=True)
    for each in CLASSES:
        of_class = [row for row in apart if row["object"] == each.label]
        assert rows_of(of_class) == lines.by(month, BEGIN, NOW, [each])
    assert sum(row["crossings"] for row in apart) == sum(lines.told.values())
    busiest = asked(client, BEGIN, NOW, step="month", object="bus", busiest=1)
    assert len({(row["site"], row["line"]) for row in busiest}) == 1
    refused = client.get("/api/v1/counts", params={"object": "elephant"})
    assert refused.status_code == 422
    assert "'elephant': expected one of unknown, person, two_wheeler" in refused.text


def test_a_pack_holds_what_was_put_in(connection: Connection) -> None:
    rng = np.random.default_rng(3)
    month = NOW.date().replace(day=1)
    for n in (1, 372, 373, 31 * 96 * 2):
        for most in (1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**62):
            slots = np.sort(rng.choice(31 * 96 * 2, n, replace=False)).astype(np.int64)
            crossings = rng.integers(1, most, n, endpoint=True)
            crossings[n // 2] = most
            packed = Cells(slots, crossings).pack()
            read = Cells.unpack(packed)
            assert (read.slots == slots).all()
            assert (read.crossings == crossings).all()
            rows = connection.execute("SELECT * FROM unpack_counts(%s, %s) ORDER BY 1, 2", (month, packed)).fetchall()
            first = datetime(month.year, month.month, 1, tzinfo=UTC)
            assert [(row["quarter"] - first) / timedelta(minutes=15) for row in rows] == (slots // 2).tolist()
            assert [row["direction"] - 1 for row in rows] == (slots % 2).tolist()
            assert [row["crossings"] for row in rows] == crossings.tolist()
    assert len(Cells(slots[:300], np.ones(300, np.int64)).pack()) == 1 + 3 * 300
    assert len(Cells(slots, np.ones(len(slots), np.int64)).pack()) == 1 + 744 + len(slots)


def test_a_quarter_of_a_day_stays_as_it_is_until_it_is_well_over() -> None:
    assert due(NOW) == NOW.replace(hour=6)
    assert due(NOW.replace(hour=13, minute=59)) == NOW.replace(hour=6)
    assert due(NOW.replace(hour=14)) == NOW
    assert due(NOW.replace(hour=1)) == NOW.replace(hour=18) - timedelta(days=1)
    assert month_slot(NOW.date()) == int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) // 900 * 2
