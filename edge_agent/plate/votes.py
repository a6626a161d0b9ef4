"""Reading over time: the glimpses of one track, voted place by place, and forgotten with it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_agent.plate.glimpse import Glimpse
from edge_agent.plate.spelling import Calibration, Reading, spell

_ALIKE = 0.3
"""Frames of one vehicle share their glare, dirt and angle: this much of each glimpse is no news."""
_FLOOR = -9.0
"""No single glimpse rules a character out for good."""


@dataclass(slots=True)
class _Vote:
    characters: NDArray[np.float64]
    colours: NDArray[np.float64]
    layouts: NDArray[np.float64]
    weight: float = 0.0
    glimpses: int = 0
    last_s: float = 0.0


@dataclass(slots=True)
class PlateVotes:
    """Votes of the tracks that are in sight.

    What is kept of a track are sums: eight places by 74 characters. It is gone when the reading was taken, or after
    `keep_s` without a glimpse.

    Args:
        calibration: of the recogniser.
        keep_s: seconds that a track's votes outlive its last glimpse.
    """

    calibration: Calibration
    keep_s: float = 10.0
    _votes: dict[int, _Vote] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._votes)

    def add(self, track: int, glimpse: Glimpse, now_s: float) -> None:
        """Count a glimpse of a track; it weighs as much as it is sure of itself."""
        self._expire(now_s)
        vote = self._votes.get(track)
        if vote is None:
            zeros = (np.zeros(part.shape) for part in (glimpse.characters, glimpse.colours, glimpse.layouts))
            vote = self._votes[track] = _Vote(next(zeros), next(zeros), next(zeros))
        weight = max(0.02, spell(glimpse, self.calibration).score)
        vote.characters += weight * np.maximum(glimpse.characters, _FLOOR)
        vote.colours += weight * np.maximum(glimpse.colours, _FLOOR)
        vote.layouts += weight * np.maximum(glimpse.layouts, _FLOOR)
        vote.weight += weight
        vote.glimpses += 1
        vote.last_s = now_s

    def reading(self, track: int) -> Reading | None:
        """What the glimpses of a track say together; None where there was none. It may be below the threshold."""
        vote = self._votes.get(track)
        if vote is None:
            return None
        # The mean glimpse, made surer by as many as are news to each other.
        news = vote.glimpses / (1 + _ALIKE * (vote.glimpses - 1))
        together = Glimpse(
            *(_normalised(part / vote.weight * news) for part in (vote.characters, vote.colours, vote.layouts))
        )
        return spell(together, self.calibration)

    def take(self, track: int) -> Reading | None:
        """The reading of a track that is gone, forgotten at once; None is "unread": no glimpse, or none sure enough."""
        reading = self.reading(track)
        self._votes.pop(track, None)
        return reading if reading is not None and reading.score >= self.calibration.threshold else None

    def _expire(self, now_s: float) -> None:
        for track in [one for one, vote in self._votes.items() if now_s - vote.last_s > self.keep_s]:
            del self._votes[track]


def _normalised(logs: NDArray[np.float64]) -> NDArray[np.float32]:
    moved = logs - logs.max(-1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(-1, keepdims=True)), np.float32)
