"""Looks of a live camera: the model runs in a thread of its own, one picture at a time."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from edge_agent.config import LookSettings
from edge_agent.frames import Frame, in_colour
from edge_agent.vision.looks import Looks
from models.objects import Found, ObjectFinder
from shared.errors import ConfigError, HawklineError

log = logging.getLogger(__name__)

_FEWEST = 5.0
"""With fewer looks a second motion alone hears more alarms: between looks that far apart things are taken for each
other."""
MIN_SCORE = 0.3
"""Less sure findings do more harm than good: measured with 0.15 to 0.35 on the clips that constants are chosen on."""


class ThreadedLooker:
    """Looks while motion goes on; busy, it looks at nothing else."""

    def __init__(self, finder: ObjectFinder) -> None:
        self._finder = finder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="looks")
        self._last: Future[Sequence[Found]] | None = None
        self._failed = False

    def ask(self, frame: Frame) -> Future[Sequence[Found]] | None:
        if self._last is not None and not self._last.done():
            return None
        self._last = self._thread.submit(self._look, frame)
        return self._last

    def _look(self, frame: Frame) -> Sequence[Found]:
        try:
            return self._finder.find(in_colour(frame))
        except Exception as error:
            if not self._failed:
                log.error("a look failed, motion goes on alone: %s", error)
            self._failed = True
            raise


class PatientLooker:
    """Looks at once: for videos that wait."""

    def __init__(self, finder: ObjectFinder) -> None:
        self._finder = finder

    def ask(self, frame: Frame) -> Future[Sequence[Found]]:
        answer = Future[Sequence[Found]]()
        answer.set_result(self._finder.find(frame.colour()))
        return answer


def open_looks(settings: LookSettings) -> Looks | None:
    """The looks of one camera; None where there are none, and why is logged."""
    if not settings.per_second:
        return None
    try:
        finder = finder_for(settings)
    except HawklineError as error:
        log.warning("looks: none, motion goes on alone: %s", error)
        return None
    return Looks(ThreadedLooker(finder), settings.per_second)


def finder_for(settings: LookSettings) -> ObjectFinder:
    """What looks, for one camera's share.

    Raises:
        ConfigError: the share is too small, or a provider is not there.
        TamperedModelError: the model was not built, or is another.
    """
    if settings.per_second < _FEWEST:
        raise ConfigError(
            f"looks.per_second leaves {settings.per_second:.1f} looks a second for each camera, expected "
            f"{_FEWEST:.0f} or more, or 0"
        )
    return ObjectFinder.shipped(MIN_SCORE, settings.providers)


def patient_looks(per_second: float) -> Looks | None:
    """The same for a video.

    Raises:
        TamperedModelError: the model was not built, or is another.
    """
    return Looks(PatientLooker(ObjectFinder.shipped(MIN_SCORE)), per_second) if per_second else None
