"""Dahua: `GET /cgi-bin/eventManager.cgi?action=attach`, parts of `Code=…;action=…;index=…`, inputs counted from 0.

The stream tells what changes; what is active at its beginning is asked for.
"""

import re

PATH = "/cgi-bin/eventManager.cgi?action=attach&codes=[AlarmLocal]&heartbeat=5"
NOW_PATH = "/cgi-bin/eventManager.cgi?action=getEventIndexes&code=AlarmLocal"
_MOST_BYTES = 64 * 1024
_ALARM = re.compile(rb"Code=AlarmLocal;action=(Start|Stop);index=(\d{1,3})")
_ACTIVE = re.compile(r"channels\[\d+\]=(\d{1,3})")
_NONE = "No Events"


def active_in(answer: str) -> set[str] | None:
    """Inputs that are active, by number from 1, in an answer of `NOW_PATH`; None where it is no such answer."""
    found = {str(int(number) + 1) for number in _ACTIVE.findall(answer)}
    return found if found or _NONE in answer or not answer.strip() else None


class Stream:
    """Cuts alerts out of a stream that is read in pieces."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, piece: bytes) -> list[tuple[str, bool]]:
        """Inputs that have been told of, by number from 1, each with its state."""
        self._left += piece
        lines = self._left.splitlines(keepends=True)
        self._left = b""
        found = list[tuple[str, bool]]()
        for line in lines:
            if not line.endswith((b"\n", b"\r")):
                self._left = line[-_MOST_BYTES:]
            elif said := _ALARM.search(line):
                found.append((str(int(said[2]) + 1), said[1] == b"Start"))
        return found
