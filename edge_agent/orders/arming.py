"""Which lines and zones are armed at a moment: by order of the centre, with their partition, or by themselves."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from edge_agent.config import Camera
from shared import desired
from shared.envelope import decode_message
from shared.scene import Watch


def priority_at(watch: Watch, zone: ZoneInfo, at_s: float) -> int:
    """Priority of an event at that moment (Unix seconds) as long as no order is given; 0 where it is not armed.

    Args:
        watch: the line or zone.
        zone: of its schedule.
        at_s: when it happened.
    """
    return watch.priority if watch.armed_at(datetime.fromtimestamp(at_s, tz=UTC).astimezone(zone)) else 0


class Arming:
    """The lines and zones of a box, and what the centre ordered for them.

    Args:
        cameras: of the box, in the order of their numbers.
        by_partition: whether what is armed with a partition is armed now; None of a line that no partition arms.
    """

    name = desired.ARMING

    def __init__(
        self, cameras: Sequence[Camera], by_partition: Callable[[str, str], bool | None] = lambda _camera, _line: None
    ) -> None:
        self._by_partition = by_partition
        self._cameras = [camera.settings.name for camera in cameras]
        self._zones = [ZoneInfo(camera.scene.timezone) for camera in cameras]
        self._watches = {
            (index, watch.name): watch for index, camera in enumerate(cameras) for watch in camera.scene.watches
        }
        self._ordered: dict[tuple[str, str], bool] = {}

    def priority(self, camera: int, name: str, at_s: float) -> int:
        """Priority of an event of that line or zone at that moment, in Unix seconds; 0 where it is not armed."""
        watch = self._watches[camera, name]
        ordered = self._ordered.get((self._cameras[camera], name))
        if ordered is None:
            ordered = self._by_partition(self._cameras[camera], name)
        if ordered is None:
            return priority_at(watch, self._zones[camera], at_s)
        return watch.priority if ordered else 0

    def obey(self, body: bytes) -> None:
        """Arm and disarm, from now on. What names no line or zone of ours waits for one.

        Raises:
            WireError: the body is no arming.
        """
        lines = decode_message(body, desired.Arming).lines
        self._ordered = {(line.camera, line.name): line.armed for line in lines}
