"""What is asked of the centre again and again until it is done, on a thread of its own."""

import logging
import random
import threading
from collections.abc import Callable

from shared.errors import UnavailableError

log = logging.getLogger(__name__)

NEVER_S = 86_400.0
"""Until something stirs it."""


class Errand:
    """Does something when it is stirred or due; where the centre does not answer, again behind pauses that grow.

    Args:
        what: for the log.
        look: does what is due; returns seconds after which it is called again if nothing stirs it before.
        pauses_s: the first and the longest pause behind an answer that did not come.
        at_most_s: after which something else is due, whatever came of it.
    """

    def __init__(
        self,
        what: str,
        look: Callable[[], float],
        pauses_s: tuple[float, float],
        at_most_s: Callable[[], float] = lambda: NEVER_S,
    ) -> None:
        self._what, self._look, self._pauses_s, self._at_most_s = what, look, pauses_s, at_most_s
        self._stirred, self._stopping = threading.Event(), threading.Event()

    @property
    def is_stopping(self) -> bool:
        """`stop` was called."""
        return self._stopping.is_set()

    def stir(self) -> None:
        """There is something to do."""
        self._stirred.set()

    def stop(self) -> None:
        """End `run` behind what it is at."""
        self._stopping.set()
        self._stirred.set()

    def run(self) -> None:
        """Look until `stop`."""
        first_s, longest_s = self._pauses_s
        pause_s = first_s
        while not self._stopping.is_set():
            self._stirred.clear()
            try:
                due_s, pause_s = self._look(), first_s
            except (UnavailableError, OSError) as error:
                log.info("%s: it waits: %s", self._what, error)
                due_s, pause_s = pause_s * random.uniform(0.7, 1.3), min(longest_s, 2 * pause_s)
            self._stirred.wait(min(due_s, self._at_most_s()))
