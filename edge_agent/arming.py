"""Which lines and zones are armed at a moment: by order of the centre, else by their own setting and schedule."""

import logging
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from edge_agent.config import Camera
from shared.envelope import decode_message, encode_message
from shared.errors import WireError
from shared.events import Order
from shared.scene import Watch

log = logging.getLogger(__name__)


def priority_at(watch: Watch, zone: ZoneInfo, at_s: float) -> int:
    """Priority of an event at that moment (Unix seconds) as long as no order is given; 0 where it is not armed.

    Args:
        watch: the line or zone.
        zone: of its schedule.
        at_s: when it happened.
    """
    return watch.priority if watch.armed_at(datetime.fromtimestamp(at_s, tz=UTC).astimezone(zone)) else 0


class Arming:
    """The lines and zones of a box, and the newest order, which outlives the process.

    Args:
        cameras: of the box, in the order of their numbers.
        path: where the newest order is kept.
    """

    def __init__(self, cameras: Sequence[Camera], path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._cameras = [camera.settings.name for camera in cameras]
        self._zones = [ZoneInfo(camera.scene.timezone) for camera in cameras]
        self._watches = {
            (index, watch.name): watch for index, camera in enumerate(cameras) for watch in camera.scene.watches
        }
        self._version = 0
        self._ordered: dict[tuple[str, str], bool] = {}
        self._take(self._kept())

    @property
    def version(self) -> int:
        """Of the newest order that is obeyed; 0 before the first."""
        return self._version

    def priority(self, camera: int, name: str, at_s: float) -> int:
        """Priority of an event of that line or zone at that moment, in Unix seconds; 0 where it is not armed."""
        watch = self._watches[camera, name]
        ordered = self._ordered.get((self._cameras[camera], name))
        if ordered is None:
            return priority_at(watch, self._zones[camera], at_s)
        return watch.priority if ordered else 0

    def obey(self, order: Order) -> None:
        """Take an order, from now on and after every restart. What names no line or zone of ours waits for one.

        Raises:
            OSError: it cannot be kept; it is obeyed until the process ends.
        """
        with self._lock:
            if order.version <= self._version:
                return
            self._take(order)
            part = self._path.with_suffix(".part")
            with part.open("wb") as out:
                out.write(encode_message(order))
                out.flush()
                os.fsync(out.fileno())
            part.replace(self._path)
            log.info("order %d: %d lines or zones armed or disarmed by the centre", order.version, len(order.arming))

    def _take(self, order: Order | None) -> None:
        if order is not None:
            self._version = order.version
            self._ordered = {(entry.camera, entry.name): entry.armed for entry in order.arming}

    def _kept(self) -> Order | None:
        try:
            return decode_message(self._path.read_bytes(), Order)
        except FileNotFoundError:
            return None
        except (OSError, WireError) as error:
            log.error("%s cannot be read, so lines are armed as configured until the next order: %s", self._path, error)
            return None
