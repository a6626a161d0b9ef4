"""The seam between cameras and analysis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.events import CameraState

Grey = NDArray[np.uint8]
"""Shape (height, width): luma."""
Colour = NDArray[np.uint8]
"""Shape (height, width, 3): blue, green, red."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture.

    Attributes:
        number: counted from 1 within the stream; numbers are missing where frames were dropped.
        time_s: media time since the first frame.
        captured_at_s: wall clock when the picture was taken, or reached us.
        grey: luma, shape (height, width).
        chroma: the U and V planes at half the size or smaller, None where the picture is grey.
        colour: makes the BGR picture, shape (height, width, 3); only evidence pays for it.
    """

    number: int
    time_s: float
    captured_at_s: float
    grey: Grey
    colour: Callable[[], Colour]
    chroma: tuple[Grey, Grey] | None = None


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """The stream's own fate, between frames: it stalled, went away, came back or ended."""

    state: CameraState
    detail: str = ""


class Source(Protocol):
    """Gives frames until it ends. A live source never ends: it reports what it suffers and tries again."""

    @property
    def dropped(self) -> int:
        """Frames that were decoded but not analysed, because newer ones were there."""

    def frames(self) -> Iterator[Frame | SourceEvent | None]:
        """Frames in order, with what befalls the stream in between; None every few seconds while there is neither."""

    def picture_at(self, captured_at_s: float) -> Colour | None:
        """A better picture of that moment than the analysed frame, where a picture stream exists."""

    def close(self) -> None:
        """Stop, from any thread."""
