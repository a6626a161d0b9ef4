"""Ingest and alerting on a real database: each fact once, whatever the order and however hostile the bytes."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from aggregator.alerting import alerts
from aggregator.alerting.alerts import AlertClearedError, AlertNotFoundError, Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
from aggregator.domains.boxes.presence_judge import PresenceJudge
from aggregator.ingest.arrivals import Arrivals
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.ingest.redelivery import Replayed, replay
from aggregator.ingest.worker import IngestWorker
from aggregator.people.principal import Principal
from aggregator.store import Database, load_queries
from aggregator.store.database import Connection
from aggregator.store.migrate import MigrationError, available, engine_of, migrate
from aggregator.store.scope import EVERYWHERE
from shared.clock import to_ms
from shared.envelope import Acknowledgement, Header, decode_message, encode_batch, encode_event, encode_message
from shared.events import (
    BoxState,
    CameraChanged,
    CameraState,
    ConfigApplied,
    Direction,
    Event,
    EvidenceReady,
    Health,
    Lane,
    LineCrossed,
    LineSpec,
    LossReason,
    RangeLost,
)
from shared.mqtt import Connection as Mqtt
from shared.mqtt import Message

LI = Principal("li", EVERYWHERE)
WANG = Principal("wang", EVERYWHERE)

NOW_S = time.time()
"""When the test began (conftest.py)."""


def crossed(track: int = 1, *, priority: int = 2, after_s: float = 0, line: int = 0) -> LineCrossed:
    return LineCrossed(to_ms(NOW_S + after_s), 1, line, Direction.LEFT_TO_RIGHT, 1, track, priority, 400)


def message(
    events: list[Event],
    first: int,
    *,
    lane: Lane = Lane.ALARM,
    agent: str = "a",
    epoch: int = 1,
    low: int = 1,
    now_s: float | None = None,
) -> Message:
    now_s = NOW_S if now_s is None else now_s
    header = Header(lane, epoch, first, len(events), low, to_ms(now_s))
    payload = encode_batch(header, [encode_event(event) for event in events])
    return Message(f"hl/1/s/{agent}/up/{lane.label}", payload, False, now_s)


def raw(payload: bytes, topic: str = "hl/1/s/a/up/alarm") -> Message:
    return Message(topic, payload, False, NOW_S)


@pytest.fixture
def commit(connection: Connection) -> Callable[..., Any]:
    committer = Committer("test")

    def run(*messages: Message, lane: Lane = Lane.ALARM) -> Any:
        return committer.commit(connection, read(list(messages), lane))

    return run


@pytest.fixture
def engine(database: Database) -> AlertingEngine:
    return AlertingEngine(database, Publishing(), timedelta(seconds=30))


def one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return next(iter(row.values())) if row else None


def counter(connection: Connection, name: str, label: str) -> int:
    return one(connection, f"SELECT sum(value) FROM counters WHERE name = '{name}' AND label = '{label}'") or 0


def test_migrations_run_once_and_a_newer_database_is_refused(empty_database: Database) -> None:
    applied = migrate(empty_database)
    assert migrate(empty_database) == []
    with empty_database.connect("test", autocommit=True) as connection:
        assert applied == [name for _, name, _ in available(engine_of(connection))]
        connection.execute("INSERT INTO migrations (number, name) VALUES (9999, 'future')")
    with pytest.raises(MigrationError, match="9999"):
        migrate(empty_database)


def test_batch_is_stored_counted_and_acknowledged(commit: Callable[..., Any], connection: Connection) -> None:
    outcome = commit(message([crossed(1), crossed(2), crossed(3, priority=0)], 1))
    (acks,) = outcome.acknowledgements.values()
    assert acks[1, Lane.ALARM] == Acknowledgement(1, 1, Lane.ALARM, 3, (), 64)
    assert one(connection, "SELECT count(*) FROM events") == 3
    assert one(connection, "SELECT sum(crossings) FROM counts") == 3
    assert one(connection, "SELECT count(*) FROM inbox") == 1
    assert counter(connection, "events", "line_crossed") == 3


def test_batches_in_any_order_and_number_are_stored_once(commit: Callable[..., Any], connection: Connection) -> None:
    rng = random.Random(5)
    batches = [message([crossed(n) for n in range(first, first + 5)], first) for first in range(1, 101, 5)]
    sent = batches * 3
    rng.shuffle(sent)
    for start in range(0, len(sent), 7):
        commit(*sent[start : start + 7])
    assert one(connection, "SELECT count(*) FROM events") == 100
    assert one(connection, "SELECT count(DISTINCT seq) FROM events") == 100
    assert one(connection, "SELECT contiguous FROM cursors WHERE lane = 0") == 100
    assert one(connection, "SELECT sum(crossings) FROM counts") == 100
    assert counter(connection, "duplicates", "alarm") == 200


def test_selective_acknowledgement_and_gap(commit: Callable[..., Any], connection: Connection) -> None:
    commit(message([crossed(1)], 1))
    outcome = commit(message([crossed(5)], 5))
    (acks,) = outcome.acknowledgements.values()
    assert (acks[1, Lane.ALARM].contiguous, acks[1, Lane.ALARM].ranges) == (1, ((5, 5),))
    outcome = commit(message([crossed(9)], 9, low=8))
    (acks,) = outcome.acknowledgements.values()
    assert (acks[1, Lane.ALARM].contiguous, acks[1, Lane.ALARM].ranges) == (7, ((9, 9),))
    gaps = connection.execute("SELECT first, last, reason FROM gaps ORDER BY first").fetchall()
    assert [tuple(gap.values()) for gap in gaps] == [(2, 4, "never_came"), (6, 7, "never_came")]
    commit(message([crossed(3)], 3))
    assert one(connection, "SELECT count(*) FROM events WHERE seq = 3") == 1, "a late arrival still counts"


def test_lanes_epochs_and_boxes_do_not_mix(commit: Callable[..., Any], connection: Connection) -> None:
    commit(message([crossed(1)], 1), message([crossed(1)], 1, agent="b"), message([crossed(1)], 1, epoch=2))
    commit(message([crossed(1, priority=0)], 1, lane=Lane.BULK), lane=Lane.BULK)
    assert one(connection, "SELECT count(*) FROM events") == 4
    assert one(connection, "SELECT count(*) FROM producers") == 3


def test_every_kind_finds_its_place(commit: Callable[..., Any], connection: Connection) -> None:
    now_ms = to_ms(NOW_S)
    line = LineSpec(0, "大门\0", ((0.1, 0.5), (0.9, 0.5)), "both", 2)
    commit(
        message(
            [
                ConfigApplied(now_ms, 1, ("cam",), (line,)),
                CameraChanged(now_ms, 1, 0, CameraState.STALLED, "no frame\0"),
                EvidenceReady(now_ms, Lane.ALARM, 9, b"\x07" * 32, 1000),
                RangeLost(now_ms, Lane.BULK, 5, 2**61, LossReason.EVICTED),
            ],
            1,
        )
    )
    assert one(connection, "SELECT name FROM config_lines") == "大门\\0"
    assert one(connection, "SELECT count(*) FROM evidence_of") == 1
    assert one(connection, "SELECT reason FROM gaps") == "evicted"
    assert one(connection, "SELECT count(*) FROM events") == 4


HOSTILE: list[tuple[str, Message]] = [
    ("topic", raw(b"", "hl/1/S/a/up/alarm")),
    ("truncated", raw(b"\0" * 5)),
    ("oversized", raw(b"\0" * 100_000)),
    ("version", raw(b"\xff" * 60)),
    ("checksum", raw(message([crossed()], 1).payload[:-1] + b"\0")),
    ("lane", raw(message([crossed()], 1, lane=Lane.BULK).payload)),
    ("body", raw(encode_batch(Header(Lane.ALARM, 1, 1, 1, 1, 0), [b"\xc1"]))),
    ("event", raw(encode_batch(Header(Lane.ALARM, 1, 1, 1, 1, 0), [b"\x92\x63\x00"]))),
]


@pytest.mark.parametrize(("reason", "hostile"), HOSTILE, ids=[reason for reason, _ in HOSTILE])
def test_hostile_payload_is_kept_named_and_counted_and_stops_nothing(
    reason: str, hostile: Message, commit: Callable[..., Any], connection: Connection
) -> None:
    commit(hostile, message([crossed(7)], 1, agent="good"))
    letter = connection.execute("SELECT reason, payload FROM dead_letters").fetchone()
    assert letter is not None
    assert letter["reason"] == reason
    assert bytes(letter["payload"]) in hostile.payload
    assert counter(connection, "dead_letters", reason) == 1
    assert one(connection, "SELECT count(*) FROM events") == 1


EXTREME = [
    crossed(2**63, priority=2**62),
    LineCrossed(2**63 - 1, 2**40, 2**40, Direction.LEFT_TO_RIGHT, 2**63, 2**63, 1, 2**63),
    LineCrossed(-(2**63), -(2**40), -(2**40), Direction.RIGHT_TO_LEFT, -1, -1, 1, -(2**63)),
    ConfigApplied(0, 2**40, ("c",), (LineSpec(2**40, "n", ((float("nan"), float("inf")),), "both", 2**40),)),
    ConfigApplied(0, 1, ("c" * 1000,), (LineSpec(0, "n", ((float("nan"), float("inf")),), "both", 1),)),
    EvidenceReady(2**62, Lane.ALARM, -(2**63), b"\x07" * 32, 2**40),
    EvidenceReady(2**62, Lane.ALARM, 2**63, b"\x08" * 32, 2**20),
    RangeLost(0, Lane.ALARM, -(2**63), 2**63, LossReason.EVICTED),
    RangeLost(0, Lane.ALARM, 2**63 + 5, 2**64 - 1, LossReason.EVICTED),
]


@pytest.mark.parametrize("event", EXTREME, ids=range(len(EXTREME)))
def test_extreme_values_stop_nothing(
    event: Event, database: Database, connection: Connection, engine: AlertingEngine
) -> None:
    """Through the worker's own way of halving, then through alerting."""
    worker = IngestWorker("test", Lane.ALARM, database, ("127.0.0.1", 1), lambda: None)
    with database.connect("worker") as own:
        worker._commit(
            own, [message([crossed(1)], 1, agent="good"), message([event], 1), message([crossed(2)], 2, agent="good")]
        )
    assert (
        one(connection, "SELECT count(*) FROM events JOIN producers p ON p.id = producer_id WHERE agent = 'good'") == 2
    )
    bad = "SELECT contiguous FROM cursors JOIN producers p ON p.id = producer_id WHERE agent = 'a' AND lane = 0"
    assert one(connection, bad) == 1, "its number counts as received, or it would be sent for ever"
    with database.connect("alerting") as own:
        while engine.take(own):
            pass
    assert one(connection, "SELECT count(*) FROM alerts WHERE agent = 'good'") == 2
    assert one(connection, "SELECT count(*) FROM inbox") == 0


