"""What a keypad may do: wrong codes are counted, and too many of them lock it for a while. Pure."""

from collections import deque

WRONG_CODES = 5
"""So many within `WITHIN_S` lock the keypad, each time for twice as long until a right one comes."""
WITHIN_S = 1800.0
FIRST_S, LONGEST_S = 90.0, 3600.0
"""Of the ten thousand codes of four digits one tries some hundred and forty in a day so, and each five are told; who
keeps below five in half an hour tries fewer than two hundred."""


class Keypad:
    """One keypad's wrong codes; times are monotonic seconds."""

    def __init__(self) -> None:
        self._wrong_s = deque[float](maxlen=WRONG_CODES)
        self._until_s, self._next_s = float("-inf"), FIRST_S

    def is_locked(self, now_s: float) -> bool:
        """Whether codes are not looked at now."""
        return now_s < self._until_s

    def right(self) -> None:
        """A right code was typed."""
        self._wrong_s.clear()
        self._next_s = FIRST_S

    def wrong(self, now_s: float) -> float:
        """A wrong code was typed.

        Returns:
            For how many seconds that locks it; 0: it does not.
        """
        self._wrong_s.append(now_s)
        if len(self._wrong_s) < WRONG_CODES or now_s - self._wrong_s[0] > WITHIN_S:
            return 0.0
        self._wrong_s.clear()
        locked_s, self._next_s = self._next_s, min(LONGEST_S, 2 * self._next_s)
        self._until_s = now_s + locked_s
        return locked_s
