"""The model behind looks, and a looker for videos that wait."""

from concurrent.futures import Future

from edge_agent.camera.looks.budget import LookBudget
from edge_agent.config import LookSettings
from edge_agent.frames import Frame
from edge_agent.vision.looks import Look, Looks
from models.objects import ObjectFinder, Region
from models.objects.coco import CLASSES, COCO
from models.objects.layouts import open_layout
from shared.errors import ConfigError
from shared.objects import ObjectClass

FEWEST = 1.0
"""Looks a second for a camera; nothing was measured with fewer."""
MIN_SCORE = 0.3
"""Less sure findings do more harm than good: measured with 0.15 to 0.35 on the clips that constants are chosen on."""


class PatientLooker:
    """Looks at once, within a budget of the video's own time."""

    def __init__(self, finder: ObjectFinder, budget: LookBudget) -> None:
        self._finder, self._budget = finder, budget

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Look] | None:  # noqa: ARG002 - it is alone
        lens, (height, width) = self._finder.lens, frame.grey.shape
        if not self._budget.take(frame.time_s, lens.cost((width, height), region)):
            return None
        part = lens.cut(frame.colour(), region)
        answer = Future[Look]()
        answer.set_result(Look(self._finder.find(part), part.region))
        return answer


def patient_looks(settings: LookSettings) -> Looks | None:
    """Looks of a video; None for 0 a second.

    Raises:
        ConfigError: a file or provider is not there, or the file is of another layout.
        TamperedModelError: the model was not built, or is another.
    """
    if not settings.per_second:
        return None
    return Looks(PatientLooker(finder_of(settings), LookBudget(settings.per_second)), settings.per_second)


def finder_for(settings: LookSettings, cameras: int) -> ObjectFinder:
    """What looks: the model of the registry, or a file of the box's owner.

    Args:
        settings: of the box.
        cameras: that share the looks.

    Raises:
        ConfigError: a camera's share is too small, a file or provider is not there, or the file is of another layout.
        TamperedModelError: the model was not built, or is another.
    """
    share = settings.per_second / max(1, cameras)
    if share < FEWEST:
        raise ConfigError(
            f"looks.per_second leaves {share:.1f} looks a second for each camera, expected {FEWEST:.0f} or more, or 0"
        )
    return finder_of(settings)


def finder_of(settings: LookSettings) -> ObjectFinder:
    """The same, whatever the share.

    Raises:
        ConfigError: a file or provider is not there, or the file is of another layout.
        TamperedModelError: the model was not built, or is another.
    """
    if settings.model is None:
        return ObjectFinder.shipped(MIN_SCORE, settings.providers)
    classes = {int(number): ObjectClass[name.upper()] for number, name in settings.classes.items()}
    # COCO's where nothing else is said; of a model with classes of its own only some may be named.
    layout = open_layout(settings.model, settings.layout, settings.providers, "looks", None if classes else CLASSES)
    return ObjectFinder(layout, MIN_SCORE, classes or COCO)
