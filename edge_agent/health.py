"""What a box says of itself with every heartbeat."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from edge_agent.outbox import Outbox
from edge_agent.supervise import CameraSupervisor
from shared.clock import Clock, to_ms
from shared.events import CameraHealth, Health, Lane

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")


def cpu_temperature_c() -> float | None:
    """Degrees Celsius, None where the kernel shows no sensor."""
    try:
        return int(_THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None


def take(clock: Clock, started_s: float, outbox: Outbox, data_dir: Path, cameras: Sequence[CameraSupervisor]) -> Health:
    """The box's present health; `started_s` is a monotonic time."""
    waiting = outbox.waiting()
    return Health(
        at_ms=to_ms(clock.now_s()),
        session=outbox.session,
        epoch=outbox.epoch,
        uptime_s=round(clock.monotonic_s() - started_s, 1),
        cameras=tuple(_camera(camera) for camera in cameras),
        waiting_alarm=waiting[Lane.ALARM],
        waiting_bulk=waiting[Lane.BULK],
        pictures_waiting=outbox.file.count_pictures_waiting(),
        disk_free_bytes=shutil.disk_usage(data_dir).free,
        cpu_temperature_c=cpu_temperature_c(),
        load_1m=round(os.getloadavg()[0], 2),
        outbox_damages=outbox.damages,
    )


def _camera(supervisor: CameraSupervisor) -> CameraHealth:
    status = supervisor.status
    return CameraHealth(
        name=supervisor.camera.settings.name,
        state=status.state.label,
        fps=round(status.fps, 1),
        dropped=status.dropped,
        frames=status.frames,
        last_frame_ms=to_ms(status.last_frame_at_s),
        detail=status.detail,
        damaged=status.damaged,
        lost=status.lost,
    )
