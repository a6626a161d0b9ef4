"""Who leaves when a door is full."""

import socket
from collections.abc import Iterator

import pytest

from aggregator.api.connection_limit import ConnectionLimit, ConnectionStage


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


def arrive(
    limit: ConnectionLimit, pairs: Pairs, address: str, stage: ConnectionStage = ConnectionStage.ASKING
) -> socket.socket:
    connection = pairs.make()
    assert limit.arrive(connection, address)
    client = limit.find(connection.fileno())
    assert client
    limit.change(client, stage)
    return connection


def test_the_one_who_stood_longest_leaves_first(pairs: Pairs) -> None:
    limit = ConnectionLimit(3, 3)
    first, second, third = (arrive(limit, pairs, "a") for _ in range(3))
    client = limit.find(first.fileno())
    assert client
    limit.change(client, ConnectionStage.SERVED)
    limit.change(client, ConnectionStage.ASKING)
    arrive(limit, pairs, "b")
    assert [pairs.is_ended(one) for one in (first, second, third)] == [False, True, False]
    assert len(limit) == 3


def test_who_is_served_stays_and_who_brings_leaves_after_who_asks(pairs: Pairs) -> None:
    limit = ConnectionLimit(3, 3)
    bringing = arrive(limit, pairs, "a", ConnectionStage.BRINGING)
    served = arrive(limit, pairs, "a", ConnectionStage.SERVED)
    asking = arrive(limit, pairs, "a")
    arrive(limit, pairs, "b", ConnectionStage.SERVED)
    assert [pairs.is_ended(one) for one in (bringing, served, asking)] == [False, False, True]
    arrive(limit, pairs, "b", ConnectionStage.SERVED)
    assert pairs.is_ended(bringing)
    assert not limit.arrive(pairs.make(), "c")
    assert not pairs.is_ended(served)


def test_an_address_that_has_its_part_makes_room_itself(pairs: Pairs) -> None:
    limit = ConnectionLimit(10, 2)
    other = arrive(limit, pairs, "b")
    first, _ = (arrive(limit, pairs, "a") for _ in range(2))
    arrive(limit, pairs, "a")
    assert pairs.is_ended(first)
    assert not pairs.is_ended(other)
    # A full door: the address with most connections there makes room.
    limit = ConnectionLimit(3, 3)
    other = arrive(limit, pairs, "b")
    first, _ = (arrive(limit, pairs, "a") for _ in range(2))
    arrive(limit, pairs, "c")
    assert pairs.is_ended(first)
    assert not pairs.is_ended(other)


def test_who_has_gone_without_a_word_is_not_counted(pairs: Pairs) -> None:
    limit = ConnectionLimit(2, 2)
    served = arrive(limit, pairs, "a", ConnectionStage.SERVED)
    gone = arrive(limit, pairs, "a", ConnectionStage.SERVED)
    gone.close()
    arrive(limit, pairs, "a")
    assert not pairs.is_ended(served)
    assert len(limit) == 2
