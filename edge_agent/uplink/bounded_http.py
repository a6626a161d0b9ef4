"""One question over HTTP to a server that nobody has vouched for yet: bounded in bytes, and in time as a whole.

A time-out of a client is for each read: who sends a byte now and then is waited for without end, and what is compressed
may be a thousand times as much as was sent. The cable may be anybody's, so both are bounded here.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore

from shared.errors import UnavailableError

MOST_BYTES = 64 * 1024
WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: HTTP status and body."""

    status: int
    body: bytes


def ask(
    method: str,
    url: str,
    *,
    context: ssl.SSLContext,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | Iterator[bytes] | None = None,
    within_s: float = WITHIN_S,
    most_bytes: int = MOST_BYTES,
    now_s: Callable[[], float] = time.monotonic,
) -> Answer:
    """Ask once, on a connection of its own.

    Args:
        method: of HTTP.
        url: with its query.
        context: whom to believe.
        headers: beside those that every question has.
        body: what is sent; in pieces with its length in the headers.
        within_s: of the whole call, but for the look-up of the name.
        most_bytes: of an answer.
        now_s: a steady clock.

    Raises:
        UnavailableError: no whole answer in time, one that is too large, or one that is compressed though we did not
            ask for that.
    """
    until_s = now_s() + within_s
    asked = [("accept-encoding", "identity"), ("connection", "close"), *headers]
    network = _Bounded(lambda: until_s - now_s())
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=network, max_connections=1) as pool,
            pool.stream(method, url, headers=asked, content=body) as answer,
        ):
            if any(name.lower() == b"content-encoding" and value != b"identity" for name, value in answer.headers):
                raise UnavailableError("it answers compressed, and was asked not to")
            content = bytearray()
            for piece in answer.iter_stream():
                content += piece
                if len(content) > most_bytes:
                    raise UnavailableError(f"it answers with more than {most_bytes // 1024} KB")
            return Answer(answer.status, bytes(content))
    except httpcore.TimeoutException:
        raise UnavailableError(f"no whole answer within {within_s:.0f} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError, TypeError) as error:
        raise UnavailableError(str(error) or type(error).__name__) from None


class _Bounded(httpcore.NetworkBackend):
    """The network, of which each step may take what is left of the whole call."""

    def __init__(self, left_s: Callable[[], float]) -> None:
        self._backend, self._left_s = httpcore.SyncBackend(), left_s

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the call's own counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from None
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in dict.fromkeys(str(each[4][0]) for each in found):  # whoever has the cable may name a hundred
            try:
                left_s = _at_least(self._left_s())
                stream = self._backend.connect_tcp(address, port, left_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _BoundedStream(stream, self._left_s)
        raise failed


class _BoundedStream(httpcore.NetworkStream):
    """A connection, the same way."""

    def __init__(self, stream: httpcore.NetworkStream, left_s: Callable[[], float]) -> None:
        self._stream, self._left_s = stream, left_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _at_least(self._left_s()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _at_least(self._left_s()))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _at_least(self._left_s()))
        return _BoundedStream(secured, self._left_s)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _at_least(left_s: float) -> float:
    """What is left, where anything is.

    Raises:
        httpcore.ReadTimeout: nothing is.
    """
    if left_s <= 0:
        raise httpcore.ReadTimeout
    return left_s
