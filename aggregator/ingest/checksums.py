"""Checksums of a lane's newest numbers: a duplicate with another one is a number that was used twice."""

import sys
from array import array

KEPT = 256
"""Numbers remembered. A copied card goes on where the original was, so what it uses twice is new."""


class Checksums:
    """CRC32 of the rows behind the newest numbers; 0 where it is not known.

    Args:
        top: the newest number.
        content: of `KEPT` checksums, the one of number n at place n modulo `KEPT`; empty for none.
    """

    def __init__(self, top: int = 0, content: bytes = b"") -> None:
        self.top = top
        self._values = array("I", bytes(4 * KEPT))
        if len(content) == 4 * KEPT:
            self._values = array("I", content)
            if sys.byteorder == "big":
                self._values.byteswap()

    def note(self, number: int, crc: int) -> None:
        """Remember a row that is stored now."""
        if number <= self.top - KEPT:
            return
        for passed in range(max(self.top + 1, number - KEPT + 1), number):
            self._values[passed % KEPT] = 0
        self.top = max(self.top, number)
        self._values[number % KEPT] = crc

    def contradicts(self, number: int, crc: int) -> bool:
        """Whether another row is known to have this number."""
        if not self.top - KEPT < number <= self.top:
            return False
        return self._values[number % KEPT] not in (0, crc)

    def content(self) -> bytes:
        """For the database."""
        values = self._values
        if sys.byteorder == "big":
            values = array("I", values)
            values.byteswap()
        return values.tobytes()
