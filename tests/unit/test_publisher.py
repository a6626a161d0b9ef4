"""The publisher against a broker and an aggregator that do as the test says. Time stands still unless moved."""

import random
import sqlite3
import threading
import time
from itertools import pairwise

import pytest

from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.publisher import Publisher
from shared.clock import ManualClock
from shared.envelope import Acknowledgement, Header, decode_event, decode_header
from shared.events import CameraChanged, CameraState, Lane, LossReason, RangeLost
from shared.topics import Address


class Line:
    """Takes what is sent, or nothing while `open` is false."""

    def __init__(self) -> None:
        self.open = True
        self.sent: list[tuple[str, Header]] = []

    def send(self, topic: str, payload: bytes) -> int | None:
        if not self.open:
            return None
        self.sent.append((topic, decode_header(payload)))
        return len(self.sent)

    def numbers(self, lane: Lane) -> list[tuple[int, int]]:
        return [(header.first, header.last) for _, header in self.sent if header.lane is lane]


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def publisher(outbox: Outbox, line: Line, clock: ManualClock) -> Publisher:
    publisher = Publisher(outbox, Address("s", "a"), line.send, clock, random.Random(1))
    publisher.set_listening(True)
    return publisher


def add(outbox: Outbox, lane: Lane, count: int) -> None:
    for n in range(count):
        outbox.append(lane, CameraChanged(n, 1, 0, CameraState.WATCHING, ""))
    outbox.flush()


def turn(publisher: Publisher) -> None:
    for lane in Lane:
        publisher._send_lane(lane)


def ack(outbox: Outbox, lane: Lane, contiguous: int, *ranges: tuple[int, int], credit: int = 64) -> Acknowledgement:
    return Acknowledgement(1, outbox.epoch, lane, contiguous, ranges, credit)


def test_alarms_go_on_their_own_topic(publisher: Publisher, outbox: Outbox, line: Line) -> None:
    add(outbox, Lane.ALARM, 3)
    add(outbox, Lane.BULK, 2)
    turn(publisher)
    assert [(topic, header.first, header.count) for topic, header in line.sent] == [
        ("hl/1/s/a/up/alarm", 1, 3),
        ("hl/1/s/a/up/bulk", 1, 2),
    ]


def test_bulk_leaves_room_for_alarms(publisher: Publisher, outbox: Outbox, line: Line) -> None:
    add(outbox, Lane.BULK, 3000)
    turn(publisher)
    assert len(line.numbers(Lane.BULK)) == 2, "without PUBACK no more than two"
    for packet in (1, 2):
        publisher.delivered(packet)
    for _ in range(20):
        turn(publisher)
        publisher.delivered(len(line.sent))
    assert len(line.numbers(Lane.BULK)) == 8, "without the aggregator's word no more than eight"