def fuzzed(rng: random.Random) -> Message:
    """A payload that is wrong somewhere: in its bytes alone, or in what it says under a checksum that is right."""
    rows = [encode_event(crossed(n)) for n in range(rng.randint(1, 4))]
    what = rng.random()
    if what < 0.3:
        rows = [bytes(rng.randrange(256) for _ in range(rng.randint(0, 30))) for _ in rows]
    elif what < 0.5:
        row = bytearray(rows[0])
        for _ in range(rng.randint(1, 4)):
            row[rng.randrange(len(row))] = rng.choice((0, 0x7F, 0x80, 0xC1, 0xCF, 0xD3, 0xFF, rng.randrange(256)))
        rows[0] = bytes(row)
    first = rng.choice((1, 2, 7, 2**31, 2**61, 2**62 - 9, rng.randrange(1, 2**62)))
    low = rng.choice((1, first, first + 5, 2**62, rng.randrange(1, 2**62)))
    sent_at_ms = rng.choice((0, -1, -(2**63), 2**63 - 1, to_ms(NOW_S), rng.randrange(2**62)))
    count = len(rows) if rng.random() < 0.8 else rng.randrange(1, 1100)
    lane = rng.choice((Lane.ALARM, Lane.ALARM, Lane.ALARM, Lane.BULK))
    payload = bytearray(encode_batch(Header(lane, rng.randrange(4), first, count, low, sent_at_ms), rows))
    if what > 0.8:
        for _ in range(rng.randint(1, 6)):
            payload[rng.randrange(len(payload))] = rng.randrange(256)
    if what > 0.95:
        del payload[rng.randrange(len(payload)) :]
    agent = rng.choice(("a", "b", "c"))
    return raw(bytes(payload), rng.choice((f"hl/1/s/{agent}/up/alarm",) * 9 + ("hl/1/s/a\0/up/alarm",)))


