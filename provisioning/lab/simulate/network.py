"""A bad network: a TCP proxy on loopback that cuts, hangs, delays and comes back when it is told to."""

import contextlib
import socket
import threading
import time
from enum import Enum

from shared.net import pick_free_port


class Weather(Enum):
    """What the network does."""

    FINE = "fine"
    CUT = "cut"
    """Connections end and new ones are refused."""
    DEAD = "dead"
    """Connections stay and nothing passes: a cable is out, and neither end is told."""


class Proxy:
    """Passes bytes to a target.

    Args:
        target: host and port.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self.address = "127.0.0.1", pick_free_port()
        self.delay_s = 0.0
        self._weather = Weather.FINE
        self._pairs: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = socket.create_server(self.address)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def turn(self, weather: Weather) -> None:
        """Change the weather. Bytes that were on the way while it was dead are lost with their connection."""
        self._weather = weather
        if weather is not Weather.DEAD:
            self.drop()

    def drop(self) -> None:
        """End all connections, wherever in a packet they are."""
        with self._lock:
            ends, self._pairs = self._pairs, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """End it."""
        self._closing.set()
        self._weather = Weather.CUT
        self._listener.close()
        self.drop()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._weather is Weather.CUT:
                near.close()
                continue
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._pairs |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := one.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                while self._weather is Weather.DEAD:
                    time.sleep(0.02)
                    with self._lock:
                        if one not in self._pairs:
                            return
                other.sendall(content)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._pairs -= {one, other}
