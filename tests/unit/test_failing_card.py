"""A card that refuses: every event goes out all the same, no number is used twice, and the box says what is wrong."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from edge_agent import health
from edge_agent.agent import Agent, Ending
from edge_agent.config import AgentSettings, BrokerSettings, CameraSettings, SyntheticCamera
from edge_agent.uplink.outbox import Intake, Outbox
from edge_agent.uplink.outbox.ballast import BALLAST_BYTES
from edge_agent.uplink.outbox.intake import Numbered
from edge_agent.uplink.outbox.opening import CardLook, open_outbox, takes_writes
from edge_agent.uplink.outbox.storage_health import CardError
from edge_agent.uplink.outbox.writer import BLOCK
from edge_agent.uplink.pictures import MemoryRing, PictureRing, PictureWriter, Taken
from shared.clock import SystemClock
from shared.envelope import decode_event
from shared.errors import UnavailableError
from shared.events import (
    CameraChanged,
    CameraState,
    ConfigApplied,
    EvidenceReady,
    Health,
    Lane,
    LineSpec,
    LossReason,
    RangeLost,
)
from shared.net import pick_free_port
from tests.simulators.power import Disk, JournallingVfs

CLOCK = SystemClock()
LINES = (LineSpec(0, "gate", ((0.0, 0.5), (1.0, 0.5)), "both", 2),)
REFUSALS = {
    "input/output error": sqlite3.SQLITE_IOERR | (3 << 8),
    "no space is left": sqlite3.SQLITE_FULL,
    "read-only": sqlite3.SQLITE_READONLY,
}


def event(number: int) -> CameraChanged:
    return CameraChanged(number, 1, 0, CameraState.WATCHING, "")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        vfs = JournallingVfs(tmp_path)
    except OSError as error:
        pytest.skip(str(error))
    with vfs as disk:
        yield disk


@pytest.fixture
def intake(tmp_path: Path, disk: Disk) -> Iterator[Intake]:
    intake = Intake(Outbox(tmp_path / "outbox.db", CLOCK, max_bytes=10_000_000), CLOCK)
    intake.apply_config(("c",), LINES)
    assert intake.card.flush()
    yield intake
    disk.refuses = 0
    intake.close()


def until(look: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def sendable(outbox: Outbox, lane: Lane) -> dict[int, bytes]:
    """What a publisher would find."""
    found, after = dict[int, bytes](), 0
    while batch := outbox.next_batch(lane, after, 200, 4096):
        first, rows = batch
        found |= dict(enumerate(rows, start=first))
        after = first + len(rows) - 1
    return found


@pytest.mark.parametrize("words", REFUSALS)
def test_every_event_can_be_sent_while_the_card_refuses(words: str, intake: Intake, disk: Disk) -> None:
    disk.refuses = REFUSALS[words]
    count = BLOCK + 100
    began_s = time.monotonic()
    given = {lane: [intake.append(lane, event(n)) for n in range(count)] for lane in Lane}
    assert time.monotonic() - began_s < 30, "no camera waits for a card that says no"
    refusal = intake.refusal
    assert refusal
    assert words in refusal.reason
    assert intake.memory.flush()
    for lane, numbered in given.items():
        assert len(set(numbered)) == count
        there = {outbox.epoch: sendable(outbox, lane) for outbox in intake.outboxes}
        assert [decode_event(there[epoch][number]) for epoch, number in numbered] == [event(n) for n in range(count)]
    of_memory = [decode_event(row) for row in sendable(intake.memory, Lane.ALARM).values()]
    assert isinstance(of_memory[0], ConfigApplied), "its epoch knows the lines before anything refers to them"
    assert (of_memory[0].revision, of_memory[0].lines) == (1, LINES)
    assert not any(isinstance(each, RangeLost | ConfigApplied) for each in of_memory[1:])


def test_both_lanes_go_to_memory_together(intake: Intake, disk: Disk) -> None:
    """An alarm under the card's epoch could not have its picture announced: that takes a number of the bulk lane."""
    disk.refuses = sqlite3.SQLITE_IOERR
    bulk = [intake.append(Lane.BULK, event(n)) for n in range(BLOCK + 1)]
    assert bulk[-1].epoch == intake.memory.epoch
    assert intake.append(Lane.ALARM, event(0)).epoch == intake.memory.epoch
    disk.refuses = 0
    until(lambda: intake.refusal is None)
    assert {intake.append(lane, event(0)).epoch for lane in Lane} == {intake.card.epoch}


