"""SIGTERM and SIGINT set an event.

A handler must not set it itself: it runs on the main thread between any two instructions, also where that thread holds
the event's own lock, in its `wait` or in the handler of a signal before. Then it would wait for itself, for ever, and
the process would end only by SIGKILL.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

NUMBERS = signal.SIGTERM, signal.SIGINT


@contextmanager
def set_by_signals(event: threading.Event) -> Iterator[None]:
    """As long as it lasts, these signals set the event; after it they do what they did before. For the main thread."""
    # Its `put` may be interrupted by itself; that is what it is made for.
    told = SimpleQueue[int]()

    def pass_on() -> None:
        while told.get():
            event.set()

    threading.Thread(target=pass_on, name="stop-signals", daemon=True).start()
    previous = {number: signal.signal(number, lambda number, _frame: told.put(number)) for number in NUMBERS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        told.put(0)
