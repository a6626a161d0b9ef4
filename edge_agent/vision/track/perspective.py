"""How large things are where they stand: learnt from what walks alone, for cameras that look down a road or a yard."""

from bisect import bisect_left

_BANDS = 16
_ENOUGH = 8
"""Sightings in a band before it is believed."""
_RATE = 0.05
_NEAR = 3.0
"""Bands over which a size is carried to where nothing was seen."""


class Perspective:
    """Typical width and height in pixels, by the row of the ground point. State: a few numbers a band."""

    def __init__(self) -> None:
        self._sizes = [(0.0, 0.0)] * _BANDS
        self._count = [0] * _BANDS
        self._known: list[int] = []

    def learn(self, y: float, wide: float, high: float) -> None:
        """Take in a lone thing; `y` is its ground point's part of the picture's height."""
        band = max(0, min(_BANDS - 1, int(y * _BANDS)))
        self._count[band] += 1
        rate = max(_RATE, 1 / self._count[band])
        known_wide, known_high = self._sizes[band]
        self._sizes[band] = known_wide + rate * (wide - known_wide), known_high + rate * (high - known_high)
        if self._count[band] == _ENOUGH:
            self._known = sorted([*self._known, band])

    def typical(self, y: float) -> tuple[float, float] | None:
        """Width and height there, between the nearest bands; None where nothing was seen near by."""
        at = y * _BANDS - 0.5
        place = bisect_left(self._known, at)
        above = self._known[place - 1] if place and at - self._known[place - 1] < _NEAR else None
        below = self._known[place] if place < len(self._known) and self._known[place] - at < _NEAR else None
        if above is None or below is None:
            only = below if above is None else above
            return None if only is None else self._sizes[only]
        part = (at - above) / (below - above)
        (near_wide, near_high), (far_wide, far_high) = self._sizes[below], self._sizes[above]
        return far_wide + part * (near_wide - far_wide), far_high + part * (near_high - far_high)