def test_when_the_card_is_well_again_events_go_there(intake: Intake, disk: Disk, tmp_path: Path) -> None:
    disk.refuses = sqlite3.SQLITE_IOERR
    numbered = [intake.append(Lane.ALARM, event(n)) for n in range(BLOCK + 10)]
    on_card = [sequence for epoch, sequence in numbered if epoch == intake.card.epoch]
    intake.card.acknowledge(Lane.ALARM, on_card[5], ())
    disk.refuses = 0
    until(lambda: intake.refusal is None)
    after = intake.append(Lane.ALARM, event(1))
    assert after == Numbered(intake.card.epoch, on_card[-1] + 1), "the same epoch goes on, and skips no number"
    assert intake.card.flush()
    assert [seq for seq, _ in intake.card.file.rows_after(Lane.ALARM, 0, 10_000)] == [*on_card[6:], after.sequence]
    assert intake.waiting()[Lane.ALARM] == len(numbered) - 6 + 2


def test_the_power_goes_while_events_are_in_memory_only(intake: Intake, disk: Disk, tmp_path: Path) -> None:
    disk.refuses = sqlite3.SQLITE_IOERR
    given = [intake.append(Lane.ALARM, event(n)) for n in range(2 * BLOCK)]
    disk.refuses = 0
    (tmp_path / "after").mkdir()
    for part in ("", "-wal"):  # as the card holds it, and nothing of what was in memory
        shutil.copy(f"{intake.card.file.path}{part}", tmp_path / "after" / f"outbox.db{part}")
    again = Intake(Outbox(tmp_path / "after" / "outbox.db", CLOCK, max_bytes=10_000_000), CLOCK)
    fresh = [again.append(Lane.ALARM, event(n)) for n in range(10)]
    assert not {Numbered(*each) for each in fresh} & set(given), "no number is used twice"
    assert again.memory.epoch not in {epoch for epoch, _ in given}
    rows = [decode_event(row) for row in sendable(again.card, Lane.ALARM).values()]
    lost = [row for row in rows if isinstance(row, RangeLost) and row.lane is Lane.ALARM]
    assert [row.reason for row in lost] == [LossReason.RESTART]
    assert {seq for epoch, seq in given if epoch == again.card.epoch} <= set(range(lost[0].first, lost[0].last + 1))
    again.close()


def test_what_does_not_fit_into_memory_is_reported_and_the_configuration_stays(tmp_path: Path, disk: Disk) -> None:
    intake = Intake(Outbox(tmp_path / "outbox.db", CLOCK, max_bytes=10_000_000), CLOCK, max_bytes=50_000)
    intake.apply_config(("c",), LINES)
    disk.refuses = sqlite3.SQLITE_IOERR
    numbered = []
    for n in range(BLOCK + 4000):
        numbered.append(intake.append(Lane.ALARM, event(n)))
        if n % 500 == 0:
            intake.memory.flush()
    assert intake.memory.flush()
    rows = {seq: decode_event(row) for seq, row in intake.memory.waiting_between(Lane.ALARM, 1, 10_000)}
    assert isinstance(rows[1], ConfigApplied)
    told = {n for row in rows.values() if isinstance(row, RangeLost) for n in range(row.first, row.last + 1)}
    mine = {seq for epoch, seq in numbered if epoch == intake.memory.epoch}
    intake.memory.acknowledge(Lane.ALARM, 1, ())
    assert intake.memory.flush()
    low = intake.memory.low(Lane.ALARM)
    assert told, "memory is bounded"
    assert mine - set(rows), "memory is bounded"
    assert all(n in told or n < low for n in mine - set(rows)), "told by the box, or seen by the aggregator from `low`"
    disk.refuses = 0
    intake.close()


