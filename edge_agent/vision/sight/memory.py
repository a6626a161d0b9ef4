"""What a camera's judge knows of its view, kept through restarts."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.sight.appearance import Appearance, Packed, packed, unpacked
from edge_agent.vision.sight.daily import Daily, Span
from edge_agent.vision.sight.picture import COLUMNS, HEIGHT_PX, ROWS, WIDTH_PX, Edges, Floats
from shared.errors import HawklineError
from shared.events import SightFault

FORMAT: Final = 2
_DAYS = 5.0
_KNOWN_DAYS = 3.0
_MOSTLY = 0.1
_DAMAGES = (
    *(OSError, ValueError, KeyError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
_NUMBERS = "level", "noise", "stripes", "sharpness", "crispness", "crisp_unrest"
_OF_A_SPAN = "typical", "fineness"
_CELLS = "typical", "unrest", "chroma"


class UnreadableMemory(HawklineError):
    """What was kept cannot be read."""


def _hours() -> NDArray[np.float64]:
    return np.zeros(24, np.float64)


@dataclass(slots=True)
class Slow:
    """What takes hours to be certain; a restart does not begin it anew.

    Attributes:
        worn_s, slipped_s: for how long fine edges have been gone, and the view another one than on other days.
        active: what is certain, each with its last figure.
    """

    worn_s: float = 0.0
    slipped_s: float = 0.0
    active: dict[SightFault, float] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """The appearances of a view, how it looked at other days' hours, and at which hours the picture has colour.

    Attributes:
        appearances: the one in force first.
        grey_s: by hour of the day, seconds that it was grey, of the last days.
        seen_s: by hour, seconds that it was seen at all.
    """

    appearances: list[Appearance]
    grey_s: NDArray[np.float64] = field(default_factory=_hours)
    seen_s: NDArray[np.float64] = field(default_factory=_hours)
    daily: Daily = field(default_factory=Daily)
    slow: Slow = field(default_factory=Slow)

    def note(self, hour: int, *, grey: bool, dt_s: float) -> None:
        """Some seconds at an hour."""
        kept = 1 - dt_s / (_DAYS * 3600)
        self.seen_s[hour] = kept * self.seen_s[hour] + dt_s
        self.grey_s[hour] = kept * self.grey_s[hour] + (dt_s if grey else 0.0)

    def is_coloured_at(self, hour: int) -> bool:
        """Whether the picture has had colour at this hour for days."""
        # Of days that all count less the older they are, three days make so many seconds.
        known_s = _DAYS * 3600 * (1 - np.exp(-_KNOWN_DAYS / _DAYS))
        around = [(hour + off) % 24 for off in (-1, 0, 1)]  # dusk comes sooner under clouds, and clocks are put back
        seen, grey = self.seen_s[around], self.grey_s[around]
        return bool((seen > known_s).all() and (grey < _MOSTLY * seen).all())


def pack(memory: Memory) -> bytes:
    """A memory as it is kept: about 300 KB for each appearance, and 100 KB for the hours of other days."""
    arrays: dict[str, Any] = {"format": np.array(FORMAT), "grey_s": memory.grey_s, "seen_s": memory.seen_s}
    for number, each in enumerate(memory.appearances):
        for name in ("fine", "coarse", "doubled"):
            arrays[f"{number}.{name}"] = packed(getattr(each, name))
        for name in _CELLS:
            if (cells := getattr(each, name)) is not None:
                arrays[f"{number}.{name}"] = cells
        arrays[f"{number}.numbers"] = np.array([getattr(each, name) for name in _NUMBERS])
    for number, span in memory.daily.spans.items():
        arrays |= {f"span{number}.edges": packed(span.edges), f"span{number}.known_s": np.array([span.known_s])}
        arrays |= {f"span{number}.{name}": getattr(span, name) for name in _OF_A_SPAN}
    slow = memory.slow
    arrays["slow"] = np.array([slow.worn_s, slow.slipped_s])
    arrays["active"] = np.array([[int(fault), figure] for fault, figure in slow.active.items()]).reshape(-1, 2)
    kept = io.BytesIO()
    np.savez_compressed(kept, **arrays)
    return kept.getvalue()


def unpack(kept: bytes) -> Memory:
    """What `pack` made.

    Raises:
        UnreadableMemory: it is something else, of another version, or damaged.
    """
    try:
        with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
            if int(arrays["format"]) != FORMAT:
                raise UnreadableMemory(f"format {int(arrays['format'])}: expected {FORMAT}")
            grey_s, seen_s = (_of_shape(arrays[name], (24,), np.float64) for name in ("grey_s", "seen_s"))
            parts = sorted({name.split(".")[0] for name in arrays.files if "." in name})
            appearances = [_appearance(arrays, number) for number in parts if number.isdecimal()]
            spans = {int(name[4:]): _span(arrays, name) for name in parts if name.startswith("span")}
            return Memory(appearances, grey_s, seen_s, Daily(spans), _slow(arrays))
    except _DAMAGES as error:
        raise UnreadableMemory(f"cannot be read: {error}") from None


def _appearance(arrays: Any, number: str) -> Appearance:
    sizes = {"fine": (HEIGHT_PX // 2, WIDTH_PX), "coarse": _COARSE, "doubled": _COARSE}
    kept = {name: _of_shape(arrays[f"{number}.{name}"], (2, *size), np.int8) for name, size in sizes.items()}
    edges: dict[str, Edges | Packed] = {name: unpacked(each) if name != "fine" else each for name, each in kept.items()}
    cells: dict[str, Floats | None] = {}
    for name in _CELLS:
        shape = (2, ROWS, COLUMNS) if name == "chroma" else (ROWS, COLUMNS)
        found = f"{number}.{name}" in arrays.files
        cells[name] = _of_shape(arrays[f"{number}.{name}"], shape, np.float32) if found else None
    numbers = _of_shape(arrays[f"{number}.numbers"], (len(_NUMBERS),), np.float64)
    return Appearance(**edges, **cells, is_proven=True, **dict(zip(_NUMBERS, numbers.tolist(), strict=True)))  # type: ignore[arg-type]


def _span(arrays: Any, name: str) -> Span:
    edges = unpacked(_of_shape(arrays[f"{name}.edges"], (2, *_COARSE), np.int8))
    typical, fineness = (_of_shape(arrays[f"{name}.{each}"], (ROWS, COLUMNS), np.float32) for each in _OF_A_SPAN)
    return Span(edges, typical, fineness, float(_of_shape(arrays[f"{name}.known_s"], (1,), np.float64)[0]))


def _slow(arrays: Any) -> Slow:
    worn_s, slipped_s = _of_shape(arrays["slow"], (2,), np.float64).tolist()
    active = _of_shape(arrays["active"], (len(arrays["active"]), 2), np.float64).tolist()
    return Slow(worn_s, slipped_s, {SightFault(int(fault)): figure for fault, figure in active})


_COARSE = HEIGHT_PX // 4, WIDTH_PX // 4


def _of_shape(array: NDArray[Any], shape: Sequence[int], kind: type[Any]) -> NDArray[Any]:
    if array.shape != tuple(shape) or array.dtype != kind or not np.isfinite(array).all():
        raise ValueError(f"expected {kind.__name__} of shape {tuple(shape)}, got {array.dtype} of {array.shape}")
    return array
