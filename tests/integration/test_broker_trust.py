"""Mosquitto as we configure it: a box speaks, listens and connects only as itself, and who is revoked is out."""

import contextlib
import random
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.jobs.runner import JobRunner
from aggregator.signals.declarations import Job
from aggregator.store import Database
from aggregator.trust import authority, mosquitto, roles
from aggregator.trust.broker_access import BrokerAccess, sync
from aggregator.trust.control import BrokerControl
from aggregator.trust.mosquitto import Listeners, Mosquitto
from edge_agent.uplink.trust import CertificateRenewal, Door, enrol
from shared.errors import UnavailableError
from shared.mqtt import Connection, Message, Receiver, Will, packets
from shared.mqtt.packets import Stream
from shared.mqtt.pipe import shut
from shared.net import pick_free_port
from shared.topics import AGGREGATOR_STATE, Address, Channel, every_box
from shared.trust import Credentials, client_context, common_name, new_key
from shared.trust.tls import unverified_context
from tests.integration.trusted import Deployment

GATE, YARD = Address("north", "gate"), Address("north", "yard")


class Broker:
    """Mosquitto with roles, access that holds them in step with the database, and two boxes."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.deployment = Deployment(folder, database, self._admit)
        self.vault = self.deployment.vault
        self.port, self.box_port = pick_free_port(), pick_free_port()
        self.folder = folder / "broker"
        self.process = Mosquitto(self.vault, self.folder, Listeners("127.0.0.1", self.port, "127.0.0.1", self.box_port))
        self.control = BrokerControl("127.0.0.1", self.port, self.service("broker-admin"))
        self.access = BrokerAccess(self.vault, self.control, self.folder, ("localhost", "127.0.0.1"))
        self.runner = JobRunner(database, "trust")

    def _admit(self, address: Address) -> None:
        self.access.admit(address)

    def service(self, name: str) -> ssl.SSLContext:
        return client_context(self.vault.root(), self.vault.credentials_path(name))

    def box(self, door: Door) -> ssl.SSLContext:
        return client_context(door.root(), door.identity_path)

    def start(self) -> None:
        self.process.start()
        self.control.start()
        self.runner.start(Job("broker-access", 1, ""), self.access.turn)


@pytest.fixture
def broker(tmp_path: Path, database: Database) -> Iterator[Broker]:
    if not (shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")):
        pytest.skip("mosquitto is missing (Debian: mosquitto)")
    broker = Broker(tmp_path, database)
    with broker.deployment.open():
        broker.start()
        yield broker
        broker.runner.stop()
        broker.control.stop()
        broker.process.stop()


class Heard:
    """A client of the broker, and what it hears."""

    def __init__(
        self, tls: ssl.SSLContext, port: int, subscriptions: list[tuple[str, int]], client_id: str = "x", **more: Any
    ) -> None:
        self.tls = tls
        self.messages: list[Message] = []
        self.ups, self.downs = threading.Semaphore(0), threading.Semaphore(0)
        self.connection = Connection(
            client_id,
            "127.0.0.1",
            port,
            subscriptions=subscriptions,
            on_message=self.messages.append,
            on_up=self.ups.release,
            on_down=lambda _: self.downs.release(),
            tls=tls,
            **more,
        )
        self.connection.start()

    def has(self, topic: str, within_s: float = 5.0) -> bool:
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            if any(message.topic == topic for message in self.messages):
                return True
            time.sleep(0.02)
        return False

    def hears(self, speaker: "Heard", topic: str, retain: bool = False) -> bool:
        """Whether it hears what the other says; said again until then, for it is up before it listens."""
        for _ in range(50):
            speaker.connection.publish(topic, b"x", qos=1, retain=retain)
            if self.has(topic, 0.2):
                return True
        return False


class Raw:
    """A client that says whatever it wants, packet by packet."""

    def __init__(self, tls: ssl.SSLContext, port: int, client_id: str, will: Will | None = None) -> None:
        end = socket.create_connection(("127.0.0.1", port), 5)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.end = tls.wrap_socket(end, server_hostname="127.0.0.1")
        self.stream = Stream(65536)
        try:
            self.send(packets.connect(client_id, 60, will=will))
            self.connack = self.wait(packets.CONNACK)
        except BaseException:
            self.end.close()
            raise

    def send(self, content: bytes) -> None:
        self.end.sendall(content)

    def wait(self, kind: int) -> bytes:
        while True:
            piece = self.end.recv(65536)
            if not piece:
                raise ConnectionError("closed")
            found = self.stream.feed(piece, 0.0)
            assert not found.messages, "something was heard that is not ours"
            for got, body in found.others:
                if got == kind:
                    return body

    def publish(self, topic: str, payload: bytes, retain: bool) -> int:
        """The broker's reason code."""
        self.send(packets.publish(topic, payload, retain=retain, packet=7))
        body = self.wait(packets.PUBACK)
        return body[2] if len(body) > 2 else 0

    def subscribe(self, topic_filter: str) -> int:
        self.send(packets.subscribe([(topic_filter, 1)]))
        return self.wait(packets.SUBACK)[-1]

    def close(self) -> None:
        self.end.close()


