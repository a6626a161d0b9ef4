"""Turns for looking at passwords, each of which takes 64 MiB and 0.2 s."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_AT_ONCE, _WAITING = 2, 20
"""Passwords that are looked at at once, and requests that wait for that."""


class BusyError(Exception):
    """Too many wait already."""


class PasswordTurns:
    """One of both is never a stranger's: who is known does not wait for them."""

    def __init__(self) -> None:
        self._all, self._strangers = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_AT_ONCE - 1)
        self._waiting = {True: 0, False: 0}

    @asynccontextmanager
    async def one(self, *, known: bool) -> AsyncIterator[None]:
        """Wait for one.

        Raises:
            BusyError: too many do.
        """
        if self._waiting[known] >= _WAITING:
            raise BusyError
        self._waiting[known] += 1
        try:
            if known:
                async with self._all:
                    yield
            else:
                async with self._strangers, self._all:
                    yield
        finally:
            self._waiting[known] -= 1
