"""The outbox: numbers are never used twice, waiting events survive, and what is given up is said."""

import contextlib
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.outbox.ballast import BALLAST_BYTES, Ballast
from edge_agent.uplink.outbox.capacity import LEAST_BYTES
from edge_agent.uplink.outbox.epoch_reset import renew_epoch
from edge_agent.uplink.outbox.store import EVICT_ROWS, OutboxFile
from edge_agent.uplink.outbox.writer import BLOCK
from shared.clock import SystemClock
from shared.envelope import decode_event
from shared.errors import UnavailableError
from shared.events import (
    CameraChanged,
    CameraState,
    ConfigApplied,
    Event,
    EvidenceReady,
    Lane,
    LineSpec,
    LossReason,
    RangeLost,
)

CLOCK = SystemClock()
SMALL = 100_000


def event(number: int) -> Event:
    return CameraChanged(number, 1, 0, CameraState.WATCHING, "x" * 40)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    outbox = Outbox(path, CLOCK, max_bytes=10_000_000)
    yield outbox
    outbox.close()


def crash(outbox: Outbox, copy: Path) -> Path:
    """The file as a power cut would leave it: copied while open."""
    outbox.flush()
    for suffix in ("", "-wal"):
        source = Path(f"{outbox.file.path}{suffix}")
        if source.exists():
            shutil.copy(source, f"{copy}{suffix}")
    return copy


def waiting(outbox: Outbox, lane: Lane) -> list[int]:
    return [sequence for sequence, _ in outbox.waiting_between(lane, 1, 2**40)]


def test_numbers_follow_on_each_other_by_lane(outbox: Outbox) -> None:
    assert [outbox.append(Lane.ALARM, event(n)) for n in range(3)] == [1, 2, 3]
    assert [outbox.append(Lane.BULK, event(n)) for n in range(2)] == [1, 2]


def test_alarm_can_be_published_before_it_is_on_disk_and_bulk_cannot(outbox: Outbox) -> None:
    with outbox.file._write_lock:  # the card is slow
        outbox.append(Lane.ALARM, event(1))
        outbox.append(Lane.BULK, event(1))
        assert outbox.next_batch(Lane.ALARM, 0, 10, 4096) is not None
        assert outbox.next_batch(Lane.BULK, 0, 10, 4096) is None
    outbox.flush()
    assert outbox.next_batch(Lane.BULK, 0, 10, 4096) is not None


def test_acknowledged_before_it_was_written_is_never_sent_again(outbox: Outbox) -> None:
    with outbox.file._write_lock:
        outbox.append(Lane.ALARM, event(1))
        time.sleep(0.05)  # the writer has taken its copy and waits for the card
        outbox.acknowledge(Lane.ALARM, 1, ())
        assert outbox.next_batch(Lane.ALARM, 0, 10, 4096) is None
    outbox.flush()
    assert outbox.file.rows_after(Lane.ALARM, 0, 10) == []
    assert outbox.waiting()[Lane.ALARM] == 0


def test_batch_is_bounded_and_stops_at_a_hole(outbox: Outbox) -> None:
    for n in range(10):
        outbox.append(Lane.ALARM, event(n))
    outbox.acknowledge(Lane.ALARM, 2, ((5, 5),))
    first, rows = outbox.next_batch(Lane.ALARM, 0, 100, 100_000) or (0, [])
    assert (first, len(rows)) == (3, 2)
    first, rows = outbox.next_batch(Lane.ALARM, 4, 3, 100_000) or (0, [])
    assert (first, len(rows)) == (6, 3)
    _, rows = outbox.next_batch(Lane.ALARM, 5, 100, 120) or (0, [])
    assert len(rows) == 2
    assert outbox.low(Lane.ALARM) == 3


def test_clean_restart_goes_on_without_a_gap(path: Path) -> None:
    one = Outbox(path, CLOCK, max_bytes=SMALL)
    one.append(Lane.ALARM, event(1))
    one.append(Lane.ALARM, event(2))
    one.acknowledge(Lane.ALARM, 1, ())
    one.close()
    two = Outbox(path, CLOCK, max_bytes=SMALL)
    assert waiting(two, Lane.ALARM) == [2]
    assert two.append(Lane.ALARM, event(3)) == 3
    assert two.epoch == one.epoch
    assert two.session == one.session + 1
    two.close()


