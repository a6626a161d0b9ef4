"""Exports: pictures that shall leave the centre are rendered once more, here, so that nobody is recognised in them.

The centre has no vision, and does not need any: this box has it. A picture is taken from the ring, or from the centre
where the ring has given it up.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from edge_agent.orders.errand import NEVER_S, Errand
from edge_agent.uplink.own_door import GoneError, RefusedError
from shared import desired
from shared.desired import WantedExport
from shared.envelope import decode_message
from shared.errors import HawklineError, UnavailableError

log = logging.getLogger(__name__)

_PAUSES_S = 2.0, 300.0
Area = tuple[float, float, float, float]
Render = Callable[[bytes, Sequence[Area]], bytes]
"""Makes the people in a JPEG, and what lies in some areas of it, unrecognisable; or raises a `RenderError`."""


class RenderError(HawklineError):
    """A picture cannot be rendered, now or later; the message says why, for who asked for it."""


class Pictures(Protocol):
    """What is used of the ring."""

    def content(self, digest: bytes) -> bytes:
        """A picture's bytes, or an OSError."""


class ExportCentre(Protocol):
    """What is used of the door."""

    def original(self, number: int) -> bytes:
        """The picture as the centre has it."""

    def bring(self, number: int, jpeg: bytes) -> None:
        """Bring what was rendered."""

    def tell_failed(self, number: int, why: str) -> None:
        """Say that it cannot be."""


class Exports:
    """The exports that are wanted of this box. `run` has a thread of its own.

    Args:
        pictures: the ring.
        centre: where exports are brought.
        render: makes an export of a picture.
    """

    name = desired.EXPORTS

    def __init__(self, pictures: Pictures, centre: ExportCentre, render: Render) -> None:
        self._pictures, self._centre, self._render = pictures, centre, render
        self._lock = threading.Lock()
        self._errand = Errand("exports", self.look, _PAUSES_S)
        self.run, self.stop = self._errand.run, self._errand.stop
        self._wanted: tuple[WantedExport, ...] = ()
        self._settled: set[WantedExport] = set()
        """Of those that are wanted: brought, or said to be impossible."""
        self._behind: list[WantedExport] = []
        """Those that could not be brought, in their order: others go before them."""
        self._rendered: tuple[WantedExport, bytes] | None = None
        """What was rendered last and is not brought yet."""

    def obey(self, body: bytes) -> None:
        """Render what is wanted from now on.

        Raises:
            WireError: the body is none of this section.
        """
        wanted = decode_message(body, desired.Exports).wanted
        with self._lock:
            self._wanted, self._settled = wanted, self._settled & set(wanted)
            self._behind = [export for export in self._behind if export in wanted]
        self._errand.stir()

    def look(self) -> float:
        """Render and bring all that is wanted; that is all until more is.

        Raises:
            UnavailableError: the centre does not answer; what was not brought is still wanted.
        """
        while not self._errand.is_stopping and (export := self._next()) is not None:
            try:
                self._settle(export)
            except UnavailableError:
                with self._lock:
                    self._behind = [each for each in self._behind if each != export] + [export]
                raise
            except GoneError as error:
                log.info("%s", error)
            with self._lock:
                self._settled.add(export)
        return NEVER_S

    def _next(self) -> WantedExport | None:
        with self._lock:
            waiting = [export for export in self._wanted if export not in self._settled]
            return min(
                waiting, key=lambda export: self._behind.index(export) if export in self._behind else -1, default=None
            )

    def _settle(self, export: WantedExport) -> None:
        try:
            if self._rendered is None or self._rendered[0] != export:
                self._rendered = export, self._render(self._original(export), export.areas)
            self._centre.bring(export.number, self._rendered[1])
        except (RenderError, RefusedError) as error:
            log.error("export %d: %s", export.number, error)
            try:
                self._centre.tell_failed(export.number, str(error))
            except RefusedError as refused:
                log.error("export %d: that cannot be told: %s", export.number, refused)
        else:
            log.info("export %d is brought", export.number)
        self._rendered = None

    def _original(self, export: WantedExport) -> bytes:
        """The picture, from the ring or from the centre.

        Raises:
            RenderError: what the centre gives is another one.
            GoneError: the centre does not have it any more.
            RefusedError: the centre does not give it.
            UnavailableError: the centre does not answer.
        """
        try:
            kept = self._pictures.content(export.sha256)
        except OSError:  # the ring has given it up, or the card does not give it
            kept = b""
        if hashlib.sha256(kept).digest() == export.sha256:
            return kept
        given = self._centre.original(export.number)
        if hashlib.sha256(given).digest() != export.sha256:
            raise RenderError("the centre gives another picture than the one that was brought to it")
        return given
