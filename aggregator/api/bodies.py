"""Room in memory for long bodies that are on their way: it has an end, and no sender has all of it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager

import psycopg
from fastapi import HTTPException, Request

from aggregator.store.pictures import MAX_BYTES
from shared.errors import HawklineError
from shared.trust import TrustError

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024 * 1024
_WAIT_S = 5.0
_LATER = {"retry-after": "10"}
_BODY_S, _BODY_BYTES_A_S = 60.0, 5_000
"""A body has so long, and longer by its length at this rate: a piece comes over 1 kB/s."""
_ASK_S = 5.0


class Bodies:
    """How many bytes are on their way, by what their senders say before they bring them.

    Args:
        most_bytes: of all together.
        of_one_bytes: of one sender; the longest body has to fit.
        wait_s: for how long a sender waits for room.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, of_one_bytes: int = MAX_BYTES, wait_s: float = _WAIT_S) -> None:
        self._free, self._of_one, self._wait_s = most_bytes, of_one_bytes, wait_s
        self._taken: dict[Hashable, int] = {}
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def room(self, sender: Hashable, size: int) -> AsyncIterator[None]:
        """Wait for room, and keep it.

        Raises:
            HTTPException: 503, there was none for as long as one waits.
        """
        await self._take(sender, size)
        try:
            yield
        finally:
            self._leave(sender, size)
            async with self._changed:
                self._changed.notify_all()

    async def _take(self, sender: Hashable, size: int) -> None:
        def fits() -> bool:
            return size <= self._free and self._taken.get(sender, 0) + size <= self._of_one

        try:
            async with asyncio.timeout(self._wait_s), self._changed:
                await self._changed.wait_for(fits)
                self._free -= size
                self._taken[sender] = self._taken.get(sender, 0) + size
        except TimeoutError:
            raise HTTPException(503, "too much is being brought at once; try again later", _LATER) from None

    def _leave(self, sender: Hashable, size: int) -> None:
        self._free += size
        self._taken[sender] -= size
        if not self._taken[sender]:
            del self._taken[sender]


async def _ask(may_still: Callable[[], Awaitable[object]]) -> None:
    try:
        await may_still()
    except TrustError:
        raise
    except (HTTPException, HawklineError, psycopg.Error):  # who cannot be asked now is asked again
        log.debug("whether a sender may still is not known", exc_info=True)


async def read(request: Request, most_bytes: int, may_still: Callable[[], Awaitable[object]]) -> memoryview:
    """A body of at most so many bytes.

    Args:
        request: whose body.
        most_bytes: of it.
        may_still: asked every few seconds while it comes; raises a TrustError where its sender may no more.

    Raises:
        HTTPException: 413, it is longer; 408, it does not come to its end.
    """
    body, asked_s = bytearray(), time.monotonic()
    try:
        async with asyncio.timeout(_BODY_S + most_bytes / _BODY_BYTES_A_S):
            async for chunk in request.stream():
                body += chunk
                if time.monotonic() - asked_s >= _ASK_S:
                    await _ask(may_still)
                    asked_s = time.monotonic()
                if len(body) > most_bytes:
                    raise HTTPException(413, f"expected at most {most_bytes} bytes, as was announced")
    except TimeoutError:
        raise HTTPException(408, "the picture does not come to its end; go on where its last piece ended") from None
    return memoryview(body)
