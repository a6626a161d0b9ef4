"""One box sends all that it may, one kind of harm after another, and another box's alarms are timed beside it.

The attacker writes its messages by hand, in a process of its own: no library of ours keeps it within bounds.
"""

import json
import math
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import httpx
import msgspec

from provisioning.lab.centre.machine import Mosquitto, Usage, bench_site
from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.local_site.aggregator import LocalAggregator
from provisioning.lab.local_site.observer import FeedObserver, percentile
from shared.clock import to_ms
from shared.envelope import Acknowledgement, Header, decode_message, encode_batch, encode_event, encode_message
from shared.events import ConfigApplied, Direction, Health, Lane, LineCrossed, LineSpec
from shared.ids import new_epoch
from shared.mqtt import Connection, Message, packets
from shared.output import say
from shared.topics import Address, Channel

ALARM_BAR_MS, HEARTBEAT_BAR_S = 500.0, 2.0
_EVERY_S, _BEAT_S = 0.1, 0.5
_PARTS = ["postgres", "ingest-alarm", "ingest-bulk", "alerting", "jobs", "presence", "api"]
_SETTLE_S = 3.0
HOSTILE, GOOD = Address("site-a", "hostile"), Address("site-b", "good")


@dataclass(frozen=True, slots=True)
class Attack:
    """What the attacker does, and for how long."""

    name: str
    port: int
    seconds: float


