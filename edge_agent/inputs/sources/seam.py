"""What every adapter is, and how one that fails is begun anew."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from edge_agent.intrusion.reading import Circuit, Reading
from shared.clock import Clock, Moment
from shared.errors import HawklineError
from shared.events import LONGEST_DETAIL
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

_FIRST_S, _LONGEST_S = 1.0, 30.0
"""Between two beginnings of one that fails."""
_WELL_S = 60.0
"""One that went so long begins with the short pause again."""

Take = Callable[[str, Reading, Moment], None]
"""Takes what was read of a sensor."""
Switched = Callable[[str, str], None]
"""Takes an output's name and why it could not be switched; empty: it was."""


class SourceError(HawklineError):
    """The chip, bus or broker cannot be used; the message names it and says why."""


def first_line(file: Path, key: str) -> str:
    """A secret that stands in the first line of a file.

    Raises:
        SourceError: it cannot be read, or is empty.
    """
    try:
        text = file.read_text("utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{key} {file}: cannot be read ({type(error).__name__})") from None
    if not text:
        raise SourceError(f"{key} {file} is empty")
    return text


class Wanted:
    """How outputs shall be, and that something has changed."""

    def __init__(self) -> None:
        self._lock, self._states = threading.Lock(), dict[str, bool]()
        self.changed = threading.Event()

    def want(self, output: str, is_on: bool) -> None:
        """From now on it shall be so."""
        with self._lock:
            self._states[output] = is_on
        self.changed.set()

    def taken(self) -> Mapping[str, bool]:
        """All as they shall be now."""
        self.changed.clear()
        with self._lock:
            return dict(self._states)


class Source(Protocol):
    """An adapter."""

    terminals: Mapping[str, str]
    """Of its sensors, as messages name them."""
    outputs: Mapping[str, str]
    """Of its outputs, likewise."""
    wanted: Wanted
    """How its outputs shall be."""

    def run(self, take: Take, switched: Switched, stopping: threading.Event) -> None:
        """Read and switch until `stopping`.

        Raises:
            SourceError: it cannot go on.
        """


def keep_running(source: Source, take: Take, switched: Switched, clock: Clock, stopping: threading.Event) -> None:
    """Run an adapter until `stopping`, whatever becomes of it; meanwhile its sensors are missing, with the reason."""
    trouble, pause_s = TroubleLog(log), _FIRST_S
    while not stopping.is_set():
        began_s = clock.monotonic_s()
        try:
            source.run(take, switched, stopping)
            why = "" if stopping.is_set() else "its adapter has ended"
        except SourceError as error:
            why = str(error)
        except Exception as error:
            log.debug("an adapter failed", exc_info=True)
            why = f"its adapter failed: {type(error).__name__}: {error}"
        if not why:
            return
        trouble.tell(f"sensors {', '.join(source.terminals)}: {why}; trying on")
        _say(source, why, take, switched, Moment.of(clock))
        pause_s = _FIRST_S if clock.monotonic_s() - began_s > _WELL_S else min(_LONGEST_S, 2 * pause_s)
        stopping.wait(pause_s)


def _say(source: Source, why: str, take: Take, switched: Switched, now: Moment) -> None:
    for sensor, terminal in source.terminals.items():
        take(sensor, Reading(Circuit.MISSING, f"{terminal}: {why}"[:LONGEST_DETAIL], is_settled=True), now)
    for output, terminal in source.outputs.items():
        switched(output, f"{terminal}: {why}")