def test_crash_skips_what_may_have_been_used_and_says_so(outbox: Outbox, tmp_path: Path) -> None:
    for n in range(5):
        outbox.append(Lane.ALARM, event(n))
    outbox.append(Lane.BULK, event(1))
    again = Outbox(crash(outbox, tmp_path / "crashed.db"), CLOCK, max_bytes=SMALL)
    assert again.append(Lane.BULK, event(2)) == BLOCK + 1
    rows = dict(again.waiting_between(Lane.ALARM, 1, 2 * BLOCK))
    assert sorted(rows) == [1, 2, 3, 4, 5, BLOCK + 1, BLOCK + 2]
    reports = [decode_event(rows[BLOCK + n]) for n in (1, 2)]
    assert [(r.lane, r.first, r.last, r.reason) for r in reports if isinstance(r, RangeLost)] == [
        (Lane.ALARM, 6, BLOCK, LossReason.RESTART),
        (Lane.BULK, 2, BLOCK, LossReason.RESTART),
    ]
    again.close()


def test_crash_of_everything_acknowledged_still_uses_no_number_twice(outbox: Outbox, tmp_path: Path) -> None:
    for n in range(5):
        outbox.append(Lane.ALARM, event(n))
    outbox.acknowledge(Lane.ALARM, 5, ())
    again = Outbox(crash(outbox, tmp_path / "crashed.db"), CLOCK, max_bytes=SMALL)
    assert again.append(Lane.ALARM, event(9)) > BLOCK
    again.close()


def test_many_blocks(outbox: Outbox) -> None:
    numbers = [outbox.append(Lane.BULK, event(n)) for n in range(3 * BLOCK)]
    assert numbers == list(range(1, 3 * BLOCK + 1))
    outbox.flush()
    assert outbox.high(Lane.BULK) >= 3 * BLOCK
    after, seen = 0, []
    while found := outbox.next_batch(Lane.BULK, after, 200, 4096):
        seen += range(found[0], found[0] + len(found[1]))
        after = seen[-1]
    assert seen == numbers
    assert outbox.waiting()[Lane.BULK] == len(numbers)


def test_full_outbox_gives_up_bulk_first_and_reports_it(path: Path) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=SMALL)
    for n in range(100):
        outbox.append(Lane.ALARM, event(n))
    for n in range(3000):
        outbox.append(Lane.BULK, event(n))
    outbox.flush()
    alarms = dict(outbox.waiting_between(Lane.ALARM, 1, 10_000))
    assert set(range(1, 101)) <= set(alarms), "alarms are evicted last"
    lost = [r for row in alarms.values() if isinstance(r := decode_event(row), RangeLost)]
    given_up = {n for r in lost for n in range(r.first, r.last + 1)}
    assert all(r.lane is Lane.BULK and r.reason is LossReason.EVICTED for r in lost)
    left = set(waiting(outbox, Lane.BULK))
    assert left | given_up == set(range(1, 3001))
    assert not left & given_up
    assert sum(len(row) for _, row in outbox.file.rows_after(Lane.BULK, 0, 10_000)) < SMALL
    assert outbox.low(Lane.BULK) == min(left)
    outbox.close()


def test_configuration_is_announced_when_it_differs(path: Path) -> None:
    line = LineSpec(0, "gate", ((0.0, 0.5), (1.0, 0.5)), "both", 2)
    outbox = Outbox(path, CLOCK, max_bytes=SMALL)
    assert [outbox.apply_config(("c",), (line,)) for _ in range(2)] == [1, 1]
    assert outbox.apply_config(("c", "d"), (line,)) == 2
    assert len(waiting(outbox, Lane.ALARM)) == 2
    outbox.close()


def test_copy_goes_on_as_a_producer_of_its_own(path: Path) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=SMALL)
    outbox.apply_config(("c",), ())
    for n in range(3):
        outbox.append(Lane.BULK, event(n))
    outbox.acknowledge(Lane.ALARM, 1, ())
    outbox.acknowledge(Lane.BULK, 1, ())
    before = outbox.epoch
    outbox.close()
    renew_epoch(path, CLOCK)
    renewed = Outbox(path, CLOCK, max_bytes=SMALL)
    assert renewed.epoch != before
    assert waiting(renewed, Lane.BULK) == [1, 2]
    ((_, row),) = renewed.waiting_between(Lane.ALARM, 1, 10)
    assert isinstance(decode_event(row), ConfigApplied)
    assert renewed.append(Lane.BULK, event(9)) == 3
    renewed.close()


