"""Availability: what was covered, by whom, when it was not, and for how long that is known."""

import csv
import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.types.json import Jsonb

from aggregator.domains.boxes import coverage_judge, coverage_queries
from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
from aggregator.retention.enforcer import RetentionEnforcer
from aggregator.retention.guard import ClockWatch
from aggregator.retention.retention_context import RetentionContext
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.errors import TooMuchError
from aggregator.store.pictures import PictureStore
from aggregator.store.retention_periods import RetentionPeriods
from aggregator.store.scope import EVERYWHERE
from shared.envelope import encode_message
from shared.events import BoxState, CameraHealth, Health
from shared.mqtt import Message
from tests.integration.house import House

QUARTER = timedelta(minutes=15)
# The end of the newest quarter-hour of which everything is known.
NOW = datetime.fromtimestamp((datetime.now(UTC).timestamp() - 300) // 900 * 900, tz=UTC)
BEGIN = NOW - timedelta(hours=30)


class Boxes:
    """Heartbeats of boxes, as the presence worker hears them."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database, self.connection = database, connection
        self.worker = HeartbeatReceiver(database, ("127.0.0.1", 1))

    def born(self, site: str, agent: str, interval_s: float = 60) -> None:
        birth = encode_message(BoxState(1, alive=True, health_interval_s=interval_s, epoch=1))
        self.worker._note(self.connection, Message(f"hl/1/{site}/{agent}/state", birth, False, BEGIN.timestamp()))
        self.connection.execute(
            "INSERT INTO producers (site, agent, epoch, first_seen_at) VALUES (%s, %s, 1, %s)", (site, agent, BEGIN)
        )

    def beat(self, site: str, agent: str, at: datetime, cameras: dict[str, str]) -> None:
        health = Health(
            int(at.timestamp() * 1000), 1, 1.0, 1, tuple(CameraHealth(name, state) for name, state in cameras.items())
        )
        self.worker._note(
            self.connection, Message(f"hl/1/{site}/{agent}/up/health", encode_message(health), False, at.timestamp())
        )

    def write(self) -> None:
        self.worker._write_coverage(self.connection)


@pytest.fixture
def boxes(database: Database, connection: Connection) -> Boxes:
    """Two boxes over thirty hours: one is away for two of them, and its yard camera sees nothing for the last one."""
    boxes = Boxes(database, connection)
    boxes.born("north", "a")
    boxes.born("south", "b")
    at = BEGIN
    while at <= NOW:
        away = BEGIN + timedelta(hours=10) < at < BEGIN + timedelta(hours=12)
        blind = at > NOW - timedelta(hours=1)
        if not away:
            boxes.beat("north", "a", at, {"gate": "watching", "yard": "stalled" if blind else "watching"})
        boxes.beat("south", "b", at, {"road": "watching"})
        if at.minute == 30:
            boxes.write()
        at += timedelta(minutes=1)
    boxes.write()
    return boxes


def asked(client: httpx.Client, path: str = "availability", **more: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/{path}", params={"since": BEGIN.isoformat(), "until": NOW.isoformat(), **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def seconds(found: list[dict[str, Any]]) -> dict[tuple[str, str | None], int]:
    return {(row["agent"], row["camera"]): row["uncovered_s"] for row in found}


def test_what_was_not_covered_is_told(client: httpx.Client, boxes: Boxes) -> None:
    assert seconds(asked(client)) == {("a", None): 7200, ("b", None): 0}
    assert seconds(asked(client, cameras=True)) == {("a", "gate"): 7200, ("a", "yard"): 7200 + 3600, ("b", "road"): 0}
    row = asked(client, agent="a")[0]
    assert row["share"] == pytest.approx(28 / 30)
    assert row["covered_s"] == 28 * 3600
    away = asked(client, "availability/gaps", agent="a")
    assert [(row["since"], row["until"], row["uncovered_s"]) for row in away] == [
        (stamp(BEGIN + timedelta(hours=10)), stamp(BEGIN + timedelta(hours=12)), 7200)
    ]
    blind = asked(client, "availability/gaps", cameras=True, site="north")
    assert [(row["camera"], row["uncovered_s"]) for row in blind] == [("yard", 3600), ("gate", 7200), ("yard", 7200)]
    # A part of it, cut where no day begins.
    begin, end = BEGIN + timedelta(hours=11), BEGIN + timedelta(hours=14)
    part = {"since": begin.isoformat(), "until": end.isoformat()}
    assert seconds(asked(client, **part)) == {("a", None): 3600, ("b", None): 0}
    assert len(asked(client, "availability/gaps", **part)) == 1
    client.put("/api/v1/places/east", json={})
    client.put("/api/v1/places/south", json={"above": "east"})
    assert seconds(asked(client, place="east")) == {("b", None): 0}


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_a_worker_that_is_started_again_goes_on(client: httpx.Client, boxes: Boxes) -> None:
    again = Boxes(boxes.database, boxes.connection)
    again.worker._remember(boxes.connection)
    again.beat("south", "b", NOW + timedelta(minutes=1), {"road": "watching"})
    again.write()
    row = boxes.connection.execute("SELECT sum(total) AS ms FROM coverage WHERE agent = 'b' AND camera = ''").fetchone()
    assert row == {"ms": (30 * 60 + 1) * 60_000}


def test_a_box_counts_from_when_it_was_first_seen(client: httpx.Client, boxes: Boxes) -> None:
    boxes.connection.execute("UPDATE producers SET first_seen_at = %s WHERE agent = 'b'", (NOW - timedelta(hours=3),))
    row = asked(client, agent="b")[0]
    assert (row["since"], row["covered_s"], row["uncovered_s"]) == (stamp(NOW - timedelta(hours=3)), 3 * 3600, 0)


def test_a_camera_that_is_gone_counts_until_its_last_day(client: httpx.Client, boxes: Boxes) -> None:
    boxes.connection.execute(
        "UPDATE agents SET health = %s WHERE agent = 'b'", (Jsonb({"cameras": [{"name": "new", "state": "watching"}]}),)
    )
    found = {row["camera"]: row for row in asked(client, agent="b", cameras=True)}
    assert set(found) == {"road", "new"}
    assert found["road"]["uncovered_s"] == 0
    assert found["new"]["covered_s"] == 0


def test_a_camera_counts_from_its_first_day(client: httpx.Client, boxes: Boxes) -> None:
    first = (NOW - QUARTER).date()  # of which something is known, though it be midnight
    boxes.connection.execute("DELETE FROM coverage WHERE camera = 'road' AND day < %s", (first,))
    row = asked(client, agent="b", cameras=True)[0]
    assert (row["since"], row["uncovered_s"]) == (stamp(datetime(first.year, first.month, first.day, tzinfo=UTC)), 0)


def test_a_camera_without_a_name_is_none(client: httpx.Client, boxes: Boxes) -> None:
    boxes.connection.execute(
        "UPDATE agents SET health = %s WHERE agent = 'b'", (Jsonb({"cameras": [{"name": "", "state": "watching"}]}),)
    )
    assert [row["camera"] for row in asked(client, agent="b", cameras=True)] == ["road"]


def test_what_cannot_be_known_yet_is_not_counted(client: httpx.Client, boxes: Boxes) -> None:
    """Soon after a quarter-hour the heartbeat that tells of its end has not come, or is not written."""
    until = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()

    def known(expires_s: float) -> datetime:
        """The newest quarter-hour, this long and half a minute for writing ago."""
        return datetime.fromtimestamp((datetime.now(UTC).timestamp() - expires_s - 30) // 900 * 900, tz=UTC)

    # Of a box that beats once an hour it takes longer.
    for interval_s in (60, 3600):
        boxes.connection.execute("UPDATE agents SET health_interval_s = %s WHERE agent = 'b'", (interval_s,))
        before = known(1.5 * interval_s)
        told = asked(client, agent="b", until=until)[0]["until"]
        assert stamp(before) <= told <= stamp(known(1.5 * interval_s))


def test_a_worker_that_stops_writes_what_was_covered(database: Database, connection: Connection) -> None:
    boxes = Boxes(database, connection)
    boxes.worker.start()
    boxes.born("north", "a")
    for minute in range(3):
        boxes.beat("north", "a", BEGIN + timedelta(minutes=minute), {})
    boxes.worker.stop()
    assert connection.execute("SELECT sum(total) AS ms FROM coverage").fetchone() == {"ms": 120_000}


def test_too_many_gaps_are_refused(
    client: httpx.Client, boxes: Boxes, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage_queries, "MOST_DAYS", 1)
    with pytest.raises(TooMuchError, match="ask for less time"):
        coverage_queries.uncovered(connection, EVERYWHERE, coverage_queries.CoverageQuestion(BEGIN, NOW), 10)


def test_samples_of_a_box(client: httpx.Client, boxes: Boxes) -> None:
    found = asked(client, "boxes/north/a/samples")
    assert len(found) == 30 * 4 - 8 + 1
    assert [row["at"] for row in found] == sorted((row["at"] for row in found), reverse=True)
    assert {row["watching"] for row in found} == {1, 2}
    assert found[0]["clock_off_s"] == 0
    assert asked(client, "boxes/north/nobody/samples") == []


def test_the_time_of_a_clock_that_was_set_back_counts_once(boxes: Boxes) -> None:
    for start in (NOW, NOW - timedelta(minutes=15)):
        for minute in range(16):
            boxes.beat("south", "b", start + timedelta(minutes=minute), {})
    boxes.write()
    row = boxes.connection.execute("SELECT max(c) AS most FROM coverage, unnest(covered) c").fetchone()
    assert row == {"most": 900_000}
    row = boxes.connection.execute(
        "SELECT count(*) AS n FROM coverage WHERE total <> (SELECT sum(c) FROM unnest(covered) c)"
    ).fetchone()
    assert row == {"n": 0}


def hawkline(client: httpx.Client, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared", "health", "--url", str(client.base_url), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_tells_availability_and_gaps(client: httpx.Client, boxes: Boxes) -> None:
    span = ["--since", BEGIN.isoformat(), "--until", NOW.isoformat(), "-o", "csv"]
    recorded = ("UPDATE gaps SET recorded_at = %s", (NOW - timedelta(minutes=1),))
    done = hawkline(client, *span)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["agent"], row["percent"], row["away_s"]) for row in rows] == [
        ("a", "93.333", "7200"),
        ("b", "100.0", "0"),
    ]
    assert len(hawkline(client, *span, "--cameras", "--troubled").stdout.splitlines()) == 3
    boxes.connection.execute(
        "INSERT INTO gaps (producer_id, lane, first, last, reason) SELECT id, 1, 5, 7, 'evicted' FROM producers"
        " WHERE agent = 'b' UNION ALL SELECT id, 1, 8, 4096, 'restart' FROM producers"
    )
    boxes.connection.execute(
        "INSERT INTO cursors (producer_id, lane, contiguous, missing) SELECT id, lane, 4096, '{[5,8)}' FROM producers,"
        " generate_series(0, 1) lane"
    )
    boxes.connection.execute(*recorded)
    rows = list(csv.DictReader(io.StringIO(hawkline(client, "--gaps", *span).stdout)))
    assert [(row["agent"], row["what"], row["how_much"]) for row in rows] == [
        ("b", "lost: evicted", "3 events"),
        ("a", "not confirmed", "7200 s"),
    ]
    # Numbers behind a restart are recorded twice, and the second time without the reason.
    boxes.connection.execute(
        "INSERT INTO gaps (producer_id, lane, first, last, reason)"
        " SELECT id, 0, 4, 4096, unnest(ARRAY['never_came', 'restart']) FROM producers WHERE agent = 'b'"
    )
    boxes.connection.execute("UPDATE cursors SET missing = '{[4,4097)}' WHERE lane = 0")
    boxes.connection.execute(*recorded)
    assert len(hawkline(client, "--gaps", *span).stdout.splitlines()) == 3
    assert "nothing can be told yet" in hawkline(client, "--since", "1m").stderr
    assert "at most 400 days" in hawkline(client, "--since", "500d").stderr
    assert "does not exist" in hawkline(client, "--place", "nowhere").stderr
    for more in ([], span, ["--gaps"]):
        done = hawkline(client, "--site", "nosuch", *more)
        assert (done.returncode, "'nosuch'" in done.stderr) == (2, True), "a misspelt site is not all well"


def test_coverage_and_samples_go_when_their_time_is_over(boxes: Boxes, tmp_path: Path) -> None:
    connection = boxes.connection
    old = NOW.date() - timedelta(days=50)
    for days in (0, 1):
        day = old + timedelta(days=days)
        connection.execute("INSERT INTO coverage (site, agent, camera, day) VALUES ('x', 'y', '', %s)", (day,))
        connection.execute("INSERT INTO health_samples VALUES ('x', 'y', %s, 0, 0, 0, 0, 0, 0, NULL, 0, 0)", (day,))
    connection.execute("SELECT make_days(%s)", ([NOW.date()],))
    connection.execute(
        "INSERT INTO events (event_at, recv_at, seq, crc, producer_id, lane, kind, time_quality, body)"
        " VALUES (%s, now(), 1, 1, 1, 0, 2, 1, '')",
        (NOW,),
    )

    def left() -> tuple[int, int]:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM coverage WHERE site = 'x') AS c,"
            " (SELECT count(*) FROM health_samples WHERE site = 'x') AS h"
        ).fetchone()
        assert row
        return row["c"], row["h"]

    def look(coverage: int, health: int) -> tuple[int, int]:
        keep = RetentionPeriods(*(timedelta(days=days) for days in (400, coverage, health, 400)))
        means = RetentionContext(PictureStore(tmp_path), Ed25519PrivateKey.generate)
        RetentionEnforcer(keep, means, ClockWatch()).look(connection)
        return left()

    assert look(51, 51) == (2, 2)
    assert look(49, 400) == (1, 2)
    assert look(400, 48) == (1, 0)


def test_a_camera_that_was_watched_too_little_of_a_day_is_told_and_over_when_it_is_well_again(
    database: Database, connection: Connection, boxes: Boxes
) -> None:
    """Of the last 24 hours the yard lacks four more than its box, for which it was blind; the gate lacks none."""
    house = House(database, connection)
    connection.execute("UPDATE agents SET state = 'online'")

    def look() -> int:
        found = coverage_judge.look(connection, NOW + timedelta(minutes=4))
        house.settle()
        return found

    assert look() == 0, "an hour of blindness rang when it was there"
    # Four hours of each day, whatever the time is.
    connection.execute("UPDATE coverage SET covered[20:35] = array_fill(0, ARRAY[16]) WHERE camera = 'yard'")
    # At midnight the last 24 hours are a whole day, of which the total counts.
    connection.execute("UPDATE coverage SET total = (SELECT sum(each) FROM unnest(covered) each) WHERE camera = 'yard'")
    assert look() == 1
    assert house.alerts() == [("coverage_low", "camera", "a", "yard", "open")]
    # It watches now, as heartbeats say, and did not for too long: that is no contradiction.
    connection.execute("UPDATE conditions SET told_at = told_at - interval '5 min'")
    connection.execute(
        "UPDATE agents SET last_seen_at = now(), health = replace(health::text, 'stalled', 'watching')::jsonb"
    )
    house.look()
    house.wait(60)
    assert house.alerts()[0] == ("coverage_low", "camera", "a", "yard", "open")
    assert look() == 0, "it is said once"
    connection.execute(
        "UPDATE coverage SET covered = array_fill(900000, ARRAY[96]), total = 96 * 900000 WHERE camera = 'yard'"
    )
    assert look() == 1
    house.wait(60)
    assert house.alerts()[0] == ("coverage_low", "camera", "a", "yard", "cleared")


@pytest.mark.parametrize(
    "excused",
    [
        "UPDATE agents SET state = 'silent'",
        "UPDATE agents SET health = '{}'",
        "INSERT INTO maintenance (place, agent, camera, reason, by, since, until) VALUES"
        " ('north', '', '', 'lenses', 'li', now() - interval '5 h', now() - interval '2 h')",
        "UPDATE producers SET first_seen_at = now() - interval '5 h'",
    ],
    ids=["silent", "gone", "was worked on", "new"],
)
def test_who_is_not_judged_by_what_lacks(connection: Connection, boxes: Boxes, excused: str) -> None:
    connection.execute("UPDATE agents SET state = 'online'")
    connection.execute(
        "UPDATE coverage SET covered = array_fill(0, ARRAY[96]), total = 0 WHERE camera IN ('yard', 'road')"
    )
    assert coverage_judge.look(connection, NOW + timedelta(minutes=4)) == 2
    connection.execute("DELETE FROM inbox")
    connection.execute(excused.encode())
    assert coverage_judge.look(connection, NOW + timedelta(minutes=4)) == ("'north'" in excused)
