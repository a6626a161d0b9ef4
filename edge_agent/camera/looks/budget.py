"""How often the model may look."""

SAVED_S = 3.0
"""What was not used is saved for so long: looks are wanted in bursts, when something nears a line."""


class LookBudget:
    """So many looks a second on average.

    Args:
        per_second: looks.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second, self._left = per_second, 1.0
        self._at_s: float | None = None

    def take(self, now_s: float, cost: float = 1.0) -> bool:
        """Take one look, if there is one.

        Args:
            now_s: of a clock that only grows.
            cost: a look at a part of the picture costs less than one.
        """
        self._refill(now_s)
        if self._left < cost - 1e-6:
            return False
        self._left -= cost
        return True

    def left(self, now_s: float) -> float:
        """How many looks may be taken now."""
        self._refill(now_s)
        return self._left

    def _refill(self, now_s: float) -> None:
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._left = min(max(1.0, SAVED_S * self.per_second), self._left + passed_s * self.per_second)
        self._at_s = now_s if self._at_s is None else max(self._at_s, now_s)
