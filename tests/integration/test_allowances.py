"""What counts against the bounds of a box: what was new and is stored, nothing else; and who is told of it."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from aggregator.alerting.alerts import Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
from aggregator.domains.evidence.domain import MOST_OF_ONE_EVENT
from aggregator.ingest.box_quota import BoxQuota
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.ingest.redelivery import Replayed, replay
from aggregator.store import Database
from aggregator.store.database import Connection, tried
from shared.clock import to_ms
from shared.envelope import Header, encode_batch, encode_event, encode_message
from shared.events import (
    BoxState,
    ConfigApplied,
    Direction,
    Event,
    EvidenceReady,
    Lane,
    LineCrossed,
    LossReason,
    RangeLost,
)
from shared.mqtt import Message

NOW_S = time.time()
BEGIN = datetime.fromtimestamp(NOW_S, tz=UTC)


def crossed(track: int = 1, *, line: int = 0, priority: int = 2) -> LineCrossed:
    return LineCrossed(to_ms(NOW_S), 1, line, Direction.LEFT_TO_RIGHT, 1, track, priority, 0)


def message(events: list[Event], first: int, *, agent: str = "a", epoch: int = 1, low: int = 1) -> Message:
    header = Header(Lane.ALARM, epoch, first, len(events), low, to_ms(NOW_S))
    payload = encode_batch(header, [encode_event(event) for event in events])
    return Message(f"hl/1/s/{agent}/up/alarm", payload, False, NOW_S)


def one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return next(iter(row.values())) if row else None


class Ingest:
    """A worker's committer, whose allowances never come back by themselves."""

    def __init__(self, connection: Connection, **bounds: int) -> None:
        self.connection = connection
        self.quota = BoxQuota(**bounds, now_s=lambda: 0.0)
        self.committer = Committer("test", quota=self.quota)

    def take(self, *messages: Message) -> Any:
        return self.committer.commit(self.connection, read(list(messages), Lane.ALARM))

    def lose(self, *messages: Message, times: int) -> None:
        """The same, when the database goes each time before it is kept, and is found again by a new session."""
        for _ in range(times):
            with pytest.raises(psycopg.Error), Broken(self.connection):
                self.take(*messages)
            self.committer = Committer("test", quota=self.quota)

    def withheld(self) -> int:
        return int(one(self.connection, "SELECT sum(value) FROM counters WHERE name = 'withheld_batches'") or 0)


