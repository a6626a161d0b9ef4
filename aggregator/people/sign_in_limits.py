"""How often somebody may try to sign in. A stranger who tries gets slower, and locks nobody out but himself.

Tries are counted by where they come from: a browser in which the same account has signed in before counts by itself,
all others by their address. So whoever sits at their usual place does not feel what happens elsewhere.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

FREE = 5
"""Tries that cost nothing."""
_FIRST_S, _LONGEST_S = 60.0, 900.0
_FREE_OF_SOURCE, _FREE_OF_STRANGERS = 20, 50
"""For all accounts from one place; for one account from all places that it does not know."""
_FORGET_S = 3600.0
_MOST = 20_000


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float


class SignInLimits:
    """Counts failures in memory, of the latest so many sources.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[Hashable, _Failures] = OrderedDict()
        self._pardoned: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, account: str, source: str, *, known: bool) -> float:
        """For how long they have to wait before they may try.

        Args:
            account: that they name, whether there is one or not.
            source: where they come from.
            known: it is a browser that this account knows.
        """
        with self._lock:
            return self._longest_wait_s(account, source, known=known)

    def _longest_wait_s(self, account: str, source: str, *, known: bool) -> float:
        waits = [self._wait_s((account, source), FREE)]
        if not known and self._clock() - self._pardoned.get(account, -_LONGEST_S) >= _LONGEST_S:
            waits.append(self._wait_s((source,), _FREE_OF_SOURCE))
            waits.append(self._wait_s((account, "strangers"), _FREE_OF_STRANGERS))
        return max(waits)

    def begun(self, account: str, source: str, *, known: bool) -> None:
        """A try, which counts as one in vain until it succeeds."""
        with self._lock:
            for key in _keys(account, source, known=known):
                found = self._failures.pop(key, None)
                count = found.count + 1 if found and self._clock() - found.last_s < _FORGET_S else 1
                self._failures[key] = _Failures(count, self._clock())
            while len(self._failures) > _MOST:
                self._failures.popitem(last=False)

    def succeeded(self, account: str, source: str, *, known: bool) -> None:
        """They are in: what they mistyped before is forgotten, and this was no failure."""
        with self._lock:
            for key in _keys(account, source, known=known):
                if found := self._failures.get(key):
                    found.count -= 1
            self._failures.pop((account, source), None)

    def forgive(self, account: str) -> None:
        """An administrator lets an account try again from everywhere, for a quarter of an hour."""
        with self._lock:
            for key in [key for key in self._failures if isinstance(key, tuple) and key[0] == account]:
                del self._failures[key]
            self._pardoned[account] = self._clock()
            while len(self._pardoned) > _MOST:
                self._pardoned.popitem(last=False)

    def _wait_s(self, key: Hashable, free: int) -> float:
        found = self._failures.get(key)
        if found is None or found.count < free:
            return 0.0
        wait_s = min(_LONGEST_S, _FIRST_S * 2.0 ** min(10, (found.count - free) // FREE))
        return max(0.0, found.last_s + wait_s - self._clock())


def place_of(address: str) -> str:
    """Where an address is counted: of IPv6 whoever has one has 2⁶⁴ of them."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(read) >> 64 << 64)) if isinstance(read, IPv6Address) else address


def _keys(account: str, source: str, *, known: bool) -> list[Hashable]:
    return [(account, source)] if known else [(account, source), (source,), (account, "strangers")]