def test_fuzzed_payloads_stop_nothing(database: Database, connection: Connection) -> None:
    """Thirty thousand, through the worker's own way of halving; a good box in between is served as ever."""
    rng = random.Random(9)
    worker = IngestWorker("test", Lane.ALARM, database, ("127.0.0.1", 1), lambda: None)
    sent = good = 0
    with database.connect("worker") as own:
        while sent < 30_000:
            messages = [fuzzed(rng) for _ in range(500)]
            sent += len(messages)
            good += 1
            messages.insert(rng.randrange(500), message([crossed(good)], good, agent="good"))
            worker._commit(own, messages)
    of_good = "FROM events JOIN producers p ON p.id = producer_id WHERE agent = 'good'"
    assert (
        one(connection, f"SELECT count(*) {of_good}")
        == one(connection, f"SELECT count(DISTINCT seq) {of_good}")
        == good
    )
    reasons = {row["reason"] for row in connection.execute("SELECT DISTINCT reason FROM dead_letters")}
    assert reasons >= {"topic", "truncated", "version", "lane", "checksum", "body", "event", "sequence"}
    twice = "SELECT 1 FROM events WHERE producer_id = ANY (SELECT id FROM producers) GROUP BY producer_id, lane, seq"
    assert connection.execute(f"{twice} HAVING count(*) > 1").fetchone() is None
    for reason in sorted(reasons):
        assert counter(connection, "dead_letters", reason) == one(
            connection, f"SELECT count(*) FROM dead_letters WHERE reason = '{reason}'"
        )


