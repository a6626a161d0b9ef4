"""A network camera on loopback with faults: a scene that knows its truth; only lens and sensor are drawn."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from provisioning.lab.edge.camera_encoder import CameraEncoder
from provisioning.lab.edge.rtsp_door import RtspDoor, nal_units

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
        self._door = RtspDoor()
        self._stopping = threading.Event()
        self.sent = 0
        self.began_at_s = time.time()
        self._began_s = time.monotonic()
        threading.Thread(target=self._film, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is seen."""
        return self._door.url

    @property
    def connections(self) -> int:
        """That were ever made to it."""
        return self._door.connections

    def now_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_s

    def close(self) -> None:
        """End all connections and the camera."""
        self._stopping.set()
        self._door.close()

    def _film(self) -> None:
        number, held, stamps = 0, b"", _Stamps(self._behave(0.0))
        lens = _Lens(self._fps, self._gop)
        rng = random.Random(1)
        while not self._stopping.is_set():
            behaviour = self._behave(number / self._fps)
            stamp_s = stamps.step(behaviour, 1 / self._fps)
            units = lens.film(self._draw(number / self._fps), behaviour.size, number)
            number += 1
            if behaviour.bad_every and number % behaviour.bad_every == 0:
                units = [_broken(unit, rng) for unit in units]
            lost = behaviour.lost_every and number % behaviour.lost_every == 0
            if not behaviour.silent and not lost:
                held += self._door.packets(units, stamp_s)
                self.sent += 1
            if number % behaviour.burst == 0 or len(held) > _KEEP_BYTES:
                self._stopping.wait(max(0.0, number / self._fps - self.now_s()))
                self._door.send(held)
                held = b""


class _Lens:
    """Draws at the size that is wanted; another size begins a stream anew."""

    def __init__(self, fps: float, gop: int) -> None:
        self._fps, self._gop = fps, gop
        self._size: tuple[int, int] | None = None
        self._encoder: CameraEncoder | None = None

    def film(self, drawn: NDArray[np.uint8], size: tuple[int, int], number: int) -> list[bytes]:
        """NAL units of a picture."""
        if self._encoder is None or size != self._size:
            self._size, self._encoder = size, CameraEncoder(size, self._fps, self._gop)
        picture = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
        packets = self._encoder.encode(np.asarray(picture, np.uint8), number)
        return [unit for packet in packets for unit in nal_units(packet)]


class _Stamps:
    """What its clock says, which may run as it likes."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._before, self._s = behaviour, 0.0

    def step(self, behaviour: Behaviour, dt_s: float) -> float:
        """Its stamp for the next picture."""
        if behaviour.stamp_jump_s != self._before.stamp_jump_s:
            self._s += behaviour.stamp_jump_s
        self._before = behaviour
        self._s += behaviour.stamp_rate * dt_s
        return self._s


def _broken(unit: bytes, rng: random.Random) -> bytes:
    """A picture as a worn-out link leaves it: the parameter sets stay, what is drawn is noise."""
    return unit[:1] + rng.randbytes(len(unit) - 1) if unit[0] & 31 in (1, 5) else unit


def always(behaviour: Behaviour) -> Callable[[float], Behaviour]:
    """A camera that behaves one way."""
    return lambda _time_s: behaviour
