"""The desired state of this box: sections are taken, obeyed, kept, and answered for.

A section that cannot be obeyed changes nothing: what was obeyed before still is, and the heartbeat says why. What was
obeyed outlives the process. An older version than the one obeyed is ignored, whoever sends it.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from shared.desired import DesiredState, Section, SectionState
from shared.envelope import decode_message, encode_message
from shared.errors import HawklineError, WireError
from shared.files import write_secret

log = logging.getLogger(__name__)
_LONGEST = 200
_OF_0_1 = "order.bin"
"""Where a box of 0.1 kept what it was ordered, beside our file."""


class SectionError(HawklineError):
    """A section cannot be obeyed; the message says why, for the operator who reads it at the centre."""


class NotYetError(HawklineError):
    """A section will be obeyed once something has come that it needs, and is not answered for until then."""


class Obedient(Protocol):
    """The part of the box that a section is for."""

    name: str

    def obey(self, body: bytes) -> None:
        """Do from now on what a section says.

        Raises:
            SectionError: it cannot; then nothing has changed.
            NotYetError: it will; `Desired.again` tries it then.
            WireError: the body is not one of this section; then nothing has changed.
        """


class Desired:
    """All sections of a box.

    Args:
        path: file that keeps what is obeyed.
        parts: of the box, one a section.
    """

    def __init__(self, path: Path, parts: Sequence[Obedient]) -> None:
        self._path, self._lock = path, threading.Lock()
        self._parts = {part.name: part for part in parts}
        self._obeyed: dict[str, Section] = {}
        self._refused: dict[str, tuple[int, str]] = {}
        self._pending: dict[str, tuple[Section, str]] = {}
        for section in self._kept():
            self._try(section)

    def take(self, state: DesiredState) -> bool:
        """Take what is newer than what is obeyed.

        Returns:
            Whether anything was new, so that the centre should hear of it.

        Raises:
            OSError: it cannot be kept; it is obeyed until the process ends.
        """
        with self._lock:
            new = [section for section in state.all_sections if section.version > self._answered(section.name)]
            obeyed = [self._try(section) for section in new]
            if any(obeyed):
                self._keep()
            return bool(new)

    def again(self, name: str) -> bool:
        """Try a section again that could not be obeyed yet.

        Returns:
            Whether it is answered for now.

        Raises:
            OSError: it cannot be kept; it is obeyed until the process ends.
        """
        with self._lock:
            section, _ = self._pending.pop(name, (None, ""))
            if section is None or section.version <= self._answered(name):
                return False
            if self._try(section):
                self._keep()
            return name not in self._pending

    def states(self) -> tuple[SectionState, ...]:
        """What the heartbeat says."""
        with self._lock:
            names = sorted({*self._obeyed, *self._refused, *self._pending})
            return tuple(self._state(name) for name in names)

    def _state(self, name: str) -> SectionState:
        obeyed = self._obeyed.get(name)
        refused, error = self._refused.get(name, (0, ""))
        if not refused and name in self._pending:
            error = self._pending[name][1]
        return SectionState(name, obeyed.version if obeyed else 0, refused, error)

    def _answered(self, name: str) -> int:
        state = self._state(name)
        return max(state.version, state.refused)

    def _try(self, section: Section) -> bool:
        part = self._parts.get(section.name)
        try:
            if part is None:
                raise SectionError("this version of the agent knows no such section: update the box")
            part.obey(bytes(section.body))
        except NotYetError as error:
            self._pending[section.name] = section, str(error)[:_LONGEST]
            self._refused.pop(section.name, None)
            log.info("section %s, version %d, waits: %s", section.name, section.version, error)
            return False
        except (SectionError, WireError) as error:
            self._refused[section.name] = section.version, str(error)[:_LONGEST]
            self._pending.pop(section.name, None)
            log.error("section %s, version %d, is not obeyed: %s", section.name, section.version, error)
            return False
        self._obeyed[section.name] = section
        self._refused.pop(section.name, None)
        self._pending.pop(section.name, None)
        log.info("section %s, version %d, is obeyed", section.name, section.version)
        return True

    def _keep(self) -> None:
        write_secret(self._path, encode_message(DesiredState(sections=tuple(self._obeyed.values()))))

    def _kept(self) -> Sequence[Section]:
        # What a box of 0.1 was ordered holds until the centre says more: after an update it may be away for long.
        path = self._path if self._path.exists() else self._path.with_name(_OF_0_1)
        try:
            return decode_message(path.read_bytes(), DesiredState).all_sections
        except FileNotFoundError:
            return ()
        except (OSError, WireError) as error:
            said = "so this box is as configured until the centre says again what it wants"
            log.error("%s cannot be read, %s: %s", path, said, error)
            return ()
