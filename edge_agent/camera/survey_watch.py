"""While a planner draws lines of this camera: the last minute is kept, and what is drawn is tried on it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_agent.frames import Frame
from edge_agent.vision.judging import Found, Uncounted
from edge_agent.vision.last_minute import LastMinute
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire import Crossing
from edge_agent.vision.tripwire.faults import faults
from shared.clock import to_ms
from shared.scene import Scene
from shared.surveys import MOST_FINDINGS, Finding, Outcome

PRIORITY: Final = 4
"""Pictures of alarms are made before a planner's."""
_OPEN_S = 600.0
"""So long after a planner has asked last the last minute is kept; a camera without lines is analysed until then."""


@dataclass(frozen=True, slots=True)
class SurveyAsked:
    """How the camera looks now, and what a scene would have made of the last minute; None: none is tried."""

    number: int
    scene: Scene | None


class SurveyWatch:
    """Of one camera.

    Args:
        pipeline: tracks what moves.
        now_s: a steady clock.
    """

    def __init__(self, pipeline: Pipeline, now_s: Callable[[], float] = time.monotonic) -> None:
        self._pipeline, self._now_s = pipeline, now_s
        self._asked: deque[SurveyAsked] = deque(maxlen=8)
        self._open_until_s: float | None = None

    @property
    def is_open(self) -> bool:
        """The last minute is kept."""
        return self._open_until_s is not None

    def ask(self, asked: SurveyAsked) -> None:
        """A planner asks; from any thread."""
        self._asked.append(asked)

    def due(self, frame: Frame) -> list[SurveyAsked]:
        """What is to be answered with this frame; begins and ends the keeping of the last minute."""
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        if asked:
            self._open_until_s = self._now_s() + _OPEN_S
            if self._pipeline.last_minute is None:
                height, width = frame.grey.shape
                self._pipeline.last_minute = LastMinute(width / height)
        elif self._open_until_s is not None and self._now_s() > self._open_until_s:
            self._open_until_s = self._pipeline.last_minute = None
        return asked

    def attempt(self, asked: SurveyAsked, frame: Frame) -> Callable[[], Outcome | None]:
        """What tries the scene on what is known by now; it may be called on any thread, and takes a second or two."""
        scene, minute = asked.scene, self._pipeline.last_minute
        if scene is None or minute is None:
            return lambda: None
        recorded, began_s = minute.recorded(), frame.captured_at_s - self._pipeline.time_s

        def attempt() -> Outcome:
            trial = recorded.tried(scene)
            found = [_finding(each, began_s) for each in trial.found]
            found += [_uncounted(each, began_s) for each in trial.uncounted]
            told = tuple(found[:MOST_FINDINGS])
            return Outcome(
                max(0.0, trial.watched_s), trial.moved, told, tuple(each[:400] for each in faults(scene)[:100])
            )

        return attempt


def _finding(found: Found, began_s: float) -> Finding:
    return Finding(
        at_ms=max(0, to_ms(began_s + found.time_s)),
        watch=found.watch,
        kind="line_crossed" if isinstance(found, Crossing) else found.rule.label,
        direction=found.direction.label if isinstance(found, Crossing) else "",
        object=found.object.label if found.object else "",
        score=min(1.0, round(float(found.score), 2)),
    )


def _uncounted(left_out: Uncounted, began_s: float) -> Finding:
    found = left_out.found
    return Finding(
        at_ms=max(0, to_ms(began_s + found.time_s)),
        watch=found.watch,
        kind="not_counted",
        direction=found.direction.label if isinstance(found, Crossing) else "",
        why=left_out.why.name.lower(),
    )
