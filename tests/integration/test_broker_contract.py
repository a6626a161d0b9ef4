"""What we need of a broker, the same for each: retained messages, wills, sessions, shared subscriptions.

Whoever only listens is asked twice: through paho and through the reader of our own.
"""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from shared.mqtt import Connection, Message, Receiver, Will

Broker = tuple[str, int]


class Client:
    """A connection that remembers what it got."""

    def __init__(self, broker: Broker, name: str, *filters: str, **options: object) -> None:
        self.messages: list[Message] = []
        self.delivered: list[int] = []
        self.connection = Connection(
            name,
            *broker,
            subscriptions=[(one, 1) for one in filters],
            on_message=self.messages.append,
            on_delivered=self.delivered.append,
            **options,  # type: ignore[arg-type]
        )
        self.connection.start()
        wait(lambda: self.connection.is_up)
        time.sleep(0.2)  # the subscriptions follow the connect

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    def vanish(self) -> None:
        """As a box whose cable is cut: no DISCONNECT."""
        client = self.connection._client
        client.loop_stop()
        client.socket().close()


class Reader:
    """The same through the reader of our own."""

    def __init__(self, broker: Broker, name: str, *filters: str) -> None:
        self.messages: list[Message] = []
        self.connection = Receiver(
            name, *broker, subscriptions=[(one, 1) for one in filters], on_messages=self.messages.extend
        )
        self.connection.start()
        wait(lambda: self.connection.is_up)

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    def vanish(self) -> None:
        """No DISCONNECT."""
        self.connection._stopping.set()
        assert self.connection._socket
        self.connection._socket.shutdown(socket.SHUT_RDWR)


def wait(look: Callable[[], object], timeout_s: float = 10) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.fixture
def client(broker: Broker) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(name: str, *filters: str, **options: object) -> Client:
        made.append(Client(broker, name, *filters, **options))
        return made[-1]

    yield make
    for one in made:
        one.connection.stop()


@pytest.fixture(params=[Client, Reader], ids=["paho", "reader"])
def listen(request: pytest.FixtureRequest, broker: Broker) -> Iterator[Callable[..., Client | Reader]]:
    made: list[Client | Reader] = []

    def make(name: str, *filters: str) -> Client | Reader:
        made.append(request.param(broker, name, *filters))
        return made[-1]

    yield make
    for one in made:
        one.connection.stop()


Listen = Callable[..., Client | Reader]


def test_message_arrives_and_is_confirmed(client: Callable[..., Client], listen: Listen) -> None:
    listener, sender = listen("listener", "hl/1/+/+/up/alarm"), client("sender")
    packet = sender.connection.publish("hl/1/s/a/up/alarm", b"1", qos=1)
    wait(lambda: listener.payloads() == [b"1"])
    wait(lambda: sender.delivered == [packet])
    assert not listener.messages[0].retained


def test_retained_message_reaches_who_comes_later(client: Callable[..., Client], listen: Listen) -> None:
    client("sender").connection.publish("hl/1/s/a/state", b"birth", qos=1, retain=True)
    time.sleep(0.2)
    late = listen("late", "hl/1/+/+/state")
    wait(lambda: late.payloads() == [b"birth"])
    assert late.messages[0].retained


def test_will_speaks_for_who_vanished(client: Callable[..., Client], listen: Listen) -> None:
    listener = listen("listener", "hl/1/s/a/state")
    box = client("box", will=Will("hl/1/s/a/state", b"gone"))
    box.vanish()
    wait(lambda: listener.payloads() == [b"gone"], 30)


def test_farewell_comes_instead_of_the_will(client: Callable[..., Client], listen: Listen) -> None:
    listener = listen("listener", "hl/1/s/a/state")
    box = client("box", will=Will("hl/1/s/a/state", b"gone"))
    box.connection.stop(("hl/1/s/a/state", b"bye"))
    wait(lambda: listener.payloads() == [b"bye"])
    time.sleep(0.5)
    assert listener.payloads() == [b"bye"]


def test_session_keeps_messages_for_a_box_that_is_away(client: Callable[..., Client]) -> None:
    box = client("box", "hl/1/s/a/down/command", session_expiry_s=3600)
    box.vanish()
    time.sleep(0.3)
    sender = client("sender")
    for n in range(20):
        sender.connection.publish("hl/1/s/a/down/command", b"%d" % n, qos=1)
    wait(lambda: len(sender.delivered) == 20)
    again = client("box", "hl/1/s/a/down/command", session_expiry_s=3600)
    wait(lambda: len(set(again.payloads())) == 20)


