"""Threads that must not end unnoticed: a process without one of them only looks alive."""

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

EXIT_CODE = 70


def start_vital(name: str, body: Callable[[], None]) -> threading.Thread:
    """Run `body` on a daemon thread. What escapes from it is logged and ends the process, so that whoever supervises
    the process starts it anew."""

    def guarded() -> None:
        try:
            body()
        except BaseException:  # the top of a supervised task
            log.critical("thread %s failed; the process ends to be started anew", name, exc_info=True)
            logging.shutdown()
            os._exit(EXIT_CODE)

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
