"""A network camera on loopback with faults: RTSP and H.264 in RTP over TCP, pictures of a scene that knows its truth.

It speaks the real protocol (RFC 2326, RFC 3550, RFC 6184) to real clients; only lens and sensor are drawn.
"""

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from provisioning.lab.edge.camera_encoder import CameraEncoder

_MTU = 1300
_CLOCK_HZ = 90_000
_PAYLOAD = 96
_GOP = 20
_KEEP_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the camera sends at present.

    Attributes:
        bad_every: of so many pictures one cannot be decoded; 0 sends sound ones.
        lost_every: of so many pictures one is never sent.
        burst: pictures that are sent at once.
        silent: nothing is sent.
        stamp_rate: by how much its stamps run faster than the time.
        stamp_jump_s: added to its stamps from here on.
        size: of its pictures, width and height.
    """

    bad_every: int = 0
    lost_every: int = 0
    burst: int = 1
    silent: bool = False
    stamp_rate: float = 1.0
    stamp_jump_s: float = 0.0
    size: tuple[int, int] = (640, 360)


class FaultyCamera:
    """One camera; clients that connect see what it sends from then on.

    Args:
        draw: makes the BGR picture of a moment, seconds since the camera began.
        behave: says how it behaves at that moment.
        fps: pictures a second.
        gop: pictures from one key frame to the next.
    """

    def __init__(
        self,
        draw: Callable[[float], NDArray[np.uint8]],
        behave: Callable[[float], Behaviour],
        fps: float = 10.0,
        gop: int = _GOP,
    ) -> None:
        self._draw, self._behave, self._fps, self._gop = draw, behave, fps, gop
        self._door = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._sequence = 0
        self.sent = 0
        self.connections = 0
        self.began_at_s = time.time()
        self._began_s = time.monotonic()
        for body in (self._accept, self._film):
            threading.Thread(target=body, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is seen."""
        return f"rtsp://127.0.0.1:{self._door.getsockname()[1]}/main"

    def now_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_s

    def close(self) -> None:
        """End all connections and the camera."""
        self._stopping.set()
        self._door.close()
        with self._lock:
            for client in self._clients:
                client.close()

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

    def _film(self) -> None:
        number, held = 0, b""
        size = self._behave(0.0).size
        encoder = CameraEncoder(size, self._fps, self._gop)
        rng = random.Random(1)
        jump_s = rate_s = 0.0
        before = self._behave(0.0)
        while not self._stopping.is_set():
            time_s = number / self._fps
            behaviour = self._behave(time_s)
            if behaviour.stamp_jump_s != before.stamp_jump_s:
                jump_s += behaviour.stamp_jump_s
            rate_s += behaviour.stamp_rate / self._fps
            before = behaviour
            if behaviour.size != size:
                size, encoder = behaviour.size, CameraEncoder(behaviour.size, self._fps, self._gop)
            picture = cv2.resize(self._draw(time_s), behaviour.size, interpolation=cv2.INTER_AREA)
            packets = encoder.encode(np.asarray(picture, np.uint8), number)
            units = [unit for packet in packets for unit in _units(packet)]
            number += 1
            if behaviour.bad_every and number % behaviour.bad_every == 0:
                units = [_broken(unit, rng) for unit in units]
            lost = behaviour.lost_every and number % behaviour.lost_every == 0
            if not behaviour.silent and not lost:
                held += self._packets(units, int((rate_s + jump_s) * _CLOCK_HZ) & 0xFFFFFFFF)
                self.sent += 1
            if number % behaviour.burst == 0 or len(held) > _KEEP_BYTES:
                self._stopping.wait(max(0.0, number / self._fps - self.now_s()))
                self._send(held)
                held = b""

    def _packets(self, units: list[bytes], stamp: int) -> bytes:
        """RTP packets of one picture, interleaved: whole units, or fragments (FU-A)."""
        found = b""
        pieces = [piece for unit in units for piece in _fragments(unit)]
        for place, piece in enumerate(pieces):
            marker = 0x80 if place == len(pieces) - 1 else 0
            head = struct.pack(">BBHII", 0x80, marker | _PAYLOAD, self._sequence & 0xFFFF, stamp, 0x4841574B)
            self._sequence += 1
            found += b"$\0" + struct.pack(">H", len(head) + len(piece)) + head + piece
        return found

    def _send(self, data: bytes) -> None:
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            try:
                client.sendall(data)
            except OSError:
                with self._lock, contextlib.suppress(ValueError):
                    self._clients.remove(client)


def _units(stream: bytes) -> Iterator[bytes]:
    """NAL units of an Annex B stream."""
    yield from stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]


def _broken(unit: bytes, rng: random.Random) -> bytes:
    """A picture as a worn-out link leaves it: the parameter sets stay, what is drawn is noise."""
    return unit[:1] + rng.randbytes(len(unit) - 1) if unit[0] & 31 in (1, 5) else unit


def _fragments(unit: bytes) -> Iterator[bytes]:
    if len(unit) <= _MTU:
        yield unit
        return
    for at in range(1, len(unit), _MTU):
        ends = (at == 1) << 7 | (at + _MTU >= len(unit)) << 6
        yield bytes([unit[0] & 0x60 | 28, ends | unit[0] & 31]) + unit[at : at + _MTU]


def always(behaviour: Behaviour) -> Callable[[float], Behaviour]:
    """A camera that behaves one way."""
    return lambda _time_s: behaviour
