"""A connected socket, plain or TLS, that one thread reads and several write.

OpenSSL lets no thread read a connection while another writes it, so both go through one lock, which is never held while
waiting.
"""

import contextlib
import select
import socket
import ssl
import threading
import time

_SEND_S = 30.0
"""Who takes nothing for so long is gone."""


class Pipe:
    """Takes a connected socket over; closing it stays its owner's business."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._using, self._sending = threading.Lock(), threading.Lock()
        end.setblocking(False)

    def receive(self, most: int, timeout_s: float) -> bytes:
        """What has come, at most so many bytes; empty when the other side has closed.

        Raises:
            TimeoutError: nothing came.
            OSError: the connection has failed.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                with self._using:
                    return self._end.recv(most)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN, deadline_s)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline_s)

    def send(self, content: bytes) -> None:
        """Send all of it, from any thread; whole, and never between the parts of what another sends.

        Raises:
            OSError: the connection has failed; part of it may be out.
        """
        deadline_s = time.monotonic() + _SEND_S
        with self._sending:
            left = memoryview(content)
            while left:
                try:
                    with self._using:
                        left = left[self._end.send(left) :]
                except (BlockingIOError, ssl.SSLWantWriteError):
                    self._wait(select.POLLOUT, deadline_s)
                except ssl.SSLWantReadError:
                    self._wait(select.POLLIN, deadline_s)

    def shut(self) -> None:
        """The thread that reads finds it closed."""
        shut(self._end)

    def _wait(self, what: int, deadline_s: float) -> None:
        poll = select.poll()
        poll.register(self._end, what)
        if not poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000):
            raise TimeoutError("nothing moves")


def shut(end: socket.socket) -> None:
    """End a connection under the thread that uses it.

    The shutdown of Python's own TLS sockets would first forget that there is TLS: a reader would get ciphertext.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(end, socket.SHUT_RDWR)
