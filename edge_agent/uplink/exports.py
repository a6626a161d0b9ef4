"""A box's way of bringing pictures that shall leave the centre: asked for by number, and brought under it."""

import ssl
from urllib.parse import urlencode

import msgspec

from edge_agent.uplink.trust import bounded_http
from shared.errors import HawklineError, UnavailableError
from shared.topics import Address

_WITHIN_S = 120.0
_MOST_BYTES = 8 * 1024 * 1024


class NotWantedError(HawklineError):
    """The centre does not want this export any more, or has it."""


class ExportDoor:
    """Where exports are brought.

    Args:
        url: of the boxes' door, or of the aggregator of a trial.
        box: who brings them.
        tls: what we show, and whom we believe.
    """

    def __init__(self, url: str, box: Address, tls: ssl.SSLContext | None = None) -> None:
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
            UnavailableError: the centre does not answer, or cannot keep it.
        """
        self._ask("PUT", number, "", jpeg, "image/jpeg")

    def tell_failed(self, number: int, why: str) -> None:
        """Say that there will be none.

        Raises:
            NotWantedError: it is not wanted any more.
            UnavailableError: the centre does not answer.
        """
        self._ask("POST", number, "/failure", msgspec.json.encode({"why": why[:200]}), "application/json")

    def _ask(self, method: str, number: int, what: str, body: bytes | None = None, kind: str = "") -> bytes:
        url = f"{self._url}/api/v1/renderings/{number}{what}?{urlencode(self._box)}"
        answer = bounded_http.ask(
            method,
            url,
            context=self._tls,
            headers=[("content-type", kind)] if kind else [],
            body=body,
            within_s=_WITHIN_S,
            most_bytes=_MOST_BYTES,
        )
        if answer.status in (404, 410):
            raise NotWantedError(f"export {number} is not wanted any more")
        if not 200 <= answer.status < 300:
            raise UnavailableError(f"{self._url}: {answer.status} {answer.body[:200].decode(errors='replace')}")
        return answer.body
