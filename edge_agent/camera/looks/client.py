"""A camera's way to the process that looks."""

import multiprocessing
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection

from edge_agent.camera.looks.service import Answer, Ask
from edge_agent.frames import Frame, in_colour
from edge_agent.vision.looks import Look
from models.objects import Region
from models.objects.lens import Lens, Part

_AGAIN_S = 1.0
"""When the process is not there, it is looked for again after this."""
_ANSWER_S = 5.0
"""One that says nothing for so long hangs; the agent will end it."""


@dataclass(frozen=True, slots=True)
class LookShare:
    """Where a camera asks for looks, and how many a second it has on average."""

    address: str
    per_second: float


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
        self._last: Future[Look] | None = None
        self._service: tuple[Connection, Lens] | None = None
        self._not_before_s = 0.0
        self._told: tuple[Answer, float] | None = None
        """The last answer, and when it came."""

    def ask(self, frame: Frame, region: Region, *, urgent: bool) -> Future[Look] | None:
        if self._last is not None and not self._last.done():
            return None
        if time.monotonic() < self._not_before_s or not self._may_be_had(frame, region):
            return None
        self._last = self._thread.submit(self._look, frame, region, urgent)
        return self._last

    def _may_be_had(self, frame: Frame, region: Region) -> bool:
        """Whether the budget may hold this look by now, as far as the last answer tells."""
        if self._service is None or self._told is None:
            return True
        (height, width), (answer, at_s) = frame.grey.shape, self._told
        left = answer.left + answer.per_second * (time.monotonic() - at_s)
        return left >= self._service[1].cost((width, height), region)

    def _look(self, frame: Frame, region: Region, urgent: bool) -> Look:
        try:
            answer, part = self._answer(frame, region, urgent)
        except (OSError, EOFError, multiprocessing.AuthenticationError):
            self._leave()
            raise
        self._told = answer, time.monotonic()
        if answer.found is None:
            raise NoLookError
        return Look(answer.found, part.region)

    def _answer(self, frame: Frame, region: Region, urgent: bool) -> tuple[Answer, Part]:
        asked_s = time.monotonic()
        service, lens = self._service or self._join()
        height, width = frame.grey.shape
        part = lens.cut(in_colour(frame), region)
        service.send(Ask(part, lens.cost((width, height), region), urgent, asked_s))
        if not service.poll(_ANSWER_S):
            raise TimeoutError("the process that looks does not answer")
        answer: Answer = service.recv()
        return answer, part

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
        self._told = None
        if self._service is not None:
            self._service[0].close()
        self._service = None
