"""A bad network, a broker that forgets, workers that vanish, packets that come twice, a full disk: every event once."""

import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.ingest.worker import IngestWorker
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.migrate import migrate
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.publisher import Publisher
from provisioning.lab.local_site.aggregator import limit_with_children
from provisioning.lab.simulate.network import Proxy, Weather
from shared.clock import SystemClock, to_ms
from shared.envelope import Acknowledgement, decode_message
from shared.events import CameraChanged, CameraState, Lane
from shared.mqtt import Connection as Mqtt
from shared.mqtt import Message
from shared.net import is_listening, pick_free_port
from shared.topics import Address, Channel

ADDRESS = Address("s", "a")


class Mosquitto:
    """Without persistence: what it holds is gone when it ends."""

    def __init__(self, program: str, folder: Path) -> None:
        self.address = "127.0.0.1", pick_free_port()
        self._program, self._config = program, folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.address[1]} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not is_listening(*self.address):
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Mosquitto]:
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        reason = "mosquitto is missing (Debian: mosquitto)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    broker = Mosquitto(program, tmp_path)
    broker.start()
    yield broker
    broker.stop()


class Box:
    """An outbox and its way out, without cameras."""

    def __init__(self, path: Path, broker: tuple[str, int], *, twice: bool) -> None:
        clock = SystemClock()
        self.outbox = Outbox(path, clock, max_bytes=50_000_000)
        self.numbered: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self._twice = twice
        self._connection = Mqtt(
            "box-a",
            *broker,
            subscriptions=[(ADDRESS.topic(Channel.ACK), 0)],
            on_message=self._heard,
            on_up=lambda: self.publisher.set_listening(True),
            on_down=lambda _: self.publisher.set_listening(False),
            on_delivered=self._delivered,
            session_expiry_s=3600,
            keepalive_s=2,
        )
        self.publisher = Publisher(self.outbox, ADDRESS, self._send, clock, random.Random(1))
        self.outbox.on_ready = self.publisher.stir
        self._thread = threading.Thread(target=self.publisher.run, daemon=True)
        self._thread.start()
        self._connection.start()

    def see(self, lane: Lane) -> None:
        now_ms = to_ms(time.time())
        self.numbered[lane] = self.outbox.append(lane, CameraChanged(now_ms, 1, 0, CameraState.WATCHING, ""))

    def stop(self) -> None:
        self._connection.stop()
        self.publisher.stop()
        self._thread.join()
        self.outbox.close()

    def _send(self, topic: str, payload: bytes) -> int | None:
        if self._twice:
            self._connection.publish(topic, payload, qos=0)
        return self._connection.publish(topic, payload, qos=1)

    def _delivered(self, packet: int) -> None:
        self.publisher.delivered(packet)

    def _heard(self, message: Message) -> None:
        self.publisher.acknowledged(decode_message(message.payload, Acknowledgement))


def stored(connection: Connection) -> dict[int, tuple[int, int, int]]:
    """By lane: rows, different numbers, highest number."""
    rows = connection.execute(
        "SELECT lane, count(*) AS n, count(DISTINCT seq) AS d, max(seq) AS m FROM events GROUP BY lane"
    )
    return {row["lane"]: (row["n"], row["d"], row["m"]) for row in rows}


