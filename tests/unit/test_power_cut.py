"""Power goes at any moment: what was said to be on disk is there, and no number is ever used twice."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.uplink.outbox import Outbox
from shared.clock import SystemClock
from shared.envelope import decode_event
from shared.events import CameraChanged, CameraState, Lane, RangeLost
from tests.simulators.power import Disk, JournallingVfs

CUTS = 500


class Life:
    """An outbox that worked for a while, and what it had promised at each moment of the journal."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.disk = disk
        self.promised: list[tuple[int, set[tuple[Lane, int]]]] = []
        """(length of the journal, numbers on disk and not acknowledged)."""
        self.used: list[tuple[int, Lane, int]] = []
        """(length of the journal, lane, number) when a number was given away."""
        rng = random.Random(7)
        outbox = Outbox(folder / "outbox.db", SystemClock(), max_bytes=10_000_000)
        waiting, durable = set[tuple[Lane, int]](), set[tuple[Lane, int]]()
        for n in range(1000):
            lane = Lane.ALARM if rng.random() < 0.3 else Lane.BULK
            number = outbox.append(lane, CameraChanged(n, 1, 0, CameraState.WATCHING, "x" * rng.randrange(200)))
            self.used.append((len(disk.journal), lane, number))
            waiting.add((lane, number))
            if rng.random() < 0.25:
                assert outbox.flush()
                durable = set(waiting)
                self.promised.append((len(disk.journal), set(durable)))
            if rng.random() < 0.03:
                upto = rng.randrange(number + 1)
                # From here on they may be gone or not.
                waiting = {one for one in waiting if one[0] is not lane or one[1] > upto}
                durable &= waiting
                self.promised.append((len(disk.journal), set(durable)))
                outbox.acknowledge(lane, upto, ())
        outbox.flush()
        self.end = len(disk.journal)
        outbox.close()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("card")
    try:
        vfs = JournallingVfs(folder)
    except OSError as error:
        pytest.skip(str(error))
    with vfs as disk:
        yield Life(folder, disk)


def test_the_journal_is_the_file(life: Life, tmp_path: Path) -> None:
    """The model is right only if all of it together is what lies on the real disk."""
    life.disk.cut(len(life.disk.journal), random.Random(1), tmp_path)
    assert (tmp_path / "outbox.db").read_bytes() == (life.disk.folder / "outbox.db").read_bytes()
    checkpoints = [one for one in life.disk.journal[20:] if one.path.endswith("outbox.db") and one.kind == "sync"]
    assert len(checkpoints) >= 2, "cuts fall into checkpoints too"


def test_nothing_that_was_promised_is_lost_and_no_number_is_used_twice(life: Life, tmp_path: Path) -> None:
    rng = random.Random(42)
    torn = 0
    for number in range(CUTS):
        at = rng.randrange(1, life.end + 1)
        folder = tmp_path / str(number)
        life.disk.cut(at, rng, folder)
        if not (folder / "outbox.db").exists():
            continue  # power went before anything was on the card
        after = [waiting for length, waiting in life.promised if length <= at]
        following = [waiting for length, waiting in life.promised if length > at]
        # What is acknowledged between two promises may be gone by the cut.
        must = after[-1] & following[0] if after and following else after[-1] if after else set()
        outbox = Outbox(folder / "outbox.db", SystemClock(), max_bytes=10_000_000)
        assert outbox.damages == 0, f"cut {number} before operation {at}: the file is damaged"
        there = {(lane, seq) for lane in Lane for seq, _ in outbox.waiting_between(lane, 1, 2**40)}
        assert must <= there, f"cut {number} before operation {at}: {sorted(must - there)[:5]} are lost"
        for lane in Lane:
            used = max((n for length, other, n in life.used if length <= at and other is lane), default=0)
            fresh = outbox.append(lane, CameraChanged(0, 1, 0, CameraState.WATCHING, ""))
            assert fresh > used, f"cut {number} before operation {at}: {lane.label} uses {fresh} again"
        reports = [decode_event(row) for _, row in outbox.waiting_between(Lane.ALARM, 1, 2**40)]
        torn += any(isinstance(report, RangeLost) for report in reports)
        outbox.close()
    assert torn > CUTS / 2, "an unclean end is noticed and told"
