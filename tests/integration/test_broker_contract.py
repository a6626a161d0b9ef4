"""What we need of a broker, the same for each: retained messages, wills, sessions, shared subscriptions.

Everything is asked twice: through paho, and through our own connections on a loop and reader.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.mqtt import Connection, Loop, LoopConnection, Message, Receiver, Will

Broker = tuple[str, int]


class Client:
    """A connection that remembers what it got."""

    def __init__(self, broker: Broker, name: str, *filters: str, **options: object) -> None:
        self.messages: list[Message] = []
        self.delivered: list[int] = []
        self.connection = self.connect(
            name,
            *broker,
            subscriptions=[(one, 1) for one in filters],
            on_message=self.messages.append,
            on_delivered=self.delivered.append,
            **options,
        )
        self.connection.start()
        wait(lambda: self.connection.is_up)
        pause(0.2)  # the subscriptions follow the connect

    def connect(self, *args: Any, **options: Any) -> Any:
        """Through paho, on a thread."""
        return Connection(*args, **options)

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    def vanish(self) -> None:
        """As a box whose cable is cut: no DISCONNECT."""
        client = self.connection._client
        client.loop_stop()
        client.socket().close()


class Looped(Client):
    """The same on a loop, which turns while the test waits."""

    loop: Loop

    def connect(self, *args: Any, **options: Any) -> Any:
        """Our own, without a thread."""
        return LoopConnection(self.loop, *args, **options)

    def vanish(self) -> None:
        """No DISCONNECT."""
        self.loop.remove(self.connection)
        self.connection._close("the cable is cut")


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
        assert self.connection._pipe
        self.connection._pipe.shut()


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    Looped.loop = Loop()
    yield
    Looped.loop.close()


def wait(look: Callable[[], object], timeout_s: float = 10) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < deadline_s
        Looped.loop.turn(0.02)


def pause(seconds: float) -> None:
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        Looped.loop.turn(0.02)


Connect = Callable[..., Client]
Listen = Callable[..., Client | Reader]


@pytest.fixture(params=["paho", "own"])
def whose(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(whose: str, broker: Broker) -> Iterator[Connect]:
    """Makes connections as boxes have them."""
    made: list[Client] = []

    def make(name: str, *filters: str, **options: object) -> Client:
        made.append((Client if whose == "paho" else Looped)(broker, name, *filters, **options))
        return made[-1]

    yield make
    for one in made:
        one.connection.stop()


@pytest.fixture
def listen(whose: str, broker: Broker) -> Iterator[Listen]:
    """Makes connections as ingest has them."""
    made: list[Client | Reader] = []

    def make(name: str, *filters: str) -> Client | Reader:
        made.append((Client if whose == "paho" else Reader)(broker, name, *filters))
        return made[-1]

    yield make
    for one in made:
        one.connection.stop()


def test_message_arrives_and_is_confirmed(client: Connect, listen: Listen) -> None:
    listener, sender = listen("listener", "hl/1/+/+/up/alarm"), client("sender")
    packet = sender.connection.publish("hl/1/s/a/up/alarm", b"1", qos=1)
    wait(lambda: listener.payloads() == [b"1"])
    wait(lambda: sender.delivered == [packet])
    assert not listener.messages[0].retained


def test_retained_message_reaches_who_comes_later(client: Connect, listen: Listen) -> None:
    client("sender").connection.publish("hl/1/s/a/state", b"birth", qos=1, retain=True)
    pause(0.2)
    late = listen("late", "hl/1/+/+/state")
    wait(lambda: late.payloads() == [b"birth"])
    assert late.messages[0].retained


def test_will_speaks_for_who_vanished(client: Connect, listen: Listen) -> None:
    listener = listen("listener", "hl/1/s/a/state")
    box = client("box", will=Will("hl/1/s/a/state", b"gone"))
    box.vanish()
    wait(lambda: listener.payloads() == [b"gone"], 30)


def test_farewell_comes_instead_of_the_will(client: Connect, listen: Listen) -> None:
    listener = listen("listener", "hl/1/s/a/state")
    box = client("box", will=Will("hl/1/s/a/state", b"gone"))
    box.connection.stop(("hl/1/s/a/state", b"bye"))
    wait(lambda: listener.payloads() == [b"bye"])
    pause(0.5)
    assert listener.payloads() == [b"bye"]


def test_session_keeps_messages_for_a_box_that_is_away(client: Connect) -> None:
    box = client("box", "hl/1/s/a/down/command", session_expiry_s=3600)
    box.vanish()
    pause(0.3)
    sender = client("sender")
    for n in range(20):
        sender.connection.publish("hl/1/s/a/down/command", b"%d" % n, qos=1)
    wait(lambda: len(sender.delivered) == 20)
    again = client("box", "hl/1/s/a/down/command", session_expiry_s=3600)
    wait(lambda: len(set(again.payloads())) == 20)


def test_shared_subscription_gives_each_message_to_one_member(client: Connect, listen: Listen) -> None:
    members = [listen(f"member-{n}", "$share/ingest/hl/1/+/+/up/bulk") for n in range(2)]
    sender = client("sender")
    for n in range(200):
        sender.connection.publish("hl/1/s/a/up/bulk", b"%d" % n, qos=1)
    wait(lambda: sum(len(member.messages) for member in members) >= 200)
    pause(0.2)
    got = [payload for member in members for payload in member.payloads()]
    assert sorted(got) == sorted(b"%d" % n for n in range(200))
    assert all(member.messages for member in members)


def test_member_that_leaves_takes_nothing_with_it(client: Connect, listen: Listen) -> None:
    one, two = (listen(f"member-{n}", "$share/ingest/hl/1/+/+/up/bulk") for n in range(2))
    one.connection.stop()
    pause(0.3)
    sender = client("sender")
    for n in range(50):
        sender.connection.publish("hl/1/s/a/up/bulk", b"%d" % n, qos=1)
    wait(lambda: len(two.messages) == 50)


def test_session_that_expired_keeps_nothing(client: Connect, listen: Listen) -> None:
    """An ingest worker (expiry 0) that comes back must not be given what others were meant to have."""
    topic = "hl/1/s/a/up/bulk"
    worker = listen("worker", topic)
    worker.vanish()
    pause(0.5)
    sender = client("sender")
    for n in range(20):
        sender.connection.publish(topic, b"%d" % n, qos=1)
    wait(lambda: len(sender.delivered) == 20)
    again = listen("worker", topic)
    sender.connection.publish(topic, b"new", qos=1)
    wait(lambda: b"new" in again.payloads())
    assert again.payloads() == [b"new"]


def test_resumed_session_is_told_what_is_retained_or_answered(client: Connect) -> None:
    """Not every broker sends retained messages to a resumed session; then a publication of the same must reach it."""
    sender = client("sender")
    sender.connection.publish("hl/1/aggregator/state", b"alive", qos=1, retain=True)
    box = client("box", "hl/1/aggregator/state", session_expiry_s=3600)
    wait(lambda: box.payloads() == [b"alive"])
    box.vanish()
    pause(0.3)
    again = client("box", "hl/1/aggregator/state", session_expiry_s=3600)
    sender.connection.publish("hl/1/aggregator/state", b"alive again", qos=1, retain=True)
    wait(lambda: b"alive again" in again.payloads())


def test_reader_takes_a_flood_and_messages_beyond_all_measure(broker: Broker, client: Connect) -> None:
    reader, sender = Reader(broker, "reader", "hl/1/+/+/up/bulk", "hl/1/+/+/up/alarm"), client("sender")
    sizes = [1, 100, 127, 128, 16_383, 16_384, 70_000, 250_000]
    for n in range(400):
        payload = bytes((n % 256,)) * sizes[n % len(sizes)]
        while sender.connection.publish("hl/1/s/a/up/" + ("bulk", "alarm")[n % 2], payload, qos=n % 3 and 1) is None:
            pause(0.01)
        if n % 50 == 49:
            wait(lambda n=n: len(reader.messages) == n + 1)  # type: ignore[misc]
    got = sorted(hash(payload) for payload in reader.payloads())
    assert got == sorted(hash(bytes((n % 256,)) * sizes[n % len(sizes)]) for n in range(400))
    reader.connection.stop()


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)  # the other one refuses it from its sender
def test_reader_keeps_the_beginning_of_a_monster(broker: Broker, client: Connect) -> None:
    reader, sender = Reader(broker, "reader", "hl/1/+/+/up/bulk"), client("sender")
    for payload in (b"x" * 3_000_000, b"after"):
        sender.connection.publish("hl/1/s/a/up/bulk", payload, qos=1)
    wait(lambda: len(reader.messages) == 2, 20)
    assert [len(payload) for payload in reader.payloads()] == [512 * 1024 - len("hl/1/s/a/up/bulk") - 5, 5]
    reader.connection.stop()


def test_reader_is_heard_and_comes_back(broker: Broker, client: Connect) -> None:
    listener, sender = client("listener", "hl/1/s/+/down/ack"), client("sender")
    reader = Reader(broker, "reader", "hl/1/s/a/up/alarm")
    assert reader.connection.publish((f"hl/1/s/{n}/down/ack", b"%d" % n) for n in range(50))
    wait(lambda: sorted(listener.payloads()) == sorted(b"%d" % n for n in range(50)))
    assert reader.connection._pipe
    reader.connection._pipe.shut()
    wait(lambda: not reader.connection.is_up)
    wait(lambda: reader.connection.is_up)
    sender.connection.publish("hl/1/s/a/up/alarm", b"again", qos=1)
    wait(lambda: reader.payloads() == [b"again"])
    reader.connection.stop()
    assert not reader.connection.publish([("hl/1/s/1/down/ack", b"")])
