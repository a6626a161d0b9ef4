"""Keeps one camera process running: starts it, reads what it says, starts it again with growing pauses."""

import contextlib
import logging
import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from edge_agent.camera.looks.client import LookShare
from edge_agent.camera.survey_watch import SurveyAsked
from edge_agent.camera.worker import (
    EventSeen,
    ListHitSeen,
    PassageSeen,
    Report,
    Status,
    ViewConfirmed,
    Wanted,
    run_camera,
)
from edge_agent.config import Camera
from edge_agent.orders.watchlists import HeldLists
from shared.events import CameraState
from shared.threads import start_vital

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 60.0
_LEAVE_S = 3.0
_START_S = 60.0
_HANG_S = 15.0
"""A camera process says something every few seconds, whatever its camera does; one that does not, hangs."""

_PASSED_OVER = 25
"""Pictures of a file that are left out when none of them could be got past."""


class CameraSupervisor:
    """Owner of one camera's process.

    Args:
        index: the camera's number in the box's configuration.
        new_run: gives each life of the process a number.
        on_report: gets `(index, run, report)` on the supervisor's thread.
        looking: the camera's share of the box's looks.
    """

    def __init__(
        self,
        index: int,
        camera: Camera,
        new_run: Callable[[], int],
        on_report: Callable[[int, int, Report], None],
        looking: LookShare | None = None,
    ) -> None:
        self.index, self.camera = index, camera
        self.status = Status(CameraState.STARTING)
        self._new_run, self._on_report, self._looking = new_run, on_report, looking
        self._stopping = threading.Event()
        self._pipe: Connection | None = None
        self._saying = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._thread: threading.Thread | None = None
        self._confirmed: ViewConfirmed | None = None
        self._lists: HeldLists | None = None
        self._reached = 0
        """The last picture that was analysed, in all lives together: what a file has shown is not shown again."""

    @property
    def pid(self) -> int | None:
        """Process id of the camera's present life."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._thread = start_vital(f"camera-{self.camera.settings.name}", self._keep_running)

    def stop(self) -> None:
        """End the process, by force when it does not go."""
        self._stopping.set()
        self._say("leave")
        if self._process:
            self._process.join(_LEAVE_S)
            if self._process.is_alive():
                self._process.kill()
        if self._thread:
            self._thread.join(_LEAVE_S)

    def answer(self, wanted: Wanted) -> None:
        """Say whether the picture of a sighting is wanted; for `on_report`, so that it is the same life's."""
        self._say(wanted)

    def confirm_view(self, at_ms: int) -> None:
        """Say that the camera sees what it shall see, to this life and to those that come."""
        self._confirmed = ViewConfirmed(at_ms)
        self._say(self._confirmed)

    def survey(self, asked: SurveyAsked) -> None:
        """Ask this life how its camera looks, and what a scene would have made of the last minute."""
        self._say(asked)

    def hold(self, lists: HeldLists) -> None:
        """Say which lists are in force, to this life of a checkpoint and to those that come."""
        if self.camera.settings.checkpoint:
            self._lists = lists
            self._say(lists)

    def _say(self, message: object) -> None:
        with self._saying, contextlib.suppress(OSError):
            if self._pipe:
                self._pipe.send(message)

    def _keep_running(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            frames, why = 0, ""
            try:
                run = self._new_run()
                frames, why = self._one_life(run)
            except (OSError, sqlite3.Error) as error:
                run, why = 0, str(error)
            if self._stopping.is_set():
                return
            if self.status.state is CameraState.ENDED:
                log.info("camera %s: its file ended", self.camera.settings.name)
                return
            pause_s = _FIRST_PAUSE_S if frames > 100 else min(_LAST_PAUSE_S, pause_s * 2)
            log.error("camera %s: %s; next start in %.0f s", self.camera.settings.name, why, pause_s)
            self._tell(run, Status(CameraState.CRASHED, why, frames))
            self._stopping.wait(pause_s)

    def _one_life(self, run: int) -> tuple[int, str]:
        """Start the process and read it to its end; returns how many frames it saw and how it ended."""
        # Its libraries would start a thread a core each, and reserve memory for them that the limit counts.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        after = self._reached
        key = f"cameras[{self.index}].source"
        self._pipe = ours  # first: what is said from here on is heard behind what is given along
        arguments = self.camera, key, theirs, after, self._looking, self._lists
        self._process = context.Process(target=run_camera, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        if self._confirmed:
            self._say(self._confirmed)
        self.status = Status(CameraState.STARTING)
        silence_s = _START_S
        while ours.poll(silence_s):
            try:
                report = ours.recv()
            except (EOFError, OSError):
                self._process.join(_LEAVE_S)
                self._pass_over(after)
                return self.status.frames, f"its process ended with exit code {self._process.exitcode}"
            self._tell(run, report)
            silence_s = _HANG_S
        self._process.kill()
        self._process.join(_LEAVE_S)
        self._pass_over(after)
        return self.status.frames, f"its process said nothing for {silence_s:.0f} s and was killed"

    def _pass_over(self, after: int) -> None:
        """What brings its process down without a step forward is not tried for ever."""
        if self._reached == after:
            self._reached += _PASSED_OVER

    def _tell(self, run: int, report: Report) -> None:
        if isinstance(report, EventSeen | PassageSeen | ListHitSeen | Status):
            self._reached = max(self._reached, report.reached)
        try:
            self._on_report(self.index, run, report)
        except (OSError, sqlite3.Error) as error:
            log.error("camera %s: a report is lost to the disk: %s", self.camera.settings.name, error)
        if isinstance(report, Status):
            self.status = report
