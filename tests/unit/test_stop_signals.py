"""Signals set an event, wherever they interrupt the main thread."""

import os
import signal
import threading

import pytest

from shared.stop_signals import set_by_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event_and_afterwards_does_what_it_did(number: signal.Signals) -> None:
    before, event = signal.getsignal(number), threading.Event()
    with set_by_signals(event):
        os.kill(os.getpid(), number)
        assert event.wait(10)
    assert signal.getsignal(number) is before


@pytest.mark.timeout(20)
def test_a_signal_that_comes_while_the_event_is_locked_does_not_wait_for_itself() -> None:
    event = threading.Event()
    with set_by_signals(event):
        # As in the middle of `wait`, or of the handler of another signal.
        with event._cond:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.sigpending()  # the handler has run
        assert event.wait(10)
