"""What has arrived and not been worked off, bounded in bytes and shared fairly: no flood fills the memory, and none of
one box makes the others wait.

Each box has a queue of its own, and they take turns. A box that has sent more than its allowance is not heard until
some of it has come back, whatever the size of a message: a small one must not overtake a large one, or its box would
give the large one up. What is not heard is not acknowledged, so an honest box keeps it and sends it again, later.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aggregator.store import telemetry
from aggregator.store.database import Connection
from shared.envelope import MAX_BATCH_BYTES
from shared.errors import WireError
from shared.mqtt import Message
from shared.topics import Address, parse

_MAX_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 200
_BURST_BYTES = 32 * 1024 * 1024
"""Of one box at once: a backlog of 72 hours has 2 MB where a line is crossed every five seconds."""
_PACE_BYTES_S = 64 * 1024
"""What comes back of that: two thousand events a second for ever, in batches."""
_MOST_KNOWN = 20_000


@dataclass(slots=True)
class _Queue:
    """Of one box."""

    messages: deque[Message] = field(default_factory=deque)
    bytes: int = 0


@dataclass(slots=True)
class _Spent:
    amount: float
    at_s: float


def shortened(message: Message) -> Message:
    """Of an oversized message so much that it is seen to be oversized, whatever the broker lets through."""
    if len(message.payload) <= MAX_BATCH_BYTES:
        return message
    return message._replace(payload=message.payload[: MAX_BATCH_BYTES + 1])


class Arrivals:
    """Queues of messages, a turn each. When they are too many the oldest of the longest queue go.

    Args:
        max_bytes: of all together.
        burst_bytes: that one box may send at once.
        pace_bytes_s: how much of that comes back in a second.
        turn_bytes: of one box in one handful, at least one message.
        now_s: a steady clock.
    """

    def __init__(
        self,
        max_bytes: int = _MAX_BYTES,
        burst_bytes: int = _BURST_BYTES,
        pace_bytes_s: int = _PACE_BYTES_S,
        turn_bytes: int = _MAX_BYTES,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes, self._burst_bytes, self._now_s = max_bytes, burst_bytes, now_s
        self._pace_bytes_s, self._turn_bytes = pace_bytes_s, turn_bytes
        self._queues: dict[str, _Queue] = {}
        """Of those that wait, by the box's part of the topic."""
        self._turns: deque[str] = deque()
        self._spent: dict[str, _Spent] = {}
        self._bytes = 0
        self._changed = threading.Condition()
        self._over = set[str]()
        self.dropped = 0

    def put(self, messages: Iterable[Message]) -> None:
        """Add messages; of an oversized one only so much stays that it is seen to be oversized."""
        now_s = self._now_s()
        with self._changed:
            for message in messages:
                kept = shortened(message)
                box, cost = _box(message.topic), _cost(kept)
                if self._spends(box, cost, now_s):
                    self._add(box, kept, cost)
                else:
                    self._over.add(message.topic if len(self._over) < _MOST_KNOWN else "")
                    self.dropped += 1
            while self._bytes > self._max_bytes:
                self._drop_of_the_longest()
            self._changed.notify()

    @property
    def load(self) -> float:
        """How full the queues are, 0 to 1."""
        return min(1.0, self._bytes / self._max_bytes)

    def note_beyond(self, connection: Connection) -> None:
        """Write down which boxes sent more than their allowance since this was done."""
        if not self._over:
            return
        with self._changed:
            over, self._over = self._over, set()
        boxes = set[tuple[Address, str]]()
        for topic in over:
            with contextlib.suppress(WireError):
                boxes.add((parse(topic)[0], "pace"))
        with connection.transaction():
            telemetry.exceeded(connection, boxes)

    def take(self, limit: int, wait_s: float, max_bytes: int = _MAX_BYTES) -> list[Message]:
        """Up to `limit` messages of `max_bytes` of payload together, at least one; waits for that one.

        Those of one box come in their order, and boxes take turns.
        """
        with self._changed:
            if not self._turns:
                self._changed.wait(wait_s)
            taken, size, rested = list[Message](), 0, list[str]()
            had = dict[str, int]()
            while self._turns and len(taken) < limit:
                box = self._turns[0]
                queue = self._queues[box]
                first = len(queue.messages[0].payload)
                if taken and size + first > max_bytes:
                    break
                self._turns.popleft()
                if box in had and had[box] + first > self._turn_bytes:
                    rested.append(box)
                    continue
                taken.append(self._pop(box, queue))
                size, had[box] = size + first, had.get(box, 0) + first
                if queue.messages:
                    self._turns.append(box)
            self._turns.extend(rested)
            return taken

    def _spends(self, box: str, cost: int, now_s: float) -> bool:
        spent = self._spent.get(box)
        if spent is None:
            if len(self._spent) >= _MOST_KNOWN:
                by_use = sorted(self._spent.items(), key=lambda each: each[1].amount, reverse=True)
                self._spent = dict(by_use[: _MOST_KNOWN // 2])
            spent = self._spent[box] = _Spent(0.0, now_s)
        amount = max(0.0, spent.amount - (now_s - spent.at_s) * self._pace_bytes_s)
        spent.at_s, spent.amount = now_s, amount
        if amount > self._burst_bytes:
            return False
        spent.amount = amount + cost
        return True

    def _add(self, box: str, message: Message, cost: int) -> None:
        queue = self._queues.get(box)
        if queue is None:
            queue = self._queues[box] = _Queue()
            self._turns.append(box)
        queue.messages.append(message)
        queue.bytes += cost
        self._bytes += cost

    def _pop(self, box: str, queue: _Queue) -> Message:
        message = queue.messages.popleft()
        cost = _cost(message)
        queue.bytes -= cost
        self._bytes -= cost
        if not queue.messages:
            del self._queues[box]
        return message

    def _drop_of_the_longest(self) -> None:
        """Its oldest, until it is no longer than the second longest or all fit."""
        box = max(self._queues, key=lambda each: self._queues[each].bytes)
        queue = self._queues[box]
        others = max((each.bytes for name, each in self._queues.items() if name != box), default=0)
        while self._bytes > self._max_bytes:
            self._pop(box, queue)
            self.dropped += 1
            if not queue.messages:
                self._turns.remove(box)
                return
            if queue.bytes < others:
                return


def _box(topic: str) -> str:
    """The part of a topic that says which box it is: what comes under no name of one is all of one."""
    parts = topic.split("/", 4)
    return f"{parts[2]}/{parts[3]}" if len(parts) == 5 else ""


def _cost(message: Message) -> int:
    return len(message.payload) + len(message.topic) + _OVERHEAD_BYTES
