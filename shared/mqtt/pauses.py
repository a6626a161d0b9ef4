"""How long to wait before connecting again: longer each time that a connection did not last."""

import random

TAKEN_OVER = 0x8E
"""MQTT 5: another client has connected under our name."""
LONGEST_S = 180.0
"""Between two tries of one whose name another client uses."""
_QUIET_S = 600.0
"""After so long a time with the name to ourselves it is ours again."""
_BRIEF_S, _LONGEST_BRIEF_S = 10.0, 30.0
"""What lasted less was let in and ended at once. Shorter than above: a radio link that breaks is back soon."""
_SUSPICIOUS = 3


class Pauses:
    """Remembers how connections ended. Moments are monotonic seconds."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._up_s = self._taken_s = 0.0
        self._taken = self._brief = 0
        self._pause_s = 0.0

    @property
    def is_suspicious(self) -> bool:
        """Whether so many connections in a row ended soon that it is no accident."""
        return self._brief >= _SUSPICIOUS

    def up(self, now_s: float) -> None:
        """A connection is accepted."""
        self._up_s = now_s

    def down(self, now_s: float, *, taken_over: bool) -> float:
        """It ended; returns the seconds to wait, with jitter: two of one name shall not go on in step."""
        lasted_s = now_s - self._up_s
        if taken_over:
            self._taken = self._taken + 1 if self._taken and now_s - self._taken_s < _QUIET_S else 1
            self._taken_s = now_s
            tries, longest_s = self._taken, LONGEST_S
        else:
            # Not every broker says why. Two of one name each last as long as the other waits.
            if lasted_s < max(_BRIEF_S, self._pause_s):
                self._brief += 1
            elif lasted_s > _BRIEF_S + 2 * self._pause_s:
                self._brief = 0
            tries, longest_s = self._brief, _LONGEST_BRIEF_S
        self._pause_s = min(longest_s, 2.0 ** min(tries, 20)) * self._rng.uniform(0.5, 1.0)
        return self._pause_s