def drain(engine: AlertingEngine, database: Database) -> None:
    with database.connect("alerting") as connection:
        while engine.take(connection):
            pass


def test_same_track_joins_and_another_is_another(
    commit: Callable[..., Any], engine: AlertingEngine, database: Database, connection: Connection
) -> None:
    now_s = time.time()
    after_s = now_s - NOW_S - 50  # all within the last minute: none is backlog
    commit(
        message(
            [
                crossed(1, after_s=after_s),
                crossed(1, after_s=after_s + 20),
                crossed(1, after_s=after_s + 45),
                crossed(2, after_s=after_s),
                crossed(1, after_s=after_s - 100),
            ],
            1,
            now_s=now_s,
        )
    )
    drain(engine, database)
    alerts_found = connection.execute("SELECT members, key FROM alerts ORDER BY id").fetchall()
    assert [row["members"] for row in alerts_found] == [3, 1, 1]
    reasons = connection.execute("SELECT reason FROM alert_members ORDER BY seq").fetchall()
    assert [row["reason"] for row in reasons] == [
        "line_crossed",
        "same_track_within_window",
        "same_track_within_window",
        "line_crossed",
        "line_crossed",
    ]
    feed = connection.execute("SELECT message FROM feed ORDER BY id").fetchall()
    # One message an alert: what happened to it together is told together.
    assert [row["message"].split('"')[3] for row in feed] == ["raised", "raised", "raised"]

    commit(message([crossed(1, after_s=after_s + 48), crossed(2, after_s=after_s + 10)], 6, now_s=now_s))
    drain(engine, database)
    alerts_found = connection.execute("SELECT members, last_at - first_at AS lasted FROM alerts ORDER BY id").fetchall()
    assert [row["members"] for row in alerts_found] == [4, 2, 1]
    assert [row["lasted"].total_seconds() for row in alerts_found] == [48, 10, 0]
    feed = connection.execute("SELECT message FROM feed ORDER BY id").fetchall()[3:]
    assert [row["message"].split('"')[3] for row in feed] == ["joined", "joined"]


def test_the_same_occurrence_again_changes_nothing(
    commit: Callable[..., Any], engine: AlertingEngine, database: Database, connection: Connection
) -> None:
    commit(message([crossed(1)], 1))
    inbox = one(connection, "SELECT body FROM inbox")
    drain(engine, database)
    connection.execute("INSERT INTO inbox (late, body) VALUES (false, %s)", (inbox,))
    drain(engine, database)
    assert one(connection, "SELECT members FROM alerts") == 1
    assert one(connection, "SELECT count(*) FROM feed") == 1


def test_acknowledge_and_clear(
    commit: Callable[..., Any], engine: AlertingEngine, database: Database, connection: Connection
) -> None:
    commit(message([crossed(1)], 1))
    drain(engine, database)
    number = one(connection, "SELECT id FROM alerts")
    first = alerts.acknowledge(connection, LI, number, Publishing())
    again = alerts.acknowledge(connection, WANG, number, Publishing())
    assert (first.acknowledged_by, again.acknowledged_by) == ("li", "li")
    assert alerts.clear(connection, LI, number, "false", Publishing()).verdict == "false"
    assert alerts.clear(connection, WANG, number, "false", Publishing()).cleared_by == "li"
    with pytest.raises(AlertClearedError):
        alerts.clear(connection, WANG, number, "true", Publishing())
    with pytest.raises(AlertNotFoundError):
        alerts.acknowledge(connection, LI, 10**9, Publishing())
    assert one(connection, "SELECT count(*) FROM feed") == 3
    commit(message([crossed(1, after_s=1)], 2))
    drain(engine, database)
    assert one(connection, "SELECT count(*) FROM alerts") == 2, "a cleared alert takes no more members"


def test_line_names_come_from_the_configuration_whenever_it_arrives(
    commit: Callable[..., Any], engine: AlertingEngine, database: Database, connection: Connection
) -> None:
    commit(message([crossed(1)], 2))
    drain(engine, database)
    number = one(connection, "SELECT id FROM alerts")
    assert alerts.get(connection, EVERYWHERE, number).name == "line 0"
    commit(message([ConfigApplied(0, 1, ("cam",), (LineSpec(0, "大门", ((0.1, 0.5), (0.9, 0.5)), "both", 2),))], 1))
    assert (alerts.get(connection, EVERYWHERE, number).name, alerts.get(connection, EVERYWHERE, number).camera) == (
        "大门",
        "cam",
    )


def wait(look: Callable[[], Any], timeout_s: float = 15) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    return found


