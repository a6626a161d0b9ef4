"""Views that a person confirmed: what a camera sees from then on is what it shall see."""

from collections.abc import Callable, Sequence

from edge_agent.config import Camera
from shared import desired
from shared.envelope import decode_message


class Views:
    """The cameras of a box, and when the view of each was last confirmed.

    Args:
        cameras: of the box, in the order of their numbers.
        confirmed: called for each, at every change of any: the camera's number, and when, in Unix milliseconds.
    """

    name = desired.VIEWS

    def __init__(self, cameras: Sequence[Camera], confirmed: Callable[[int, int], None]) -> None:
        self._numbers = {camera.settings.name: number for number, camera in enumerate(cameras)}
        self._confirmed = confirmed

    def obey(self, body: bytes) -> None:
        """See anew what was confirmed. What names no camera of ours waits for one.

        Raises:
            WireError: the body is no list of views.
        """
        for view in decode_message(body, desired.Views).cameras:
            if (number := self._numbers.get(view.camera)) is not None:
                self._confirmed(number, view.at_ms)
