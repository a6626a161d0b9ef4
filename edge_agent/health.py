"""What a box says of itself with every heartbeat."""

import logging
import os
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edge_agent.camera.looks.supervisor import LookSupervisor
from edge_agent.camera.supervisor import CameraSupervisor
from edge_agent.uplink.outbox import Intake
from edge_agent.uplink.outbox.ballast import BALLAST_BYTES
from edge_agent.uplink.outbox.storage_health import Refusal, words_of
from shared.clock import Clock, to_ms
from shared.events import CameraHealth, Health, Lane, LookHealth

log = logging.getLogger(__name__)

_MOST_WORDS = 200
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_THROTTLES = {1: "too little voltage", 2: "frequency capped", 4: "throttled", 8: "too hot"}
"""Bits of now; those of what was since the start are sixteen higher."""
_FLASH = Path("/sys/class/mmc_host")
_LIFE_STEP, _WARNED = 10, 90
_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")


def cpu_temperature_c() -> float | None:
    """Degrees Celsius, None where the kernel shows no sensor."""
    try:
        return int(_THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None


def throttled(path: Path = _THROTTLED) -> str:
    """Why a Raspberry Pi slows its processor down now; empty where it does not, or is another machine."""
    try:
        bits = int(path.read_text().strip(), 16)
    except (OSError, ValueError):
        return ""
    return ", ".join(word for bit, word in _THROTTLES.items() if bits & bit)


def card_wear(hosts: Path = _FLASH) -> int:
    """How much of its life eMMC has used, in percent (JEDEC JESD84-B51: two kinds of cells, in steps of ten).

    What has used up most of its spare blocks counts as 90 and more. SD cards do not say it: 0, as of other machines.
    """
    used = 0
    for card in sorted(hosts.glob("mmc*/mmc*:*")):
        try:
            steps = [int(step, 16) for step in (card / "life_time").read_text().split()]
            worn = int((card / "pre_eol_info").read_text(), 16)
        except (OSError, ValueError):
            continue
        used = max(used, _LIFE_STEP * max(steps, default=0), _WARNED if worn >= 2 else 0)
    return min(used, 110)


def take(clock: Clock, started_s: float, intake: Intake, data_dir: Path, cameras: Sequence[CameraSupervisor]) -> Health:
    """The box's present health, with what the card says to a write just now; `started_s` is a monotonic time."""
    outbox, waiting = intake.card, intake.waiting()
    refusal = outbox.probe()
    pictures, unread = _pictures_waiting(intake)
    if unread and not refusal:
        refusal = Refusal(f"the card cannot be read: {words_of(unread)}", to_ms(clock.now_s()))
    return Health(
        at_ms=to_ms(clock.now_s()),
        session=outbox.session,
        epoch=outbox.epoch,
        uptime_s=round(clock.monotonic_s() - started_s, 1),
        cameras=tuple(_camera(camera) for camera in cameras),
        waiting_alarm=waiting[Lane.ALARM],
        waiting_bulk=waiting[Lane.BULK],
        pictures_waiting=pictures,
        disk_free_bytes=_disk_free_bytes(data_dir, is_full=outbox.is_disk_full),
        cpu_temperature_c=cpu_temperature_c(),
        throttled=throttled(),
        card_wear=card_wear(),
        load_1m=round(os.getloadavg()[0], 2),
        outbox_damages=outbox.damages,
        outbox=refusal.reason[:_MOST_WORDS] if refusal else "",
        outbox_since_ms=refusal.since_ms if refusal else 0,
        disk_full=outbox.is_disk_full,
    )


def looks_of(supervisor: LookSupervisor) -> LookHealth:
    """How the object detector beside motion does."""
    status = supervisor.status
    return LookHealth(status.looking, status.why[:_MOST_WORDS], status.looks, status.refused, round(status.took_ms, 1))


def _pictures_waiting(intake: Intake) -> tuple[int, sqlite3.Error | None]:
    """How many, as far as they can be counted, and why not all can."""
    count, unread = 0, None
    for outbox in intake.outboxes:
        try:
            count += outbox.file.count_pictures_waiting()
        except sqlite3.Error as error:
            unread = error
    return count, unread


def _disk_free_bytes(data_dir: Path, *, is_full: bool) -> int:
    """What is free beyond the room that we made ourselves by giving up the ballast; 0 where it cannot be asked."""
    try:
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        log.error("%s: how much is free cannot be asked: %s", data_dir, error)
        return 0
    return max(0, free - BALLAST_BYTES) if is_full else free


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
        sight=status.sight,
    )