def measure(seconds: float) -> Iterator[dict[str, Any]]:
    """Set everything up, and time the good box beside nothing and beside each attack.

    Yields:
        A row of a table for each.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    with bench_site() as (broker, aggregator):
        good = _GoodBox(broker.port)
        observer = FeedObserver(aggregator.url)
        try:
            good.start()
            observer.start()
            for name in ("nothing", *ATTACKS):
                yield _beside(name, seconds, good, observer, broker, aggregator)
        finally:
            observer.stop()
            good.stop()


def _beside(
    name: str,
    seconds: float,
    good: "_GoodBox",
    observer: FeedObserver,
    broker: Mosquitto,
    aggregator: LocalAggregator,
) -> dict[str, Any]:
    say(f"beside {name} …")
    usage, stolen = Usage(aggregator, _PARTS, broker=broker.pid), Stolen()
    before = dict(observer.alerts)
    command = [
        sys.executable,
        "-m",
        "provisioning.lab.centre.hostile",
        json.dumps(asdict(Attack(name, broker.port, seconds))),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as attacker:
        timed = good.report(seconds, aggregator)
        said = attacker.communicate(timeout=120)[0]
    time.sleep(_SETTLE_S)
    waited = good.waited_ms() + [math.inf] * good.unanswered()
    raised = [alert for number, alert in observer.alerts.items() if number not in before and alert["site"] == GOOD.site]
    p99, part = percentile(waited, 0.99), stolen.part()
    met = p99 is not None and p99 <= ALARM_BAR_MS and timed.late_s <= HEARTBEAT_BAR_S
    return {
        "beside": name,
        "sent": int(said or 0),
        "alarms": timed.sent,
        "unanswered": good.unanswered(),
        "on_page": len(raised),
        "stored_p50_ms": _rounded(percentile(waited, 0.5)),
        "stored_p99_ms": _rounded(p99),
        "heartbeat_late_s": round(timed.late_s, 2),
        "memory_mb": {each: usage.memory_mb(each) for each in ("ingest-alarm", "presence", "alerting")},
        "signal": _troubles(aggregator),
        "bar": f"p99 <= {ALARM_BAR_MS:g} ms, heartbeat <= {HEARTBEAT_BAR_S:g} s late",
        "stolen": part,
        "verdict": verdict(met, part),
    }


def _rounded(value: float | None) -> float | None:
    """JSON has no number for what never came."""
    return None if value is None or math.isinf(value) else round(value, 1)


def _troubles(aggregator: LocalAggregator) -> str:
    """What the centre says of the attacker."""
    for box in aggregator.get("/api/v1/boxes"):
        if (box["site"], box["agent"]) == (HOSTILE.site, HOSTILE.agent):
            return ", ".join(box["over_limits"])
    return ""


@dataclass(slots=True)
class _Timed:
    sent: int = 0
    late_s: float = 0.0


class _GoodBox:
    """Sends an alarm ten times a second, hears when each is stored, and lives."""

    def __init__(self, port: int) -> None:
        self._epoch, self._number, self._settled = new_epoch(), 0, 0
        self._sent_s: dict[int, float] = {}
        self._waited_ms = list[float]()
        self._session = to_ms(time.time())
        self._broker = Connection(
            "good", "127.0.0.1", port, subscriptions=[(GOOD.topic(Channel.ACK), 0)], on_message=self._heard
        )

    def start(self) -> None:
        """Connect, and say what is watched."""
        self._broker.start()
        while not self._broker.is_up:
            time.sleep(0.05)
        spec = LineSpec(0, "line", ((0.0, 0.5), (1.0, 0.5)), "both", 2)
        self._send(ConfigApplied(to_ms(time.time()), 1, ("gate",), (spec,)))
        time.sleep(_SETTLE_S)
        self._waited_ms.clear()

    def stop(self) -> None:
        """Leave."""
        self._broker.stop()

    def report(self, seconds: float, aggregator: LocalAggregator) -> _Timed:
        """Alarms and heartbeats for so long; how late the newest heartbeat that the centre knows is at worst."""
        timed, began_s = _Timed(), time.monotonic()
        self._waited_ms.clear()
        self._sent_s.clear()
        beat_s = look_s = began_s
        while (now_s := time.monotonic()) < began_s + seconds:
            at_ms = to_ms(time.time())
            self._send(LineCrossed(at_ms, 1, 0, Direction.LEFT_TO_RIGHT, 1, self._number, 2, 0))
            timed.sent += 1
            if now_s >= beat_s:
                beat_s += _BEAT_S
                self._broker.publish(
                    GOOD.topic(Channel.HEALTH), encode_message(Health(at_ms, self._session, 1.0, self._epoch)), qos=0
                )
            if now_s >= look_s and now_s > began_s + 2 * _BEAT_S:
                look_s = now_s + _BEAT_S
                timed.late_s = max(timed.late_s, self._late_s(aggregator) - _BEAT_S)
            time.sleep(max(0.0, began_s + timed.sent * _EVERY_S - time.monotonic()))
        return timed

    def _late_s(self, aggregator: LocalAggregator) -> float:
        asked_s = time.time()
        try:
            boxes = aggregator.get("/api/v1/boxes")
        except httpx.HTTPError:
            return 60.0
        seen = next((box["last_seen_at"] for box in boxes if box["agent"] == GOOD.agent), None)
        return asked_s - datetime.fromisoformat(seen).timestamp() if seen else 0.0

    def waited_ms(self) -> list[float]:
        """From sending to the word that it is stored."""
        return list(self._waited_ms)

    def unanswered(self) -> int:
        """Of those sent last."""
        return len(self._sent_s)

    def _send(self, event: LineCrossed | ConfigApplied) -> None:
        self._number += 1
        header = Header(Lane.ALARM, self._epoch, self._number, 1, 1, to_ms(time.time()))
        self._sent_s[self._number] = time.monotonic()
        self._broker.publish(GOOD.topic(Channel.ALARM), encode_batch(header, [encode_event(event)]), qos=1)

    def _heard(self, message: Message) -> None:
        ack = decode_message(message.payload, Acknowledgement)
        now_s = time.monotonic()
        if ack.epoch == self._epoch and ack.lane is Lane.ALARM:
            for number in [number for number in list(self._sent_s) if number <= ack.contiguous]:
                self._waited_ms.append(1000 * (now_s - self._sent_s.pop(number)))


def _batch(lane: Lane, epoch: int, first: int, rows: list[bytes]) -> bytes:
    return encode_batch(Header(lane, epoch, first, len(rows), 1, to_ms(time.time())), rows)


def _raw_batch(epoch: int, first: int, count: int, body: bytes) -> bytes:
    """A whole message around a body that no encoder of ours would make."""
    head = struct.pack(">BBHIQQq", 1, Lane.ALARM, count, epoch, first, 1, to_ms(time.time()))
    return head + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "big") + body


def _names(epoch: int, number: int) -> tuple[str, bytes]:
    """A configuration with as many empty names as 64 KB hold."""
    count = 60_000
    body = (
        b"\x91\x95\x03"
        + msgspec.msgpack.encode(0)
        + msgspec.msgpack.encode(number)
        + b"\xdd"
        + count.to_bytes(4, "big")
    )
    return HOSTILE.topic(Channel.ALARM), _raw_batch(epoch, number + 1, 1, body + b"\xa0" * count + b"\x90")


def _configurations(epoch: int, number: int) -> tuple[str, bytes]:
    """Configurations at their bounds, a new one each time."""
    line = LineSpec(0, "n" * 64, ((0.1, 0.2), (0.3, 0.4)), "both", 1)
    event = ConfigApplied(0, number, ("c" * 32,) * 64, (line,) * 256)
    return HOSTILE.topic(Channel.ALARM), _batch(Lane.ALARM, epoch, number + 1, [encode_event(event)])


def _alarms(epoch: int, number: int) -> tuple[str, bytes]:
    """A thousand alarms of a thousand tracks."""
    at_ms, first = to_ms(time.time()), number * 1000 + 1
    rows = [encode_event(LineCrossed(at_ms, 1, k % 8, Direction.LEFT_TO_RIGHT, number, k, 1, 0)) for k in range(1000)]
    return HOSTILE.topic(Channel.ALARM), _batch(Lane.ALARM, epoch, first, rows)


def _single_alarms(epoch: int, number: int) -> tuple[str, bytes]:
    """Alarms one by one, each in a message."""
    event = LineCrossed(to_ms(time.time()), 1, number % 8, Direction.LEFT_TO_RIGHT, 1, number, 1, 0)
    return HOSTILE.topic(Channel.ALARM), _batch(Lane.ALARM, epoch, number + 1, [encode_event(event)])


def _heartbeats(epoch: int, number: int) -> tuple[str, bytes]:
    """Heartbeats as fast as they go."""
    return HOSTILE.topic(Channel.HEALTH), encode_message(Health(to_ms(time.time()), 1, float(number), epoch))


def _junk(epoch: int, number: int) -> tuple[str, bytes]:
    """Nested arrays, sixty thousand deep."""
    return HOSTILE.topic(Channel.ALARM), _raw_batch(epoch, number + 1, 1, b"\x91" * 60_000)


def _sensors(epoch: int, number: int) -> tuple[str, bytes]:
    """A thousand sensors that nobody has, in alarm."""
    at_ms = to_ms(time.time())
    rows = [msgspec.msgpack.encode((9, at_ms, f"s{number}-{k}", "door", 2, 1)) for k in range(1000)]
    return HOSTILE.topic(Channel.ALARM), _batch(Lane.ALARM, epoch, number * 1000 + 1, rows)


def _pictures(epoch: int, number: int) -> tuple[str, bytes]:
    """A thousand pictures that never come."""
    rows = [msgspec.msgpack.encode((4, 0, 0, 1, (number * 1000 + k).to_bytes(32, "big"), 1000)) for k in range(1000)]
    return HOSTILE.topic(Channel.ALARM), _batch(Lane.ALARM, epoch, number * 1000 + 1, rows)


ATTACKS: dict[str, Callable[[int, int], tuple[str, bytes]]] = {
    "60,000 names in a message": _names,
    "configurations at their bounds": _configurations,
    "alarms, a thousand a message": _alarms,
    "alarms, one a message": _single_alarms,
    "heartbeats": _heartbeats,
    "nested arrays": _junk,
    "sensors": _sensors,
    "pictures that never come": _pictures,
}


def attack(order: Attack) -> int:
    """Send as fast as the broker takes it; returns how many messages went."""
    make, epoch, number = ATTACKS[order.name], new_epoch(), 0
    until_s = time.monotonic() + order.seconds
    with socket.create_connection(("127.0.0.1", order.port)) as end:
        end.sendall(packets.connect("hostile", 60))
        end.recv(4096)
        end.sendall(packets.publish(*_heartbeats(epoch, 0)))  # an enrolled box, that is known
        while time.monotonic() < until_s:
            end.sendall(packets.publish(*make(epoch, number)))
            number += 1
    return number


def main() -> None:
    """Attack as the first argument says in JSON; `nothing` waits."""
    order = Attack(**json.loads(sys.argv[1]))
    if order.name == "nothing":
        time.sleep(order.seconds)
        sys.stdout.write("0\n")
    else:
        sys.stdout.write(f"{attack(order)}\n")


if __name__ == "__main__":
    main()
