"""What is kept, for how long, and how much of one box: nothing that a box sends fills the disk for the others."""

import errno
import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.alerting.alerts import Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.domains.evidence.forgetting import PictureSweeper
from aggregator.ingest.box_quota import BoxQuota
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.retention.enforcer import RetentionEnforcer
from aggregator.retention.guard import ClockWatch
from aggregator.retention.retention_context import RetentionContext
from aggregator.signals.declarations import Retained, domains
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.retention_periods import RetentionPeriods
from shared.clock import to_ms
from shared.envelope import Header, encode_batch, encode_event
from shared.events import Direction, Event, EvidenceReady, Lane, LineCrossed
from shared.mqtt import Message
from tests.integration.conftest import served

DAY_S = 86_400.0
KEEP = RetentionPeriods(*[timedelta(days=days) for days in (400, 400, 90, 200, 60, 30, 30, 30)])


def number(connection: Connection, query: str) -> int:
    row = connection.execute(f"SELECT ({scalar(query)}) AS n".encode()).fetchone()
    assert row
    return int(row["n"])


def scalar(query: str) -> str:
    return query if query.startswith("(") else f"SELECT {query}"


class Year:
    """A centre whose clock is turned forward day by day: what the database calls now is moved to where it belongs."""

    def __init__(self, database: Database, connection: Connection, folder: Path) -> None:
        self.connection, self.now_s, self.steady_s = connection, time.time() - 365 * DAY_S, 0.0
        self.pictures = PictureStore(folder)
        self.committer = Committer("test", quota=BoxQuota(now_s=lambda: self.steady_s))
        self.engine = AlertingEngine(
            database,
            Publishing(),
            timedelta(seconds=30),
            now=lambda: datetime.fromtimestamp(self.now_s, tz=UTC),
        )
        clocks = (lambda: self.now_s, lambda: self.steady_s)
        means = RetentionContext(self.pictures, Ed25519PrivateKey.generate)
        self.enforcer = RetentionEnforcer(KEEP, means, ClockWatch(clocks))
        self.sweeper = PictureSweeper(self.pictures, KEEP.pictures, ClockWatch(clocks))
        self.sent: Counter[tuple[str, int]] = Counter()

    def day(self) -> None:
        """The next: boxes beat, the enforcer looks once, what was noted now is of this day."""
        at = datetime.fromtimestamp(self.now_s, tz=UTC)
        self.connection.execute(
            "INSERT INTO agents (site, agent, last_seen_at) VALUES ('s', 'good', %s)"
            " ON CONFLICT (site, agent) DO UPDATE SET last_seen_at = excluded.last_seen_at",
            (at,),
        )
        for table, column in (("evidence", "announced_at"), ("evidence", "stored_at"), ("gaps", "recorded_at")):
            moved = f"UPDATE {table} SET {column} = %s WHERE {column} > now() - interval '1 h'"
            self.connection.execute(moved.encode(), (at,))
        self.enforcer.look(self.connection)
        self.sweeper.turn(self.connection)
        self.now_s += DAY_S
        self.steady_s += DAY_S

    def send(self, agent: str, *events: Event, low: int = 1, epoch: int = 1) -> None:
        self.send_raw(agent, [encode_event(event) for event in events], low, epoch)

    def send_raw(self, agent: str, rows: list[bytes], low: int = 1, epoch: int = 1) -> None:
        first = self.sent[agent, epoch] + 1
        self.sent[agent, epoch] += len(rows)
        header = Header(Lane.ALARM, epoch, first, len(rows), min(low, first), to_ms(self.now_s))
        sent = Message(f"hl/1/s/{agent}/up/alarm", encode_batch(header, rows), False, self.now_s)
        self.committer.commit(self.connection, read([sent], Lane.ALARM))

    def crossing(self, track: int) -> LineCrossed:
        return LineCrossed(to_ms(self.now_s), 1, 0, Direction.LEFT_TO_RIGHT, 1, track, 1, 0)

    def picture(self, agent: str, content: bytes, sequence: int) -> bytes:
        """Announce a picture and bring it."""
        digest = hashlib.sha256(content).digest()
        self.send(agent, EvidenceReady(to_ms(self.now_s), Lane.ALARM, sequence, digest, len(content)))
        self.pictures.add(digest, 0, content, len(content))
        os.utime(self.pictures.path(digest), (self.now_s, self.now_s))
        self.connection.execute("UPDATE evidence SET stored_at = now() WHERE sha256 = %s", (digest,))
        return digest

    def clear(self, condition: str) -> None:
        at = datetime.fromtimestamp(self.now_s, tz=UTC)
        cleared = f"UPDATE alerts SET cleared_at = %s, verdict = 'true' WHERE {condition}"
        self.connection.execute(cleared.encode(), (at,))


