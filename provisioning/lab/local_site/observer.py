"""An operator's page in place of a browser: follows the feed and notes when what arrived."""

import json
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

_RETRY_S = 0.5


class FeedObserver:
    """Follows the feed from now on, resuming after every break. Alerts raised since are kept by id.

    Args:
        url: of the console.
        as_whom: what every request shows; nothing where whoever comes by loopback may see it.
        condition: of the alerts that count; None: all.
    """

    def __init__(
        self,
        url: str,
        as_whom: Mapping[str, Any] | None = None,
        condition: str | None = None,
    ) -> None:
        self._url, self._as_whom, self._condition = url, dict(as_whom or {}), condition
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._last_id: str | None = None
        self.alerts: dict[int, dict[str, Any]] = {}
        self.latencies_s: list[float] = []
        """From the capture of the confirming frame to the receipt of the raised alert."""
        self.received_s: dict[int, float] = {}
        """When each raised alert was here, Unix seconds."""
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def start(self, timeout_s: float = 60.0) -> bool:
        """Begin; True once connected."""
        self._thread.start()
        return self._connected.wait(timeout_s)

    def stop(self) -> None:
        """End; the thread leaves with the next message or ping."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            headers = {"last-event-id": self._last_id} if self._last_id else {}
            try:
                with (
                    httpx.Client(timeout=httpx.Timeout(5, read=15), trust_env=False, **self._as_whom) as client,
                    client.stream("GET", f"{self._url}/api/v1/feed", headers=headers) as response,
                ):
                    self._read(response)
            except httpx.HTTPError:
                self._stopping.wait(_RETRY_S)

    def _read(self, response: httpx.Response) -> None:
        event = ""
        for line in response.iter_lines():
            if self._stopping.is_set():
                return
            field, _, value = line.partition(": ")
            if field == "id":
                self._last_id = value
            elif field == "event":
                event = value
                self._connected.set()
            elif field == "data" and event == "alert":
                self._note(json.loads(value), time.time())

    def _note(self, message: dict[str, Any], received_s: float) -> None:
        alert = message["alert"]
        if self._condition not in (None, alert["condition"]):
            return
        if message["change"] == "raised":
            self.received_s[alert["id"]] = received_s
            self.latencies_s.append(received_s - datetime.fromisoformat(alert["confirmed_at"]).timestamp())
        if message["change"] == "raised" or alert["id"] in self.alerts:
            self.alerts[alert["id"]] = alert


def percentile(values: list[float], part: float) -> float | None:
    """Nearest-rank percentile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(part * 100) * len(ordered) // 100) - 1))]
