"""What is done to a camera, put into its pictures: each fault in many variants, every one of another seed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.sight import SightPicture
from edge_agent.vision.sight.picture import COLUMNS, HEIGHT_PX, ROWS, WIDTH_PX
from shared.events import SightFault

Spoil = Callable[[SightPicture, int], SightPicture]
"""Makes of a picture, the so-many-th second of the fault, what the camera would show."""
_Plane = NDArray[np.float32]

FOUND_S: Final = 120
"""Within this it shall be found."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """One kind of fault and one strength of it.

    Attributes:
        name: for people.
        faults: what it may rightly be called.
        asked: it shall be found; others are shown.
        make: of a seed.
        needs_colour: it does nothing to a picture without.
    """

    name: str
    faults: frozenset[SightFault]
    asked: bool
    make: Callable[[np.random.Generator], Spoil]
    needs_colour: bool = False


@dataclass(frozen=True, slots=True)
class Creeping:
    """What comes so slowly that each picture is like the last ones.

    Attributes:
        name: for people.
        faults: what it may be called.
        make: of how far it has come, 0 to 1, and of a seed, what is done to pictures meanwhile.
    """

    name: str
    faults: frozenset[SightFault]
    make: Callable[[float, int], Spoil]


def noisy(grey: _Plane, seed: tuple[int, ...], deviation: float = 1.5) -> NDArray[np.uint8]:
    """A sensor's noise is behind the lens: what blurs or covers that does not blur the noise."""
    noise = np.random.default_rng(seed).standard_normal(grey.shape, np.float32) * deviation
    return np.clip(grey + noise, 0, 255).astype(np.uint8)