def jpeg(text: str) -> bytes:
    return b"\xff\xd8\xff" + text.encode()


def test_a_year_of_a_hostile_box_leaves_the_disk_bounded_and_the_others_whole(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    year = Year(database, connection, tmp_path / "evidence")
    year.send("good", year.crossing(1))
    with database.connect("alerting") as own:
        year.engine.take(own)
    kept = year.picture("good", jpeg("of an open alert"), 1)
    rows, files = [], []
    for day in range(365):
        if day % 5 == 0:
            year.send("good", year.crossing(1000 + day))
        for part in range(2):
            year.send_raw("hostile", [b"\xc1" * 3000], epoch=day * 10 + part)
            year.picture("hostile", jpeg(f"{day} {part}"), 10**9 + day * 10 + part)
        for _ in range(300 if day < 3 else 0):
            year.send_raw("hostile", [b"\xc1"])
        year.day()
        rows.append(number(connection, "(SELECT count(*) FROM dead_letters) + (SELECT count(*) FROM evidence)"))
        files.append(len(list((tmp_path / "evidence").glob("*/*.jpg"))))
    assert max(files) <= 2 * 32 + 1
    assert max(rows) <= 3 * 200 + 200 + 2 * 2 * 32
    assert rows[-1] <= 2 * 2 * 32
    assert year.pictures.path(kept).is_file(), "an open alert keeps its picture"
    of_good = "FROM events JOIN producers p ON p.id = producer_id WHERE agent = 'good'"
    assert number(connection, f"count(*) {of_good}") == 1 + 73 + 1
    assert number(connection, "count(*) FROM alerts WHERE cleared_at IS NULL") == 1
    assert number(connection, "coalesce(sum(value), 0) FROM counters WHERE name = 'withheld_batches'") >= 300


def test_pictures_go_a_month_after_their_last_alert_and_with_their_files(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    year = Year(database, connection, tmp_path / "evidence")
    for track in (1, 2):
        year.send("good", year.crossing(track))
    with database.connect("alerting") as own:
        year.engine.take(own)
    shared_one = year.picture("good", jpeg("shared"), 1)
    year.send("good", EvidenceReady(to_ms(year.now_s), Lane.ALARM, 2, shared_one, len(jpeg("shared"))))
    lone = year.picture("good", jpeg("of no alert"), 77)
    orphan = hashlib.sha256(jpeg("orphan")).digest()
    year.pictures.add(orphan, 0, jpeg("orphan"), len(jpeg("orphan")))
    os.utime(year.pictures.path(orphan), (year.now_s, year.now_s))
    year.clear("id = (SELECT min(id) FROM alerts)")

    def there() -> list[bool]:
        return [year.pictures.path(digest).is_file() for digest in (shared_one, lone, orphan)]

    for _ in range(29):
        year.day()
    assert there() == [True, True, True]
    for _ in range(5):
        year.day()
    assert there() == [True, False, False], "one of its alerts is open"
    year.clear("cleared_at IS NULL")
    for _ in range(33):
        year.day()
    assert there() == [False, False, False]
    assert number(connection, "count(*) FROM evidence_of") == 0
    assert number(connection, "count(*) FROM alerts") == 1, "the alert itself is kept for longer"
    for _ in range(30):
        year.day()
    assert number(connection, "(SELECT count(*) FROM alerts) + (SELECT count(*) FROM alert_members)") == 0
    assert number(connection, "sum(value) FROM counters WHERE name = 'alerts_forgotten'") == 2


def test_nothing_goes_while_a_clock_is_in_doubt(database: Database, connection: Connection, tmp_path: Path) -> None:
    year = Year(database, connection, tmp_path / "evidence")
    year.send_raw("hostile", [b"\xc1"])
    lone = year.picture("good", jpeg("of no alert"), 77)
    year.day()
    year.now_s += 365 * DAY_S  # by the wall clock alone
    orphan = hashlib.sha256(jpeg("orphan")).digest()
    year.pictures.add(orphan, 0, jpeg("orphan"), len(jpeg("orphan")))
    os.utime(year.pictures.path(orphan), (year.now_s - 300 * DAY_S,) * 2)
    year.enforcer.look(connection)
    year.sweeper.turn(connection)
    assert year.pictures.path(lone).is_file()
    assert year.pictures.path(orphan).is_file()
    assert number(connection, "count(*) FROM dead_letters") == 1


def test_a_picture_that_is_announced_again_meanwhile_stays(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    year = Year(database, connection, tmp_path / "evidence")
    again = year.picture("good", jpeg("again"), 77)
    for _ in range(30):
        year.day()
    year.send("good", EvidenceReady(to_ms(year.now_s), Lane.ALARM, 99, again, len(jpeg("again"))))
    for _ in range(10):
        year.day()
    assert year.pictures.path(again).is_file()


@pytest.fixture
def announced(connection: Connection) -> Iterator[list[dict[str, object]]]:
    """Pictures of two boxes that may be brought: parameters, hash and content."""
    found, now_ms = [], to_ms(time.time())
    for agent in ("hostile", "good"):
        contents = [jpeg(f"{agent} {n}").ljust(1000, b".") for n in range(4)]
        digests = [hashlib.sha256(content).digest() for content in contents]
        events = [EvidenceReady(now_ms, Lane.ALARM, 50 + n, digest, 1000) for n, digest in enumerate(digests)]
        header = Header(Lane.ALARM, 1, 1, 4, 1, now_ms)
        payload = encode_batch(header, [encode_event(event) for event in events])
        sent = Message(f"hl/1/s/{agent}/up/alarm", payload, False, time.time())
        Committer("test").commit(connection, read([sent], Lane.ALARM))
        for n, content in enumerate(contents):
            of = {"site": "s", "agent": agent, "epoch": 1, "lane": 0, "seq": 50 + n}
            found.append({"of": of, "sha256": hashlib.sha256(content).hexdigest(), "content": content})
    yield found


@pytest.mark.parametrize(("pictures", "status"), [((2500, 10**9), 429), ((10**9, 2500), 507)])
def test_a_box_over_its_bounds_keeps_its_pictures_and_others_bring_theirs(
    announced: list[dict[str, object]], bounded: httpx.Client, connection: Connection, status: int
) -> None:
    answers = [
        bounded.put(f"/api/v1/evidence/{each['sha256']}", params=each["of"], content=each["content"])  # type: ignore[arg-type]
        for each in announced
    ]
    assert [answer.status_code for answer in answers] == [204, 204, status, status] * 2
    assert answers[2].headers["retry-after"] == "300"
    assert "limits.pictures_mb" in answers[2].json()["detail"]
    refused = "sum(value) FROM counters WHERE (name, label) = ('pictures_refused', 's/hostile')"
    assert number(connection, refused) == 2
    assert number(connection, "count(*) FROM evidence WHERE stored_at IS NOT NULL") == 4
    again = bounded.put(  # what has come is answered as ever
        f"/api/v1/evidence/{announced[0]['sha256']}",
        params=announced[0]["of"],
        content=announced[0]["content"],  # type: ignore[arg-type]
    )
    assert again.status_code == 204


class FullDisk(PictureStore):
    """Takes nothing for as long as it is full."""

    full = True

    def add(self, digest: bytes, offset: int, piece: bytes, total: int) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "no space left")
        return super().add(digest, offset, piece, total)


def test_what_our_disk_does_not_take_and_what_begins_anew_cost_the_box_nothing(
    announced: list[dict[str, object]], database: Database, tmp_path: Path
) -> None:
    disk, first = FullDisk(tmp_path / "evidence", 2500), announced[0]
    asked: dict[str, Any] = {"params": first["of"], "content": first["content"]}
    piece = {**asked, "content": b"." * 500, "headers": {"content-range": "bytes 500-999/1000"}}
    with served(database, disk, tmp_path) as client:
        path = f"/api/v1/evidence/{first['sha256']}"
        assert [client.put(path, **asked).status_code for _ in range(5)] == [507] * 5
        disk.full = False
        assert [client.put(path, **piece).status_code for _ in range(5)] == [202] * 5, "what came before it is gone"
        assert client.put(path, **asked).status_code == 204
        rest = [
            client.put(f"/api/v1/evidence/{each['sha256']}", params=each["of"], content=each["content"]).status_code  # type: ignore[arg-type]
            for each in announced[1:3]
        ]
        assert rest == [204, 429]


def test_what_cannot_be_asked_for_keeps_nothing_else_from_being_deleted(
    database: Database, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    year = Year(database, connection, tmp_path / "evidence")
    year.send_raw("hostile", [b"\xc1"])

    def old_days(_connection: Connection, _before: date) -> list[date]:
        raise ValueError("a fault of another distribution")

    theirs = Retained("theirs", lambda periods: periods.alerts, old_days, lambda *_: True)
    ours = domains()
    both = replace(ours, retained=(theirs, *ours.retained))
    monkeypatch.setattr("aggregator.retention.enforcer.domains", lambda: both)
    for _ in range(33):
        with pytest.raises(ValueError, match="another distribution"):
            year.day()
        year.now_s += DAY_S
        year.steady_s += DAY_S
    assert number(connection, "count(*) FROM dead_letters") == 0
