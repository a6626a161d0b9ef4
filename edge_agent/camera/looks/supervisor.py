"""Keeps the process that looks running, and knows why there are no looks."""

import logging
import multiprocessing
import secrets
import threading
from multiprocessing.connection import Connection

from edge_agent.camera.looks.service import LookStatus, run_looks
from edge_agent.config import LookSettings
from shared.threads import start_vital

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LAST_PAUSE_S = 2.0, 60.0
_LEAVE_S = 3.0
_START_S, _HANG_S = 60.0, 20.0
"""It says something every two seconds, but while it loads the model."""


class LookSupervisor:
    """Owner of the process.

    Args:
        settings: of the box.
        cameras: that share its looks.

    Attributes:
        status: what the process said last, or why there are no looks; neither while it starts.
    """

    def __init__(self, settings: LookSettings, cameras: int) -> None:
        self._settings, self._cameras = settings, cameras
        # A name of the kernel's, in no folder: it is there when the card is full. Who does not know the key of the
        # agent's processes is not heard.
        self.address = f"\0hawkline-looks-{secrets.token_hex(8)}"
        self.status = LookStatus(False)
        self._stopping = threading.Event()
        self._pipe: Connection | None = None
        self._process: multiprocessing.process.BaseProcess | None = None
        self._thread: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Process id of its present life."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._thread = start_vital("looks", self._keep_running)

    def stop(self) -> None:
        """End the process, by force when it does not go."""
        self._stopping.set()
        if self._pipe:
            self._pipe.close()
        if self._process:
            self._process.join(_LEAVE_S)
            if self._process.is_alive():
                self._process.kill()
        if self._thread:
            self._thread.join(_LEAVE_S)

    def _keep_running(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            looks, why = 0, ""
            try:
                looks, why = self._one_life()
            except OSError as error:
                why = f"its process cannot be started: {error}"
            if self._stopping.is_set():
                return
            pause_s = _FIRST_PAUSE_S if looks > 100 else min(_LAST_PAUSE_S, pause_s * 2)
            if why != self.status.why or looks:
                log.error("looks: none, motion goes on alone: %s", why)
            self.status = LookStatus(False, why)
            self._stopping.wait(pause_s)

    def _one_life(self) -> tuple[int, str]:
        """Start the process and hear it to its end; returns how many looks it made and why it ended."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = self._settings, self._cameras, self.address, theirs
        self._process = context.Process(target=run_looks, args=arguments, daemon=True)
        self._pipe = ours
        self._process.start()
        theirs.close()
        silence_s, looks = _START_S, 0
        while ours.poll(silence_s):
            try:
                status: LookStatus = ours.recv()
            except (EOFError, OSError):
                self._process.join(_LEAVE_S)
                if self._process.exitcode == 0 and not looks and self.status.why:
                    return 0, self.status.why
                return looks, f"its process ended with exit code {self._process.exitcode}"
            if status.looking and not self.status.looking:
                log.info("looks: %g a second for the box", self._settings.per_second)
            if status.why != self.status.why and status.why:
                log.error("looks: none, motion goes on alone: %s", status.why)
            self.status, silence_s, looks = status, _HANG_S, status.looks
        self._process.kill()
        self._process.join(_LEAVE_S)
        return looks, f"its process said nothing for {silence_s:.0f} s and was killed"
