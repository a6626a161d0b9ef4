"""A picture as analysis sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Doubt

Picture = NDArray[np.uint8]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class View:
    """One picture as analysis sees it.

    Attributes:
        grey: shape (height, width), slightly blurred.
        tint: shape (height, width // 2): U above V, both at half the size; None from a camera without colour.
    """

    grey: Picture
    tint: Picture | None

    def alike(self, other: "View") -> bool:
        """Whether both have one size, and colour if the other has."""
        return self.grey.shape == other.grey.shape and (self.tint is None) == (other.tint is None)


@dataclass(frozen=True, slots=True)
class ViewedFrame:
    """A picture as analysis takes it, and what is known of it: see `Frame`."""

    view: View
    number: int
    time_s: float
    doubt: Doubt = Doubt.NONE


def sound(moments: Sequence[ViewedFrame]) -> Sequence[ViewedFrame]:
    """Those that no damage has touched, where they are the more; else all."""
    untouched = [moment for moment in moments if moment.doubt is Doubt.NONE]
    return untouched if len(untouched) > len(moments) / 2 else moments