def wait(look: Callable[[], Any], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < deadline_s, "it takes too long"
        time.sleep(0.1)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_event_once_through_faults(
    seed: int, forgetful: Mosquitto, database: Database, connection: Connection, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    edge, centre = Proxy(forgetful.address), Proxy(forgetful.address)
    names = iter(range(1000))

    def worker(lane: Lane) -> IngestWorker:
        made = IngestWorker(f"ingest-{next(names)}", lane, database, centre.address, lambda: None)
        made.start()
        return made

    workers = [worker(Lane.ALARM), worker(Lane.BULK), worker(Lane.BULK)]
    box = Box(tmp_path / "box" / "outbox.db", edge.address, twice=seed == 2)
    faults = [
        lambda: edge.turn(Weather.CUT),
        lambda: edge.turn(Weather.DEAD),
        lambda: centre.turn(Weather.CUT),
        edge.drop,
        centre.drop,
        lambda: setattr(edge, "delay_s", 0.15),
        lambda: (forgetful.stop(), forgetful.start()),
        lambda: (workers.pop(1).stop(), workers.append(worker(Lane.BULK))),
    ]
    rng.shuffle(faults)
    done = 0
    try:
        for _ in range(2):
            for fault in faults:
                fault()
                done += 1
                until_s = time.monotonic() + rng.uniform(0.2, 1.2)
                while time.monotonic() < until_s:
                    for _ in range(rng.randrange(1, 6)):
                        box.see(Lane.ALARM if rng.random() < 0.3 else Lane.BULK)
                    time.sleep(0.01)
                for proxy in (edge, centre):
                    proxy.turn(Weather.FINE)
                    proxy.delay_s = 0.0
        wait(lambda: not any(box.outbox.waiting().values()), 100)
    finally:
        box.stop()
        for one in workers:
            one.stop()
        edge.close()
        centre.close()
    assert done == 16
    assert min(box.numbered.values()) > 300
    assert stored(connection) == {lane: (last, last, last) for lane, last in box.numbered.items()}
    assert connection.execute("SELECT count(*) AS n FROM gaps").fetchone() == {"n": 0}
    assert connection.execute("SELECT count(*) AS n FROM dead_letters").fetchone() == {"n": 0}


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A database server whose disk may be full."""
    folder = tmp_path_factory.mktemp("postgres")
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    server.start()
    yield server
    server.remove()


def limit(server: EmbeddedPostgres, max_bytes: int | None) -> None:
    assert server.pid
    assert limit_with_children(server.pid, max_bytes)


def test_a_full_disk_under_the_database_costs_time_and_nothing_else(
    own_server: EmbeddedPostgres, forgetful: Mosquitto, tmp_path: Path
) -> None:
    database = Database(own_server.dsn)
    migrate(database)
    with database.connect("test", autocommit=True) as connection:
        today = datetime.now(UTC).date()
        connection.execute("SELECT make_days(%s)", ([today, today + timedelta(days=1)],))
        connection.execute(  # a file of some size, which then may not grow
            "INSERT INTO events (event_at, recv_at, producer_id, seq, crc, lane, kind, time_quality, body) "
            "SELECT now(), now(), 1, n, 0, 9, 1, 1, repeat('x', 400)::bytea FROM generate_series(1, 8000) n"
        )
        size = connection.execute("SELECT max(pg_relation_size(c.oid)) AS n FROM pg_class c").fetchone()
    assert size
    workers = [IngestWorker(lane.label, lane, database, forgetful.address, lambda: None) for lane in Lane]
    box = Box(tmp_path / "box" / "outbox.db", forgetful.address, twice=False)

    def see(count: int) -> None:
        for n in range(count):
            box.see(Lane.ALARM if n % 3 else Lane.BULK)

    def rows() -> int:
        with database.connect("test", autocommit=True) as connection:
            return sum(count for lane, (count, _, _) in stored(connection).items() if lane != 9)

    try:
        for worker in workers:
            worker.start()
        see(30)
        wait(lambda: rows() == 30, 30)

        limit(own_server, size["n"])
        see(3000)
        time.sleep(3)
        full = rows()
        assert full < 3030, "the table was to find no room"
        assert any(box.outbox.waiting().values())
        limit(own_server, None)
        wait(lambda: not any(box.outbox.waiting().values()), 60)

        limit(own_server, 0)  # not even its log can be written: it ends, and cannot recover before there is room
        see(300)
        wait(lambda: not own_server.is_running(), 60)
        own_server.start()
        wait(lambda: not any(box.outbox.waiting().values()), 90)
    finally:
        box.stop()
        for worker in workers:
            worker.stop()
    with database.connect("test", autocommit=True) as connection:
        connection.execute("DELETE FROM events WHERE lane = 9")
        assert stored(connection) == {lane: (last, last, last) for lane, last in box.numbered.items()}
        assert sum(box.numbered.values()) == 3330
        assert connection.execute("SELECT count(*) AS n FROM gaps").fetchone() == {"n": 0}
        assert connection.execute("SELECT count(*) AS n FROM dead_letters").fetchone() == {"n": 0}
