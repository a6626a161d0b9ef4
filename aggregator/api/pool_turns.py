"""Whose turn it is to take a connection of the pool.

Who waited for a connection inside a worker thread would keep that thread from those who have a connection and cannot
go on without a thread: with more requests at once than threads, everybody would wait until the pool gives up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg_pool import PoolTimeout

_WAIT_S = 5.0


class Turns:
    """As many at once as the pool has connections, in the order in which they came; waiting takes no thread.

    Args:
        connections: of the pool.
    """

    def __init__(self, connections: int) -> None:
        self._free = asyncio.Semaphore(connections)
        self._asking = 0

    def asked(self) -> bool:
        """Whether a request works with the database, or waits for it."""
        return self._asking > 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for one's turn, at most 5 s.

        Raises:
            PoolTimeout: all connections were taken for as long.
        """
        self._asking += 1
        try:
            await self._acquire()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._asking -= 1

    async def _acquire(self) -> None:
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise PoolTimeout(f"no connection within {_WAIT_S:g} s") from None
