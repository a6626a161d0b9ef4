"""Where a camera on loopback is seen: RTSP, and H.264 in RTP over TCP (RFC 2326, 3550, 6184), for real clients."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Sequence

_MTU = 1300
_CLOCK_HZ = 90_000
_PAYLOAD = 96


class RtspDoor:
    """Serves one stream: clients that connect see what is sent from then on.

    Attributes:
        connections: that were ever made.
    """

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self._lock = threading.Lock()
        self._sequence = 0
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is seen."""
        return f"rtsp://127.0.0.1:{self._door.getsockname()[1]}/main"

    def close(self) -> None:
        """End all connections."""
        self._door.close()
        with self._lock:
            for client in self._clients:
                client.close()

    def packets(self, units: Sequence[bytes], stamp_s: float) -> bytes:
        """A picture as interleaved RTP packets: whole units, or fragments (FU-A).

        Args:
            units: NAL units of the picture.
            stamp_s: its time.
        """
        stamp = int(stamp_s * _CLOCK_HZ) & 0xFFFFFFFF
        found = b""
        pieces = [piece for unit in units for piece in _fragments(unit)]
        for place, piece in enumerate(pieces):
            marker = 0x80 if place == len(pieces) - 1 else 0
            head = struct.pack(">BBHII", 0x80, marker | _PAYLOAD, self._sequence & 0xFFFF, stamp, 0x4841574B)
            self._sequence += 1
            found += b"$\0" + struct.pack(">H", len(head) + len(piece)) + head + piece
        return found

    def send(self, packets: bytes) -> None:
        """Send packets to every client; one that is gone is forgotten."""
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            try:
                client.sendall(packets)
            except OSError:
                with self._lock, contextlib.suppress(ValueError):
                    self._clients.remove(client)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        """Answer requests until the client goes; its RTCP is read and forgotten."""
        heard = b""
        with contextlib.suppress(OSError, ValueError):
            while piece := client.recv(4096):
                heard += piece
                while heard:
                    if heard[:1] == b"$":
                        size = 4 + int.from_bytes(heard[2:4], "big")
                        if len(heard) < max(4, size):
                            break
                        heard = heard[size:]
                        continue
                    head, end, rest = heard.partition(b"\r\n\r\n")
                    if not end:
                        break
                    heard = rest
                    self._answer(client, head.decode("latin-1").split("\r\n"))
        with self._lock:
            if client in self._clients:
                self._clients.remove(client)
        client.close()

    def _answer(self, client: socket.socket, lines: list[str]) -> None:
        method, address, _ = lines[0].split(" ", 2)
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        more, body = "Session: 1\r\n", ""
        if method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\n"
                f"m=video 0 RTP/AVP {_PAYLOAD}\r\na=rtpmap:{_PAYLOAD} H264/{_CLOCK_HZ}\r\n"
                f"a=fmtp:{_PAYLOAD} packetization-mode=1\r\na=control:track\r\n"
            )
            more = f"Content-Type: application/sdp\r\nContent-Base: {address.rstrip('/')}/\r\n"
        elif method == "SETUP":
            more = f"Transport: {fields.get('transport', '')}\r\nSession: 1\r\n"
        number = fields.get("cseq", "0")
        answer = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"
        client.sendall(answer.encode())
        if method == "PLAY":
            with self._lock:
                self._clients.append(client)


def nal_units(stream: bytes) -> list[bytes]:
    """NAL units of an Annex B stream."""
    return stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]


def _fragments(unit: bytes) -> Iterator[bytes]:
    if len(unit) <= _MTU:
        yield unit
        return
    for at in range(1, len(unit), _MTU):
        ends = (at == 1) << 7 | (at + _MTU >= len(unit)) << 6
        yield bytes([unit[0] & 0x60 | 28, ends | unit[0] & 31]) + unit[at : at + _MTU]
