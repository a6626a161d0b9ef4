"""How many may stand at a door, and who leaves when it is full: never the one who comes, while others only stand.

A stranger who opens thousands of connections and says little, in whatever way, must not keep operators and boxes out.
So a newcomer is let in, and the one who has stood there longest without asking for anything leaves; of one address
first.
"""

import contextlib
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class ConnectionStage(IntEnum):
    """What a client does at the door; the first leave first when it is full."""

    ASKING = 0
    """In the handshake, between two requests, or in the middle of a request's head."""
    STALLED = 1
    """Asked for something and does not read it."""
    BRINGING = 2
    """A body is on its way."""
    SERVED = 3
    """Asked for something and gets it, such as the feed: these do not have to leave."""


@dataclass(slots=True, eq=False)
class OpenConnection:
    """One connection."""

    connection: socket.socket
    address: str
    stage: ConnectionStage = ConnectionStage.ASKING


class ConnectionLimit:
    """Everybody at one door.

    Args:
        most: connections.
        most_of_one: of these from one address.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._clients: dict[int, OpenConnection] = {}
        """By file number, the client who has changed stage longest ago first."""

    def arrive(self, connection: socket.socket, address: str) -> bool:
        """Let a newcomer in, and the client who has to make room out; False: it cannot be, all others are served."""
        client = OpenConnection(connection, address)
        self._clients.pop(connection.fileno(), None)  # the number was a client's who has left
        if self._of(address) >= self._most_of_one or len(self._clients) >= self._most:
            self._forget_gone()
        if self._of(address) >= self._most_of_one and not self._make_room([address]):
            return False
        if len(self._clients) >= self._most and not self._make_room(self._addresses()):
            return False
        self._clients[connection.fileno()] = client
        return True

    def find(self, number: int) -> OpenConnection | None:
        """Whose file number this is."""
        return self._clients.get(number)

    def change(self, client: OpenConnection, stage: ConnectionStage) -> None:
        """The client does something else from now on."""
        number = client.connection.fileno()
        if self._clients.get(number) is client:
            client.stage = stage
            self._clients[number] = self._clients.pop(number)

    def leave(self, client: OpenConnection) -> None:
        """The client has left."""
        for number in (number for number, other in self._clients.items() if other is client):
            del self._clients[number]
            return

    def __len__(self) -> int:
        return len(self._clients)

    def _of(self, address: str) -> int:
        return sum(client.address == address for client in self._clients.values())

    def _addresses(self) -> list[str]:
        """Those with most connections first."""
        found = Counter(client.address for client in self._clients.values())
        return [address for address, _ in found.most_common()]

    def _forget_gone(self) -> None:
        self._clients = {
            number: client for number, client in self._clients.items() if client.connection.fileno() == number
        }

    def _make_room(self, addresses: Iterable[str]) -> bool:
        for stage in (ConnectionStage.ASKING, ConnectionStage.STALLED, ConnectionStage.BRINGING):
            for address in addresses:
                for number, client in self._clients.items():
                    if client.address == address and client.stage is stage:
                        del self._clients[number]
                        _end(client.connection)
                        return True
        return False


def _end(connection: socket.socket) -> None:
    """Its protocol hears of the end and closes it."""
    with contextlib.suppress(OSError):  # it may have gone by itself
        connection.shutdown(socket.SHUT_RDWR)


class LimitedListener(socket.socket):
    """A listening socket at which everybody is counted before anything is heard of them, TLS or not."""

    limit: ConnectionLimit

    @classmethod
    def at(cls, listener: socket.socket, limit: ConnectionLimit) -> "LimitedListener":
        """Take a bound socket over."""
        limited = cls(fileno=listener.detach())
        limited.limit = limit
        return limited

    def accept(self) -> tuple[socket.socket, object]:
        """The next who was let in.

        Raises:
            ConnectionAbortedError: there was no room; the event loop goes on.
        """
        connection, address = super().accept()
        if not self.limit.arrive(connection, str(address[0]) if isinstance(address, tuple) else ""):
            connection.close()
            raise ConnectionAbortedError("no room")
        return connection, address
