"""A client whose name another one uses, at a broker that says so, and a network thread that must not end unnoticed."""

import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from shared.mqtt import Connection

_CONNACK = b"\x20\x03\x00\x00\x00"
_TAKEN_OVER = b"\xe0\x02\x8e\x00"
_DYING = """
import sys, time
from shared.mqtt import Connection

def fail():
    raise RuntimeError("unexpected")

Connection("dying", "127.0.0.1", int(sys.argv[1]), on_up=fail).start()
time.sleep(30)
"""


class Broker:
    """Lets clients in and puts each out at once, saying that another has come under its name."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._door.getsockname()
        self.moments: list[float] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                with client:
                    self.moments.append(time.monotonic())
                    client.recv(4096)
                    client.sendall(_CONNACK + _TAKEN_OVER)
                    client.settimeout(2)
                    with contextlib.suppress(OSError):
                        while client.recv(4096):
                            pass


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


def until(look: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_the_one_that_is_put_out_says_why_and_waits_longer(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    connection = Connection("north.g1", *broker.address, session_expiry_s=60)
    connection.start()
    until(lambda: len(broker.moments) >= 4)
    connection.stop()
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) >= 3
    assert all("name north.g1 (reason code 0x8E, session taken over)" in words for words in told)
    first_s, _, last_s = (later - sooner for sooner, later in pairwise(broker.moments[:4]))
    assert last_s > max(first_s, 3.9), "1 to 2 s at first, then 2 to 4, then 4 to 8"


def test_a_network_thread_that_fails_ends_the_process(broker: Broker) -> None:
    command = [sys.executable, "-c", _DYING, str(broker.address[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 70
    assert "thread mqtt failed" in done.stderr
