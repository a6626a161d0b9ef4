"""What the machine does to a test that keeps time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NAP_S = 0.02


@contextmanager
def hold_ups() -> Iterator[Callable[[], float]]:
    """Watch how long a thread of this process has to wait until it runs.

    Yields:
        What tells the longest such wait so far, in seconds.
    """
    over, longest_s = threading.Event(), 0.0

    def nap() -> None:
        nonlocal longest_s
        last_s = time.monotonic()
        while not over.wait(_NAP_S):
            now_s = time.monotonic()
            longest_s, last_s = max(longest_s, now_s - last_s - _NAP_S), now_s

    napping = threading.Thread(target=nap, daemon=True)
    napping.start()
    try:
        yield lambda: longest_s
    finally:
        over.set()
        napping.join()
