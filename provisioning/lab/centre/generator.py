"""Load for `hawkline bench ingest`: many boxes' batches over a few connections, at a rate, whatever comes back.

An open loop: what is due is sent when it is due, so a slow aggregator is not spared. Nothing is sent again; what is
lost on the way stays unacknowledged and is told.
"""

import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field

from shared.clock import to_ms
from shared.envelope import Acknowledgement, Header, decode_message, encode_batch, encode_event
from shared.events import ConfigApplied, Direction, Event, Lane, LineCrossed, LineSpec
from shared.ids import new_epoch
from shared.mqtt import Loop, LoopConnection, Message
from shared.topics import Address, Channel, every_box, parse

_TICK_S = 0.005
_CONNECTIONS = 4
_PATIENCE_S = 30.0
_CHANNEL = {Lane.ALARM: Channel.ALARM, Lane.BULK: Channel.BULK}
_LINES = tuple(LineSpec(0, f"line {n}", ((0.0, 0.5), (1.0, 0.5)), "both", 2) for n in range(4))
_QOS = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        port: of the broker on loopback.
        boxes: how many there are.
        rate: events a second, of all together.
        rows: events a batch of the bulk lane.
        alarms: part of the events that are alarms; they travel alone.
        seconds: how long.
        at_once: everything that these seconds hold is made before and sent as fast as the broker takes it.
        answered: whether a receiver acknowledges; nothing is waited for where not.
        prefix: before every topic.
    """

    port: int
    boxes: int
    rate: float
    rows: int
    alarms: float
    seconds: float
    at_once: bool = False
    answered: bool = True
    prefix: str = ""


@dataclass(slots=True)
class Sent:
    """What came of it. Seconds are counted from the first event."""

    events: int = 0
    messages: int = 0
    acknowledged: int = 0
    acknowledgements: int = 0
    seconds: float = 0.0
    """Until the last acknowledgement."""
    began_at: float = 0.0
    """When the first was sent, in seconds since 1970."""
    late_ms: float = 0.0
    """By how much the generator was late at worst."""
    backlog: list[int] = field(default_factory=list)
    """Events under way, second by second."""


class _Box:
    def __init__(self, number: int, rng: random.Random) -> None:
        self.address = Address(f"site-{number % 20}", f"box-{number}")
        self.epoch = new_epoch()
        self.rng = rng
        self.topics = {lane: self.address.topic(_CHANNEL[lane]) for lane in Lane}
        self.next = dict.fromkeys(Lane, 1)
        self.acknowledged = dict.fromkeys(Lane, 0)

    def batch(self, lane: Lane, count: int, due_s: float) -> tuple[str, bytes]:
        """Events of the time at which they were due, however late they are sent."""
        now_ms, due_ms = to_ms(time.time()), to_ms(due_s)
        first = self.next[lane]
        self.next[lane] = first + count
        rows = [encode_event(self._event(lane, due_ms, first + n)) for n in range(count)]
        return self.topics[lane], encode_batch(Header(lane, self.epoch, first, count, 1, now_ms), rows)

    def _event(self, lane: Lane, now_ms: int, number: int) -> Event:
        if lane is Lane.ALARM and number == 1:
            return ConfigApplied(now_ms, 1, ("gate",), _LINES)
        priority = 2 if lane is Lane.ALARM else 0
        return LineCrossed(now_ms, 1, number & 3, Direction.LEFT_TO_RIGHT, 1, number, priority, 0)


class Generator:
    """Sends a load once."""

    def __init__(self, load: Load) -> None:
        self._load, self._loop, self._rng = load, Loop(), random.Random(1)
        self._boxes = [_Box(number, self._rng) for number in range(load.boxes)]
        self._known = {(box.address, box.epoch): box for box in self._boxes}
        self._sent = Sent()
        self._last_s = 0.0
        broker = "127.0.0.1", load.port
        self._ends = [LoopConnection(self._loop, f"load-{n}", *broker) for n in range(_CONNECTIONS)]
        self._ears = LoopConnection(
            self._loop, "load-ears", *broker, subscriptions=[(every_box(Channel.ACK), 0)], on_message=self._heard
        )

    def run(self) -> Sent:
        """Connect, announce every box, send, and wait for what is under way."""
        for end in (*self._ends, self._ears):
            end.start()
        while not all(end.is_up for end in (*self._ends, self._ears)):
            self._loop.turn(0.05)
        if self._load.answered:
            for number in range(self._load.boxes):  # their configurations are no part of what is measured
                self._send(number, Lane.ALARM, 1, time.time())
                self._loop.turn(0.002)
            self._await_all()
        self._sent = Sent()
        if self._load.at_once:
            self._burst()
        else:
            self._drive()
        self._await_all()
        self._sent.seconds = round(self._last_s - self._began_s, 3)
        for end in (*self._ends, self._ears):
            end.stop()
        self._loop.close()
        return self._sent

    def _burst(self) -> None:
        load = self._load
        order = [number % load.boxes for number in range(round(load.rate * load.seconds / load.rows))]
        batches = [(number, self._boxes[number].batch(Lane.BULK, load.rows, time.time())) for number in order]
        self._began_s = self._last_s = time.monotonic()
        self._sent.began_at = time.time()
        for number, (topic, payload) in batches:
            self._publish(number, topic, payload, load.rows)
            if number % 64 == 0:
                self._loop.turn(0.0)

    def _drive(self) -> None:
        load, number, done, told = self._load, 0, 0.0, 0
        self._began_s = self._last_s = time.monotonic()
        self._sent.began_at = time.time()
        while (elapsed_s := time.monotonic() - self._began_s) < load.seconds:
            if elapsed_s * load.rate - done > load.rate * _TICK_S:
                late_s = elapsed_s - done / load.rate
                self._sent.late_ms = max(self._sent.late_ms, round(1000 * late_s, 1))
            while done < elapsed_s * load.rate:
                is_alarm = self._rng.random() < load.alarms * (load.rows if load.rows > 1 else 1)
                count = 1 if is_alarm else load.rows
                due_s = self._sent.began_at + done / load.rate
                self._send(number, Lane.ALARM if is_alarm else Lane.BULK, count, due_s)
                number, done = (number + 1) % load.boxes, done + count
                if number % 64 == 0:
                    self._loop.turn(0.0)
            if elapsed_s > told:
                told += 1
                self._sent.backlog.append(self._sent.events - self._sent.acknowledged)
            self._loop.turn(_TICK_S)

    def _send(self, number: int, lane: Lane, count: int, due_s: float) -> None:
        self._publish(number, *self._boxes[number].batch(lane, count, due_s), count)

    def _publish(self, number: int, topic: str, payload: bytes, count: int) -> None:
        end = self._ends[number % _CONNECTIONS]  # always the same of a box, so that its batches come in order
        while end.publish(self._load.prefix + topic, payload, qos=_QOS) is None:
            self._loop.turn(0.001)
        self._sent.events += count
        self._sent.messages += 1

    def _await_all(self) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        if not self._load.answered:
            while any(end.undelivered for end in self._ends) and time.monotonic() < deadline_s:
                self._loop.turn(0.05)
            return
        while self._sent.acknowledged < self._sent.events and time.monotonic() < deadline_s:
            self._loop.turn(0.05)

    def _heard(self, message: Message) -> None:
        address, _ = parse(message.topic)
        ack = decode_message(message.payload, Acknowledgement)
        box = self._known.get((address, ack.epoch))
        if box is None:
            return
        self._sent.acknowledgements += 1
        settled = ack.contiguous + sum(last - first + 1 for first, last in ack.ranges)
        if settled > box.acknowledged[ack.lane]:
            self._sent.acknowledged += settled - box.acknowledged[ack.lane]
            box.acknowledged[ack.lane] = settled
            self._last_s = time.monotonic()


def main() -> None:
    """Run the load that the first argument describes in JSON, print what came of it."""
    load = Load(**json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(asdict(Generator(load).run())) + "\n")


if __name__ == "__main__":
    main()
