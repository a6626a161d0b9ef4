"""HTTP servers behind TLS. Who has connected is told by the handshake alone; what a header says about it is ignored.

uvicorn does not tell an application which certificate the other side has shown: its protocol is extended here, and a
test that connects with a real certificate holds that in place.
"""

import socket
import ssl
from asyncio import Transport
from typing import Annotated, Any

import uvicorn
from cryptography import x509
from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_SHOWN = "hawkline.certificate"
_MOST = 2000
"""Connections, feeds among them; whoever comes then is told to come later."""
_FIRST_S = 15.0
"""Until the first request has to be there."""


class TlsProtocol(H11Protocol):
    """HTTP/1.1 that tells the application, in `scope["extensions"]`, which certificate was shown."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # uvicorn waits for ever for a first request, and anybody may connect.
        self._deadline = self.loop.call_later(_FIRST_S, self._give_up)
        end: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        content = end.getpeercert(True) if end else None
        self.app = _telling(self.app, x509.load_der_x509_certificate(content) if content else None)

    def _give_up(self) -> None:
        begun: object = self.cycle  # None until a request is there
        if begun is None and not self.transport.is_closing():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)


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
    app: ASGIApp, host: str, port: int, tls: ssl.SSLContext | None, send_bytes: int = 0
) -> tuple[uvicorn.Server, socket.socket]:
    """A server and the socket that it shall listen on.

    Args:
        tls: None serves in plain text, which only loopback may.
        send_bytes: bound on what the kernel keeps unsent of one connection; 0 leaves it alone.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
        http=TlsProtocol if tls else "auto",
        limit_concurrency=_MOST if tls else None,
        # Nobody stands between us and who connects: what such headers say is not believed.
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    config.ssl = tls
    listener = config.bind_socket()
    # asyncio sets this only for sockets that name their protocol, and uvicorn's do not. Who is accepted inherits it:
    # without, every answer on a connection that is kept waits 40 ms for the acknowledgement of its own beginning.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if send_bytes:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    return uvicorn.Server(config), listener