def test_two_workers_share_one_box(broker: tuple[str, int], database: Database, connection: Connection) -> None:
    workers = [IngestWorker(f"ingest-{n}", Lane.BULK, database, broker, lambda: None) for n in range(2)]
    for worker in workers:
        worker.start()
    acknowledged: list[Acknowledgement] = []
    box = Mqtt(
        "box",
        *broker,
        subscriptions=[("hl/1/s/a/down/ack", 0)],
        on_message=lambda m: acknowledged.append(decode_message(m.payload, Acknowledgement)),
    )
    box.start()
    wait(lambda: box.is_up)
    time.sleep(0.5)
    for first in range(1, 2001, 5):
        batch = message([crossed(n, priority=0) for n in range(5)], first, lane=Lane.BULK)
        while box.publish(batch.topic, batch.payload, qos=1) is None:
            time.sleep(0.01)
        if first % 250 == 1:
            time.sleep(0.05)
    wait(lambda: any(ack.contiguous == 2000 for ack in acknowledged), 30)
    assert one(connection, "SELECT count(*) FROM events") == 2000
    assert one(connection, "SELECT count(DISTINCT seq) FROM events") == 2000
    for one_of_us in (box, *workers):
        one_of_us.stop()


def test_presence(broker: tuple[str, int], database: Database, connection: Connection) -> None:
    judge = PresenceJudge(database)
    worker = HeartbeatReceiver(database, broker)
    box = Mqtt("box", *broker, subscriptions=[("hl/1/aggregator/state", 1)])
    box.start()
    wait(lambda: box.is_up)
    box.publish(
        "hl/1/s/a/state",
        encode_message(BoxState(5, alive=True, version="1", health_interval_s=1, epoch=1)),
        qos=1,
        retain=True,
    )
    worker.start()

    def state() -> str | None:
        judge.judge(connection)
        return one(connection, "SELECT state FROM agents")

    wait(lambda: state() == "unknown")
    wait(lambda: state() == "silent")  # a retained birth proves nothing
    box.publish("hl/1/s/a/up/health", encode_message(Health(to_ms(NOW_S), 5, 1.0)), qos=0)
    wait(lambda: state() == "online")
    box.publish("hl/1/s/a/up/health", b"\xc1 no health", qos=0)
    box.publish("hl/1/s/a/state", encode_message(BoxState(4, alive=True, version="old")), qos=1)
    wait(lambda: one(connection, "SELECT count(*) FROM dead_letters") == 1)
    assert one(connection, "SELECT version FROM agents") == "1", "a birth of an older session is ignored"
    wait(lambda: state() == "silent")
    worker.stop()  # without a broker we could not have heard it
    wait(lambda: state() == "unknown")
    box.stop()


def test_rollback_leaves_nothing(commit: Callable[..., Any], connection: Connection) -> None:
    connection.execute("ALTER TABLE inbox ADD CONSTRAINT broken CHECK (length(body) < 1)")
    with pytest.raises(psycopg.IntegrityError):
        commit(message([crossed(1)], 1))
    assert one(connection, "SELECT count(*) FROM events") == 0
    assert one(connection, "SELECT count(*) FROM cursors") == 0
    connection.execute("ALTER TABLE inbox DROP CONSTRAINT broken")
    commit(message([crossed(1)], 1))
    assert one(connection, "SELECT count(*) FROM events") == 1


def test_times_of_a_wrong_clock(commit: Callable[..., Any], connection: Connection) -> None:
    year_s = 365 * 86400
    header = Header(Lane.ALARM, 1, 1, 1, 1, to_ms(NOW_S + year_s))
    event = encode_event(crossed(1, after_s=year_s - 10))
    commit(raw(encode_batch(header, [event])))
    row = connection.execute("SELECT event_at, device_at, time_quality FROM events").fetchone()
    assert row is not None
    assert abs((row["event_at"] - datetime.fromtimestamp(NOW_S - 10, UTC)).total_seconds()) < 1
    assert row["device_at"].year > row["event_at"].year
    assert counter(connection, "clock_corrected", "age") == 1


def test_flood_of_bad_rows_is_one_dead_letter_and_a_resend_none(
    commit: Callable[..., Any], connection: Connection
) -> None:
    bad = raw(encode_batch(Header(Lane.ALARM, 1, 1, 1000, 1, 0), [b"\xc0"] * 1000))
    commit(bad)
    commit(bad)
    assert one(connection, "SELECT count(*) FROM dead_letters") == 1
    assert one(connection, "SELECT contiguous FROM cursors WHERE lane = 0") == 1000


def test_good_rows_beside_a_bad_one_are_stored(commit: Callable[..., Any], connection: Connection) -> None:
    rows = [encode_event(crossed(1)), b"\x92\x63\x00", encode_event(crossed(2))]
    commit(raw(encode_batch(Header(Lane.ALARM, 1, 1, 3, 1, to_ms(NOW_S)), rows)))
    assert one(connection, "SELECT array_agg(seq ORDER BY seq) FROM events") == [1, 3]
    assert "number 2" in one(connection, "SELECT detail FROM dead_letters")