def test_a_box_is_heard_as_itself_and_hears_what_is_for_it(broker: Broker) -> None:
    door = broker.deployment.enrol(GATE)
    filters = [("$share/ingest-alarm/hl/1/+/+/up/alarm", 1), ("hl/1/+/+/state", 1), ("hl/1/+/+/up/health", 0)]
    centre = Heard(broker.service("aggregator"), broker.port, filters, "centre")
    own = [(GATE.topic(channel), 1) for channel in (Channel.ACK, Channel.COMMAND)]
    box = Heard(broker.box(door), broker.box_port, [*own, (AGGREGATOR_STATE, 1)], "any client id")
    assert centre.ups.acquire(timeout=5)
    assert box.ups.acquire(timeout=5)
    for channel in (Channel.ALARM, Channel.STATE, Channel.HEALTH):
        assert centre.hears(box, GATE.topic(channel)), channel
    assert box.hears(centre, GATE.topic(Channel.ACK))
    assert box.hears(centre, GATE.topic(Channel.COMMAND))
    assert box.hears(centre, AGGREGATOR_STATE, retain=True)
    centre.connection.publish(YARD.topic(Channel.COMMAND), b"x", qos=1)
    assert not box.has(YARD.topic(Channel.COMMAND), 0.3)
    box.connection.stop()
    centre.connection.stop()


