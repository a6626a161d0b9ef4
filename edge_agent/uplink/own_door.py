"""What a box asks of the centre for itself: at the boxes' door, or at the aggregator of a trial."""

import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from edge_agent.uplink import bounded_http
from shared.errors import HawklineError, UnavailableError
from shared.topics import Address

_WITHIN_S = 120.0
_PIECE_BYTES = 16 * 1024
_LATER = 401, 403, 408, 425, 429
"""Answers that may be others tomorrow; so are all of the centre's own faults."""
_MOST_BYTES = 8 * 1024 * 1024


class GoneError(HawklineError):
    """The centre does not have, or not want, what was asked about."""


class RefusedError(HawklineError):
    """The centre does not take what was brought, and will not: its words."""


class OwnDoor:
    """One box at the door.

    Args:
        url: of the boxes' door, or of the aggregator of a trial.
        box: who asks.
        tls: what we show, and whom we believe.
        kbit_s: bound on what is brought; 0 is none.
    """

    def __init__(self, url: str, box: Address, tls: ssl.SSLContext | None = None, kbit_s: int = 0) -> None:
        self._kbit_s = kbit_s
        self._url, self._box = url.rstrip("/"), {"site": box.site, "agent": box.agent}
        self._tls = tls or ssl.create_default_context()

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "", **asked: str | int) -> bytes:
        """Ask once.

        Args:
            method: of HTTP.
            path: behind the door's address.
            body: what is brought.
            kind: of the body.
            asked: parameters beside the box's name.

        Raises:
            GoneError: 404 or 410.
            RefusedError: what was brought will never be taken.
            UnavailableError: the centre does not answer, or cannot now.
        """
        length = len(body or b"")
        headers = [("content-type", kind), ("content-length", str(length))] if kind else []
        answer = bounded_http.ask(
            method,
            f"{self._url}{path}?{urlencode(self._box | asked)}",
            context=self._tls,
            headers=headers,
            body=None if body is None else self._paced(body),
            within_s=_WITHIN_S + (length / 125 / self._kbit_s if self._kbit_s else 0.0),
            most_bytes=_MOST_BYTES,
        )
        if answer.status in (404, 410):
            raise GoneError(f"{self._url}{path}: it is not there, or not wanted any more")
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