def test_a_number_that_is_used_twice_is_kept_and_told(commit: Callable[..., Any], connection: Connection) -> None:
    commit(message([crossed(n) for n in range(1, 11)], 1))
    commit(message([crossed(n) for n in range(1, 11)], 1))
    assert one(connection, "SELECT count(*) FROM dead_letters") == 0, "a resend is no conflict"
    commit(message([crossed(n) for n in (9, 77, 78)], 9))  # a copied card: 9 as before, 10 another, 11 new
    assert one(connection, "SELECT count(*) FROM events") == 11
    assert "1 numbers were used twice, the first is 10" in one(connection, "SELECT detail FROM dead_letters")
    assert counter(connection, "dead_letters", "conflict") == 1
    told = replay(connection, letter_id(connection))
    assert told is not None
    assert told.stored == 0
    assert "stand for other events" in told.reason


def letter_id(connection: Connection) -> int:
    return int(one(connection, "SELECT max(id) FROM dead_letters"))


def mend(connection: Connection, payload: bytes) -> None:
    """As if a later version could read what this one cannot."""
    connection.execute("UPDATE dead_letters SET payload = %s", (payload,))


def test_a_dead_letter_is_read_again_and_stores_what_it_stood_for_once(
    commit: Callable[..., Any], connection: Connection
) -> None:
    events = [encode_event(crossed(n)) for n in (1, 2, 3)]
    header = Header(Lane.ALARM, 1, 1, 3, 1, to_ms(NOW_S))
    commit(raw(encode_batch(header, [events[0], b"\x92\x63\x00", b"\xc0"])))
    first = letter_id(connection)
    again = replay(connection, first)
    assert again is not None
    assert (again.stored, again.left) == (0, 2)
    assert "number 2" in again.reason
    mend(connection, encode_batch(header, [events[0], events[1], b"\xc0"]))
    partly = replay(connection, first)
    assert partly is not None
    assert (partly.stored, partly.left, partly.reason[:8]) == (1, 1, "number 3")
    assert one(connection, "SELECT array_agg(seq ORDER BY seq) FROM events") == [1, 2]
    mend(connection, encode_batch(header, events))
    assert replay(connection, first) == Replayed(1, 0, gone=True)
    assert one(connection, "SELECT array_agg(seq ORDER BY seq) FROM events") == [1, 2, 3]
    assert replay(connection, first) is None, "it is gone"
    assert one(connection, "SELECT sum(crossings) FROM counts") == 3
    assert one(connection, "SELECT count(*) FROM inbox") == 3, "alerting gets them too"


def test_a_header_that_is_understood_later_is_a_batch_like_any_other(
    commit: Callable[..., Any], connection: Connection
) -> None:
    good = encode_batch(Header(Lane.ALARM, 1, 1, 2, 1, to_ms(NOW_S)), [encode_event(crossed(n)) for n in (1, 2)])
    commit(raw(b"\x09" + good[1:]))
    first = letter_id(connection)
    still = replay(connection, first)
    assert still is not None
    assert still.reason.startswith("version")
    mend(connection, good)
    assert replay(connection, first) == Replayed(2, 0, gone=True)
    assert one(connection, "SELECT contiguous FROM cursors WHERE lane = 0") == 2


def test_what_was_sent_again_meanwhile_is_not_stored_twice(commit: Callable[..., Any], connection: Connection) -> None:
    good = encode_batch(Header(Lane.ALARM, 1, 1, 2, 1, to_ms(NOW_S)), [encode_event(crossed(n)) for n in (1, 2)])
    commit(raw(b"\x09" + good[1:]))
    commit(raw(good))
    mend(connection, good)
    assert replay(connection, letter_id(connection)) == Replayed(0, 0, gone=True)
    assert one(connection, "SELECT count(*) FROM events") == 2


def test_what_is_no_batch_is_not_replayed(database: Database, connection: Connection) -> None:
    HeartbeatReceiver(database, ("127.0.0.1", 1))._note(
        connection, Message("hl/1/s/a/up/health", b"\xc1", False, NOW_S)
    )
    told = replay(connection, letter_id(connection))
    assert told is not None
    assert "only batches" in told.reason
    assert replay(connection, 10**9) is None


def test_arrivals_are_bounded_in_bytes() -> None:
    arrivals = Arrivals(max_bytes=10_000)
    for n in range(100):
        arrivals.put([raw(b"%04d" % n + b"x" * 996)])
    arrivals.put([raw(b"y" * 10_000_000)])
    taken = arrivals.take(1000, wait_s=0)
    assert len(taken) < 10
    assert arrivals.dropped > 90
    assert arrivals.take(1, wait_s=0.01) == []


