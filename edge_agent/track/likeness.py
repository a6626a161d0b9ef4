"""How a track looked when it was last seen alone, to find it again in a crowd for a few seconds.

A few hundred grey pixels that live as long as their track, never leave the process and cannot name anybody.
"""

import numpy as np
from numpy.typing import NDArray

PART = 0.65
"""The upper part of a box: heads and roofs stay as they are while legs and wheels move."""


def look(upper: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Keep the upper part of a box, None where too little of it lies in the picture."""
    high, wide = upper.shape
    return upper if wide >= 6 and high >= 8 else None
