"""A card that is full beyond the ballast, on a real file system: the centre is told, and every event arrives once."""

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
from aggregator.ingest.worker import IngestWorker
from aggregator.store import Database
from aggregator.store.database import Connection
from edge_agent import health
from edge_agent.uplink.link import Link
from edge_agent.uplink.outbox import Intake, Outbox
from edge_agent.uplink.outbox.writer import BLOCK
from shared.clock import SystemClock, to_ms
from shared.events import CameraChanged, CameraState, Lane
from shared.threads import start_vital
from shared.topics import Address

CLOCK = SystemClock()


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB."""
    folder = tmp_path / "card"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "card", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = f"a small file system cannot be mounted: {done.stderr.strip()}"
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Filler:
    """Takes all the room that there is, also what others give up."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "filler"
        self._file = self._path.open("wb", buffering=0)

    def fill(self) -> None:
        for size in (65_536, 4096, 512):
            try:
                while True:
                    self._file.write(bytes(size))
            except OSError:
                continue

    def free(self) -> None:
        self._file.close()
        self._path.unlink()


class Box:
    """All of an agent but its cameras."""

    def __init__(self, folder: Path, broker: tuple[str, int]) -> None:
        self.folder = folder
        self.intake = Intake(Outbox(folder / "outbox.db", CLOCK, max_bytes=10_000_000), CLOCK)
        self.intake.apply_config(("gate",), ())
        self.link = Link(
            Address("north", "g1"),
            broker,
            self.intake.card,
            CLOCK,
            random.Random(1),
            version="test",
            health_interval_s=1.0,
            more=(self.intake.memory,),
        )
        for outbox, publisher in zip(self.intake.outboxes, self.link.publishers, strict=True):
            outbox.on_ready = publisher.stir
            start_vital("publisher", publisher.run)
        self.link.start()
        self.numbered = {(self.intake.card.epoch, Lane.ALARM, 1)}
        """With the configuration."""

    def see(self, count: int) -> None:
        for n in range(count):
            for lane in Lane:
                event = CameraChanged(to_ms(time.time()), 1, n % 7, CameraState.WATCHING, "")
                epoch, sequence = self.intake.append(lane, event)
                self.numbered.add((epoch, lane, sequence))

    def beat(self) -> None:
        self.link.beat(health.take(CLOCK, CLOCK.monotonic_s(), self.intake, self.folder, ()))

    def stop(self) -> None:
        for publisher in self.link.publishers:
            publisher.stop()
        self.link.stop()
        self.intake.close()


def wait(look: Callable[[], Any], timeout_s: float = 60) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < deadline_s, "it takes too long"
        time.sleep(0.1)


def test_every_event_of_a_box_with_a_full_card_arrives_once(
    card: Path, broker: tuple[str, int], database: Database, connection: Connection
) -> None:
    workers: list[IngestWorker | HeartbeatReceiver] = [HeartbeatReceiver(database, broker)]
    workers += [IngestWorker(lane.label, lane, database, broker, lambda: None) for lane in Lane]
    for worker in workers:
        worker.start()
    box = Box(card, broker)

    def told() -> dict[str, Any]:
        box.beat()
        row = connection.execute("SELECT health FROM agents").fetchone()
        return row["health"] or {} if row else {}

    try:
        box.see(20)
        wait(lambda: not any(box.intake.waiting().values()))
        wait(lambda: told() and not told().get("outbox"))
        filler = Filler(card)
        filler.fill()
        box.beat()  # finds the card full, and gives up the ballast
        filler.fill()
        wait(lambda: "no space is left" in told().get("outbox", ""))
        assert told()["disk_full"]
        assert told().get("disk_free_bytes", 0) == 0
        box.see(BLOCK + 300)
        assert any(epoch == box.intake.memory.epoch for epoch, _, _ in box.numbered)
        wait(lambda: not any(box.intake.waiting().values()))
        filler.free()
        wait(lambda: not told().get("outbox"))
        box.see(20)
        wait(lambda: not any(box.intake.waiting().values()))
    finally:
        box.stop()
        for worker in workers:
            worker.stop()
    rows = connection.execute(
        "SELECT epoch, lane, seq FROM events JOIN producers ON producers.id = producer_id"
    ).fetchall()
    stored = [(row["epoch"], Lane(row["lane"]), row["seq"]) for row in rows]
    assert len(stored) == len(set(stored)), "nothing is stored twice"
    assert box.numbered | {(box.intake.memory.epoch, Lane.ALARM, 1)} == set(stored)
    assert connection.execute("SELECT count(*) AS n FROM dead_letters").fetchone() == {"n": 0}
    assert connection.execute("SELECT count(*) AS n FROM gaps").fetchone() == {"n": 0}
    again = Outbox(card / "outbox.db", CLOCK, max_bytes=10_000_000)
    assert not any(again.waiting().values()), "and the card holds nothing of it any more"
    again.close()
