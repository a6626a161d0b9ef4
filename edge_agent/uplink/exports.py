"""A box's way of bringing pictures that shall leave the centre: asked for by number, and brought under it."""

import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec

from edge_agent.uplink import bounded_http
from shared.errors import HawklineError, UnavailableError
from shared.topics import Address

_WITHIN_S = 120.0
_PIECE_BYTES = 16 * 1024
_LATER = 401, 403, 408, 425, 429
"""Answers that may be others tomorrow; so are all of the centre's own faults."""
_MOST_BYTES = 8 * 1024 * 1024


class NotWantedError(HawklineError):
    """The centre does not want this export any more, or has it."""


class RefusedError(HawklineError):
    """The centre does not take what was brought, and will not: its words."""


class ExportDoor:
    """Where exports are brought.

    Args:
        url: of the boxes' door, or of the aggregator of a trial.
        box: who brings them.
        tls: what we show, and whom we believe.
        kbit_s: bound on what is brought; 0 is none.
    """

    def __init__(self, url: str, box: Address, tls: ssl.SSLContext | None = None, kbit_s: int = 0) -> None:
        self._kbit_s = kbit_s
        self._url, self._box = url.rstrip("/"), {"site": box.site, "agent": box.agent}
        self._tls = tls or ssl.create_default_context()

    def original(self, number: int) -> bytes:
        """The picture of an export as it was brought to the centre.

        Raises:
            NotWantedError: it is not wanted any more.
            UnavailableError: the centre does not answer.
        """
        return self._ask("GET", number, "/original")

    def bring(self, number: int, jpeg: bytes) -> None:
        """Bring the picture that may leave.

        Raises:
            NotWantedError: it is not wanted any more, or is there.
            RefusedError: such a one will never be taken.
            UnavailableError: the centre does not answer, or cannot keep it now.
        """
        self._ask("PUT", number, "", jpeg, "image/jpeg")

    def tell_failed(self, number: int, why: str) -> None:
        """Say that there will be none.

        Raises:
            NotWantedError: it is not wanted any more.
            RefusedError: that is not understood.
            UnavailableError: the centre does not answer.
        """
        self._ask("POST", number, "/failure", msgspec.json.encode({"why": why[:200]}), "application/json")

    def _ask(self, method: str, number: int, what: str, body: bytes | None = None, kind: str = "") -> bytes:
        length = len(body or b"")
        headers = [("content-type", kind), ("content-length", str(length))] if kind else []
        url = f"{self._url}/api/v1/renderings/{number}{what}?{urlencode(self._box)}"
        answer = bounded_http.ask(
            method,
            url,
            context=self._tls,
            headers=headers,
            body=None if body is None else self._paced(body),
            within_s=_WITHIN_S + (length / 125 / self._kbit_s if self._kbit_s else 0.0),
            most_bytes=_MOST_BYTES,
        )
        if answer.status in (404, 410):
            raise NotWantedError(f"export {number} is not wanted any more")
        if 200 <= answer.status < 300:
            return answer.body
        said = f"{self._url}: {answer.status} {answer.body[:200].decode(errors='replace')}"
        if answer.status in _LATER or answer.status >= 500:
            raise UnavailableError(said)
        raise RefusedError(said)

    def _paced(self, body: bytes) -> Iterator[bytes]:
        """A body no faster than pictures may go: alarms go beside it."""
        for start in range(0, len(body), _PIECE_BYTES):
            piece, began_s = body[start : start + _PIECE_BYTES], time.monotonic()
            yield piece
            if self._kbit_s:
                time.sleep(max(0.0, len(piece) / 125 / self._kbit_s - (time.monotonic() - began_s)))
