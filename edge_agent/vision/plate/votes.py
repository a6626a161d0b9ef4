"""Reading over time: looks at one plate, voted place by place, and forgotten with it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.plate.decoding import Calibration, Reading, decode_plate
from models.plate.recogniser import CharacterScores

_NEWS = 0.5
"""Frames of one vehicle share their glare, dirt and angle: however many, they are at most this much surer than one."""
_FLOOR = -9.0
"""No single look rules a character out for good."""
_ONE_PLATE = 3
"""Texts that differ in more places than this are two plates in one track, and are voted apart."""
_PLATES = 4
"""So many plates a track may show at once; of more, the one with the fewest looks goes."""


@dataclass(slots=True, eq=False)
class _Vote:
    characters: NDArray[np.float64]
    colours: NDArray[np.float64]
    layouts: NDArray[np.float64]
    weight: float = 0.0
    squares: float = 0.0
    text: str = ""

    def add(self, scores: CharacterScores, weight: float) -> None:
        self.characters += weight * np.maximum(scores.characters, _FLOOR)
        self.colours += weight * np.maximum(scores.colours, _FLOOR)
        self.layouts += weight * np.maximum(scores.layouts, _FLOOR)
        self.weight += weight
        self.squares += weight * weight

    def together(self) -> CharacterScores:
        """The mean of the scores, a little surer for every look that counts; one that saw nothing counts nothing."""
        looks = self.weight**2 / self.squares
        power = (1 + _NEWS * (1 - 1 / looks)) / self.weight
        return CharacterScores(*(_normalised(part * power) for part in (self.characters, self.colours, self.layouts)))


@dataclass(slots=True)
class PlateVotes:
    """Votes of the tracks that are in sight. What is kept of a plate are sums: eight places by 74 characters.

    A caller who adds takes or forgets: nothing here ends by itself.

    Args:
        calibration: of the recogniser.
    """

    calibration: Calibration
    _votes: dict[int, list[_Vote]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self._votes)

    def add(self, track: int, scores: CharacterScores) -> None:
        """Count a look at a track's plate; it weighs as much as it is sure of itself."""
        seen = decode_plate(scores, self.calibration)
        plates = self._votes.setdefault(track, [])
        vote = min(plates, key=lambda one: differences(one.text, seen.text), default=None)
        if vote is None or differences(vote.text, seen.text) > _ONE_PLATE:
            zeros = (np.zeros(part.shape) for part in (scores.characters, scores.colours, scores.layouts))
            vote = _Vote(next(zeros), next(zeros), next(zeros))
            plates.append(vote)
        vote.add(scores, max(0.02, seen.score))
        vote.text = decode_plate(vote.together(), self.calibration).text
        if len(plates) > _PLATES:
            plates.remove(min((one for one in plates if one is not vote), key=lambda one: one.weight))

    def reading(self, track: int) -> Reading | None:
        """What the scores of a track's best seen plate say together, above the threshold or not; None without any."""
        plates = self._votes.get(track)
        if not plates:
            return None
        return decode_plate(max(plates, key=lambda one: one.weight).together(), self.calibration)

    def take(self, track: int) -> Reading | None:
        """The reading of a track that is gone, forgotten at once; None is "unread": no look, or none sure enough."""
        reading = self.reading(track)
        self._votes.pop(track, None)
        return reading if reading is not None and reading.score >= self.calibration.threshold else None


def differences(one: str, other: str) -> int:
    """Places in which two texts differ."""
    longer = max(len(one), len(other))
    return sum(a != b for a, b in zip(one.ljust(longer), other.ljust(longer), strict=True))


def _normalised(logs: NDArray[np.float64]) -> NDArray[np.float32]:
    moved = logs - logs.max(-1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(-1, keepdims=True)), np.float32)
