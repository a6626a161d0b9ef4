"""Surveys: who draws lines at the centre waits for a camera's picture, and for what a scene would have told."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from edge_agent.orders.errand import NEVER_S, Errand
from edge_agent.uplink.own_door import GoneError, RefusedError
from shared import desired
from shared.clock import Clock
from shared.desired import WantedSurvey
from shared.envelope import decode_message
from shared.scene import Scene
from shared.surveys import MOST_PICTURE_BYTES, Outcome, SurveyAnswer

log = logging.getLogger(__name__)

_PAUSES_S = 1.0, 8.0
_ANSWERS_WITHIN_S = 20.0
"""A camera whose pictures stand still answers later, or never: the planner is told."""
_KEPT_S = 120.0
"""So long a planner waits at most; what cannot be brought by then is thrown away."""
_REMEMBERED = 64
Ticket = Hashable
Ask = Callable[[int, int, Scene | None], str]
"""Has a camera answer, by its number, for a survey and its scene; returns why it cannot, empty where it can."""


class SurveyCentre(Protocol):
    """What is used of the door."""

    def bring(self, number: int, answer: SurveyAnswer) -> None:
        """Bring a picture, and what became of the scene."""

    def tell_failed(self, number: int, why: str) -> None:
        """Say that there will be none."""


@dataclass(slots=True)
class _Survey:
    """One that is wanted.

    Attributes:
        asked_s: when the camera was asked, on a steady clock.
        ticket: of its picture, once the camera has answered.
        outcome: of its scene.
        answer: what is brought; or why there is none.
    """

    asked_s: float
    ticket: Ticket = None
    outcome: Outcome | None = None
    answer: SurveyAnswer | str | None = None


class Surveys:
    """The surveys that are wanted of this box. `run` has a thread of its own.

    Args:
        cameras: names, in the order of their numbers.
        ask: has one of them answer.
        centre: where answers are brought.
        clock: a steady one.
    """

    name = desired.SURVEYS

    def __init__(self, cameras: Sequence[str], ask: Ask, centre: SurveyCentre, clock: Clock) -> None:
        self._numbers = {name: number for number, name in enumerate(cameras)}
        self._ask, self._centre, self._clock = ask, centre, clock
        self._lock = threading.Lock()
        self._errand = Errand("surveys", self.look, _PAUSES_S)
        self.run, self.stop = self._errand.run, self._errand.stop
        self._open: dict[int, _Survey] = {}
        self._taken: deque[int] = deque(maxlen=_REMEMBERED)
        """Numbers that were heard of: the centre says them again until we have answered."""

    def obey(self, body: bytes) -> None:
        """Ask the cameras for what is wanted from now on.

        Raises:
            WireError: the body is none of this section.
        """
        for wanted in decode_message(body, desired.Surveys).wanted:
            with self._lock:
                if wanted.number in self._taken:
                    continue
                self._taken.append(wanted.number)
                self._open[wanted.number] = _Survey(self._clock.monotonic_s())
            if why := self._refused(wanted):
                self._settle(wanted.number, why)
        self._errand.stir()

    def tried(self, number: int, ticket: Ticket, outcome: Outcome | None) -> None:
        """A camera answers; its picture follows."""
        with self._lock:
            if (survey := self._open.get(number)) is not None:
                survey.ticket, survey.outcome = ticket, outcome

    def pictured(self, ticket: Ticket, jpeg: bytes, taken_at_ms: int) -> bool:
        """A picture has been made, or will not be (empty); returns whether it is one of a survey."""
        with self._lock:
            found = [(number, each) for number, each in self._open.items() if each.ticket == ticket]
        for number, survey in found:
            if 0 < len(jpeg) <= MOST_PICTURE_BYTES:
                self._settle(number, SurveyAnswer(max(0, taken_at_ms), jpeg, survey.outcome))
            else:
                self._settle(number, "no picture of it may leave the box: plates in it cannot be blurred now")
        return bool(found)

    def look(self) -> float:
        """Bring what is ready; returns how long nothing else is due.

        Raises:
            UnavailableError: the centre does not answer; it is tried again while a planner may wait.
        """
        self._tidy()
        with self._lock:
            ready = [(number, each.answer) for number, each in self._open.items() if each.answer is not None]
        for number, answer in ready:
            if self._errand.is_stopping:
                return NEVER_S
            try:
                self._bring(number, answer)
            except GoneError as error:
                log.info("%s", error)
            with self._lock:
                self._open.pop(number, None)
        with self._lock:
            return 1.0 if self._open else NEVER_S

    def _refused(self, wanted: WantedSurvey) -> str:
        if (camera := self._numbers.get(wanted.camera)) is None:
            return f"there is no camera {wanted.camera!r} on this box"
        try:
            scene = msgspec.json.decode(wanted.scene, type=Scene) if wanted.scene else None
        except (msgspec.MsgspecError, ValueError) as error:
            return f"the scene cannot be read: {error}"
        return self._ask(camera, wanted.number, scene)

    def _settle(self, number: int, answer: SurveyAnswer | str) -> None:
        with self._lock:
            if (survey := self._open.get(number)) is not None:
                survey.ticket, survey.answer = None, answer
        self._errand.stir()

    def _tidy(self) -> None:
        """Give up what a camera does not answer, and what nobody waits for any more."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            for number, survey in list(self._open.items()):
                if now_s - survey.asked_s > _KEPT_S:
                    del self._open[number]
                elif survey.answer is None and now_s - survey.asked_s > _ANSWERS_WITHIN_S:
                    survey.ticket = None
                    survey.answer = f"the camera has given no picture for {_ANSWERS_WITHIN_S:.0f} s"

    def _bring(self, number: int, answer: SurveyAnswer | str) -> None:
        if isinstance(answer, str):
            self._tell_failed(number, answer)
            return
        try:
            self._centre.bring(number, answer)
        except RefusedError as error:
            self._tell_failed(number, str(error))
        else:
            log.info("survey %d is brought", number)

    def _tell_failed(self, number: int, why: str) -> None:
        log.error("survey %d: %s", number, why)
        try:
            self._centre.tell_failed(number, why)
        except RefusedError as error:
            log.error("survey %d: that cannot be told: %s", number, error)
