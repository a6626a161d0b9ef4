"""Operators' pages for `hawkline bench fanout`: many feeds in one process, some of which stop reading.

Latency counts from the event's own time, which is when it was due to be sent, to the moment at which its bytes were
read here. A page that stalls reads on at the end, and has to have missed nothing.
"""

import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from provisioning.lab.local_site.observer import percentile

_REQUEST = b"GET /api/v1/feed HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
_MESSAGE = re.compile(rb"id: (\d+)\nevent: alert\n")
_FIRST_AT = re.compile(rb'"first_at":"([^"]+)"')
_READ = 1 << 18
_CATCH_UP_S = 30.0
_STALLED_BYTES = 4096
"""Receive buffer of those who stall: soon the server feels it."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who listens.

    Attributes:
        port: of the API on loopback.
        clients: who read.
        stalled: who connect and do not.
        seconds: how long.
    """

    port: int
    clients: int
    stalled: int
    seconds: float


@dataclass(slots=True)
class Heard:
    """What came of it.

    Attributes:
        messages: read by all together.
        alerts: different ones.
        p99_ms: over everything that everybody read; `worst_p99_ms` of the one who waited longest.
        missed: alerts that one page did not get though others did, the stalled ones at the end included.
        cores: processors that this process used.
    """

    messages: int = 0
    alerts: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    worst_p99_ms: float = 0.0
    most_ms: float = 0.0
    missed: int = 0
    cores: float = 0.0


@dataclass(slots=True)
class _Page:
    """One connection to the feed."""

    socket: socket.socket
    rest: bytes = b""
    ids: list[int] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)


class Listeners:
    """Everybody who listens."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._selector = selectors.DefaultSelector()
        self._happened: dict[int, float] = {}
        """When what each message tells of happened."""
        self._pages = [self._connect() for _ in range(audience.clients)]
        self._stalled = [self._connect(_STALLED_BYTES) for _ in range(audience.stalled)]
        for page in self._pages:
            self._selector.register(page.socket, selectors.EVENT_READ, page)

    def run(self) -> Heard:
        """Say `ready`, read for as long as was asked, then let the stalled ones read."""
        self._await_answers()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        began_s, used_s = time.monotonic(), time.process_time()
        while time.monotonic() - began_s < self._audience.seconds:
            self._read(0.2)
        cores = (time.process_time() - used_s) / (time.monotonic() - began_s)
        self._catch_up()
        return self._heard(cores)

    def _connect(self, receive_bytes: int | None = None) -> _Page:
        page = _Page(socket.socket())
        if receive_bytes:
            page.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        page.socket.connect(("127.0.0.1", self._audience.port))
        page.socket.sendall(_REQUEST)
        return page

    def _await_answers(self) -> None:
        for page in (*self._pages, *self._stalled):
            page.socket.settimeout(_CATCH_UP_S)
            while b"event: ping" not in page.rest:
                received = page.socket.recv(_READ)
                if not received:
                    raise ConnectionError("the API refuses another feed")
                page.rest += received
            page.rest = b""
            page.socket.setblocking(False)

    def _read(self, wait_s: float) -> int:
        ready = self._selector.select(wait_s)
        for key, _ in ready:
            page: _Page = key.data
            self._take(page)
        return len(ready)

    def _take(self, page: _Page) -> None:
        received = page.socket.recv(_READ)
        now_s = time.time()
        if not received:
            raise ConnectionError("the API has ended a feed")
        text = page.rest + received
        whole = text.rfind(b"\n\n") + 2
        page.rest = text[whole:] if whole > 1 else text
        for found in _MESSAGE.finditer(text, 0, max(0, whole)):
            number = int(found[1])
            page.ids.append(number)
            page.waited_s.append(now_s - self._time_of(number, text, found.end()))

    def _time_of(self, number: int, text: bytes, start: int) -> float:
        happened_s = self._happened.get(number)
        if happened_s is None:  # the same bytes go to everybody: one look is enough
            stamp = _FIRST_AT.search(text, start)
            happened_s = datetime.fromisoformat(stamp[1].decode()).timestamp() if stamp else time.time()
            self._happened[number] = happened_s
        return happened_s

    def _catch_up(self) -> None:
        """What is still on its way, and what the stalled ones left lying."""
        for page in self._stalled:
            self._selector.register(page.socket, selectors.EVENT_READ, page)
        deadline_s = time.monotonic() + _CATCH_UP_S
        while time.monotonic() < deadline_s and self._missed():
            self._read(0.2)

    def _missed(self) -> int:
        return sum(len(self._happened.keys() - set(page.ids)) for page in (*self._pages, *self._stalled))

    def _heard(self, cores: float) -> Heard:
        everybody = sorted(waited for page in self._pages for waited in page.waited_s)
        worst = max((_ms(page.waited_s, 0.99) for page in self._pages), default=0.0)
        return Heard(
            messages=len(everybody),
            alerts=len(self._happened),
            p50_ms=_ms(everybody, 0.5),
            p99_ms=_ms(everybody, 0.99),
            worst_p99_ms=worst,
            most_ms=_ms(everybody, 1.0),
            missed=self._missed(),
            cores=round(cores, 3),
        )


def _ms(waited_s: Sequence[float], part: float) -> float:
    return round(1000 * (percentile(list(waited_s), part) or 0.0), 1)


def main() -> None:
    """Listen as the first argument says in JSON, print what came of it."""
    audience = Audience(**json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(asdict(Listeners(audience).run())) + "\n")


if __name__ == "__main__":
    main()
