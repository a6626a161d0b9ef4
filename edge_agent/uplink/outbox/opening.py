"""Opens the box's outbox: on its card, or where that takes no writes, in memory until it does."""

import logging
import threading
from pathlib import Path

from edge_agent.uplink.outbox.intake import MEMORY_BYTES
from edge_agent.uplink.outbox.outbox import Outbox
from edge_agent.uplink.outbox.storage_health import Refusal
from edge_agent.uplink.outbox.store import CardRefusesError
from shared.clock import Clock, to_ms
from shared.errors import UnavailableError

log = logging.getLogger(__name__)

_LOOK_S = 30.0
_END_S = 8.0


def open_outbox(path: Path, clock: Clock, max_bytes: int) -> Outbox:
    """The outbox at a path; on a card that refuses writes one in memory, under an epoch of this life.

    Raises:
        UnavailableError: something else is wrong, which the installer must mend: another agent, a path that is not a
            folder.
    """
    try:
        return Outbox(path, clock, max_bytes=max_bytes)
    except CardRefusesError as error:
        log.error("%s; everything is kept in memory until the card takes writes again", error)
        refusal = Refusal(f"the card refuses writes: {error.reason}", to_ms(clock.now_s()))
        outbox = Outbox(None, clock, max_bytes=MEMORY_BYTES, in_place_of_card=refusal)
        outbox.pin(1)  # the configuration, which the others refer to
        return outbox


def takes_writes(path: Path, clock: Clock, max_bytes: int) -> bool:
    """Whether the outbox at a path can be opened and closed in order; it is not to be open. May take long."""
    try:
        Outbox(path, clock, max_bytes=max_bytes).close()
    except CardRefusesError:
        return False
    except UnavailableError as error:  # what is in memory goes on, whatever else is wrong by now
        log.error("%s", error)
        return False
    return True


class CardLook:
    """Tries now and then whether a card that refused takes writes again, on a thread of its own: a card may hang.

    Args:
        path: of the outbox on it.
        clock: monotonic time.
        max_bytes: of that outbox.
        every_s: from the end of one try to the next.
    """

    def __init__(self, path: Path, clock: Clock, max_bytes: int, every_s: float = _LOOK_S) -> None:
        self._path, self._clock, self._max_bytes, self._every_s = path, clock, max_bytes, every_s
        self._due_s = clock.monotonic_s() + every_s
        self._thread: threading.Thread | None = None
        self._well = threading.Event()

    def is_well(self) -> bool:
        """Whether the last try went well; begins the next one where it is due, and never waits for it."""
        if self._thread and not self._thread.is_alive():
            self._thread, self._due_s = None, self._clock.monotonic_s() + self._every_s
        if self._thread is None and not self._well.is_set() and self._clock.monotonic_s() >= self._due_s:
            self._thread = threading.Thread(target=self._try, name="card-look", daemon=True)
            self._thread.start()
        return self._well.is_set()

    def end(self) -> None:
        """Let a try that is under way come to its end, for some seconds: cut off, it would cost numbers."""
        if self._thread:
            self._thread.join(_END_S)

    def _try(self) -> None:
        if takes_writes(self._path, self._clock, self._max_bytes):
            self._well.set()
