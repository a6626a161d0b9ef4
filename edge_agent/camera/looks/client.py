"""A camera's way to the process that looks."""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Client, Connection

from edge_agent.camera.looks.service import Answer, Ask
from edge_agent.frames import Frame, in_colour
from models.objects import Found, Region
from models.objects.lens import Lens

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
        self._service: tuple[Connection, Lens] | None = None
        self._not_before_s = 0.0

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Sequence[Found]] | None:
        if self._last is not None and not self._last.done():
            return None
        if time.monotonic() < self._not_before_s:
            return None
        self._last = self._thread.submit(self._look, frame, region, urgent)
        return self._last

    def _look(self, frame: Frame, region: Region, urgent: bool) -> Sequence[Found]:
        try:
            answer = self._answer(frame, region, urgent)
        except (OSError, EOFError, multiprocessing.AuthenticationError):
            self._leave()
            raise
        self._not_before_s = time.monotonic() + answer.wait_s
        if answer.found is None:
            raise NoLookError
        return answer.found

    def _answer(self, frame: Frame, region: Region, urgent: bool) -> Answer:
        asked_s = time.monotonic()
        service, lens = self._service or self._join()
        height, width = frame.grey.shape
        cost = lens.cost((width, height), region)
        service.send(Ask(lens.cut(in_colour(frame), region), cost, urgent, asked_s))
        if not service.poll(_ANSWER_S):
            raise TimeoutError("the process that looks does not answer")
        answer: Answer = service.recv()
        return answer

    def _join(self) -> tuple[Connection, Lens]:
        service = Client(self._address, "AF_UNIX", authkey=multiprocessing.current_process().authkey)
        if not service.poll(_ANSWER_S):
            service.close()
            raise TimeoutError("the process that looks does not answer")
        lens: Lens = service.recv()
        self._service = service, lens
        return self._service

    def _leave(self) -> None:
        self._not_before_s = time.monotonic() + _AGAIN_S
        if self._service is not None:
            self._service[0].close()
        self._service = None