def test_a_camera_starts_while_the_card_refuses(intake: Intake, disk: Disk) -> None:
    before = intake.card.new_run()
    disk.refuses = sqlite3.SQLITE_IOERR
    assert [intake.card.new_run() for _ in range(3)] == [before + 1, before + 2, before + 3]


def test_runs_after_a_power_cut_are_unlike_those_before(intake: Intake, tmp_path: Path) -> None:
    before = [intake.card.new_run() for _ in range(3)]
    assert intake.card.flush()
    for part in ("", "-wal"):
        shutil.copy(f"{intake.card.file.path}{part}", tmp_path / f"again.db{part}")
    again = Outbox(tmp_path / "again.db", CLOCK, max_bytes=10_000_000)
    assert again.new_run() > max(before)
    again.close()


def beat(intake: Intake, folder: Path) -> Health:
    return health.take(CLOCK, CLOCK.monotonic_s(), intake, folder, ())


def test_the_next_heartbeat_says_so_though_nothing_happens(intake: Intake, disk: Disk, tmp_path: Path) -> None:
    assert beat(intake, tmp_path).outbox == ""
    disk.refuses = sqlite3.SQLITE_IOERR
    told = beat(intake, tmp_path)
    assert told.outbox.startswith("the card refuses writes: input/output error")
    assert abs(told.outbox_since_ms - CLOCK.now_s() * 1000) < 60_000
    assert beat(intake, tmp_path).outbox_since_ms == told.outbox_since_ms
    disk.refuses = 0
    until(lambda: beat(intake, tmp_path).outbox == "")


class StandingClock(SystemClock):
    """The wall clock stands still: two probes within the same millisecond."""

    def now_s(self) -> float:
        return 1_700_000_000.0


def test_a_second_probe_in_the_same_millisecond_is_a_write_too(tmp_path: Path, disk: Disk) -> None:
    outbox = Outbox(tmp_path / "outbox.db", StandingClock(), max_bytes=10_000_000)
    assert outbox.flush()
    assert outbox.probe() is None
    disk.refuses = sqlite3.SQLITE_IOERR
    refusal = outbox.probe()
    disk.refuses = 0
    outbox.close()
    assert refusal is not None


def test_a_card_that_cannot_be_read_ends_no_heartbeat(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(intake.card.file, "count_pictures_waiting", read)
    assert "cannot be read: disk I/O error" in beat(intake, tmp_path).outbox


def test_what_the_ballast_freed_is_not_free(intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not beat(intake, tmp_path).disk_full
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, BALLAST_BYTES + 12_288))
    intake.card._room.give()
    told = beat(intake, tmp_path)
    assert (told.disk_full, told.disk_free_bytes) == (True, 12_288)


def test_a_card_that_hangs_holds_up_no_event(intake: Intake) -> None:
    with intake.card.file._write_lock:  # a write that does not end
        numbered = [intake.append(Lane.BULK, event(n)) for n in range(BLOCK + 1)]
        with pytest.raises(CardError):
            intake.card.append(Lane.BULK, event(0))
    assert numbered[-1].epoch == intake.memory.epoch


def announced(outbox: Outbox) -> list[tuple[int, bytes]]:
    rows = [decode_event(row) for row in sendable(outbox, Lane.BULK).values()]
    return [(row.seq, row.sha256) for row in rows if isinstance(row, EvidenceReady)]


