"""A process of simulated boxes, as the one who started it sees it."""

import json
import time
from typing import Any

from provisioning.lab.local_site.processes import PartProcess
from shared.errors import UnavailableError

DRAIN_S = 300.0
_UP_S = 60.0
_STILL_WAITING = 1
"""Exit code of boxes that could not bring everything out."""


class FleetProcess(PartProcess):
    """A process of boxes. Its figures are JSON lines of its log; the first comes when its boxes are up."""

    _before = 0

    def start(self) -> None:
        """Begin a life."""
        self._before = self.log.stat().st_size if self.log.exists() else 0
        super().start()

    def figures(self) -> dict[str, Any] | None:
        """The newest figures of this life."""
        with self.log.open("rb") as file:
            file.seek(self._before)
            lines = [line for line in file.read().splitlines() if line.startswith(b"{")]
        return json.loads(lines[-1]) if lines else None

    def finish(self) -> dict[str, Any]:
        """Let what waits go out, end, and return the last figures.

        Raises:
            UnavailableError: it did not end in order.
        """
        deadline_s = time.monotonic() + _UP_S
        while self.figures() is None and self.exit_code is None and time.monotonic() < deadline_s:
            time.sleep(0.05)  # told to end before it listens, it would end at once
        self.stop(DRAIN_S)
        found = self.figures()
        if self.exit_code not in (0, _STILL_WAITING) or not found or "ended" not in found:
            raise UnavailableError(f"{self.name} did not end in order ({self.exit_code}): {self.last_words()}")
        return found
