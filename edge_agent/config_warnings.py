"""What an agent says at its start about a configuration that works and should not stay as it is."""

import logging
from collections.abc import Sequence
from pathlib import Path

from edge_agent.config import AgentSettings, Camera, holds_passwords
from edge_agent.vision.tripwire.faults import faults
from edge_agent.wiring.faults import doubtful
from shared.files import read_by_others

log = logging.getLogger(__name__)


def warn(settings: AgentSettings, cameras: Sequence[Camera], config: Path) -> None:
    """Warn of passwords that others can read and of what can never fire. The agent runs all the same."""
    open_to = read_by_others(config) if holds_passwords(settings) else None
    if open_to:
        log.warning("%s", open_to)
    if settings.is_empty:
        log.warning("%s: nothing is watched: no camera, sensor, panel or keypad; it waits for the centre", config)
    for said in doubtful(settings.sensors, settings.inputs):
        log.warning("sensor %s", said)
    for camera in cameras:
        for fault in faults(camera.scene, camera.lanes):
            log.warning("camera %s: %s: %s", camera.settings.name, camera.settings.scene, fault)
