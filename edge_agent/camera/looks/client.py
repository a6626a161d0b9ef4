"""A camera's way to the process that looks."""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Client, Connection

import cv2
import numpy as np

from edge_agent.camera.looks.service import Answer, Ask
from edge_agent.frames import Frame, in_colour
from models.objects import Found
from models.objects.layouts import Picture

_AGAIN_S = 1.0
"""When the process is not there, it is looked for again after this."""
_ANSWER_S = 5.0
"""One that says nothing for so long hangs; the agent will end it."""


class NoLookError(Exception):
    """There was no look: others came first, or the budget is used up."""


class ServedLooker:
    """Asks for looks while motion goes on; one at a time.

    Args:
        address: of the process.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="looks")
        self._last: Future[Sequence[Found]] | None = None
        self._service: Connection | None = None
        self._side_px = 0
        self._not_before_s = 0.0

    def ask(self, frame: Frame, *, urgent: bool) -> Future[Sequence[Found]] | None:
        if self._last is not None and not self._last.done():
            return None
        if time.monotonic() < self._not_before_s:
            return None
        self._last = self._thread.submit(self._look, frame, urgent)
        return self._last

    def _look(self, frame: Frame, urgent: bool) -> Sequence[Found]:
        try:
            answer = self._answer(frame, urgent)
        except (OSError, EOFError, multiprocessing.AuthenticationError):
            self._leave()
            raise
        self._not_before_s = time.monotonic() + answer.wait_s
        if answer.found is None:
            raise NoLookError
        return answer.found

    def _answer(self, frame: Frame, urgent: bool) -> Answer:
        asked_s = time.monotonic()
        service = self._service or self._join()
        service.send(Ask(_small(in_colour(frame), self._side_px), urgent, asked_s))
        if not service.poll(_ANSWER_S):
            raise TimeoutError("the process that looks does not answer")
        answer: Answer = service.recv()
        return answer

    def _join(self) -> Connection:
        self._service = Client(self._address, "AF_UNIX", authkey=multiprocessing.current_process().authkey)
        if not self._service.poll(_ANSWER_S):
            raise TimeoutError("the process that looks does not answer")
        self._side_px = self._service.recv()
        return self._service

    def _leave(self) -> None:
        self._not_before_s = time.monotonic() + _AGAIN_S
        if self._service is not None:
            self._service.close()
        self._service = None


def _small(picture: Picture, side_px: int) -> Picture:
    """A picture no larger than the model takes: less has to travel."""
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(picture)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
