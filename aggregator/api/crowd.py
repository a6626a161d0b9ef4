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


class Standing(IntEnum):
    """What a visitor does at the door; the first leave first when it is full."""

    ASKING = 0
    """In the handshake, between two requests, or in the middle of a request's head."""
    BRINGING = 1
    """A body is on its way."""
    SERVED = 2
    """Asked for something and gets it, such as the feed: these do not have to leave."""


@dataclass(slots=True, eq=False)
class Visitor:
    """One connection."""

    connection: socket.socket
    address: str
    standing: Standing = Standing.ASKING


class Crowd:
    """Everybody at one door.

    Args:
        most: connections.
        most_of_one: of these from one address.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._visitors: dict[int, Visitor] = {}
        """By file number, the visitor who has changed standing longest ago first."""

    def arrive(self, connection: socket.socket, address: str) -> bool:
        """Let a newcomer in, and the visitor who has to make room out; False: it cannot be, all others are served."""
        visitor = Visitor(connection, address)
        self._visitors.pop(connection.fileno(), None)  # the number was a visitor's who has left
        if self._of(address) >= self._most_of_one or len(self._visitors) >= self._most:
            self._forget_gone()
        if self._of(address) >= self._most_of_one and not self._make_room([address]):
            return False
        if len(self._visitors) >= self._most and not self._make_room(self._addresses()):
            return False
        self._visitors[connection.fileno()] = visitor
        return True

    def find(self, number: int) -> Visitor | None:
        """Whose file number this is."""
        return self._visitors.get(number)

    def change(self, visitor: Visitor, standing: Standing) -> None:
        """The visitor does something else from now on."""
        number = visitor.connection.fileno()
        if self._visitors.get(number) is visitor:
            visitor.standing = standing
            self._visitors[number] = self._visitors.pop(number)

    def leave(self, visitor: Visitor) -> None:
        """The visitor has left."""
        for number in (number for number, other in self._visitors.items() if other is visitor):
            del self._visitors[number]
            return

    def __len__(self) -> int:
        return len(self._visitors)

    def _of(self, address: str) -> int:
        return sum(visitor.address == address for visitor in self._visitors.values())

    def _addresses(self) -> list[str]:
        """Those with most connections first."""
        found = Counter(visitor.address for visitor in self._visitors.values())
        return [address for address, _ in found.most_common()]

    def _forget_gone(self) -> None:
        self._visitors = {
            number: visitor for number, visitor in self._visitors.items() if visitor.connection.fileno() == number
        }

    def _make_room(self, addresses: Iterable[str]) -> bool:
        for standing in (Standing.ASKING, Standing.BRINGING):
            for address in addresses:
                for number, visitor in self._visitors.items():
                    if visitor.address == address and visitor.standing is standing:
                        del self._visitors[number]
                        _end(visitor.connection)
                        return True
        return False


def _end(connection: socket.socket) -> None:
    """Its protocol hears of the end and closes it."""
    with contextlib.suppress(OSError):  # it may have gone by itself
        connection.shutdown(socket.SHUT_RDWR)


class Entrance(socket.socket):
    """A listening socket at which everybody is counted before anything is heard of them, TLS or not."""

    crowd: Crowd

    @classmethod
    def at(cls, listener: socket.socket, crowd: Crowd) -> "Entrance":
        """Take a bound socket over."""
        entrance = cls(fileno=listener.detach())
        entrance.crowd = crowd
        return entrance

    def accept(self) -> tuple[socket.socket, object]:
        """The next who was let in.

        Raises:
            ConnectionAbortedError: there was no room; the event loop goes on.
        """
        connection, address = super().accept()
        if not self.crowd.arrive(connection, str(address[0]) if isinstance(address, tuple) else ""):
            connection.close()
            raise ConnectionAbortedError("no room")
        return connection, address