class Broken:
    """The end of a transaction fails meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.execute("ALTER TABLE counters ADD CONSTRAINT broken CHECK (value < 0) NOT VALID")

    def __exit__(self, *_: object) -> None:
        self.connection.execute("ALTER TABLE counters DROP CONSTRAINT broken")


KINDS: dict[str, Callable[[int], list[Event]]] = {
    "names": lambda n: [ConfigApplied(0, n * 10 + k, ("gate",) * 19, ()) for k in range(10)],
    "gaps": lambda n: [RangeLost(0, Lane.BULK, n, n, LossReason.EVICTED)] * 20,
    "pictures": lambda n: [EvidenceReady(0, Lane.ALARM, n * 200 + k, bytes(32), 1) for k in range(200)],
    "lines": lambda n: [crossed(n, line=n * 100 + k) for k in range(100)],
    "events": lambda n: [crossed(n)] * 200,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_not_kept_or_was_there_already_costs_nothing(kind: str, connection: Connection) -> None:
    """After an outage an honest box sends again what it has, as often as it must."""
    ingest = Ingest(connection, events_a_day=10_000)
    sent = [message(KINDS[kind](1), 1), message([crossed(7)], 201, agent="b")]
    ingest.lose(*sent, times=60)
    for _ in range(110):
        ingest.take(*sent)
    assert ingest.withheld() == 0
    assert one(connection, "SELECT count(*) FROM events") == len(KINDS[kind](1)) + 1


def test_an_event_has_so_many_pictures_and_no_more(connection: Connection) -> None:
    """A page shows all pictures of an alert."""
    ingest = Ingest(connection)

    def announce(first: int, sequence: int, names: Iterable[int]) -> None:
        ingest.take(message([EvidenceReady(0, Lane.ALARM, sequence, bytes([name]) * 32, 1) for name in names], first))

    def linked() -> object:
        return one(
            connection, "SELECT array_agg(n ORDER BY n) FROM (SELECT count(*) AS n FROM evidence_of GROUP BY seq) x"
        )

    announce(1, 1, range(10))
    assert linked() == [10]
    announce(11, 1, range(5, 35))
    assert linked() == [MOST_OF_ONE_EVENT]
    announce(41, 1, range(200, 250))
    assert linked() == [MOST_OF_ONE_EVENT]
    announce(91, 2, [100])
    assert linked() == [1, MOST_OF_ONE_EVENT]


def test_outboxes_and_letters_that_were_not_kept_cost_nothing(connection: Connection) -> None:
    ingest = Ingest(connection, letters_a_day=10)
    bad = encode_batch(Header(Lane.ALARM, 1, 1, 1, 1, to_ms(NOW_S)), [b"\xc1"])
    letter = Message("hl/1/s/a/up/alarm", b"no header", False, NOW_S)
    for epoch in range(30):
        ingest.lose(
            Message("hl/1/s/a/up/alarm", bad, False, NOW_S), letter, message([crossed()], 1, epoch=100 + epoch), times=1
        )
    ingest.take(Message("hl/1/s/a/up/alarm", bad, False, NOW_S), letter, message([crossed()], 1, epoch=500))
    assert ingest.withheld() == 0
    assert one(connection, "SELECT count(*) FROM dead_letters") == 2
    again = Ingest(connection)
    for epoch in range(30):
        Ingest(connection).take(message([crossed()], 1, epoch=epoch, agent="c"))
    for epoch in range(30):  # known to the database, whatever this process has seen
        again.take(message([crossed()], 1, epoch=epoch, agent="c"))
    assert again.withheld() == 0


def test_a_hole_that_was_not_kept_costs_nothing(connection: Connection) -> None:
    ingest = Ingest(connection)
    holes = [message([crossed()], first, low=first) for first in range(10, 1010, 10)]
    ingest.lose(*holes, times=12)
    ingest.take(*holes)
    assert one(connection, "SELECT count(*) FROM gaps") == 100


def test_beyond_the_bounds_a_batch_is_not_acknowledged_and_changes_nothing(connection: Connection) -> None:
    ingest = Ingest(connection, events_a_day=100)
    assert ingest.take(message([crossed()] * 100, 1)).acknowledgements
    for _ in range(3):
        outcome = ingest.take(message([ConfigApplied(0, 5, (), ()), *[crossed()] * 50], 101))
        assert not outcome.acknowledgements
    assert ingest.withheld() == 3
    assert one(connection, "SELECT contiguous FROM cursors WHERE lane = 0") == 100
    assert ingest.take(message([crossed()] * 100, 1)).acknowledgements, "what is known is answered as ever"


def test_a_replay_uses_no_allowance(connection: Connection, database: Database) -> None:
    """What a person asks for is not bounded, and takes nothing from the box."""
    ingest = Ingest(connection)
    for count, first in ((600, 1), (150, 601)):
        rows = [encode_event(crossed(n, line=first + n)) for n in range(count)]
        whole = encode_batch(Header(Lane.ALARM, 1, first, count, 1, to_ms(NOW_S)), rows)
        ingest.take(Message("hl/1/s/a/up/alarm", whole[: 20 if first == 1 else -1], False, NOW_S))
        newest = "id = (SELECT max(id) FROM dead_letters)"
        connection.execute(f"UPDATE dead_letters SET payload = %s WHERE {newest}".encode(), (whole,))
    letters = [row["id"] for row in connection.execute("SELECT id FROM dead_letters ORDER BY id")]
    replayed = [replay(connection, letter) for letter in letters]
    assert replayed == [Replayed(600, 0, gone=True), Replayed(150, 0, gone=True)]
    engine = AlertingEngine(database, Publishing(), timedelta(seconds=30), 100)
    drain(engine, database)
    assert one(connection, "SELECT count(*) FROM alerts") == 750
    ingest.take(message([crossed(5000 + n) for n in range(100)], 751))
    drain(engine, database)
    assert one(connection, "SELECT count(*) FROM alerts") == 850, "nothing was taken from the box's own"


def drain(engine: AlertingEngine, database: Database) -> None:
    with database.connect("alerting") as own:
        while engine.take(own):
            pass


def test_alerts_are_counted_by_the_box_and_not_by_its_outboxes(connection: Connection, database: Database) -> None:
    ingest = Ingest(connection)
    engine = AlertingEngine(database, Publishing(), timedelta(seconds=30), 10)
    for epoch in range(5):
        ingest.take(message([crossed(n) for n in range(10)], 1, epoch=epoch))
    ingest.take(message([crossed(1)], 1, agent="b"))
    drain(engine, database)
    of_a = "FROM alert_views WHERE agent = 'a'"
    assert one(connection, f"SELECT count(*) {of_a}") == 10 + 1, "what is beyond joins one"
    assert one(connection, f"SELECT sum(members) {of_a}") == 50, "and none is lost"
    assert one(connection, "SELECT count(*) FROM alert_views WHERE agent = 'b'") == 1


def test_only_alerts_that_are_raised_count(connection: Connection, database: Database) -> None:
    ingest = Ingest(connection)
    engine = AlertingEngine(database, Publishing(), timedelta(seconds=30), 10)
    ingest.take(message([crossed(1)] * 50, 1))
    with database.connect("alerting") as own:
        for _ in range(20):
            own.execute("ALTER TABLE feed ADD CONSTRAINT broken CHECK (id < 0) NOT VALID")
            own.commit()
            with pytest.raises(psycopg.Error):
                engine.take(own)
            own.execute("ALTER TABLE feed DROP CONSTRAINT broken")
            own.commit()
    drain(engine, database)
    ingest.take(message([crossed(n) for n in range(2, 11)], 51))
    drain(engine, database)
    assert one(connection, "SELECT count(*) FROM alerts") == 10
    assert one(connection, "SELECT count(*) FROM alerts WHERE key LIKE 'flood:%'") == 0


def test_beyond_the_bounds_an_operator_hears_of_what_is_more_urgent_and_every_hour(
    connection: Connection, database: Database
) -> None:
    ingest = Ingest(connection)
    hour = [0]
    engine = AlertingEngine(
        database, Publishing(), timedelta(seconds=30), 1, now=lambda: BEGIN + timedelta(hours=hour[0])
    )
    number = iter(range(1, 1000))

    def raised(priority: int) -> int:
        before = one(connection, "SELECT count(*) FROM alerts")
        n = next(number)
        ingest.take(message([crossed(n, priority=priority)], n))
        drain(engine, database)
        return int(one(connection, "SELECT count(*) FROM alerts") - before)

    assert [raised(2) for _ in range(4)] == [1, 1, 0, 0]
    assert [raised(1), raised(1)] == [1, 0]
    hour[0] += 1
    assert [raised(2), raised(1), raised(1)] == [1, 1, 0]


def told(client: httpx.Client) -> list[tuple[str, list[str], list[str]]]:
    return [(box["agent"], box["troubles"], box["over_limits"]) for box in client.get("/api/v1/boxes").json()]


def test_a_box_over_its_bounds_is_in_trouble_until_it_is_well_again(
    client: httpx.Client, database: Database, connection: Connection
) -> None:
    presence = HeartbeatReceiver(database, ("127.0.0.1", 1))
    for agent in "ab":
        birth = encode_message(BoxState(1, alive=True, epoch=1))
        presence._note(connection, Message(f"hl/1/s/{agent}/state", birth, False, NOW_S))
    ingest = Ingest(connection, events_a_day=20)
    engine = AlertingEngine(database, Publishing(), timedelta(seconds=30), 10)
    ingest.take(message([crossed(n) for n in range(10)], 1), message([crossed(1)], 1, agent="b"))
    drain(engine, database)
    assert told(client) == [("a", [], []), ("b", [], [])]
    ingest.take(message([crossed(n) for n in range(10, 20)], 11))
    drain(engine, database)
    for _ in range(3):
        ingest.take(message([crossed(1)] * 10, 21), message([crossed(1)], 1, agent="nobody"))
    assert told(client) == [("a", ["over_limits"], ["alerts_per_day", "events_per_day"]), ("b", [], [])]
    assert one(connection, "SELECT count(*) FROM over_limits") == 2
    connection.execute("UPDATE over_limits SET until = now() - interval '1 s'")
    assert told(client) == [("a", [], []), ("b", [], [])]
    ingest.take(message([crossed(1)] * 10, 21))
    assert told(client)[0] == ("a", ["over_limits"], ["events_per_day"])


def test_two_lanes_that_bring_the_same_configurations_do_not_block_each_other(
    database: Database, connection: Connection
) -> None:
    """Each writes all of them, and neither begins with what the other ends with."""
    wrong: list[BaseException] = []
    orders = [list(range(1, 60)), list(range(59, 0, -1))]

    def bring(lane: Lane, revisions: list[int], first: int) -> None:
        events = [encode_event(ConfigApplied(0, revision, ("c",) * 5, ())) for revision in revisions]
        header = Header(lane, 1, first, len(events), first, to_ms(NOW_S))
        sent = Message(f"hl/1/s/a/up/{lane.label}", encode_batch(header, events), False, NOW_S)
        try:
            with database.connect("lane") as own:
                barrier.wait()
                Committer("test").commit(own, read([sent], lane))
        except BaseException as error:  # noqa: BLE001 - looked at below
            wrong.append(error)

    for turn in range(10):
        barrier = threading.Barrier(2)
        revisions = [[1000 * turn + each for each in order] for order in orders]
        threads = [threading.Thread(target=bring, args=(lane, revisions[lane], 59 * turn + 1)) for lane in Lane]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert not wrong
    assert one(connection, "SELECT count(*) FROM config_cameras") == 10 * 59 * 5
    assert one(connection, "SELECT count(*) FROM events") == 10 * 59 * 2


def test_a_transaction_that_the_server_undid_is_done_again(connection: Connection) -> None:
    ingest, tries = Ingest(connection), [0]

    def fail(times: int) -> Callable[[], Any]:
        left = [times]

        def run() -> Any:
            tries[0] += 1
            if left[0]:
                left[0] -= 1
                raise psycopg.errors.DeadlockDetected("deadlock detected")
            return ingest.take(message([crossed()], 1))

        return run

    assert tried(fail(3)).stored == 1
    assert tries == [4]
    with pytest.raises(psycopg.errors.DeadlockDetected):
        tried(fail(4))