def test_old_events_wait_behind_fresh_ones(
    commit: Callable[..., Any], engine: AlertingEngine, database: Database, connection: Connection
) -> None:
    for first in (1, 251, 501):
        commit(message([crossed(n, after_s=-7200) for n in range(first, first + 250)], first))
    now_s = time.time()
    commit(message([crossed(1, after_s=now_s - NOW_S)], 1, agent="fresh", now_s=now_s))
    with database.connect("alerting") as own:
        engine.take(own)
    first = "SELECT agent FROM alerts ORDER BY alerts.id LIMIT 1"
    assert one(connection, first) == "fresh"
    assert one(connection, "SELECT count(*) FROM alerts") <= 500, "one transaction takes a bounded number"


def test_inbox_row_that_cannot_be_read_stops_nothing(
    commit: Callable[..., Any], engine: AlertingEngine, database: Database, connection: Connection
) -> None:
    connection.execute("INSERT INTO inbox (late, body) VALUES (false, '\\xc1')")
    commit(message([crossed(1)], 1))
    drain(engine, database)
    assert one(connection, "SELECT count(*) FROM alerts") == 1
    assert one(connection, "SELECT reason FROM dead_letters") == "inbox"


def test_new_card_in_a_known_box_is_heard_at_once(database: Database, connection: Connection) -> None:
    worker = HeartbeatReceiver(database, ("127.0.0.1", 1))

    def beat(epoch: int, session: int) -> None:
        payload = encode_message(Health(to_ms(NOW_S), session, 1.0, epoch=epoch))
        worker._note(connection, Message("hl/1/s/a/up/health", payload, False, NOW_S + session))

    for epoch, session, expected in ((7, 57, 57), (7, 3, 57), (8, 1, 1)):
        beat(epoch, session)
        assert one(connection, "SELECT session FROM agents") == expected


