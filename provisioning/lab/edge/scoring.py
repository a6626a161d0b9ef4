"""Events against truth: what was found, missed, wrong or twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.events import Direction


@dataclass(frozen=True, slots=True)
class LineEvent:
    """A crossing of one line: when it was met, in frames, and which way."""

    frame: float
    direction: Direction


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of true positives, misses and false events."""

    found: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def f1(self) -> float:
        """1 where nothing was there and nothing was said."""
        said = 2 * self.found + self.missed + self.wrong
        return 2 * self.found / said if said else 1.0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.found + other.found, self.missed + other.missed, self.wrong + other.wrong)


def score(truth: Sequence[LineEvent], said: Sequence[LineEvent], within_frames: float) -> Score:
    """Match one to one, nearest first, the same way only."""
    pairs = sorted(
        (abs(true.frame - event.frame), i, j)
        for i, true in enumerate(truth)
        for j, event in enumerate(said)
        if true.direction is event.direction and abs(true.frame - event.frame) <= within_frames
    )
    used_truth, used_said = set[int](), set[int]()
    for _, i, j in pairs:
        if i not in used_truth and j not in used_said:
            used_truth.add(i)
            used_said.add(j)
    return Score(len(used_truth), len(truth) - len(used_truth), len(said) - len(used_said))
