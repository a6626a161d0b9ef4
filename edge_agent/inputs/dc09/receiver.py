"""Receives what panels send, over TCP and UDP: one thread, bounded in connections, bytes and time.

A message is acknowledged when whoever is told of it says that it is kept, and not before: a panel sends again what was
not, and a repeat is acknowledged without being told again.
"""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge_agent.inputs.dc09 import message as dc09
from edge_agent.inputs.dc09.contents import Said, said_in
from edge_agent.inputs.dc09.message import Dc09Error, Message, SealError
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

_IDLE_S = 600.0
_CONNECTIONS, _OF_ONE_ADDRESS = 256, 64
"""Panels behind one router have one address."""
_REPEATS, _REPEAT_S = 32, 300.0
"""So many of an account are known again, for so long: a panel repeats within a minute, and its numbers come round."""
_UNANSWERED = 16
"""Wrong frames of a connection until it is closed."""
_KEPT_ACCOUNTS = 4096
_KEPT_S = 8.0
"""A panel waits ten seconds for its answer, as a rule."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was not there before.

    Attributes:
        message: as it was read.
        said: what it says; nothing of a poll, and of what is not understood.
        address: whence it came.
    """

    message: Message
    said: tuple[Said, ...]
    address: str


Take = Callable[[Received], Awaitable["asyncio.Future[None] | None"]]
"""Takes a message; what it gives back is done once that is kept, None is at once."""


class Receiver:
    """Serves panels until it is closed.

    Args:
        keys: of accounts, by their digits; None: what is plain is read. Panels whose account is not here are not heard,
            but for an empty mapping, which hears all that is plain.
        take: told of each message once; it is acknowledged when that is kept. What it raises leaves it unanswered.
        now: what time it is, UTC.
        wrong: told of what is not believed, or is no message; the log is, now and then, where nothing else is named.
    """

    def __init__(
        self,
        keys: Mapping[str, bytes | None],
        take: Take,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        wrong: Callable[[str], None] | None = None,
    ) -> None:
        self._keys = {_plain(account): key for account, key in keys.items()}
        self._take, self._now = take, now
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._connections: dict[str, int] = {}
        self._servers: list[Any] = []
        self._tell = wrong or TroubleLog(log).tell

    async def listen(self, host: str, port: int) -> int:
        """Open both ports; returns their number.

        Raises:
            OSError: one of them is taken.
        """
        server = await asyncio.start_server(self._serve, host, port, limit=2 * dc09.MOST_BYTES)
        port = server.sockets[0].getsockname()[1]
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Datagrams(self.answer_all), local_addr=(host, port)
            )
        except OSError:
            server.close()  # else the next try would find it taken by ourselves
            await server.wait_closed()
            raise
        self._servers = [server, transport]
        return port

    def close(self) -> None:
        """Hear nobody any more."""
        for each in self._servers:
            each.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        mine = self._connections.get(address, 0)
        if mine >= _OF_ONE_ADDRESS or sum(self._connections.values()) >= _CONNECTIONS:
            self._tell(f"{address}: {mine} connections of it are open, and no more are taken now")
            writer.close()
            return
        self._connections[address] = mine + 1
        buffer, came, frames, wrong = b"", 0, 0, 0
        try:
            while wrong < _UNANSWERED:
                async with asyncio.timeout(_IDLE_S):
                    piece = await reader.read(dc09.MOST_BYTES)
                if not piece:
                    if came and not frames:
                        self._tell(f"{address}: what came over TCP is no frame of DC-09")
                    return
                buffer, came = buffer + piece, came + len(piece)
                while True:
                    frame, done = dc09.next_frame(buffer)
                    buffer = buffer[done:]
                    if frame is None:
                        break
                    frames += 1
                    answer = await self.answer(frame, address)
                    if answer is None:
                        wrong += 1
                        continue
                    writer.write(answer)
                    async with asyncio.timeout(_IDLE_S):
                        await writer.drain()
        except (TimeoutError, ConnectionError):
            pass
        finally:
            self._connections[address] -= 1
            if not self._connections[address]:
                del self._connections[address]
            writer.close()

    async def answer_all(self, datagram: bytes, address: str) -> list[bytes]:
        """The answers to what came in one packet."""
        answers, frames = list[bytes](), 0
        while True:
            frame, done = dc09.next_frame(datagram)
            datagram = datagram[done:]
            if frame is None:
                if not frames:
                    self._tell(f"{address}: what came over UDP is no frame of DC-09")
                return answers
            frames += 1
            if (answer := await self.answer(frame, address)) is not None:
                answers.append(answer)

    async def answer(self, frame: bytes, address: str) -> bytes | None:
        """What is answered to a frame; None: nothing, so that an honest panel sends it again.

        Args:
            frame: what stands between LF and CR.
            address: whence it came, for the log.
        """
        try:
            account = _plain(dc09.account_of(frame))
            if self._keys and account not in self._keys:
                self._tell(f"{address}: account {account} is not configured here")
                return None
            key = self._keys.get(account)
            message = dc09.parse(frame, key)
        except SealError as error:
            self._tell(f"{address}: {error}")
            return dc09.nak(self._now(), in_bytes=dc09.is_in_bytes(frame))
        except Dc09Error as error:
            self._tell(f"{address}: {error}")
            return None
        now = self._now()
        if not dc09.is_timely(message, now):
            self._tell(f"{address}: account {account}: its clock is off, or it is an old message; ours is told")
            return dc09.nak(now, in_bytes=message.in_bytes)
        said = said_in(message)
        try:
            await self._tell_once(account, Received(message, said, address))
        except TimeoutError:
            self._tell(f"account {account}: what it sent is not kept yet, and left unanswered: it comes again")
            return None
        except Exception:
            log.exception("account %s: what it sent could not be taken, and is left unanswered", account)
            return None
        answer = dc09.ack if said or message.is_poll else dc09.duh
        return answer(message, now, key, secrets.token_bytes(16))

    async def _tell_once(self, account: str, received: Received) -> None:
        """Have a message taken, unless it was; those of one account one after the other, those of others meanwhile."""
        of = self._accounts.setdefault(account, _Account())
        self._accounts.move_to_end(account)
        while len(self._accounts) > _KEPT_ACCOUNTS:
            self._accounts.popitem(last=False)
        async with of.lock:
            kept = of.kept(received.message)
            if kept is None:
                kept = await self._take(received) or _done()
                of.note(received.message, kept)
        if not kept.done():
            await asyncio.wait_for(asyncio.shield(kept), _KEPT_S)


