"""HTTP servers, behind TLS but for loopback. Who has connected is told by the handshake alone; what a header says about
it is ignored.

uvicorn does not tell an application which certificate the other side has shown: its protocol is extended here, and a
test that connects with a real certificate holds that in place.
"""

import math
import resource
import socket
import ssl
from asyncio import TimerHandle, Transport
from typing import Annotated, Any

import h11
import uvicorn
from cryptography import x509
from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from aggregator.api.connection_limit import ConnectionLimit, ConnectionStage, LimitedListener, OpenConnection

_SHOWN = "hawkline.certificate"
_MOST, _MOST_TLS = 8000, 2000
"""Connections, feeds among them, in plain text and over TLS, where each costs 256 KB; who comes then takes the place of
one who asks for nothing."""
_PART_OF_ONE = 0.75
"""Of these from one address: a whole centre, or a district of boxes, may come from one."""
_OTHER_FILES = 200
"""That a process has open beside its connections."""
_HEAD_S = 15.0
"""Until the head of a request has to be there: from the connect, from the end of the request before."""
_BODY_S, _BODY_BYTES = 15.0, 500
"""A body has to bring as many bytes every so many seconds: a thin link does, who only holds the door does not."""
_STALLED_S, _UNREAD_BYTES = 60.0, 64 * 1024
"""Who is sent something has to take some of what waits within so many seconds. We see it by the lump, over TLS as much
as waits at most: a link of 2 kB/s does."""
_CLOSE_S = 2.0


class DoorProtocol(H11Protocol):
    """HTTP/1.1 that waits for no client, who sends or who reads, and tells the application which certificate was shown
    (`scope["extensions"]`).

    uvicorn waits for ever for a head that was begun, for a body that does not come, and for an answer that is not read.
    """

    limit: ConnectionLimit
    _deadline: TimerHandle | None = None
    _client: OpenConnection | None = None
    _stage: ConnectionStage | None = None
    _heard_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_UNREAD_BYTES)
        self._client = self.limit.find(transport.get_extra_info("socket").fileno())
        end: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if end:
            content = end.getpeercert(True)
            self.app = _telling(self.app, x509.load_der_x509_certificate(content) if content else None)
        self._judge()

    def data_received(self, data: bytes) -> None:
        self._heard_bytes += len(data)
        super().data_received(data)
        self._judge()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._judge()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._judge()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._stage = None  # the next request has its own time
        self._judge()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._client:
            self.limit.leave(self._client)
        super().connection_lost(exc)

    def _judge(self) -> None:
        """See what the other side does now, and how long it may."""
        cycle: RequestResponseCycle | None = self.cycle  # None until a request is there
        if cycle is None or cycle.response_complete:
            stage = ConnectionStage.ASKING
        elif self.flow.write_paused:  # also of one who brings a body that nobody wants
            stage = ConnectionStage.STALLED
        else:
            stage = ConnectionStage.BRINGING if self.conn.their_state is h11.SEND_BODY else ConnectionStage.SERVED
        if stage is self._stage or self.transport.is_closing():
            return
        self._stage = stage
        if self._client:
            self.limit.change(self._client, stage)
        self._stop_waiting()
        if stage is ConnectionStage.ASKING:
            self._deadline = self.loop.call_later(_HEAD_S, self._give_up)
        elif stage is ConnectionStage.BRINGING:
            self._heard_bytes = 0
            self._deadline = self.loop.call_later(_BODY_S, self._look_at_body)
        elif stage is ConnectionStage.STALLED:
            self._deadline = self.loop.call_later(_STALLED_S, self._look_at_reader, self._unread_bytes())

    def _look_at_reader(self, before_bytes: int) -> None:
        # Nothing is added to what is unread while it is too much, so what has become less was read.
        unread_bytes = self._unread_bytes()
        if unread_bytes >= before_bytes:
            self._give_up()
            return
        self._deadline = self.loop.call_later(_STALLED_S, self._look_at_reader, unread_bytes)

    def _unread_bytes(self) -> int:
        return self.transport.get_write_buffer_size()

    def _look_at_body(self) -> None:
        # What we do not read, because the application is slow, does not have to come.
        if self._heard_bytes < _BODY_BYTES and not self.flow.read_paused:
            self._give_up()
            return
        self._heard_bytes = 0
        self._deadline = self.loop.call_later(_BODY_S, self._look_at_body)

    def _give_up(self) -> None:
        self.transport.close()
        self._deadline = self.loop.call_later(_CLOSE_S, self.transport.abort)  # TLS waits for a good-bye

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def _telling(app: Any, shown: x509.Certificate | None) -> ASGIApp:
    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("extensions", {})[_SHOWN] = shown
        await app(scope, receive, send)

    return told


def _shown(request: Request) -> x509.Certificate | None:
    found: x509.Certificate | None = request.scope.get("extensions", {}).get(_SHOWN)
    return found


Shown = Annotated[x509.Certificate | None, Depends(_shown)]
"""The certificate that the other side has shown in the handshake, which has checked its issuer and its dates."""


def server(
    app: ASGIApp,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    send_bytes: int = 0,
    most: int | None = None,
) -> tuple[uvicorn.Server, socket.socket]:
    """A server and the socket that it shall listen on.

    Args:
        tls: None serves in plain text, which only loopback may.
        send_bytes: bound on what the kernel keeps unsent of one connection; 0 leaves it alone.
        most: connections at the same time; None: as many as files may be open, within reason.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most is None:
        most = max(1, min(_MOST_TLS if tls else _MOST, files - _OTHER_FILES))
    limit = ConnectionLimit(most, math.ceil(_PART_OF_ONE * most))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
        loop="asyncio",
        http=type("CountedProtocol", (DoorProtocol,), {"limit": limit}),
        ws="none",
        # No proxy stands between us and who connects: what such headers say is not believed.
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    config.ssl = tls
    listener = LimitedListener.at(config.bind_socket(), limit)
    # asyncio sets this only for sockets that name their protocol, and uvicorn's do not. Who is accepted inherits it:
    # without, every answer on a connection that is kept waits 40 ms for the acknowledgement of its own beginning.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if send_bytes:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    return uvicorn.Server(config), listener
