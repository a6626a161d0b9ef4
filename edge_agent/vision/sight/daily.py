"""How a view looked at the same hours of the days before.

An appearance follows whatever comes slowly. A camera that is turned by a little each hour, a cover that grows, dirt
that gathers for days: these are told beside the days before, at the same hours, whose sun and shadows are the same.
"""

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.sight.appearance import AGREES, Appearance, Look
from edge_agent.vision.sight.picture import Edges, Floats, energy, product

SPAN_H: Final = 3
"""Hours that are taken together."""
_DAY_S: Final = SPAN_H * 3600.0
"""What a day has of each span."""
_FOLLOWS_S, _KNOWN_S = 14 * _DAY_S, 1800.0
_SURE, _LEAST_ENERGY, _LEAST_USABLE = 0.3, 0.02, 8
_FINENESS_RISES_S, _FINENESS_FALLS_S, _FINENESS_KNOWN_S = 3 * _DAY_S, 30 * _DAY_S, 1.3 * _DAY_S
"""What is lost must not soon become usual."""
_LOST_FINENESS = 0.55


@dataclass(slots=True)
class Span:
    """Some hours of the day.

    Attributes:
        edges: coarse ones at twice their angle, the mean of all that was learnt in two weeks.
        typical: by cell, how well pictures agree with them on the average.
        fineness: by cell, how strong fine edges are beside coarse ones.
        known_s: how much of these hours was seen.
    """

    edges: Edges
    typical: Floats
    fineness: Floats
    known_s: float = 0.0

    def agreement(self, look: Look) -> Floats:
        """By cell, how well a picture's edges stand in these places."""
        root = np.sqrt(np.maximum(energy(self.edges) * energy(look.doubled), 1e-6))
        return product(look.doubled, self.edges) / root  # type: ignore[no-any-return]

    def follow(self, look: Look, fineness: Floats, dt_s: float, *, doubted: bool) -> None:
        """Take a picture into the mean; of one that is unlike other days only so much as a season may change."""
        self.known_s = min(_FOLLOWS_S, self.known_s + dt_s)
        rate = dt_s / (_FOLLOWS_S if doubted else max(_DAY_S, self.known_s))
        self.typical += rate * (self.agreement(look) - self.typical)
        for mean, slope in ((self.edges.across, look.doubled.across), (self.edges.down, look.doubled.down)):
            cv2.accumulateWeighted(slope, mean, rate)
        more = fineness - self.fineness
        if self.known_s < _FINENESS_KNOWN_S:
            self.fineness += dt_s / max(60.0, self.known_s) * more
        else:
            self.fineness += dt_s * np.where(more > 0, 1 / _FINENESS_RISES_S, 1 / _FINENESS_FALLS_S) * more


@dataclass(slots=True)
class Daily:
    """All hours of the day, as far as they were seen."""

    spans: dict[int, Span] = field(default_factory=dict)

    def follow(self, hour: int, known: Appearance, look: Look, dt_s: float, *, doubted: bool) -> None:
        """Take a picture of an hour that is as it should be, by all that the last minutes showed."""
        span = self.spans.get(hour // SPAN_H)
        if span is None:
            twice = Edges(known.doubled.across.copy(), known.doubled.down.copy())
            span = self.spans[hour // SPAN_H] = Span(twice, known.typical.copy(), known.fineness())
        span.follow(look, known.fineness(), dt_s, doubted=doubted)

    def gone(self, hour: int, look: Look) -> tuple[float, float] | None:
        """Part of the cells that lost the edges they had at this hour, and how strong edges are in these now.

        Returns:
            None where it cannot be told: the hour was not seen for long, or showed too little, as by night.
        """
        span = self.spans.get(hour // SPAN_H)
        if span is None or span.known_s < _KNOWN_S:
            return None
        there = energy(span.edges)
        usable = (span.typical > _SURE) & (there > _LEAST_ENERGY)
        if np.count_nonzero(usable) < _LEAST_USABLE:
            return None
        gone = usable & (span.agreement(look) < AGREES * span.typical)
        if not gone.any():
            return 0.0, 1.0
        strength = float(np.median(np.sqrt(look.coarse_energy()[gone] / there[gone])))
        return float(np.count_nonzero(gone)) / int(np.count_nonzero(usable)), strength

    def dulled(self, hour: int, known: Appearance, look: Look) -> NDArray[np.bool_]:
        """Cells whose fine edges went over days, while their coarse ones stay where they were."""
        span = self.spans.get(hour // SPAN_H)
        if span is None or span.known_s < _FINENESS_KNOWN_S:
            return np.zeros(known.typical.shape, bool)
        now = known.fineness() / np.maximum(span.fineness, 1e-3)
        # Light that changes all over the picture says nothing: the better quarter shows how much of it there is.
        most = now.size * 3 // 4
        usual = max(1e-3, float(np.partition(now, most, axis=None)[most]))
        # What is parked there has edges of its own, in other places.
        in_place = (span.typical > _SURE) & (span.agreement(look) >= AGREES * span.typical)
        return in_place & (now < _LOST_FINENESS * usual)
