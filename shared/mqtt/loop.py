"""Many connections on one thread: what a simulated district needs, where a thread a box would be a thousand."""

import contextlib
import random
import selectors
import socket
import time
from typing import Any

import paho.mqtt.client as paho

_MISC_S = 1.0
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 8.0


class Loop:
    """Serves the connections that were given this loop. Not for several threads, but for `wake`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._clients: dict[paho.Client, float] = {}
        """Each with the pause before its next try."""
        self._due_s: dict[paho.Client, float] = {}
        """When those without a connection try again."""
        self._misc_s = 0.0
        self._woken, self._bell = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)

    def add(self, client: paho.Client) -> None:
        """Serve a client that was told where to connect; the first try is made by the next turn."""
        client.on_socket_open = lambda client, _data, end: self._opened(client, end)
        client.on_socket_close = lambda client, _data, end: self._closed(client, end)
        both = selectors.EVENT_READ | selectors.EVENT_WRITE
        client.on_socket_register_write = lambda client, _data, end: self._want(client, end, both)
        client.on_socket_unregister_write = lambda client, _data, end: self._want(client, end, selectors.EVENT_READ)
        self._clients[client] = _FIRST_PAUSE_S
        self._due_s[client] = 0.0

    def remove(self, client: paho.Client) -> None:
        """Serve it no more; it does not come back."""
        self._clients.pop(client, None)
        self._due_s.pop(client, None)

    def turn(self, wait_s: float) -> None:
        """Wait for something to happen, at most so long, and serve it."""
        for key, events in self._selector.select(max(0.0, wait_s)):
            client = key.data
            if client is None:
                self._drain()
                continue
            if events & selectors.EVENT_READ:
                client.loop_read()
            if events & selectors.EVENT_WRITE and client.socket() is not None:
                client.loop_write()
        now_s = time.monotonic()
        if now_s >= self._misc_s:
            self._misc_s = now_s + _MISC_S
            for client in list(self._clients):
                client.loop_misc()
        for client in [client for client, due_s in self._due_s.items() if due_s <= now_s]:
            self._connect(client, now_s)

    def wake(self) -> None:
        """End a waiting turn, from any thread."""
        self._bell.send(b"\0")

    def close(self) -> None:
        """Serve nobody any more."""
        self._selector.close()
        self._woken.close()
        self._bell.close()

    def _connect(self, client: paho.Client, now_s: float) -> None:
        pause_s = self._clients[client]
        self._due_s[client] = now_s + pause_s * random.uniform(0.8, 1.2)
        self._clients[client] = min(_LAST_PAUSE_S, 2 * pause_s)
        try:
            client.reconnect()
        except OSError:
            client.on_connect_fail and client.on_connect_fail(client, None)

    def _opened(self, client: paho.Client, end: Any) -> None:
        send_at_once(end)
        self._selector.register(end, selectors.EVENT_READ, client)
        self._due_s.pop(client, None)

    def _want(self, client: paho.Client, end: Any, events: int) -> None:
        with contextlib.suppress(KeyError, ValueError):  # paho speaks of sockets that it has closed already
            self._selector.modify(end, events, client)

    def _closed(self, client: paho.Client, end: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(end)
        if client in self._clients:
            self._due_s[client] = time.monotonic() + self._clients[client] * random.uniform(0.5, 1.0)

    def settled(self, client: paho.Client) -> None:
        """The broker has accepted it: the next time it is tried again soon."""
        if client in self._clients:
            self._clients[client] = _FIRST_PAUSE_S

    def _drain(self) -> None:
        try:
            while self._woken.recv(4096):
                pass
        except BlockingIOError:
            pass


def send_at_once(end: Any) -> None:
    """No waiting for more to send: with Nagle's algorithm an alarm behind a PUBACK comes 40 ms later."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
