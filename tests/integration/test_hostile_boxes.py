"""One box that says whatever it likes, and all the others."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from psycopg.types.json import Jsonb

from aggregator.domains.boxes.desired import SQL as DESIRED
from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
from aggregator.domains.boxes.presence_judge import PresenceJudge
from aggregator.store import Database
from aggregator.store.database import Connection
from shared.clock import to_ms
from shared.envelope import encode_message
from shared.events import BoxState, CameraHealth, Health
from shared.mqtt import Message
from tests.unit.test_heartbeat_parsing import BEATS

NOW_S = time.time()


def beat(worker: HeartbeatReceiver, connection: Connection, agent: str, health: Health, at_s: float) -> None:
    worker._note(connection, Message(f"hl/1/s/{agent}/up/health", encode_message(health), False, at_s))


def test_whatever_one_box_says_the_others_are_noted(database: Database, connection: Connection) -> None:
    worker, judge = HeartbeatReceiver(database, ("127.0.0.1", 1)), PresenceJudge(database)
    connection.execute("INSERT INTO desired_sections (site, agent, section, version) VALUES ('s', 'good', 'arming', 5)")

    @settings(max_examples=60, deadline=None)
    @given(BEATS)
    def others_are_noted(hostile: Health) -> None:
        at_s = time.time()
        # Its session is the newest each time, so that nothing is left out for being old.
        beat(worker, connection, "hostile", msgspec.structs.replace(hostile, session=to_ms(at_s)), at_s)
        beat(worker, connection, "good", Health(to_ms(at_s), 1, 1.0, cameras=(CameraHealth("c", "watching"),)), at_s)
        due = connection.execute(DESIRED["due"]).fetchall()
        assert [(row["agent"], row["version"]) for row in due] == [("good", 5)]
        judge.judge(connection)
        rows = connection.execute("SELECT agent, last_seen_at, clock_off_s FROM box_views ORDER BY agent").fetchall()
        noted = [(row["agent"], row["last_seen_at"].timestamp()) for row in rows]
        assert noted == [("good", pytest.approx(at_s)), ("hostile", pytest.approx(at_s))]
        worker._write_coverage(connection)

    others_are_noted()


def test_an_absurd_version_that_a_box_tells_keeps_none_back(connection: Connection) -> None:
    old, new = {"order": 2**63}, {"sections": [{"name": "arming", "version": 2**63}, {"name": "arming"}]}
    for agent, health in (("old", old), ("new", new), ("good", {"sections": "none"})):
        connection.execute("INSERT INTO agents (site, agent, health) VALUES ('s', %s, %s)", (agent, Jsonb(health)))
        wanted = "INSERT INTO desired_sections (site, agent, section, version) VALUES ('s', %s, 'arming', 5)"
        connection.execute(wanted, (agent,))
    assert {row["agent"] for row in connection.execute(DESIRED["due"])} == {"good"}


def test_no_message_of_a_box_ends_the_thread_that_notes(database: Database, connection: Connection) -> None:
    worker = HeartbeatReceiver(database, ("127.0.0.1", 1))
    payloads = [
        b"\xc1",
        b"\x91" * 60_000,
        b"\x81\xa5at_ms\xff",
        encode_message(BoxState(1, alive=True, version="\0" * 100)),
        msgspec.msgpack.encode({"session": 2**53 - 1, "alive": True, "health_interval_s": float("nan")}),
        msgspec.msgpack.encode({"session": -1, "alive": True}),
        msgspec.msgpack.encode({"session": 1, "at_ms": 2**64 - 1, "uptime_s": float("nan"), "order": 2**63}),
        msgspec.msgpack.encode(
            {"session": 1, "at_ms": 0, "uptime_s": 1, "sections": [{"name": "a", "version": 2**63}]}
        ),
        encode_message(Health(0, 1, 1.0, cameras=tuple(CameraHealth("x" * 60, "y") for _ in range(900)))),
        b"\x81\xa7cameras" + b"\xdd\x00\x0f\x42\x40" + b"\x80" * 100_000,
    ]
    for payload in payloads:
        for channel in ("state", "up/health"):
            worker._note(connection, Message(f"hl/1/s/hostile/{channel}", payload, False, NOW_S))
    beat(worker, connection, "good", Health(to_ms(NOW_S), 1, 1.0), NOW_S)
    assert connection.execute("SELECT count(*) AS n FROM agents WHERE agent = 'good'").fetchone() == {"n": 1}