def test_shared_subscription_gives_each_message_to_one_member(client: Callable[..., Client], listen: Listen) -> None:
    members = [listen(f"member-{n}", "$share/ingest/hl/1/+/+/up/bulk") for n in range(2)]
    sender = client("sender")
    for n in range(200):
        sender.connection.publish("hl/1/s/a/up/bulk", b"%d" % n, qos=1)
    wait(lambda: sum(len(member.messages) for member in members) >= 200)
    time.sleep(0.2)
    got = [payload for member in members for payload in member.payloads()]
    assert sorted(got) == sorted(b"%d" % n for n in range(200))
    assert all(member.messages for member in members)


def test_member_that_leaves_takes_nothing_with_it(client: Callable[..., Client], listen: Listen) -> None:
    one, two = (listen(f"member-{n}", "$share/ingest/hl/1/+/+/up/bulk") for n in range(2))
    one.connection.stop()
    time.sleep(0.3)
    sender = client("sender")
    for n in range(50):
        sender.connection.publish("hl/1/s/a/up/bulk", b"%d" % n, qos=1)
    wait(lambda: len(two.messages) == 50)


def test_session_that_expired_keeps_nothing(client: Callable[..., Client], listen: Listen) -> None:
    """An ingest worker (expiry 0) that comes back must not be given what others were meant to have."""
    topic = "hl/1/s/a/up/bulk"
    worker = listen("worker", topic)
    worker.vanish()
    time.sleep(0.5)
    sender = client("sender")
    for n in range(20):
        sender.connection.publish(topic, b"%d" % n, qos=1)
    wait(lambda: len(sender.delivered) == 20)
    again = listen("worker", topic)
    sender.connection.publish(topic, b"new", qos=1)
    wait(lambda: b"new" in again.payloads())
    assert again.payloads() == [b"new"]


def test_resumed_session_is_told_what_is_retained_or_answered(client: Callable[..., Client]) -> None:
    """Not every broker sends retained messages to a resumed session; then a publication of the same must reach it."""
    sender = client("sender")
    sender.connection.publish("hl/1/aggregator/state", b"alive", qos=1, retain=True)
    box = client("box", "hl/1/aggregator/state", session_expiry_s=3600)
    wait(lambda: box.payloads() == [b"alive"])
    box.vanish()
    time.sleep(0.3)
    again = client("box", "hl/1/aggregator/state", session_expiry_s=3600)
    sender.connection.publish("hl/1/aggregator/state", b"alive again", qos=1, retain=True)
    wait(lambda: b"alive again" in again.payloads())


def test_reader_takes_a_flood_and_messages_beyond_all_measure(broker: Broker, client: Callable[..., Client]) -> None:
    reader, sender = Reader(broker, "reader", "hl/1/+/+/up/bulk", "hl/1/+/+/up/alarm"), client("sender")
    sizes = [1, 100, 127, 128, 16_383, 16_384, 70_000, 250_000]
    for n in range(400):
        payload = bytes((n % 256,)) * sizes[n % len(sizes)]
        while sender.connection.publish("hl/1/s/a/up/" + ("bulk", "alarm")[n % 2], payload, qos=n % 3 and 1) is None:
            time.sleep(0.01)
        if n % 50 == 49:
            wait(lambda n=n: len(reader.messages) == n + 1)  # type: ignore[misc]
    got = sorted(hash(payload) for payload in reader.payloads())
    assert got == sorted(hash(bytes((n % 256,)) * sizes[n % len(sizes)]) for n in range(400))
    reader.connection.stop()


def test_reader_is_heard_and_comes_back(broker: Broker, client: Callable[..., Client]) -> None:
    listener, sender = client("listener", "hl/1/s/+/down/ack"), client("sender")
    reader = Reader(broker, "reader", "hl/1/s/a/up/alarm")
    assert reader.connection.publish((f"hl/1/s/{n}/down/ack", b"%d" % n) for n in range(50))
    wait(lambda: sorted(listener.payloads()) == sorted(b"%d" % n for n in range(50)))
    assert reader.connection._socket
    reader.connection._socket.shutdown(socket.SHUT_RDWR)
    wait(lambda: not reader.connection.is_up)
    wait(lambda: reader.connection.is_up)
    sender.connection.publish("hl/1/s/a/up/alarm", b"again", qos=1)
    wait(lambda: reader.payloads() == [b"again"])
    reader.connection.stop()
    assert not reader.connection.publish([("hl/1/s/1/down/ack", b"")])