def test_runs_are_never_the_same(path: Path) -> None:
    one = Outbox(path, CLOCK, max_bytes=SMALL)
    runs = [one.new_run(), one.new_run()]
    one.close()
    two = Outbox(path, CLOCK, max_bytes=SMALL)
    runs.append(two.new_run())
    two.close()
    assert runs == [1, 2, 3]


def test_file_that_is_no_database_is_put_aside(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)
    outbox = Outbox(path, CLOCK, max_bytes=SMALL)
    assert outbox.append(Lane.ALARM, event(1)) == 1
    assert outbox.damages == 1
    outbox.close()
    (kept,) = path.parent.glob("outbox.db.damaged-*")
    assert kept.read_bytes() == b"garbage" * 1000


def test_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"outbox\.db: the outbox cannot be opened"):
        Outbox(tmp_path / "file" / "outbox.db", CLOCK, max_bytes=SMALL)


def damaged(path: Path, seed: int) -> int:
    """An outbox with 3,000 bulk events and 50 alarms, three of whose pages are garbage; its epoch."""
    one = Outbox(path, CLOCK, max_bytes=10_000_000)
    one.apply_config(("gate",), (LineSpec(0, "north", ((0.0, 0.0), (1.0, 1.0)), "both", 1),))
    one.append(Lane.ALARM, EvidenceReady(1, Lane.ALARM, 7, b"\x01" * 32, 10))
    one.append(Lane.ALARM, RangeLost(1, Lane.BULK, 100, 4000, LossReason.EVICTED))
    for _ in range(5):
        one.new_run()
    for n in range(3000):
        one.append(Lane.BULK, event(n))
    for n in range(50):
        one.append(Lane.ALARM, event(10_000 + n))
    one.close()
    content = bytearray(path.read_bytes())
    rng = random.Random(seed)
    for page in rng.sample(range(12, len(content) // 4096), 3):
        content[page * 4096 : page * 4096 + 512] = rng.randbytes(512)
    path.write_bytes(bytes(content))
    return one.epoch


@pytest.mark.parametrize("seed", range(8))
def test_damaged_file_is_salvaged(path: Path, seed: int) -> None:
    epoch = damaged(path, seed)
    again = Outbox(path, CLOCK, max_bytes=10_000_000)
    assert again.damages == 1
    assert again.epoch != epoch, "we cannot know which numbers the damaged file had used"
    counts = again.waiting()
    assert counts[Lane.BULK] + counts[Lane.ALARM] > 2300, "three pages do not cost the rest"
    rows = [decode_event(row) for lane in Lane for _, row in again.waiting_between(lane, 1, 10_000)]
    seen = [row.at_ms for row in rows if isinstance(row, CameraChanged)]
    assert len(seen) == len(set(seen)), "nothing twice"
    assert not [row for row in rows if isinstance(row, EvidenceReady | RangeLost)], "what names old numbers is left out"
    assert isinstance(decode_event(again.waiting_between(Lane.ALARM, 1, 1)[0][1]), ConfigApplied)
    assert again.new_run() >= 6, "tracks do not look like earlier ones"
    again.close()
    assert list(path.parent.glob("outbox.db.damaged-*")), "the damaged file is kept"


@pytest.mark.parametrize("moment", range(8))
def test_salvage_that_is_interrupted_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Power goes before the nth time that a file is moved, removed or synced."""
    damaged(path, 3)
    count = 0

    def counted(whole: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == moment + 1:
                raise KeyboardInterrupt
            return whole(*arguments, **named)

        return call

    for where, name in ((Path, "rename"), (Path, "unlink"), (os, "fsync")):
        monkeypatch.setattr(where, name, counted(getattr(where, name)))
    with contextlib.suppress(KeyboardInterrupt):
        Outbox(path, CLOCK, max_bytes=10_000_000).close()
    monkeypatch.undo()
    again = Outbox(path, CLOCK, max_bytes=10_000_000)
    assert sum(again.waiting().values()) > 2300
    again.close()


def test_damaged_files_do_not_fill_the_card(path: Path) -> None:
    for _ in range(4):
        path.write_bytes(b"garbage" * 1000)
        Outbox(path, CLOCK, max_bytes=SMALL).close()
    assert len(list(path.parent.glob("outbox.db.damaged-*"))) <= 3 * 2


class Card:
    """A card that is full at once: SQLite may not grow, and only the ballast gives it room."""

    def __init__(self, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.db = outbox.file._write
        pages = self.db.execute("PRAGMA page_count").fetchone()[0]
        self.db.execute(f"PRAGMA max_page_count = {pages}")
        self.most = pages + BALLAST_BYTES // 4096
        whole = Ballast.release

        def release(ballast: Ballast) -> bool:
            if whole(ballast):
                self.db.execute(f"PRAGMA max_page_count = {self.most}")
                return True
            return False

        monkeypatch.setattr(Ballast, "release", release)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))


def large(number: int) -> Event:
    return CameraChanged(number, 1, 0, CameraState.WATCHING, "x" * 400)


def test_full_disk_gives_up_the_ballast_and_exchanges_the_oldest(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=50_000_000)
    for n in range(2000):
        outbox.append(Lane.BULK, large(n))
    assert outbox.flush()
    ballast = path.with_suffix(".ballast")
    assert ballast.stat().st_size == BALLAST_BYTES
    card = Card(outbox, monkeypatch)
    last = 0
    for n in range(2000, 12_000):
        last = outbox.append(Lane.BULK, large(n))
        if n % 500 == 0:
            outbox.flush(5)
    alarm = outbox.append(Lane.ALARM, event(1))
    assert outbox.flush(), "the disk takes what comes"
    assert not ballast.exists()
    assert waiting(outbox, Lane.BULK)[-1] == last
    assert waiting(outbox, Lane.BULK)[0] > 5000, "the oldest made room"
    assert alarm in waiting(outbox, Lane.ALARM)
    monkeypatch.undo()
    card.db.execute("PRAGMA max_page_count = 1000000")
    outbox.append(Lane.BULK, event(0))
    assert outbox.flush()
    assert ballast.exists(), "when there is room again, it is laid down again"
    outbox.close()


def test_the_file_has_a_bound_of_its_own_that_eviction_never_meets(path: Path) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=1_000_000)
    most = outbox.file._write.execute("PRAGMA max_page_count").fetchone()[0] * 4096
    assert most < 20_000_000
    for n in range(20_000):
        outbox.append(Lane.BULK, event(n))
    assert outbox.flush()
    assert path.stat().st_size < most / 2, "our own count of bytes keeps it far below"
    outbox.close()


def test_full_disk_while_nothing_waits_keeps_the_alarm(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=50_000_000)
    assert outbox.flush()
    Card(outbox, monkeypatch)
    alarms = [outbox.append(Lane.ALARM, large(n)) for n in range(40)]
    assert outbox.flush()
    assert waiting(outbox, Lane.ALARM) == alarms
    assert outbox.high(Lane.ALARM) == 40, "and no numbers are burnt"
    outbox.close()


def test_restart_on_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Outbox(path, CLOCK, max_bytes=50_000_000)
    kept = one.append(Lane.ALARM, event(1))
    one.close()
    tries = []
    whole = OutboxFile.change

    def change(self: OutboxFile, work: Any) -> Any:
        tries.append(1)
        if path.with_suffix(".ballast").exists():
            raise sqlite3.OperationalError("database or disk is full")
        return whole(self, work)

    monkeypatch.setattr(OutboxFile, "change", change)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    two = Outbox(path, CLOCK, max_bytes=50_000_000)
    assert len(tries) >= 2
    assert waiting(two, Lane.ALARM) == [kept]
    two.close()


def test_restart_on_a_full_disk_keeps_the_backlog(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Outbox(path, CLOCK, max_bytes=50_000_000)
    for n in range(9000):
        one.append(Lane.BULK, large(n))
    one.close()
    whole = OutboxFile.change

    def change(self: OutboxFile, work: Any) -> Any:
        if path.with_suffix(".ballast").exists():
            raise sqlite3.OperationalError("database or disk is full")
        return whole(self, work)

    monkeypatch.setattr(OutboxFile, "change", change)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    two = Outbox(path, CLOCK, max_bytes=50_000_000)
    assert two.file.waiting()[1] > 1.4 * LEAST_BYTES, "more waits than a full disk leaves room for by itself"
    two.append(Lane.ALARM, event(1))
    assert two.flush()
    assert two.waiting()[Lane.BULK] >= 9000 - EVICT_ROWS, "the new one takes the place of the oldest, and no more"
    two.close()


def test_a_ballast_that_holds_nothing_is_laid_down_again(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    ballast = Ballast(tmp_path / "b")
    assert not ballast.held
    assert ballast.hold()
    assert (tmp_path / "b").stat().st_blocks * 512 >= BALLAST_BYTES


def test_an_eviction_that_failed_is_not_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=SMALL)
    whole = OutboxFile.change
    fails = 3

    def change(self: OutboxFile, work: Any) -> Any:
        def and_fail(db: sqlite3.Connection) -> Any:
            nonlocal fails
            result = work(db)
            if fails and db.execute("SELECT count(*) FROM events WHERE lane = 0").fetchone()[0]:
                fails -= 1
                raise sqlite3.OperationalError("disk I/O error")
            return result

        return whole(self, and_fail)

    monkeypatch.setattr(OutboxFile, "change", change)
    for n in range(1500):
        outbox.append(Lane.BULK, event(n))
    assert outbox.flush(30)
    assert fails == 0
    rows = [decode_event(row) for _, row in outbox.waiting_between(Lane.ALARM, 1, 10_000)]
    lost = [(row.first, row.last) for row in rows if isinstance(row, RangeLost)]
    assert len(lost) == len(set(lost)), "each loss is told once"
    left = set(waiting(outbox, Lane.BULK))
    assert {n for first, last in lost for n in range(first, last + 1)} | left == set(range(1, 1501))
    assert waiting(outbox, Lane.ALARM) == list(range(1, len(rows) + 1)), "and no number is lost to a failed try"
    outbox.close()


def test_write_error_keeps_events_until_the_disk_takes_them(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = True
    whole = OutboxFile.change

    def change(self, work):  # type: ignore[no-untyped-def]
        if broken:
            raise sqlite3.OperationalError("disk I/O error")
        return whole(self, work)

    monkeypatch.setattr(OutboxFile, "change", change)
    outbox.append(Lane.ALARM, event(1))
    assert not outbox.flush(timeout_s=0.3)
    assert outbox.next_batch(Lane.ALARM, 0, 10, 4096) is not None
    broken = False
    assert outbox.flush(timeout_s=10)
    assert [seq for seq, _ in outbox.file.rows_after(Lane.ALARM, 0, 10)] == [1]


def test_one_outbox_has_one_agent(outbox: Outbox, path: Path) -> None:
    with pytest.raises(UnavailableError, match="another agent uses this data_dir"):
        Outbox(path, CLOCK, max_bytes=SMALL)


def test_end_that_could_not_write_everything_is_no_clean_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=SMALL)
    whole = OutboxFile.change

    def change(self, work):  # type: ignore[no-untyped-def]
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(OutboxFile, "change", change)
    outbox.append(Lane.BULK, event(1))
    outbox.close()
    monkeypatch.setattr(OutboxFile, "change", whole)
    again = Outbox(path, CLOCK, max_bytes=SMALL)
    assert again.append(Lane.BULK, event(2)) == BLOCK + 1
    reports = [decode_event(row) for _, row in again.waiting_between(Lane.ALARM, 1, 2 * BLOCK)]
    assert {(r.lane, r.first) for r in reports if isinstance(r, RangeLost)} == {(Lane.ALARM, 1), (Lane.BULK, 1)}
    again.close()


def test_announcements_of_pictures_do_not_follow_into_a_new_epoch(path: Path) -> None:
    outbox = Outbox(path, CLOCK, max_bytes=SMALL)
    outbox.append(Lane.BULK, EvidenceReady(1, Lane.ALARM, 7, b"\x01" * 32, 10))
    outbox.append(Lane.BULK, event(2))
    outbox.close()
    renew_epoch(path, CLOCK)
    renewed = Outbox(path, CLOCK, max_bytes=SMALL)
    rows = [decode_event(row) for _, row in renewed.waiting_between(Lane.BULK, 1, 10)]
    assert rows == [event(2)]
    renewed.close()


def test_a_file_that_knew_one_picture_an_event_takes_several(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript(
            "CREATE TABLE pictures (lane INTEGER NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,"
            " sha256 BLOB NOT NULL, size INTEGER NOT NULL, taken_ms INTEGER NOT NULL,"
            " uploaded INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (epoch, lane, seq))"
            " WITHOUT ROWID;"
            "CREATE INDEX pictures_by_sha256 ON pictures (sha256);"
            "CREATE INDEX pictures_waiting ON pictures (uploaded, tries, taken_ms);"
            "INSERT INTO pictures VALUES (0, 7, 1, x'01', 5, 99, 0, 3)"
        )
    for _ in range(2):
        file = OutboxFile(path)
        file.change(lambda db: db.execute("INSERT OR REPLACE INTO pictures VALUES (0, 7, 1, x'02', 6, 98, 0, 0)"))
        assert [(each.sequence, each.sha256) for each in file.pictures_waiting(9)] == [(7, b"\2"), (7, b"\1")]
        file.close()
