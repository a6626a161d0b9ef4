"""How long a caller who was let in may stay."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aggregator.people.principal import Identity

SESSION = "hawkline.session"
"""Where in the scope of a request the session of the caller who was let in lies."""
COOKIE = "__Host-hawkline"
BROWSER_COOKIE = "__Host-hawkline-browser"
"""By which a browser is known in which somebody has signed in before."""


@dataclass(frozen=True, slots=True)
class Session:
    """Until a time, and for as long as it is found.

    Attributes:
        until_s: seconds since 1970; None: no end of its own.
        renewed: whom it is of, looked up anew; None where it has ended.
        hashed: of a browser's session; None of a program's.
    """

    until_s: float | None
    renewed: Callable[[], Awaitable[Identity | None]]
    hashed: bytes | None = None

    def holds(self) -> bool:
        """Whether its time is not over."""
        return self.until_s is None or time.time() < self.until_s