@pytest.mark.parametrize("words", REFUSALS)
def test_a_box_that_starts_on_a_card_that_refuses_works_in_memory(words: str, tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "outbox.db"
    before = Outbox(path, CLOCK, max_bytes=10_000_000)
    waits = before.append(Lane.ALARM, event(1))
    before.close()
    disk.refuses = REFUSALS[words]
    intake = Intake(open_outbox(path, CLOCK, 10_000_000), CLOCK)
    revision = intake.apply_config(("c",), LINES)
    numbered = intake.append(Lane.ALARM, event(2))
    assert numbered.epoch != before.epoch
    first, second = (decode_event(row) for row in sendable(intake.card, Lane.ALARM).values())
    assert isinstance(first, ConfigApplied)
    assert (first.revision, second) == (revision, event(2))
    assert words in beat(intake, tmp_path).outbox
    assert not takes_writes(path, CLOCK, 10_000_000)
    disk.refuses = 0
    assert takes_writes(path, CLOCK, 10_000_000)
    intake.close()
    again = open_outbox(path, CLOCK, 10_000_000)
    assert (again.epoch, again.refusal) == (before.epoch, None)
    assert list(sendable(again, Lane.ALARM)) == [waits], "what waited on it is sent then"
    again.close()


@pytest.fixture
def settings(tmp_path: Path) -> AgentSettings:
    camera = CameraSettings("c", Path("c.toml"), SyntheticCamera("gate"))
    return AgentSettings(
        site="north", agent="g1", data_dir=tmp_path, cameras=[camera], broker=BrokerSettings(port=pick_free_port())
    )


def run(agent: Agent, stopping: threading.Event) -> list[Ending]:
    endings = list[Ending]()
    threading.Thread(target=lambda: endings.append(agent.run(stopping)), daemon=True).start()
    return endings


def test_a_busy_box_goes_back_to_a_card_that_is_well_again(
    tmp_path: Path, disk: Disk, settings: AgentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.agent.CardLook", partial(CardLook, every_s=0.3))
    Outbox(tmp_path / "outbox.db", CLOCK, max_bytes=10_000_000).close()
    disk.refuses = sqlite3.SQLITE_IOERR
    agent = Agent(settings, (), CLOCK)
    endings = run(agent, threading.Event())
    numbered = agent._intake.append(Lane.ALARM, event(1))
    agent._picture_writer.add(Taken(numbered.sequence, b"jpeg", round(CLOCK.now_s() * 1000), numbered.epoch))
    disk.refuses = 0
    until(lambda: endings)
    assert endings == [Ending.CARD], "though the link is down, and something waits"
    again = Agent(settings, (), CLOCK, agent.left)
    assert again._intake.append(Lane.ALARM, event(2)).epoch == again._intake.card.epoch != numbered.epoch
    events, pictures = agent.left
    assert decode_event(sendable(events.outbox, Lane.ALARM)[numbered.sequence]) == event(1)
    assert len(announced(events.outbox)) == 1
    assert [pictures.ring.content(each.sha256) for each in pictures.outbox.file.pictures_waiting(10)] == [b"jpeg"]
    assert [publisher._outbox for publisher in again._link.publishers][2:] == [events.outbox, pictures.outbox]
    assert beat(again._intake, tmp_path).pictures_waiting == 1
    stopping = threading.Event()
    stopping.set()
    assert again.run(stopping) is Ending.STOPPED


def test_a_card_that_hangs_when_it_is_tried_holds_nothing_up(
    tmp_path: Path, disk: Disk, settings: AgentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, answers = list[Path](), threading.Event()

    def hang(path: Path, *_: object) -> bool:
        tried.append(path)
        return answers.wait(30)

    monkeypatch.setattr("edge_agent.uplink.outbox.opening.takes_writes", hang)
    monkeypatch.setattr("edge_agent.uplink.outbox.opening._END_S", 0.1)
    monkeypatch.setattr("edge_agent.agent.CardLook", partial(CardLook, every_s=0.1))
    Outbox(tmp_path / "outbox.db", CLOCK, max_bytes=10_000_000).close()
    disk.refuses = sqlite3.SQLITE_IOERR
    agent, stopping = Agent(settings, (), CLOCK), threading.Event()
    endings = run(agent, stopping)
    until(lambda: tried)
    time.sleep(0.5)
    stopping.set()
    until(lambda: endings)
    answers.set()
    assert (endings, len(tried)) == ([Ending.STOPPED], 1)


def test_what_is_wrong_beside_the_card_ends_nobody_who_works_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not takes_writes(tmp_path / "file" / "outbox.db", CLOCK, 10_000_000)


def test_what_is_not_the_card_s_fault_ends_the_start(intake: Intake, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="another agent uses this data_dir"):
        open_outbox(tmp_path / "outbox.db", CLOCK, 10_000_000)
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="check data_dir"):
        open_outbox(tmp_path / "file" / "outbox.db", CLOCK, 10_000_000)


def test_pictures_the_card_does_not_take_go_by_memory(
    intake: Intake, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = PictureRing(tmp_path / "pictures", intake.card.file, CLOCK, 10**6)
    spare = MemoryRing(intake.memory.file, CLOCK, 10_000)
    writer = PictureWriter(ring, intake.card, lambda: None, (spare, intake.memory))
    disk.refuses = sqlite3.SQLITE_IOERR
    reserved = intake.append(Lane.ALARM, event(0))
    until(lambda: intake.refusal)
    while (volatile := intake.append(Lane.ALARM, event(1))).epoch == intake.card.epoch:
        pass
    for numbered, jpeg in ((reserved, b"one"), (volatile, b"two")):
        writer.add(Taken(numbered.sequence, jpeg, round(CLOCK.now_s() * 1000), numbered.epoch))
    writer.stop()
    monkeypatch.setattr(Outbox, "flush", lambda _: False)
    writer.run()
    assert intake.memory._writer.flush()
    waiting = {(each.epoch, each.sequence): each.sha256 for each in intake.memory.file.pictures_waiting(10)}
    assert {key: spare.content(digest) for key, digest in waiting.items()} == {reserved: b"one", volatile: b"two"}
    assert announced(intake.card) == [(reserved.sequence, waiting[reserved])]
    assert announced(intake.memory) == [(volatile.sequence, waiting[volatile])]
    assert writer.given_up == 0


def test_a_picture_whose_lane_has_no_number_is_announced_beside_its_alarm(
    intake: Intake, disk: Disk, tmp_path: Path
) -> None:
    ring = PictureRing(tmp_path / "pictures", intake.card.file, CLOCK, 10**6)
    spare = MemoryRing(intake.memory.file, CLOCK, 10_000)
    writer = PictureWriter(ring, intake.card, lambda: None, (spare, intake.memory))
    disk.refuses = sqlite3.SQLITE_IOERR
    alarm = intake.append(Lane.ALARM, event(0))
    while intake.append(Lane.BULK, event(0)).epoch == intake.card.epoch:
        pass
    writer._write(Taken(alarm.sequence, b"jpeg", round(CLOCK.now_s() * 1000), alarm.epoch))
    rows = [decode_event(row) for row in sendable(intake.card, Lane.ALARM).values()]
    assert [row.seq for row in rows if isinstance(row, EvidenceReady)] == [alarm.sequence]


def test_an_announced_picture_waits_however_busy_the_outbox_is(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "flush", lambda *_: False)  # there is always something that waits
    ring = PictureRing(tmp_path / "pictures", intake.card.file, CLOCK, 10**6)
    offered: list[int] = []
    writer = PictureWriter(ring, intake.card, lambda: offered.append(1))
    writer.add(Taken(7, b"jpeg", 1))
    writer.stop()
    writer.run()
    until(lambda: offered)
    (waiting,) = intake.card.file.pictures_waiting(10)
    assert ring.content(waiting.sha256) == b"jpeg"
    assert announced(intake.card) == [(7, waiting.sha256)]
