"""Queues of what boxes send: bounded, and fair."""

import random
from collections import Counter

from aggregator.ingest.arrivals import Arrivals
from shared.mqtt import Message


def message(box: str, size: int = 100, mark: int = 0) -> Message:
    return Message(f"hl/1/s/{box}/up/alarm", mark.to_bytes(4, "big") + b"x" * (size - 4), False, 0.0)


def marks(taken: list[Message]) -> list[tuple[str, int]]:
    return [(each.topic.split("/")[3], int.from_bytes(each.payload[:4], "big")) for each in taken]


def test_boxes_take_turns_and_each_ones_messages_keep_their_order() -> None:
    arrivals = Arrivals()
    arrivals.put(message("a", mark=n) for n in range(1000))
    arrivals.put([message("b", mark=1), message("c", mark=1), message("b", mark=2)])
    assert marks(arrivals.take(5, 0)) == [("a", 0), ("b", 1), ("c", 1), ("a", 1), ("b", 2)]
    assert marks(arrivals.take(3, 0)) == [("a", 2), ("a", 3), ("a", 4)]


def test_who_sends_much_has_a_short_turn_in_one_handful() -> None:
    arrivals = Arrivals(turn_bytes=1000)
    arrivals.put(message("a", 400, n) for n in range(10))
    arrivals.put([message("b", 400, 1)])
    assert marks(arrivals.take(100, 0)) == [("a", 0), ("b", 1), ("a", 1)]
    assert marks(arrivals.take(100, 0)) == [("a", 2), ("a", 3)]
    one_each = Arrivals(turn_bytes=0)
    one_each.put(message("a", mark=n) for n in range(10))
    assert marks(one_each.take(100, 0)) == [("a", 0)]


def test_a_full_queue_costs_him_who_filled_it() -> None:
    arrivals = Arrivals(max_bytes=100_000)
    arrivals.put([message("quiet", mark=7)])
    arrivals.put(message("loud", 1000, n) for n in range(1000))
    taken = marks(arrivals.take(10_000, 0))
    assert ("quiet", 7) in taken
    assert len(taken) < 100
    assert taken[-1] == ("loud", 999), "its oldest went"


def test_beyond_the_allowance_nothing_is_heard_until_it_has_come_back() -> None:
    now_s = [0.0]
    arrivals = Arrivals(burst_bytes=10_000, pace_bytes_s=100, now_s=lambda: now_s[0])
    arrivals.put(message("loud", 1000, n) for n in range(30))
    heard = len(arrivals.take(100, 0))
    assert 8 <= heard <= 10
    arrivals.put([message("loud", 10), message("quiet", 10)])
    assert [box for box, _ in marks(arrivals.take(100, 0))] == ["quiet"], "a small one does not slip through"
    now_s[0] = 20.0
    arrivals.put([message("loud", 5000)])
    assert len(arrivals.take(100, 0)) == 1, "any size, once something has come back"


def test_whatever_comes_nothing_is_lost_or_twice_that_was_not_dropped() -> None:
    rng = random.Random(1)
    arrivals, sent, taken = Arrivals(max_bytes=40_000), Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for number in range(3000):
        each = message(rng.choice("abcdefgh"), rng.randrange(10, 900), number)
        sent.update(marks([each]))
        arrivals.put([each])
        if rng.random() < 0.2:
            taken.update(marks(arrivals.take(rng.randrange(1, 20), 0, rng.randrange(500, 5000))))
    while rest := arrivals.take(50, 0):
        taken.update(marks(rest))
    assert not taken - sent
    assert sum(sent.values()) == sum(taken.values()) + arrivals.dropped
    assert arrivals.load == 0
