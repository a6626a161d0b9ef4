"""The process that looks for all cameras of the box: one model in memory, one budget, one queue.

A camera asks with a picture, already small, and waits for the answer in a thread of its own. The camera before which
something is about to cross comes first, then the one that has waited longest. What cannot be looked at soon is answered
at once: there is no use for a late look.
"""

import contextlib
import logging
import multiprocessing
import os
import queue
import signal
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Listener, wait
from typing import cast

import cv2
import numpy as np

from edge_agent.camera.looks.budget import LookBudget
from edge_agent.camera.looks.lookers import finder_for
from edge_agent.config import LookSettings
from edge_agent.vision.looks import PATIENCE_S
from models.objects import WHOLE, Found, ObjectFinder
from models.objects.lens import Part
from shared.errors import HawklineError
from shared.logs import log_to_stderr

log = logging.getLogger(__name__)

_STATUS_S = 2.0
_TURN_S = 0.2
_AGAIN_S = 10.0
_WORD_US = 500_000
_BEHIND = 5
"""Less urgent than motion, and than what brings events out."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A part of a camera's picture; `at_s` is when it was asked, by the machine's monotonic clock."""

    part: Part
    cost: float
    urgent: bool
    at_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found; None: there was no look. `left` of the box's looks may be taken now, `per_second` come anew."""

    found: Sequence[Found] | None
    left: float
    per_second: float


@dataclass(frozen=True, slots=True)
class LookStatus:
    """How the process does, told every two seconds.

    Attributes:
        looking: whether there are looks; if not, `why` says what is missing.
        looks: made since it began.
        refused: asked for and not made: no budget, or others were more urgent.
        took_ms: a look, of late.
    """

    looking: bool
    why: str = ""
    looks: int = 0
    refused: int = 0
    took_ms: float = 0.0


def run_looks(settings: LookSettings, cameras: int, address: str, pipe: Connection) -> None:
    """Body of the process. Ends when the other end of the pipe goes away, or where nothing can look.

    Args:
        settings: of the box.
        cameras: that share the looks.
        address: where cameras find it.
        pipe: where its status goes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr("looks")
    os.nice(_BEHIND)
    cv2.setNumThreads(1)
    threading.Thread(target=_leave_with, args=(pipe,), daemon=True).start()
    try:
        finder = finder_for(settings, cameras)
    except HawklineError as error:
        pipe.send(LookStatus(False, str(error)))
        return
    with Listener(address, "AF_UNIX", authkey=multiprocessing.current_process().authkey) as listener:
        LookService(finder, LookBudget(settings.per_second), listener, pipe).run()


def _leave_with(pipe: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.recv()
    os._exit(0)


class LookService:
    """Answers cameras.

    Args:
        finder: what looks.
        budget: of the whole box.
        listener: where cameras come.
        pipe: where its status goes.
    """

    def __init__(self, finder: ObjectFinder, budget: LookBudget, listener: Listener, pipe: Connection) -> None:
        self._finder, self._budget, self._listener, self._pipe = finder, budget, listener, pipe
        self._came = queue.SimpleQueue[Connection]()
        self._cameras: list[Connection] = []
        self._asked: dict[Connection, Ask] = {}
        self._looked_s: dict[Connection, float] = {}
        self._status = LookStatus(True)
        self._told_s = self._failed_s = 0.0

    def run(self) -> None:
        """Until the process ends."""
        threading.Thread(target=self._accept, daemon=True).start()
        while True:
            self.turn()

    def turn(self) -> None:
        """Hear who asks, and look once if there is a look to be had."""
        while not self._came.empty():
            self._greet(self._came.get())
        for heard in wait(self._cameras, 0.0 if self._asked else _TURN_S):
            self._hear(cast("Connection", heard))
        now_s = time.monotonic()
        for camera, ask in list(self._asked.items()):
            if now_s - ask.at_s > PATIENCE_S / 2:
                self._answer(camera, None)
        chosen = min(self._asked, key=self._rank, default=None)
        if chosen is not None and self._budget.take(now_s, self._asked[chosen].cost):
            self._look(chosen)
        left = self._budget.left(time.monotonic())
        for camera in [camera for camera, ask in self._asked.items() if ask.cost > left]:
            self._answer(camera, None)
        if self._status.why and time.monotonic() - self._failed_s > _AGAIN_S:
            self._try_again()
        if time.monotonic() - self._told_s > _STATUS_S:
            self._told_s = time.monotonic()
            self._pipe.send(self._status)

    def _accept(self) -> None:
        while True:
            try:
                camera = self._listener.accept()
                _bound(camera)
                self._came.put(camera)
            except (OSError, EOFError, multiprocessing.AuthenticationError) as error:
                log.warning("a camera could not be heard: %s", error)
                time.sleep(_TURN_S)

    def _greet(self, camera: Connection) -> None:
        try:
            camera.send(self._finder.lens)
        except OSError:  # it has gone meanwhile
            camera.close()
        else:
            self._cameras.append(camera)

    def _hear(self, camera: Connection) -> None:
        try:
            self._asked[camera] = camera.recv()
        except (OSError, EOFError):
            self._forget(camera)

    def _forget(self, camera: Connection) -> None:
        self._cameras.remove(camera)
        self._asked.pop(camera, None)
        self._looked_s.pop(camera, None)
        camera.close()

    def _rank(self, camera: Connection) -> tuple[bool, float]:
        return not self._asked[camera].urgent, self._looked_s.get(camera, 0.0)

    def _look(self, camera: Connection) -> None:
        began_s = time.monotonic()
        found = self._find(self._asked[camera].part)
        self._looked_s[camera] = time.monotonic()
        took_ms = 1000 * (self._looked_s[camera] - began_s)
        before_ms = self._status.took_ms or took_ms
        self._status = replace(
            self._status, looks=self._status.looks + 1, took_ms=before_ms + 0.1 * (took_ms - before_ms)
        )
        self._answer(camera, found)

    def _find(self, part: Part) -> Sequence[Found] | None:
        found, why = None, ""
        try:
            found = self._finder.find(part)
        except Exception as error:  # noqa: BLE001 - a model of the owner's may raise anything
            why, self._failed_s = str(error) or type(error).__name__, time.monotonic()
            if why != self._status.why:
                log.error("a look failed, motion goes on alone: %s", why)
        self._status = replace(self._status, looking=not why, why=why)
        return found

    def _try_again(self) -> None:
        """A model that failed may do so no longer, and nothing moves that would show it."""
        self._failed_s = time.monotonic()
        self._find(self._finder.lens.cut(np.zeros((240, 320, 3), np.uint8), WHOLE))

    def _answer(self, camera: Connection, found: Sequence[Found] | None) -> None:
        del self._asked[camera]
        if found is None:
            self._status = replace(self._status, refused=self._status.refused + 1)
        try:
            camera.send(Answer(found, self._budget.left(time.monotonic()), self._budget.per_second))
        except OSError:
            self._forget(camera)


def _bound(camera: Connection) -> None:
    """One that freezes in the middle of a word must not hold up the others."""
    with socket.socket(fileno=os.dup(camera.fileno())) as same:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            same.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 0, _WORD_US))