def _cover(part: float) -> Callable[[np.random.Generator], Spoil]:
    """A hand, a bag, paint or a sheet: out of focus, of any brightness, from any side."""

    def make(rng: np.random.Generator) -> Spoil:
        seed, side = int(rng.integers(2**31)), int(rng.integers(4))
        mask = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
        across = np.linspace(0, 1, WIDTH_PX if side < 2 else HEIGHT_PX, dtype=np.float32)
        ragged = part + 0.06 * np.sin(np.linspace(0, rng.uniform(3, 9), HEIGHT_PX if side < 2 else WIDTH_PX))
        inside = across[None] < ragged[:, None] if part < 1 else np.ones((ragged.size, across.size), bool)
        mask[:] = (inside if side < 2 else inside.T).astype(np.float32)
        mask = mask[:, ::-1] if side == 1 else mask[::-1] if side == 3 else mask
        mask = cv2.GaussianBlur(np.ascontiguousarray(mask), (0, 0), float(rng.uniform(2, 7)))  # type: ignore[assignment]
        level, folds = float(rng.uniform(30, 215)), float(rng.uniform(2, 14))
        cloth = cv2.GaussianBlur(rng.standard_normal(mask.shape, np.float32), (0, 0), 18)
        cloth = level + folds * cloth / max(1e-6, float(cloth.std()))
        cells = cv2.resize(mask, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
        tint = rng.uniform(-6, 6, (2, 1, 1)).astype(np.float32)

        def spoil(picture: SightPicture, second: int) -> SightPicture:
            grey = noisy(cloth, (seed, second)).astype(np.float32) * mask + picture.grey * (1 - mask)
            chroma = None if picture.chroma is None else picture.chroma * (1 - cells) + (128 + tint) * cells
            return SightPicture(np.clip(grey, 0, 255).astype(np.uint8), chroma)

        return spoil

    return make


def _blur(deviation: float) -> Callable[[np.random.Generator], Spoil]:
    def make(rng: np.random.Generator) -> Spoil:
        seed = int(rng.integers(2**31))

        def spoil(picture: SightPicture, second: int) -> SightPicture:
            grey = cv2.GaussianBlur(picture.grey, (0, 0), deviation).astype(np.float32)
            return SightPicture(noisy(grey, (seed, second), 1.0), picture.chroma)

        return spoil

    return make


def _move(part: float) -> Callable[[np.random.Generator], Spoil]:
    """The whole view goes by a part of its width, any way; what comes in at its edge is new."""

    def make(rng: np.random.Generator) -> Spoil:
        way = float(rng.uniform(0, 2 * np.pi))
        right, down = part * WIDTH_PX * np.cos(way), part * WIDTH_PX * np.sin(way)
        return _warped(np.array([[1, 0, right], [0, 1, down]], np.float32))

    return make


def _turn(part: float) -> Callable[[np.random.Generator], Spoil]:
    """About its axis, so that the picture's edge in the middle of a side goes by a part of the width."""

    def make(rng: np.random.Generator) -> Spoil:
        angle = float(np.degrees(np.arctan(2 * part))) * (1 if rng.random() < 0.5 else -1)
        return _warped(cv2.getRotationMatrix2D((WIDTH_PX / 2, HEIGHT_PX / 2), angle, 1.0).astype(np.float32))

    return make


def _warped(matrix: NDArray[np.float32]) -> Spoil:
    def spoil(picture: SightPicture, _second: int) -> SightPicture:
        size = WIDTH_PX, HEIGHT_PX
        grey = cv2.warpAffine(picture.grey, matrix, size, borderMode=cv2.BORDER_REFLECT)
        return SightPicture(grey, picture.chroma)  # type: ignore[arg-type]

    return spoil


def _freeze(*, clock: bool) -> Callable[[np.random.Generator], Spoil]:
    def make(rng: np.random.Generator) -> Spoil:
        held = list[SightPicture]()
        place = (8, 24) if rng.random() < 0.5 else (WIDTH_PX - 120, HEIGHT_PX - 10)

        def spoil(picture: SightPicture, second: int) -> SightPicture:
            if second == 0 or not held:
                held[:] = [picture]
            grey = held[0].grey.copy()
            if clock:
                told = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
                cv2.putText(grey, told, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2)
            return SightPicture(grey, held[0].chroma)

        return spoil

    return make


def _gain(least: float, most: float) -> Callable[[np.random.Generator], Spoil]:
    def make(rng: np.random.Generator) -> Spoil:
        gain, seed = float(rng.uniform(least, most)), int(rng.integers(2**31))

        def spoil(picture: SightPicture, second: int) -> SightPicture:
            chroma = None if picture.chroma is None else 128 + (picture.chroma - 128) * min(1.0, gain)
            return SightPicture(noisy(picture.grey.astype(np.float32) * gain, (seed, second), 1.0), chroma)

        return spoil

    return make


def _colour_off(_rng: np.random.Generator) -> Spoil:
    def spoil(picture: SightPicture, _second: int) -> SightPicture:
        return SightPicture(picture.grey, None if picture.chroma is None else np.full_like(picture.chroma, 128))

    return spoil


def _noise(rng: np.random.Generator) -> Spoil:
    deviation, seed = float(rng.uniform(12, 22)), int(rng.integers(2**31))

    def spoil(picture: SightPicture, second: int) -> SightPicture:
        return SightPicture(noisy(picture.grey.astype(np.float32), (seed, second), deviation), picture.chroma)

    return spoil


def _stripes(rng: np.random.Generator) -> Spoil:
    pace, height, across = float(rng.uniform(0.6, 1.6)), float(rng.uniform(7, 14)), bool(rng.random() < 0.7)
    length = HEIGHT_PX if across else WIDTH_PX

    def spoil(picture: SightPicture, second: int) -> SightPicture:
        wave = height * np.sign(np.sin(np.arange(length) * pace + second))
        grey = picture.grey + (wave[:, None] if across else wave[None])
        return SightPicture(np.clip(grey, 0, 255).astype(np.uint8), picture.chroma)

    return spoil


def _of(*faults: SightFault) -> frozenset[SightFault]:
    return frozenset(faults)


ALL: Final = (
    *(
        Tampering(f"covered {100 * part:.0f} %", _of(SightFault.COVERED), part >= 0.6, _cover(part))
        for part in (0.3, 0.6, 1.0)
    ),
    *(
        Tampering(f"out of focus, {deviation:g} pixels", _of(SightFault.BLURRED), deviation >= 3, _blur(deviation))
        for deviation in (1.5, 3.0, 6.0)
    ),
    *(
        Tampering(f"moved by {100 * part:.0f} %", _of(SightFault.MOVED), part >= 0.05, _move(part))
        for part in (0.02, 0.05, 0.1)
    ),
    *(
        Tampering(f"turned by {100 * part:.0f} %", _of(SightFault.MOVED), part >= 0.05, _turn(part))
        for part in (0.02, 0.05, 0.1)
    ),
    Tampering("frozen", _of(SightFault.FROZEN), True, _freeze(clock=False)),
    Tampering("frozen, its clock goes on", _of(SightFault.FROZEN), True, _freeze(clock=True)),
    Tampering("too dark", _of(SightFault.DARK), True, _gain(0.03, 0.1)),
    Tampering("too bright", _of(SightFault.GLARING), True, _gain(3.5, 6.0)),
    Tampering("colour off", _of(SightFault.COLOUR), True, _colour_off, needs_colour=True),
    Tampering("noise", _of(SightFault.NOISE), True, _noise),
    Tampering("stripes", _of(SightFault.STRIPES), True, _stripes),
)

CREEPS_S: Final = 2 * 3600
"""So long it takes."""


def _creeping_cover(part: float, seed: int) -> Spoil:
    """By steps, a tenth of the picture each."""
    covered = int(7 * part) / 10
    return _cover(covered)(np.random.default_rng(seed)) if covered else lambda picture, _second: picture


def _creeping_move(part: float, seed: int) -> Spoil:
    return _move(0.1 * part)(np.random.default_rng(seed)) if part else lambda picture, _second: picture


def _creeping_turn(part: float, seed: int) -> Spoil:
    return _turn(0.1 * part)(np.random.default_rng(seed)) if part else lambda picture, _second: picture


_SLIPS: Final = _of(SightFault.MOVED, SightFault.BLURRED)
"""A view that slips a little is out of its edges before it is elsewhere."""
CREEPING: Final = (
    Creeping("covered 70 %, by steps in two hours", _of(SightFault.COVERED), _creeping_cover),
    Creeping("moved by 10 % in two hours", _SLIPS, _creeping_move),
    Creeping("turned by 10 % in two hours", _SLIPS, _creeping_turn),
)
