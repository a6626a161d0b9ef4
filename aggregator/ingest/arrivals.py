"""What has arrived and not been worked off, bounded in bytes: no flood and no dead database fills the memory."""

import threading
from collections import deque
from collections.abc import Iterable

from shared.envelope import MAX_BATCH_BYTES
from shared.mqtt import Message

_MAX_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 200


class Arrivals:
    """A queue of messages. When it is full the oldest go: not being acknowledged, they are sent again."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self.dropped = 0

    def put(self, messages: Iterable[Message]) -> None:
        """Add messages; of an oversized one only so much stays that it is seen to be oversized."""
        with self._changed:
            for message in messages:
                kept = message
                if len(message.payload) > MAX_BATCH_BYTES:
                    kept = message._replace(payload=message.payload[: MAX_BATCH_BYTES + 1])
                self._messages.append(kept)
                self._bytes += _cost(kept)
            while self._bytes > self._max_bytes:
                self._bytes -= _cost(self._messages.popleft())
                self.dropped += 1
            self._changed.notify()

    @property
    def load(self) -> float:
        """How full the queue is, 0 to 1."""
        return min(1.0, self._bytes / self._max_bytes)

    def take(self, limit: int, wait_s: float, max_bytes: int = _MAX_BYTES) -> list[Message]:
        """Up to `limit` messages of `max_bytes` of payload together, at least one, oldest first; waits for that one."""
        with self._changed:
            if not self._messages:
                self._changed.wait(wait_s)
            taken, size = list[Message](), 0
            while self._messages and len(taken) < limit:
                size += len(self._messages[0].payload)
                if taken and size > max_bytes:
                    break
                taken.append(self._messages.popleft())
            self._bytes -= sum(_cost(message) for message in taken)
            return taken


def _cost(message: Message) -> int:
    return len(message.payload) + len(message.topic) + _OVERHEAD_BYTES
