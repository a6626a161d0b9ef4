"""What a keypad may do: wrong codes are counted, and too many of them lock it for a while. Pure."""

from collections import deque
from enum import Enum

WRONG_CODES = 5
"""So many within `WITHIN_S` lock the keypad."""
WITHIN_S = 300.0
LOCKED_S = 90.0
"""Of the ten thousand codes of four digits one tries some eighty in an hour, and each five are told."""


class Verdict(Enum):
    """What becomes of a code that was typed."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKS = "locks"
    """It was wrong, and one too many."""
    LOCKED = "locked"
    """It was not even looked at."""


class Keypad:
    """One keypad's wrong codes."""

    def __init__(self) -> None:
        self._wrong_s = deque[float](maxlen=WRONG_CODES)
        self._locked_until_s = float("-inf")

    def is_locked(self, now_s: float) -> bool:
        """Whether codes are not looked at now (monotonic seconds)."""
        return now_s < self._locked_until_s

    def judge(self, now_s: float, *, is_right: bool) -> Verdict:
        """A code was typed while the keypad was not locked.

        Args:
            now_s: monotonic.
            is_right: it is a code that somebody has.
        """
        if self.is_locked(now_s):
            return Verdict.LOCKED
        if is_right:
            self._wrong_s.clear()
            return Verdict.RIGHT
        self._wrong_s.append(now_s)
        if len(self._wrong_s) < WRONG_CODES or now_s - self._wrong_s[0] > WITHIN_S:
            return Verdict.WRONG
        self._wrong_s.clear()
        self._locked_until_s = now_s + LOCKED_S
        return Verdict.LOCKS
