"""Signals set an event, wherever they interrupt the main thread; each test is a process of its own."""

import subprocess
import sys

import pytest

SETS = """
before, event = signal.getsignal(number), threading.Event()
with set_by_signals(event):
    os.kill(os.getpid(), number)
    assert event.wait(10)
assert signal.getsignal(number) is before
"""
LOCKED = """
event = threading.Event()
with set_by_signals(event):
    with event._cond:  # as in the middle of `wait`, or of the handler of another signal
        os.kill(os.getpid(), number)
        signal.sigpending()  # the handler has run
    assert event.wait(10)
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("what", [SETS, LOCKED], ids=["sets the event", "does not wait for itself"])
def test_a_signal(what: str, number: str) -> None:
    setting = (
        f"import os, signal, threading\nfrom shared.stop_signals import set_by_signals\nnumber = signal.{number}\n"
    )
    done = subprocess.run([sys.executable, "-c", setting + what], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