def test_what_is_acknowledged_is_not_sent_again(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    add(outbox, Lane.ALARM, 3)
    turn(publisher)
    publisher.acknowledged(ack(outbox, Lane.ALARM, 3))
    clock.advance(600)
    turn(publisher)
    assert line.numbers(Lane.ALARM) == [(1, 3)]
    assert outbox.waiting()[Lane.ALARM] in (0, 3)
    outbox.flush()
    assert outbox.waiting()[Lane.ALARM] == 0


def test_what_is_not_acknowledged_is_sent_again_with_growing_pauses(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    add(outbox, Lane.ALARM, 1)
    turn(publisher)
    moments = []
    for second in range(100):
        clock.advance(1)
        before = len(line.sent)
        turn(publisher)
        if len(line.sent) > before:
            moments.append(second)
    pauses = [b - a for a, b in pairwise(moments)]
    assert len(pauses) >= 3
    assert pauses == sorted(pauses)


def test_only_what_is_missing_is_sent_again(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    add(outbox, Lane.ALARM, 6)
    turn(publisher)
    publisher.acknowledged(ack(outbox, Lane.ALARM, 2, (4, 4)))
    clock.advance(10)
    turn(publisher)
    assert line.numbers(Lane.ALARM) == [(1, 6), (3, 3), (5, 6)]


def test_nothing_is_sent_while_nobody_listens(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    publisher.set_listening(False)
    add(outbox, Lane.ALARM, 1)
    thread = threading.Thread(target=publisher.run)
    thread.start()
    for _ in range(10):
        publisher.stir()
        time.sleep(0.01)
    assert line.sent == []
    publisher.set_listening(True)
    deadline_s = time.monotonic() + 10
    while not line.sent and time.monotonic() < deadline_s:
        time.sleep(0.01)
    publisher.stop()
    thread.join()
    assert line.numbers(Lane.ALARM) == [(1, 1)]


def test_broker_that_takes_nothing_loses_nothing(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    line.open = False
    add(outbox, Lane.ALARM, 2)
    turn(publisher)
    assert line.sent == []
    line.open = True
    turn(publisher)
    assert line.numbers(Lane.ALARM) == [(1, 2)]
    line.open = False
    clock.advance(10)
    turn(publisher)
    line.open = True
    clock.advance(10)
    turn(publisher)
    assert line.numbers(Lane.ALARM) == [(1, 2), (1, 2)]


def test_low_tells_the_oldest_that_waits(publisher: Publisher, outbox: Outbox, line: Line) -> None:
    add(outbox, Lane.ALARM, 3)
    turn(publisher)
    publisher.acknowledged(ack(outbox, Lane.ALARM, 2))
    outbox.flush()
    add(outbox, Lane.ALARM, 1)
    turn(publisher)
    assert line.sent[-1][1].low == 3


def test_words_for_another_epoch_or_version_are_ignored(publisher: Publisher, outbox: Outbox, line: Line) -> None:
    add(outbox, Lane.ALARM, 1)
    publisher.acknowledged(Acknowledgement(1, outbox.epoch ^ 1, Lane.ALARM, 1, (), 8))
    publisher.acknowledged(Acknowledgement(2, outbox.epoch, Lane.ALARM, 1, (), 8))
    turn(publisher)
    assert line.numbers(Lane.ALARM) == [(1, 1)]


def test_cursor_beyond_our_numbers_means_that_we_are_a_copy(publisher: Publisher, outbox: Outbox) -> None:
    add(outbox, Lane.ALARM, 1)
    publisher.acknowledged(ack(outbox, Lane.ALARM, outbox.high(Lane.ALARM) + 1))
    assert publisher.copy_detected.is_set()
    outbox.flush()
    assert outbox.waiting()[Lane.ALARM] == 1, "nothing is forgotten on the word for another"


def test_restored_backup_is_found_out_at_the_first_unknown_number(publisher: Publisher, outbox: Outbox) -> None:
    add(outbox, Lane.ALARM, 3)
    publisher.acknowledged(ack(outbox, Lane.ALARM, 4))
    assert publisher.copy_detected.is_set(), "though 4 lies within the reserved block"
    outbox.flush()
    assert outbox.waiting()[Lane.ALARM] == 3


@pytest.mark.parametrize("ranges", [((1, 2**60),), ((5, 2**63 + 5),), ((3, 2),), ((-5, -1),), ((0, 1),)])
def test_nonsense_in_an_acknowledgement_deletes_nothing(
    publisher: Publisher, outbox: Outbox, ranges: tuple[tuple[int, int], ...]
) -> None:
    add(outbox, Lane.ALARM, 5)
    publisher.acknowledged(ack(outbox, Lane.ALARM, 0, *ranges))
    outbox.flush()
    assert outbox.waiting()[Lane.ALARM] == 5


def test_credit_bounds_what_is_under_way_and_is_never_nothing(publisher: Publisher, outbox: Outbox, line: Line) -> None:
    add(outbox, Lane.BULK, 3000)
    publisher.acknowledged(ack(outbox, Lane.BULK, 0, credit=0))
    for _ in range(10):
        turn(publisher)
        publisher.delivered(len(line.sent))
    assert len(line.numbers(Lane.BULK)) == 1
    publisher.acknowledged(ack(outbox, Lane.BULK, 0, credit=3))
    for _ in range(10):
        turn(publisher)
        publisher.delivered(len(line.sent))
    assert len(line.numbers(Lane.BULK)) == 3


def refuse(publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock, bad: int, rounds: int) -> None:
    """An aggregator that answers to every batch but those with one number in them."""
    seen = 0
    for _ in range(rounds):
        clock.advance(100)
        turn(publisher)
        for first, last in line.numbers(Lane.BULK)[seen:]:
            if not first <= bad <= last:
                publisher.acknowledged(ack(outbox, Lane.BULK, 0, (first, last)))
        seen = len(line.numbers(Lane.BULK))
        for packet in range(len(line.sent) + 1):
            publisher.delivered(packet)
        add(outbox, Lane.BULK, 1)  # others come and are answered


def test_a_batch_that_is_never_answered_falls_into_halves_and_one_event_is_put_aside(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    add(outbox, Lane.BULK, 16)
    refuse(publisher, outbox, line, clock, bad=7, rounds=90)
    sizes = {last - first + 1 for first, last in line.numbers(Lane.BULK) if first <= 7 <= last}
    assert sizes == {16, 8, 4, 2, 1}
    outbox.flush()
    assert outbox.waiting_between(Lane.BULK, 1, 16) == [], "the others were taken"
    assert outbox.waiting()[Lane.ALARM] == 1, "and the loss of one is reported"
    report = decode_event(outbox.waiting_between(Lane.ALARM, 1, 1)[0][1])
    assert isinstance(report, RangeLost)
    assert (report.lane, report.first, report.last, report.reason) == (Lane.BULK, 7, 7, LossReason.QUARANTINED)
    assert outbox.file._rows("SELECT lane, seq FROM quarantine", ()) == [(Lane.BULK, 7)]


def test_an_event_that_the_card_does_not_let_us_put_aside_is_sent_on(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_aside(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(outbox, "quarantine", put_aside)
    add(outbox, Lane.BULK, 16)
    refuse(publisher, outbox, line, clock, bad=7, rounds=90)
    sent = line.numbers(Lane.BULK).count((7, 7))
    refuse(publisher, outbox, line, clock, bad=7, rounds=5)
    assert line.numbers(Lane.BULK).count((7, 7)) > sent
    assert outbox.waiting_between(Lane.BULK, 1, 16)[0][0] == 7


def test_an_aggregator_that_answers_nobody_is_waited_for(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    add(outbox, Lane.BULK, 16)
    for _ in range(100):
        clock.advance(100)
        turn(publisher)
        for packet in range(len(line.sent) + 1):
            publisher.delivered(packet)
    assert set(line.numbers(Lane.BULK)) == {(1, 16)}
    assert outbox.waiting()[Lane.BULK] == 16


def test_a_link_that_flaps_puts_nothing_aside(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    """A worker took the first alarm and died; the second was stored by another; then the link comes and goes."""
    add(outbox, Lane.ALARM, 1)
    turn(publisher)
    add(outbox, Lane.ALARM, 1)
    turn(publisher)
    publisher.acknowledged(ack(outbox, Lane.ALARM, 0, (2, 2)))
    for _ in range(200):
        publisher.set_listening(False)
        clock.advance(30)
        publisher.set_listening(True)
        publisher.acknowledged(ack(outbox, Lane.ALARM, 0, (2, 2)))  # the answer to the birth
        clock.advance(2)
        turn(publisher)
        for packet in range(len(line.sent) + 1):
            publisher.delivered(packet)
    assert [seq for seq, _ in outbox.waiting_between(Lane.ALARM, 1, 10)] == [1]


def test_one_batch_that_is_never_answered_does_not_use_up_the_credit(
    publisher: Publisher, outbox: Outbox, line: Line, clock: ManualClock
) -> None:
    add(outbox, Lane.BULK, 10)
    publisher.acknowledged(ack(outbox, Lane.BULK, 0, credit=1))
    turn(publisher)
    assert line.numbers(Lane.BULK) == [(1, 10)]
    add(outbox, Lane.BULK, 5)
    for _ in range(5):
        clock.advance(100)
        turn(publisher)
        for packet in range(len(line.sent) + 1):
            publisher.delivered(packet)
    assert (11, 15) in line.numbers(Lane.BULK)


def test_puback_that_is_quicker_than_we_are(outbox: Outbox, clock: ManualClock) -> None:
    sent = []

    def send(topic: str, payload: bytes) -> int:
        sent.append(decode_header(payload))
        publisher.delivered(len(sent))
        return len(sent)

    publisher = Publisher(outbox, Address("s", "a"), send, clock, random.Random(1))
    publisher.set_listening(True)
    add(outbox, Lane.BULK, 1000)
    turn(publisher)
    assert len(sent) > 2, "its room in the client's queue is free again"
