"""Where a view's edges are now: in their places, or all of them aside."""

from dataclasses import dataclass

import numpy as np

from edge_agent.vision.sight.picture import Edges


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where edges fit best.

    Attributes:
        right, down: how far from their places that is, in parts of the width.
        here, there: how well they fit in their places and where they fit best, -1 to 1.
    """

    right: float
    down: float
    here: float
    there: float

    @property
    def far(self) -> float:
        """The longer way."""
        return max(abs(self.right), abs(self.down))


def align(known: Edges, seen: Edges) -> Alignment:
    """Lay edges over each other at every shift; the best one to a part of a pixel.

    A correlation of all edges with their directions: unlike that of phases it is not led astray by a blur or by noise.
    """
    before, now = (edges.across + 1j * edges.down for edges in (known, seen))
    fit = np.fft.ifft2(np.fft.fft2(now) * np.conj(np.fft.fft2(before))).real
    down, right = np.unravel_index(int(fit.argmax()), fit.shape)
    rows, columns = fit.shape
    found = []
    for at, length, line in ((int(right), columns, fit[down]), (int(down), rows, fit[:, right])):
        below, top, above = (float(line[(at + off) % length]) for off in (-1, 0, 1))
        bend = below - 2 * top + above
        exact = at + (0.5 * (below - above) / bend if bend else 0.0)
        found.append((exact - length if exact > length / 2 else exact) / columns)
    whole = max(1e-6, float(np.linalg.norm(before)) * float(np.linalg.norm(now)))
    return Alignment(found[0], found[1], float(fit[0, 0]) / whole, float(fit.max()) / whole)