@pytest.mark.parametrize("interval", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
def test_absurd_interval_of_one_box_stops_no_judgement(
    interval: float, database: Database, connection: Connection
) -> None:
    worker = HeartbeatReceiver(database, ("127.0.0.1", 1))
    birth = msgspec.msgpack.encode({"session": 1, "alive": True, "health_interval_s": interval})
    worker._note(connection, Message("hl/1/s/a/state", birth, True, NOW_S))
    worker._note(connection, Message("hl/1/s/b/up/health", encode_message(Health(0, 1, 1.0)), False, NOW_S))
    PresenceJudge(database).judge(connection)
    assert one(connection, "SELECT count(*) FROM dead_letters") == 1
    assert one(connection, "SELECT count(*) FROM agents WHERE agent = 'b'") == 1


def test_an_unknown_box_is_answered_at_its_birth(
    broker: tuple[str, int], database: Database, connection: Connection
) -> None:
    """Some brokers keep the marker back when a session is resumed: the answer says that we listen."""
    worker = HeartbeatReceiver(database, broker)
    worker.start()
    wait(lambda: one(connection, "SELECT count(*) FROM services WHERE broker_since IS NOT NULL") == 1)
    heard: list[Acknowledgement] = []
    box = Mqtt(
        "box",
        *broker,
        subscriptions=[("hl/1/s/new/down/ack", 0)],
        on_message=lambda message: heard.append(decode_message(message.payload, Acknowledgement)),
    )
    box.start()
    wait(lambda: box.is_up)
    box.publish("hl/1/s/new/state", encode_message(BoxState(1, alive=True, epoch=77)), qos=1, retain=True)
    wait(lambda: len(heard) == 2)
    assert {(ack.lane, ack.epoch, ack.contiguous) for ack in heard} == {(lane, 77, 0) for lane in Lane}
    worker.stop()
    box.stop()


def test_clock_and_losses_of_a_box_are_seen(database: Database, connection: Connection) -> None:
    worker, judge, now_s = HeartbeatReceiver(database, ("127.0.0.1", 1)), PresenceJudge(database), time.time()
    for agent, off_s in (("right", 0), ("ahead", 7200), ("absurd", 10**15)):
        beat = encode_message(Health(to_ms(now_s + off_s), 1, 1.0))
        worker._note(connection, Message(f"hl/1/s/{agent}/up/health", beat, False, now_s))
    events: list[Event] = [
        RangeLost(to_ms(now_s), Lane.BULK, 5, 7, LossReason.EVICTED),
        RangeLost(to_ms(now_s), Lane.BULK, 8, 4000, LossReason.RESTART),
        RangeLost(to_ms(now_s), Lane.BULK, 9, 3, LossReason.EVICTED),
    ]
    absurd: list[Event] = [RangeLost(to_ms(now_s), lane, 1, 2**62 - 1, LossReason.EVICTED) for lane in (*Lane, *Lane)]
    later = [crossed(n, priority=0) for n in range(2)]
    with database.connect("ingest") as own:
        bulk = [
            message(later, 5001, lane=Lane.BULK, agent="ahead", low=5001),
            message(later, 4, lane=Lane.BULK, agent="ahead", low=5001),  # late, and so not lost
            message(later, 2**61, lane=Lane.BULK, agent="absurd", low=2**61),
        ]
        Committer("test").commit(own, read(bulk, Lane.BULK))
        both = [message(events, 1, agent="ahead"), message(absurd, 1, agent="absurd")]
        Committer("test").commit(own, read(both, Lane.ALARM))
    connection.execute("INSERT INTO services VALUES ('presence', now(), now())")
    assert judge.judge(connection) == 3
    rows = connection.execute("SELECT agent, clock_off_s, lost FROM box_views").fetchall()
    found = {row["agent"]: (row["clock_off_s"], row["lost"]) for row in rows}
    assert found["right"] == (pytest.approx(0, abs=0.1), 0)
    assert found["ahead"] == (pytest.approx(7200, abs=0.1), 5000 - 3993 - 2)
    assert found["absurd"][0] == pytest.approx(1e15, rel=1e-3)
    told = [row["message"] for row in connection.execute("SELECT message FROM feed")]
    assert any('"lost":1005' in text and '"clock_off_s":7200' in text for text in told)


def test_sums_of_lanes_are_what_a_walk_through_everything_finds(
    commit: Callable[..., Any], engine: AlertingEngine, database: Database, connection: Connection
) -> None:
    commit(message([crossed(1), crossed(2, priority=0)], 1), message([crossed(3)], 1, agent="b"))
    commit(message([crossed(1), crossed(2, priority=0)], 1))
    commit(message([crossed(n, priority=0) for n in range(5)], 1, lane=Lane.BULK), lane=Lane.BULK)
    header = Header(Lane.ALARM, 1, 3, 2, 1, to_ms(NOW_S))
    commit(raw(encode_batch(header, [encode_event(crossed(5)), b"\xc1"])))
    good = encode_batch(header, [encode_event(crossed(5)), encode_event(crossed(6))])
    mend(connection, good)
    assert replay(connection, letter_id(connection)) == Replayed(2, 0, gone=True)
    drain(engine, database)
    walked = connection.execute(
        "SELECT site, agent, e.lane, count(*) AS stored, count(DISTINCT seq) AS distinct_stored,"
        " count(*) FILTER (WHERE e.lane = 0 AND kind IN (1, 6, 7) AND priority > 0) AS alarms"
        " FROM events e JOIN producers p ON p.id = producer_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    ).fetchall()
    rows = connection.execute(load_queries("aggregator.domains.boxes")["producers"], {"producers": None}).fetchall()
    told = [{name: row[name] for name in walked[0]} for row in rows if row["stored"]]
    assert told == walked
    connection.execute("INSERT INTO events SELECT * FROM events WHERE seq = 1 AND lane = 1")
    twice = connection.execute(load_queries("aggregator.domains.boxes")["producers"], {"producers": None}).fetchall()
    assert [row["stored"] - row["distinct_stored"] for row in twice if row["lane"] == Lane.BULK] == [1, 0]


def test_what_a_box_sends_behind_its_own_rows_waits_behind_them(connection: Connection) -> None:
    """Boxes take turns at alerting by row: one alarm must not overtake those that its box sent before it."""
    committer = Committer("test")

    def rows() -> list[str]:
        return [row["box"] for row in connection.execute("SELECT box FROM inbox ORDER BY id")]

    def send(*alarms: tuple[str, int, int]) -> None:
        """Of each box so many, from a number on."""
        messages = [message([crossed()] * count, first, agent=agent) for agent, first, count in alarms]
        committer.commit(connection, read(messages, Lane.ALARM))

    send(("a", 1, 1))
    assert rows() == [""], "one alarm of one box shares a row"
    send(("a", 2, 30))
    assert rows() == ["", "s/a"]
    send(("a", 32, 1))
    assert rows() == ["", "s/a", "s/a"]
    send(("a", 33, 1), ("b", 1, 1))
    assert sorted(rows()) == ["", "", "s/a", "s/a", "s/a"]
    connection.execute("DELETE FROM inbox")
    send(("a", 34, 1))
    assert rows() == [""]


@pytest.mark.timeout(120)
def test_large_letters_hold_nothing_up(commit: Callable[..., Any], connection: Connection) -> None:
    """However much of it does not fit into the socket's buffer at once."""
    for number in range(300):
        commit(*(raw(b"\xc1" * (40_000 + 83 * number), f"hl/1/s/b{number}/up/alarm") for _ in range(6)))
    assert one(connection, "SELECT count(*) FROM dead_letters") > 300