class _Account:
    """What an account has sent of late."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._known: OrderedDict[tuple[str, str, str], tuple[float, asyncio.Future[None]]] = OrderedDict()

    def kept(self, message: Message) -> "asyncio.Future[None] | None":
        """Of one that was taken already, when it is kept; None of one that was not. Of polls each is a sign of life."""
        at_s, kept = self._known.get(_mark(message), (float("-inf"), None))
        return kept if time.monotonic() - at_s < _REPEAT_S else None

    def note(self, message: Message, kept: "asyncio.Future[None]") -> None:
        """It is taken."""
        if message.is_poll:
            return
        self._known[_mark(message)] = time.monotonic(), kept
        self._known.move_to_end(_mark(message))
        while len(self._known) > _REPEATS:
            self._known.popitem(last=False)


def _done() -> "asyncio.Future[None]":
    kept = asyncio.get_running_loop().create_future()
    kept.set_result(None)
    return kept


def _mark(message: Message) -> tuple[str, str, str]:
    return message.identifier, message.sequence, message.content


def _plain(account: str) -> str:
    return account.upper()


class _Datagrams(asyncio.DatagramProtocol):
    """Answers packets; no more than a few at a time."""

    _MOST = 64

    def __init__(self, answer: Callable[[bytes, str], Awaitable[list[bytes]]]) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(self._tasks) >= self._MOST:
            return  # it comes again
        task = asyncio.get_running_loop().create_task(self._serve(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in await self._answer(data, str(addr[0])):
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined]
