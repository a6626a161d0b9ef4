"""A child that must not outlive its parent holds the parent's pipe as standard input, and leaves when it closes."""

import os
import signal
import threading

VARIABLE = "HAWKLINE_LEASH"


def obey() -> None:
    """Where the parent has set HAWKLINE_LEASH=1: on the end of standard input, end as on SIGTERM."""
    if os.environ.pop(VARIABLE, "") == "1":
        threading.Thread(target=_wait, name="leash", daemon=True).start()


def wait_for_end() -> None:
    """Block until standard input closes. Unbuffered: a buffered read would hold a lock at interpreter shutdown."""
    while os.read(0, 4096):
        pass


def _wait() -> None:
    wait_for_end()
    os.kill(os.getpid(), signal.SIGTERM)
