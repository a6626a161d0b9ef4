"""Events against truth: what was found, missed, wrong or twice, and what an operator would have heard of."""

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
    """Match one to one, the same way only: each crossing, in the order of time, takes the event nearest to it."""
    unmatched = _unmatched(truth, said, within_frames)
    found = len(said) - len(unmatched)
    return Score(found, len(truth) - found, len(unmatched))


def _unmatched(truth: Sequence[LineEvent], said: Sequence[LineEvent], within_frames: float) -> list[LineEvent]:
    """What was said of no crossing."""
    left = list(said)
    for true in sorted(truth, key=lambda event: event.frame):
        near = [
            event
            for event in left
            if event.direction is true.direction and abs(event.frame - true.frame) <= within_frames
        ]
        if near:
            left.remove(min(near, key=lambda event: abs(event.frame - true.frame)))
    return left


@dataclass(frozen=True, slots=True)
class LineTruth:
    """What crossed one line of a clip.

    Attributes:
        crossings: in frames, counted from 1.
        within_frames: an event so near is that of a crossing.
        optional: windows (from, to, direction) in which one more event is right too: a crossing that the picture's edge
            cuts, or that the clip's end leaves unfinished.
        judged: first and last frame between which events count.
    """

    crossings: Sequence[LineEvent]
    within_frames: float
    optional: Sequence[tuple[float, float, Direction]] = ()
    judged: tuple[float, float] = (0.0, float("inf"))


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome for a line, or for several together.

    Attributes:
        score: of crossings, one to one.
        heard: true crossings with any event of their line within a second.
        false: events with nothing near them within two seconds: false alarms.
    """

    score: Score = Score()
    heard: int = 0
    false: int = 0

    @property
    def true(self) -> int:
        """Crossings that there were."""
        return self.score.found + self.score.missed

    @property
    def recall(self) -> float:
        """Part of the crossings that were heard; 1 where there were none."""
        return self.heard / self.true if self.true else 1.0

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(self.score + other.score, self.heard + other.heard, self.false + other.false)


def judge_line(truth: LineTruth, said: Sequence[LineEvent], fps: float) -> Judged:
    """Judge one line: an alarm may come once for a group and early, a count must be right."""
    near = max(truth.within_frames, fps)
    heard = sum(any(abs(event.frame - true.frame) <= near for event in said) for true in truth.crossings)
    left = sorted(_unmatched(truth.crossings, said, truth.within_frames), key=lambda event: event.frame)
    found = len(said) - len(left)
    optional = list(truth.optional)
    near_frames = [event.frame for event in truth.crossings] + [edge for window in optional for edge in window[:2]]
    wrong = false = 0
    for event in left:
        if not truth.judged[0] < event.frame < truth.judged[1]:
            continue
        false += not any(abs(event.frame - frame) <= 2 * fps for frame in near_frames)
        window = next((o for o in optional if o[0] <= event.frame <= o[1] and o[2] is event.direction), None)
        if window is not None:
            optional.remove(window)
        else:
            wrong += 1
    return Judged(Score(found, len(truth.crossings) - found, wrong), heard, false)
