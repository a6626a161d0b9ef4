"""Who was refused what, in the audit: once an hour for the same, and so few in all that a stranger fills nothing."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import psycopg
from psycopg_pool import PoolTimeout

from aggregator.api.dependencies import Parts
from aggregator.people.sign_in_limits import place_of
from aggregator.store import audit

_AGAIN_S = 3600.0
_MOST = 4096
_AT_ONCE, _PER_S = 60.0, 1.0


@dataclass(slots=True)
class Refusals:
    """Writes refusals down.

    Attributes:
        clock: seconds that only grow.
    """

    clock: Callable[[], float] = time.monotonic
    _told: OrderedDict[tuple[str, str, str, str], float] = field(default_factory=OrderedDict)
    _left: float = _AT_ONCE
    _looked_s: float = 0.0

    async def note(self, parts: Parts, who: str, address: str, what: str, subject: str = "") -> None:
        """Write one down, unless it was of late. That it cannot be written changes nothing for who was refused."""
        if not self._is_news((who, place_of(address), what, subject)):
            return
        try:
            entry = partial(audit.record, actor=audit.Actor(who, address), what=what, subject=subject)
            await parts.on_connection(entry)
        except (psycopg.OperationalError, PoolTimeout):
            return

    def _is_news(self, what: tuple[str, str, str, str]) -> bool:
        now_s = self.clock()
        if now_s - self._told.get(what, -_AGAIN_S) < _AGAIN_S:
            return False
        self._left = min(_AT_ONCE, self._left + (now_s - self._looked_s) * _PER_S)
        self._looked_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        self._told[what] = now_s
        self._told.move_to_end(what)
        while len(self._told) > _MOST:
            self._told.popitem(last=False)
        return True
