"""Threads that must not end unnoticed: a process without one of them only looks alive."""

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

EXIT_CODE = 70


def start_vital(name: str, body: Callable[[], None]) -> threading.Thread:
    """Run `body` on a daemon thread. What escapes from it is logged and ends the process, so that the supervisor
    starts it anew."""
    thread = threading.Thread(target=run_vital, args=(name, body), name=name, daemon=True)
    thread.start()
    return thread


def run_vital(name: str, body: Callable[[], None]) -> None:
    """The same on the thread that calls: for threads that a library makes."""
    try:
        body()
    except BaseException:  # the top of a supervised task
        log.critical("thread %s failed; the process ends to be started anew", name, exc_info=True)
        logging.shutdown()
        os._exit(EXIT_CODE)
