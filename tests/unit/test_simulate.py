"""What simulated boxes do, and whether the comparison at the end can fail."""

import random
from itertools import takewhile
from pathlib import Path

import pytest

from provisioning.lab.boxes import ledger as box_ledger
from provisioning.lab.boxes.behaviour import DAY, Mishap, Rates, hour_factor, mishaps, moments, step_s
from provisioning.lab.boxes.memory import MemoryOutbox
from provisioning.lab.simulate.comparison import Entry, Verdict, read_csv, read_files
from provisioning.lab.simulate.comparison import compare as walk
from shared.clock import ManualClock, SystemClock
from shared.events import CameraChanged, CameraState, Lane

MIDNIGHT_S = 1_790_000_000 // 86400 * 86400 - 8 * 3600.0


def count(rate: float, rates: Rates, seconds: float, begin_s: float = MIDNIGHT_S, seed: int = 1) -> int:
    coming = moments(rate, rates, random.Random(seed), begin_s)
    return sum(1 for _ in takewhile(lambda at_s: at_s < begin_s + seconds, coming))


def test_a_day_has_the_mean_rate_and_its_hours() -> None:
    rates = Rates(0.1, 0)
    assert count(0.1, rates, 86400) == pytest.approx(8640, rel=0.06)
    night, morning = (count(0.1, rates, 3600, MIDNIGHT_S + hour * 3600) for hour in (2, 7))
    assert morning > 5 * night
    assert sum(DAY) / 24 == pytest.approx(1, abs=0.1)
    assert all(abs(hour_factor(MIDNIGHT_S + s) - hour_factor(MIDNIGHT_S + s + 60)) < 0.03 for s in range(0, 86400, 600))


def test_steady_boxes_and_storms() -> None:
    assert count(2, Rates(2, 0, by_hour=False), 3600) == pytest.approx(7200, rel=0.05)
    stormy = count(2, Rates(2, 0, storms=20, by_hour=False), 3600)
    assert 9000 < stormy < 30000, "twenty storms of twenty seconds at ten times the rate"
    assert count(0, Rates(0, 0), 3600) == 0


def test_mishaps_come_as_often_as_asked_and_are_of_every_kind() -> None:
    found = list(takewhile(lambda one: one[0] < 36000, mishaps(Rates(0, 0, mishaps=30), random.Random(3), 0.0)))
    assert len(found) == pytest.approx(30 * len(Mishap) * 10, rel=0.15)
    assert {what for _, what in found} == set(Mishap)
    steps = [step_s(random.Random(seed)) for seed in range(500)]
    assert min(steps) < -86400 * 30
    assert max(steps) > 86400 * 30


def event() -> CameraChanged:
    return CameraChanged(1, 1, 0, CameraState.WATCHING, "")


def test_memory_outbox_keeps_what_is_not_acknowledged() -> None:
    outbox = MemoryOutbox(ManualClock())
    for _ in range(10):
        outbox.append(Lane.BULK, event())
    assert outbox.next_batch(Lane.BULK, 0, 4, 10_000) == (
        1,
        [row for _, row in outbox.waiting_between(Lane.BULK, 1, 4)],
    )
    outbox.acknowledge(Lane.BULK, 2, ((5, 6),))
    assert outbox.low(Lane.BULK) == 3
    assert [number for number, _ in outbox.waiting_between(Lane.BULK, 1, 10)] == [3, 4, 7, 8, 9, 10]
    first, rows = outbox.next_batch(Lane.BULK, 4, 200, 10_000) or (0, [])
    assert (first, len(rows)) == (7, 4)
    assert outbox.next_batch(Lane.BULK, 10, 200, 10_000) is None
    assert outbox.waiting() == {Lane.ALARM: 0, Lane.BULK: 6}
    outbox.quarantine(Lane.BULK, 8)
    assert outbox.waiting() == {Lane.ALARM: 1, Lane.BULK: 5}
    assert outbox.high(Lane.BULK) == 10


def test_a_ledger_on_disk_notes_what_no_code_of_ours_tells_it(tmp_path: Path) -> None:
    from edge_agent.uplink.outbox import Outbox

    path = tmp_path / "outbox.db"
    box_ledger.keep(path)
    outbox = Outbox(path, SystemClock(), max_bytes=10**6)
    numbers = [outbox.append(lane, event()) for lane in (Lane.ALARM, Lane.BULK, Lane.ALARM)]
    assert outbox.flush()
    outbox.acknowledge(Lane.ALARM, 2, ())
    outbox.close()
    assert [entry[:3] for entry in box_ledger.entries(path)] == [
        (outbox.epoch, Lane.ALARM, 1),
        (outbox.epoch, Lane.ALARM, 2),
        (outbox.epoch, Lane.BULK, 1),
    ]
    assert numbers == [1, 1, 2]


def compare(numbered: list[Entry], stored: list[Entry]) -> Verdict:
    return walk(numbered, stored, on_disk=True)


def entries(*numbers: int, agent: str = "a", checksum: int = 7) -> list[Entry]:
    return [(("s", agent, 1, 0, number), checksum) for number in numbers]


def test_a_comparison_finds_everything_that_can_be_wrong() -> None:
    good = compare(entries(1, 2, 3), entries(1, 2, 3, 4))
    assert good.is_good
    assert (good.numbered, good.stored, good.unwitnessed) == (3, 4, 1)

    lost = compare([*entries(1, 2, 3), *entries(1, agent="b")], entries(1, 3))
    assert (lost.lost, lost.is_good) == (2, False)
    assert lost.examples[0].startswith("lost: s/a epoch 00000001 lane 0 number 2")

    twice = compare(entries(1, 2), entries(1, 1, 1, 2, 2))
    assert (twice.duplicated, twice.numbered, twice.stored, twice.is_good) == (3, 2, 5, False)
    assert compare([], entries(4, 4)).duplicated == 1

    altered = compare(entries(1, 2), [*entries(1), *entries(2, checksum=8)])
    assert (altered.altered, altered.is_good) == (1, False)
    with pytest.raises(ValueError, match="not in order"):
        compare(entries(2, 1), [])
    assert compare([], []).is_good

    in_memory = walk(entries(1, 2, 3), entries(1, 2, 3, 4), on_disk=False)
    assert (in_memory.unexplained, in_memory.is_good) == (1, False)
    bulk: list[Entry] = [(("s", "a", 1, 1, 1), 7)]
    assert not compare([], bulk).is_good, "bulk is sent once it is on disk, so its ledger is never behind"


def test_ledgers_of_several_fleets_are_read_as_one(tmp_path: Path) -> None:
    heading = "site,agent,epoch,lane,seq,crc\n"
    for name, rows in (("one", "s,a,1,0,1,7\ns,c,1,0,1,7\n"), ("two", "s,b,1,0,1,7\n")):
        (tmp_path / name).write_text(heading + rows)
    found = list(read_files([tmp_path / "one", tmp_path / "two"]))
    assert [key[1] for key, _ in found] == ["a", "b", "c"]
    assert list(read_csv(["site,agent,epoch,lane,seq,crc", "s,a,1,0,1,7"])) == entries(1)
