"""The seam between cameras and analysis."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.events import CameraState

Grey = NDArray[np.uint8]
"""Shape (height, width): luma."""
Colour = NDArray[np.uint8]
"""Shape (height, width, 3): blue, green, red."""


class Doubt(Enum):
    """What is amiss with a picture because of one before it, up to the next key frame."""

    NONE = "none"
    GAP = "gap"
    """A picture is missing: what moved leaves a trail of itself."""
    SMEAR = "smear"
    """A picture was decoded in part: pieces of it stand where nothing is, and some move on."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, upright and with square pixels.

    Attributes:
        number: counted from 1 within the stream, with the pictures that were damaged, lost or too late for analysis.
        time_s: media time since the first frame, by the stream's own stamps as far as they make sense.
        captured_at_s: wall clock when the picture was taken, as far as that is known, or reached us.
        grey: luma, shape (height, width).
        chroma: the U and V planes at half the size or smaller, None where the picture is grey.
        colour: makes the BGR picture, shape (height, width, 3); only evidence and looks pay for it.
        doubt: whether what it builds on is there.
    """

    number: int
    time_s: float
    captured_at_s: float
    grey: Grey
    colour: Callable[[], Colour]
    chroma: tuple[Grey, Grey] | None = None
    doubt: Doubt = Doubt.NONE


_CONVERTING = threading.Lock()


def in_colour(frame: Frame) -> Colour:
    """A picture in colour, for threads: evidence and looks may want the same one, and its conversion keeps state."""
    with _CONVERTING:
        return frame.colour()


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of one moment, shape (height, width, 3), and when it was taken (wall clock, as of frames)."""

    picture: Colour
    taken_at_s: float


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """The stream's own fate, between frames: it stalled, went away, is degraded, is well again, or ended."""

    state: CameraState
    detail: str = ""


class Source(Protocol):
    """Gives frames until it ends. A live source never ends: it reports what it suffers and tries again."""

    @property
    def dropped(self) -> int:
        """Pictures that were sound but not analysed, because analysis was too slow for them."""

    @property
    def damaged(self) -> int:
        """Pictures that could not be decoded, or only in part."""

    @property
    def lost(self) -> int:
        """Pictures that never came, by the stream's own stamps."""

    def frames(self) -> Iterator[Frame | SourceEvent | None]:
        """Frames in order, with what befalls the stream in between; None every few seconds while there is neither.

        `DEGRADED` and `WATCHING` say how well the frames behind them come; every other state ends with the next frame.
        """

    def picture_at(self, captured_at_s: float) -> Still | None:
        """A better picture of that moment than the analysed frame, where a picture stream exists.

        May take long; called from a thread of its own.
        """

    def close(self) -> None:
        """Stop, from any thread."""