def test_the_reader_of_our_own_speaks_tls_from_several_threads(broker: Broker) -> None:
    door = broker.deployment.enrol(GATE)
    got: list[Message] = []
    up = threading.Event()
    reader = Receiver(
        "reader", "127.0.0.1", broker.port, subscriptions=[("hl/1/+/+/up/bulk", 1)],
        on_messages=got.extend, on_up=up.set, tls=broker.service("aggregator"),
    )  # fmt: skip
    reader.start()
    assert up.wait(5)
    box = Heard(broker.box(door), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    assert box.ups.acquire(timeout=5)
    deadline_s = time.monotonic() + 20
    while not box.has(GATE.topic(Channel.ACK), 0.2):  # it is up before it listens
        assert time.monotonic() < deadline_s
        reader.publish([(GATE.topic(Channel.ACK), b"listening?")])
    answers, sent = 400, 2000

    def answered() -> int:
        return sum(message.payload != b"listening?" for message in box.messages)

    def answer() -> None:
        for number in range(answers):
            reader.publish([(GATE.topic(Channel.ACK), b"%d" % number)])

    threads = [threading.Thread(target=answer) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(sent):
        while box.connection.publish(GATE.topic(Channel.BULK), b"%06d" % number + bytes(500), qos=1) is None:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    deadline_s = time.monotonic() + 20
    while (len(got) < sent or answered() < 3 * answers) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert [message.payload[:6] for message in got] == [b"%06d" % number for number in range(sent)]
    assert answered() == 3 * answers
    box.connection.stop()
    reader.stop()


def test_ten_thousand_lies_are_not_believed_once(broker: Broker) -> None:
    """A box with its own good certificate tries to be another: as publisher, listener, by client id, by will."""
    liar, victim = broker.deployment.enrol(GATE), broker.deployment.enrol(YARD)
    # The centre hears everything: what a will says is checked by mosquitto when it is due, and not before.
    everything = {"acltype": "subscribePattern", "topic": "#", "allow": True}
    broker.control.call([{"command": "addRoleACL", "rolename": roles.AGGREGATOR, **everything}])
    centre = Heard(broker.service("aggregator"), broker.port, [("#", 1)], "centre")
    honest = Heard(broker.box(victim), broker.box_port, [(YARD.topic(Channel.COMMAND), 1)])
    assert centre.ups.acquire(timeout=5)
    assert honest.ups.acquire(timeout=5)
    rng = random.Random(7)
    tried = {"publish": 0, "subscribe": 0, "client id": 0, "will": 0}
    accepted: list[tuple[str, str]] = []
    raw = Raw(broker.box(liar), broker.box_port, "north.gate")
    while sum(tried.values()) < 10_000:
        what = rng.choices(["publish", "subscribe", "client id", "will"], [48, 48, 2, 2])[0]
        tried[what] += 1
        topic = lie(rng)
        try:
            if what == "publish" and not set("+#") & set(topic):
                if raw.publish(topic, b"lie", retain=rng.random() < 0.3) < 0x80:
                    accepted.append((what, topic))
            elif what in ("publish", "subscribe"):
                if raw.subscribe(topic) < 0x80:
                    accepted.append((what, topic))
            else:
                raw.close()
                will = Will(topic.replace("+", "x").replace("#", "x"), b"lie") if what == "will" else None
                raw = Raw(
                    broker.box(liar), broker.box_port, rng.choice(["north.yard", "centre", "", "_aggregator"]), will
                )
                if will:
                    shut(raw.end)  # without a farewell: the will is due
                    raise ConnectionError
        except (OSError, ssl.SSLError):  # put out for what it said, or for what is not a topic
            raw.close()
            raw = Raw(broker.box(liar), broker.box_port, "north.gate")
    assert not accepted, accepted[:10]
    own = Raw(broker.box(liar), broker.box_port, "x", Will(GATE.topic(Channel.STATE), b"last words"))
    shut(own.end)
    assert centre.has(GATE.topic(Channel.STATE)), "a will that may be heard is"
    raw.close()
    own.close()
    assert all(count > 100 for count in tried.values()), tried
    # No client has heard a lie, and no session was touched.
    honest.connection.publish(YARD.topic(Channel.BULK), b"truth", qos=1)
    assert centre.has(YARD.topic(Channel.BULK))
    assert [message.topic for message in centre.messages if message.payload == b"lie"] == []
    assert honest.messages == []
    assert not honest.downs.acquire(blocking=False)
    assert not centre.downs.acquire(blocking=False)
    honest.connection.stop()
    centre.connection.stop()


def lie(rng: random.Random) -> str:
    """A topic, or a filter, that is not for north/gate."""
    own = {GATE.topic(channel) for channel in Channel} | {AGGREGATOR_STATE}
    sites = ["north", "south", "+", "#", "north ", "North", "north/gate/..", "", "north\u200b", "aggregator"]
    agents = ["yard", "gate", "+", "#", "gate2", "gat", "", "GATE", "gate/", "state"]
    rests = [*(channel.value for channel in Channel), "up/#", "#", "+/+", "up/+", "", "up/alarm/x", "down/ack/#"]
    while True:
        site, agent, rest = rng.choice(sites), rng.choice(agents), rng.choice(rests)
        topic = rng.choice(
            [
                *(f"hl/1/{site}/{agent}/{rest}", f"hl/1/{site}/{rest}", f"hl/+/{site}/{agent}/{rest}", f"#/{rest}"),
                *(f"/hl/1/{site}/{agent}/{rest}", f"hl/2/north/gate/{rest}", f"hl/1/north/gate/{rest}/", "#", "+/#"),
                *(f"hl/1/north/gate/{rest}x", "hl/1/north/+/#", "hl/1/north/gate/+/alarm", "hl/1/north/gate/down/#"),
                *(f"$share/g/hl/1/{site}/{agent}/{rest}", f"$share/ingest-alarm/{GATE.topic(Channel.ALARM)}"),
                *("$share/ingest-bulk/hl/1/+/+/up/bulk", f"$queue/hl/1/{site}/{agent}/{rest}", "$SYS/#", "x" * 3000),
                *(f"$CONTROL/dynamic-security/{end}" for end in ("v1", "#", "v1/response")),
                f"$delayed/0/hl/1/{site}/{agent}/{rest}",
            ]
        )
        if topic and topic not in own:
            return topic


def test_what_is_its_own_to_say_is_not_its_own_to_hear_and_back(broker: Broker) -> None:
    raw = Raw(broker.box(broker.deployment.enrol(GATE)), broker.box_port, "x")
    for channel in (Channel.ACK, Channel.CONFIG, Channel.COMMAND):
        assert raw.publish(GATE.topic(channel), b"x", retain=False) >= 0x80, channel
        assert raw.subscribe(GATE.topic(channel)) < 0x80, channel
    for channel in (Channel.ALARM, Channel.BULK, Channel.HEALTH, Channel.STATE):
        assert raw.publish(GATE.topic(channel), b"x", retain=False) < 0x80, channel
        assert raw.subscribe(GATE.topic(channel)) >= 0x80, channel
    assert raw.publish(AGGREGATOR_STATE, b"x", retain=True) >= 0x80
    raw.close()


def test_a_revoked_box_is_out_within_seconds_and_stays_out(broker: Broker) -> None:
    door, other = broker.deployment.enrol(GATE), broker.deployment.enrol(YARD)
    box = Heard(broker.box(door), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    bystander = Heard(broker.box(other), broker.box_port, [(YARD.topic(Channel.ACK), 0)])
    assert box.ups.acquire(timeout=5)
    assert bystander.ups.acquire(timeout=5)
    began_s = time.monotonic()
    broker.deployment.revoke(GATE)
    assert box.downs.acquire(timeout=60)
    assert time.monotonic() - began_s < 60
    # Out for good: its certificate is on the list that the broker was told of.
    deadline_s = time.monotonic() + 20
    while can_connect(broker.box(door), broker.box_port) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    assert not can_connect(broker.box(door), broker.box_port)
    assert not box.ups.acquire(blocking=False) or not box.connection.is_up
    assert bystander.connection.is_up
    assert not bystander.downs.acquire(blocking=False)
    box.connection.stop()
    bystander.connection.stop()


def test_what_a_revoked_box_left_at_the_broker_is_taken_away(broker: Broker) -> None:
    """A birth and a heartbeat that it had the broker keep would make it look alive for ever."""
    door = broker.deployment.enrol(GATE)
    box = Heard(broker.box(door), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    assert box.ups.acquire(timeout=5)
    for channel in (Channel.STATE, Channel.HEALTH):
        box.connection.publish(GATE.topic(channel), b"alive for ever", qos=1, retain=True)
    time.sleep(1.0)
    assert set(kept(broker)) == {GATE.topic(Channel.STATE), GATE.topic(Channel.HEALTH)}
    broker.deployment.revoke(GATE)
    assert box.downs.acquire(timeout=60)
    deadline_s = time.monotonic() + 20
    while (left := kept(broker)) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    assert left == []
    box.connection.stop()


def kept(broker: Broker) -> list[str]:
    """Topics of the box of which the broker keeps something, as a service of the centre hears them."""
    heard = list[str]()
    service = Receiver(
        f"looks-{time.monotonic_ns()}",
        "localhost",
        broker.port,
        subscriptions=[(every_box(channel), 0) for channel in (Channel.STATE, Channel.HEALTH)],
        on_messages=lambda messages: heard.extend(each.topic for each in messages if each.retained),
        tls=broker.service("aggregator"),
    )
    service.start()
    time.sleep(1.0)
    service.stop()
    return heard


def test_who_takes_a_place_at_once_does_not_leave_the_old_one_in(broker: Broker) -> None:
    """Revoked, claimed and enrolled anew between two looks: the broker knew the name all the time."""
    old = Heard(broker.box(broker.deployment.enrol(GATE)), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    assert old.ups.acquire(timeout=5)
    time.sleep(1.5)  # a look
    broker.deployment.revoke(GATE)
    new = broker.deployment.door("new")
    enrol(new, GATE, broker.deployment.claim(GATE, "another machine"), "another machine")
    assert old.downs.acquire(timeout=20)
    box = Heard(broker.box(new), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    deadline_s = time.monotonic() + 20
    while can_connect(old.tls, broker.box_port) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    assert not can_connect(old.tls, broker.box_port)
    assert box.ups.acquire(timeout=10)
    time.sleep(3)
    assert box.connection.is_up
    old.connection.stop()
    box.connection.stop()


def test_rotation_puts_nobody_out_and_lets_new_ones_in(broker: Broker) -> None:
    old = Heard(broker.box(broker.deployment.enrol(GATE)), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    assert old.ups.acquire(timeout=5)
    broker.vault.rotate(broker.deployment.folder / "root.key", b"", datetime.now(UTC))
    assert mosquitto.reload(broker.folder)
    door = broker.deployment.enrol(YARD)
    assert door.identity().issuers[0] != broker.vault.issuers()[0].certificate
    deadline_s = time.monotonic() + 10
    while not can_connect(broker.box(door), broker.box_port) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert can_connect(broker.box(door), broker.box_port)
    # And when the lists are signed anew, of both.
    time.sleep(2)
    assert broker.vault.revoked_path.read_bytes().count(b"BEGIN X509 CRL") == 2
    assert can_connect(broker.box(door), broker.box_port)
    assert old.connection.is_up
    old.connection.stop()


def test_the_thief_of_an_issuer_is_put_out_and_every_box_gets_another_certificate(broker: Broker) -> None:
    door, stolen = broker.deployment.enrol(GATE), broker.vault.issuers()[-1]
    key = new_key()
    forged = authority.issue_box(stolen, GATE, key.public_key(), datetime.now(UTC))
    thief = door.folder / "thief.pem"
    Credentials(key, forged, (stolen.certificate,)).write(thief)
    shown = client_context(door.root(), thief)
    assert can_connect(shown, broker.box_port), "until the theft is known"
    broker.deployment.withdraw_issuer()
    broker.process.stop()  # as the command has it ended, and the supervisor starts it again
    broker.process.start()
    assert not can_connect(shown, broker.box_port)
    assert not can_connect(broker.box(door), broker.box_port)
    anew = list[str]()
    CertificateRenewal(door, lambda: anew.append("connect")).look()
    assert len(anew) == 2, "once for what was withdrawn, once for its own certificate"
    assert door.identity().issuers[0] != stolen.certificate
    assert can_connect(door.context(), broker.box_port)
    door.ask_who_we_are()


@pytest.mark.parametrize("content", [b"", b'{"clients": [', b"{}", b"[]"])
def test_damaged_roles_lock_nobody_out(broker: Broker, content: bytes) -> None:
    door = broker.deployment.enrol(GATE)
    broker.process.stop()
    (broker.folder / "roles.json").write_bytes(content)
    broker.process.start()
    box = Heard(broker.box(door), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    assert box.ups.acquire(timeout=20)
    deadline_s = time.monotonic() + 20
    while not box.connection.is_up and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert box.connection.is_up
    box.connection.stop()


def test_our_own_broker_knows_everybody_from_its_start(broker: Broker) -> None:
    door = broker.deployment.enrol(GATE)
    broker.runner.stop()
    broker.process.stop()
    ends = Listeners("127.0.0.1", broker.port, "127.0.0.1", broker.box_port)
    broker.process = Mosquitto(broker.vault, broker.folder, ends, lambda: [GATE])
    (broker.folder / "roles.json").unlink()
    broker.process.start()
    box = Heard(broker.box(door), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    assert box.ups.acquire(timeout=5)
    time.sleep(0.5)
    assert box.connection.is_up
    box.connection.stop()


def can_connect(tls: ssl.SSLContext, port: int) -> bool:
    try:
        Raw(tls, port, "x").close()
    except (OSError, ssl.SSLError):
        return False
    return True


def test_a_session_does_not_outlive_its_certificate(broker: Broker) -> None:
    door = broker.deployment.enrol(GATE)
    box = Heard(broker.box(door), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    assert box.ups.acquire(timeout=5)
    with broker.deployment.database.connect("test") as connection:
        connection.execute("UPDATE devices SET expires_at = now() + interval '1 s'")
    assert box.downs.acquire(timeout=20)
    box.connection.stop()


def test_strangers_expired_ones_plain_text_and_old_tls_do_not_connect(broker: Broker, tmp_path: Path) -> None:
    door = broker.deployment.enrol(GATE)
    assert can_connect(broker.box(door), broker.box_port)
    root = broker.vault.root()
    assert not can_connect(client_context(root, broker.deployment.foreign(GATE, tmp_path)), broker.box_port)
    assert not can_connect(client_context(root), broker.box_port)
    assert not can_connect(client_context(root, broker.vault.credentials_path("server")), broker.box_port)
    for version in (ssl.TLSVersion.TLSv1_2,):
        old = unverified_context()
        old.load_cert_chain(door.identity_path)
        old.minimum_version = old.maximum_version = version
        assert not can_connect(old, broker.box_port)
    with socket.create_connection(("127.0.0.1", broker.box_port), 5) as end:
        end.settimeout(5)
        end.sendall(packets.connect("north.gate", 60))
        with contextlib.suppress(ConnectionError):
            assert end.recv(100)[:1] != b"\x20"
    broker.deployment.age(door, GATE, datetime.now(UTC) - timedelta(days=40))
    assert not can_connect(broker.box(door), broker.box_port)


def test_a_broker_that_was_away_or_has_forgotten_is_told_again(broker: Broker) -> None:
    door = broker.deployment.enrol(GATE)
    broker.process.stop()
    (broker.folder / "roles.json").unlink()
    broker.deployment.enrol(YARD)
    broker.process.start()
    box = Heard(broker.box(door), broker.box_port, [(GATE.topic(Channel.ACK), 0)])
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        try:
            clients, _ = broker.control.boxes()
        except UnavailableError:
            continue
        if {common_name(GATE), common_name(YARD)} <= clients.keys():
            break
        time.sleep(0.2)
    else:
        raise AssertionError("the broker was not told")
    # Who came before it was told, and was not let listen, comes again until it may.
    deadline_s = time.monotonic() + 20
    while not box.connection.is_up and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert box.connection.is_up
    assert sync(broker.control, [GATE]) == (0, 1)
    box.connection.stop()


def test_the_configuration_is_one_that_this_mosquitto_knows(broker: Broker) -> None:
    log = (broker.folder / "mosquitto.log").read_text()
    assert "Error:" not in log, log
    assert mosquitto.reload(broker.folder)
    (broker.folder / "mosquitto.pid").write_text("1")
    assert not mosquitto.reload(broker.folder), "only mosquitto is told"
