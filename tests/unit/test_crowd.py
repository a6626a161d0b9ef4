"""Who leaves when a door is full."""

import socket
from collections.abc import Iterator

import pytest

from aggregator.api.crowd import Crowd, Standing


class Pairs:
    """Connections, and their other ends."""

    def __init__(self) -> None:
        self.ends: dict[socket.socket, socket.socket] = {}

    def make(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.ends[ours] = theirs
        return ours

    def is_ended(self, connection: socket.socket) -> bool:
        try:
            return self.ends[connection].recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    pairs = Pairs()
    yield pairs
    for ours, theirs in pairs.ends.items():
        ours.close()
        theirs.close()


def arrive(crowd: Crowd, pairs: Pairs, address: str, standing: Standing = Standing.ASKING) -> socket.socket:
    connection = pairs.make()
    assert crowd.arrive(connection, address)
    visitor = crowd.find(connection.fileno())
    assert visitor
    crowd.change(visitor, standing)
    return connection


def test_the_one_who_stood_longest_leaves_first(pairs: Pairs) -> None:
    crowd = Crowd(3, 3)
    first, second, third = (arrive(crowd, pairs, "a") for _ in range(3))
    visitor = crowd.find(first.fileno())
    assert visitor
    crowd.change(visitor, Standing.SERVED)
    crowd.change(visitor, Standing.ASKING)
    arrive(crowd, pairs, "b")
    assert [pairs.is_ended(one) for one in (first, second, third)] == [False, True, False]
    assert len(crowd) == 3


def test_who_is_served_stays_and_who_brings_leaves_after_who_asks(pairs: Pairs) -> None:
    crowd = Crowd(3, 3)
    bringing = arrive(crowd, pairs, "a", Standing.BRINGING)
    served = arrive(crowd, pairs, "a", Standing.SERVED)
    asking = arrive(crowd, pairs, "a")
    arrive(crowd, pairs, "b", Standing.SERVED)
    assert [pairs.is_ended(one) for one in (bringing, served, asking)] == [False, False, True]
    arrive(crowd, pairs, "b", Standing.SERVED)
    assert pairs.is_ended(bringing)
    assert not crowd.arrive(pairs.make(), "c")
    assert not pairs.is_ended(served)


def test_an_address_that_has_its_part_makes_room_itself(pairs: Pairs) -> None:
    crowd = Crowd(10, 2)
    other = arrive(crowd, pairs, "b")
    first, _ = (arrive(crowd, pairs, "a") for _ in range(2))
    arrive(crowd, pairs, "a")
    assert pairs.is_ended(first)
    assert not pairs.is_ended(other)
    # A full door: the address with most connections there makes room.
    crowd = Crowd(3, 3)
    other = arrive(crowd, pairs, "b")
    first, _ = (arrive(crowd, pairs, "a") for _ in range(2))
    arrive(crowd, pairs, "c")
    assert pairs.is_ended(first)
    assert not pairs.is_ended(other)


def test_who_has_gone_without_a_word_is_not_counted(pairs: Pairs) -> None:
    crowd = Crowd(2, 2)
    served = arrive(crowd, pairs, "a", Standing.SERVED)
    gone = arrive(crowd, pairs, "a", Standing.SERVED)
    gone.close()
    arrive(crowd, pairs, "a")
    assert not pairs.is_ended(served)
    assert len(crowd) == 2
