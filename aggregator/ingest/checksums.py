"""Checksums of a lane's newest numbers: a duplicate with another one is a number that was used twice."""

import sys
from array import array
from collections.abc import Callable

KEPT = 256
"""Numbers remembered. A copied card goes on where the original was, so what it uses twice is new."""
CONTENT_BYTES = 4 * KEPT


class Checksums:
    """CRC32 of the rows behind the newest numbers; 0 where it is not known.

    What merely follows on is kept beside what the database holds, which is read only when it is asked about.

    Args:
        top: the newest number.
        load: gives the `CONTENT_BYTES` of the database: the checksum of number n at place n modulo `KEPT`.
    """

    def __init__(self, top: int = 0, load: Callable[[], bytes] = lambda: bytes(CONTENT_BYTES)) -> None:
        self.top = top
        self._load = load
        self._fresh = array("I")
        """Of the numbers up to `top`, while nothing else changed."""
        self._values: array[int] | None = None

    def note(self, number: int, crc: int) -> None:
        """Remember a row that is stored now."""
        if self._values is None and number == self.top + 1:
            self._fresh.append(crc)
            self.top = number
            return
        if number <= self.top - KEPT:
            return
        values = self._loaded()
        for passed in range(max(self.top + 1, number - KEPT + 1), number):
            values[passed % KEPT] = 0
        self.top = max(self.top, number)
        values[number % KEPT] = crc

    def contradicts(self, number: int, crc: int) -> bool:
        """Whether another row is known to have this number."""
        if not self.top - KEPT < number <= self.top:
            return False
        return self._loaded()[number % KEPT] not in (0, crc)

    def patch(self) -> tuple[int, bytes, bytes]:
        """What the database has to change: a place and bytes from there on, and bytes from its beginning on."""
        if self._values is not None or len(self._fresh) >= KEPT:
            return 0, _written(self._loaded()), b""
        first = (self.top - len(self._fresh) + 1) % KEPT
        room = KEPT - first
        return 4 * first, _written(self._fresh[:room]), _written(self._fresh[room:])

    def _loaded(self) -> "array[int]":
        if self._values is None:
            content = self._load() if len(self._fresh) < KEPT else b""
            self._values = array("I", content if len(content) == CONTENT_BYTES else bytes(CONTENT_BYTES))
            if sys.byteorder == "big":
                self._values.byteswap()
            newest = self._fresh[-KEPT:]
            for number, crc in enumerate(newest, start=self.top - len(newest) + 1):
                self._values[number % KEPT] = crc
        return self._values


def _written(values: "array[int]") -> bytes:
    if sys.byteorder == "big":
        values = array("I", values)
        values.byteswap()
    return values.tobytes()
