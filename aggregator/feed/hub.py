"""Fans the feed out: a message is serialised once and the same bytes go to everybody who may hear it.

A client is a position in the log. The newest messages lie in a ring in memory; who falls behind the ring reads from
the database. So a stalled client costs a position, and misses nothing.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from itertools import takewhile
from typing import Protocol

from aggregator.feed.log import SQL
from aggregator.feed.message import Message
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.waker import FEED, wakes
from shared.threads import start_vital

log = logging.getLogger(__name__)

_RING = 2_000
_PAGE = 200
_PING_S = 5.0
_PING = b"event: ping\ndata: {}\n\n"
_PAUSE, _MOST_PAUSE_S = 5, 0.1
"""While there are requests, a round of handing out is followed by a pause of so many times its length, and no longer
than that: both live on the same loop."""
_RESET = b"event: reset\ndata: {}\n\n"


class Ear(Protocol):
    """What one client may hear."""

    cuts: bool
    """Whether it is not all."""

    def hear(self, message: Message) -> bytes:
        """What of a message; empty where it is not for them."""


class FeedHub:
    """Reads the log on a thread and wakes the clients' event loop.

    Args:
        others: whether others on the loop have something to do just now.
    """

    def __init__(self, database: Database, others: Callable[[], bool] = lambda: False) -> None:
        self._database, self._others = database, others
        self._ring: deque[Message] = deque(maxlen=_RING)
        self._whole_above: int | None = None
        """The ring holds all messages above this place. Numbers have holes: where a transaction failed."""
        self._newest = 0
        self._asking = asyncio.Lock()
        self._asked = self._answered = 0
        self._told = 0, 0
        self._position: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event = asyncio.Event()
        self._beats = 0
        self._next_round_s = 0.0
        self._round: asyncio.TimerHandle | None = None
        self._ping: asyncio.TimerHandle | None = None
        self._stopping = threading.Event()
        self.clients = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to follow the log; clients live on `loop`."""
        self._loop = loop
        self._ping = loop.call_later(_PING_S, self._beat)
        start_vital("feed", self._follow)

    def stop(self) -> None:
        """Let the clients go."""
        self._stopping.set()
        if self._ping:
            self._ping.cancel()
        self._changed.set()

    async def stream(self, after: int | None, ear: Ear) -> AsyncGenerator[bytes, None]:
        """Messages above `after` (None: from now on) for ever, with a ping every five seconds.

        Where some are not heard a ping tells the place in the log, too: who comes back resumes behind them.
        """
        self.clients += 1
        try:
            bounds = await self._bounds_now()
            # What was written while no hub followed the log is known to the log alone.
            self._newest = max(self._newest, bounds[1])
            position = bounds[1] if after is None else after
            gone = after is not None and (after > bounds[1] or after < bounds[0] - 1)
            if gone:
                # That place is no longer, or never was, in the log: the page has to load its state anew.
                position = bounds[1]
            # With the place from which it goes on: who loses this feed before its first message knows where to resume.
            yield b"retry: 1000\n\nid: %d\n" % position + _PING + (_RESET if gone else b"")
            while not self._stopping.is_set():
                changed = self._changed
                messages = await self._after(position)
                if messages:
                    position = messages[-1].number
                    if heard := b"".join(map(ear.hear, messages)):
                        yield heard
                    continue
                beats = self._beats
                await changed.wait()
                if self._beats != beats:
                    yield b"id: %d\n" % position + _PING if ear.cuts else _PING
        finally:
            self.clients -= 1

    async def _after(self, position: int) -> list[Message]:
        if position >= self._newest:
            return []
        if self._whole_above is not None and position >= self._whole_above:
            # From the newest back: nearly everybody lacks one.
            lacking = list(takewhile(lambda each: each.number > position, reversed(self._ring)))
            return lacking[::-1][:_PAGE]
        return await asyncio.to_thread(self._read, position)

    async def _bounds_now(self) -> tuple[int, int]:
        """The log's bounds after this call. All who ask meanwhile share the next answer: many pages come at once."""
        before = self._asked
        async with self._asking:
            if self._answered <= before:
                self._asked += 1
                number = self._asked
                self._told = await asyncio.to_thread(self._bounds)
                self._answered = number
            return self._told

    def _bounds(self) -> tuple[int, int]:
        with self._database.connect("feed-bounds", autocommit=True) as connection:
            row = connection.execute(SQL["feed_bounds"]).fetchone()
            return (row["oldest"], row["newest"]) if row else (0, 0)

    def _read(self, after: int) -> list[Message]:
        with self._database.connect("feed-page", autocommit=True) as connection:
            rows = connection.execute(SQL["feed_after"], {"after": after, "limit": _PAGE}).fetchall()
        return [Message.of(row) for row in rows]

    def _follow(self) -> None:
        self._database.keep_serving("feed", self._serve, autocommit=True, stopping=self._stopping)

    def _serve(self, connection: Connection) -> None:
        with self._database.connect("feed-listen", autocommit=True) as listener:
            if self._position is None:
                self._position = self._bounds()[1]
                self._on_loop(self._begin, self._position)
            for _ in wakes(listener, FEED):
                if self._stopping.is_set():
                    return
                self._position = self._advance(connection, self._position)

    def _advance(self, connection: Connection, position: int) -> int:
        """Hand what is new to the event loop; returns the new place in the log."""
        while True:
            rows = connection.execute(SQL["feed_after"], {"after": position, "limit": _PAGE}).fetchall()
            if not rows:
                return position
            messages = [Message.of(row) for row in rows]
            self._on_loop(self._extend, messages)
            position = messages[-1].number

    def _on_loop(self, deed: Callable[..., None], *what: object) -> None:
        """Do it where the clients live, unless they were let go while the database was asked."""
        assert self._loop is not None  # noqa: S101 - start() has set it
        try:
            self._loop.call_soon_threadsafe(deed, *what)
        except RuntimeError:  # the loop is closed
            if not self._stopping.is_set():
                raise

    def _begin(self, position: int) -> None:
        self._whole_above = position

    def _extend(self, messages: list[Message]) -> None:
        # On the event loop, ring and number together: a client that looks sees both or neither.
        for message in messages:
            if len(self._ring) == _RING:
                self._whole_above = self._ring[0].number
            self._ring.append(message)
        self._newest = max(self._newest, messages[-1].number)
        self._wake()

    def _wake(self) -> None:
        """Let all clients look: at once, or while others have something to do after a pause."""
        assert self._loop is not None  # noqa: S101 - start() has set it
        if self._round is None:
            wait_s = self._next_round_s - self._loop.time() if self._others() else 0.0
            if wait_s <= 0:
                self._hand_out()
            else:
                self._round = self._loop.call_later(wait_s, self._hand_out)

    def _hand_out(self) -> None:
        assert self._loop is not None  # noqa: S101 - start() has set it
        self._round = None
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        # The loop takes its callers in their order: this one comes behind all clients.
        self._loop.call_soon(self._rest, self._loop.time())

    def _rest(self, began_s: float) -> None:
        assert self._loop is not None  # noqa: S101 - start() has set it
        now_s = self._loop.time()
        self._next_round_s = now_s + min(_MOST_PAUSE_S, _PAUSE * (now_s - began_s))

    def _beat(self) -> None:
        """One clock for all clients: a timer for each of them after each message costs more than the message."""
        self._beats += 1
        self._wake()
        if self._loop:
            self._ping = self._loop.call_later(_PING_S, self._beat)
