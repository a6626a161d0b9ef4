"""Says what goes on for long without saying it every time."""

import logging
import time

_AGAIN_S = 300.0


class TroubleLog:
    """One trouble that may last: told when it begins or changes, then every five minutes, and when it is over."""

    def __init__(self, log: logging.Logger, level: int = logging.WARNING) -> None:
        self._log, self._level = log, level
        self._what = ""
        self._told_s = 0.0
        self._untold = 0

    def tell(self, what: str) -> None:
        """It happens, perhaps again."""
        now_s = time.monotonic()
        if what == self._what and now_s - self._told_s < _AGAIN_S:
            self._untold += 1
            return
        times = f" ({self._untold} times more since)" if what == self._what and self._untold else ""
        self._log.log(self._level, "%s%s", what, times)
        self._what, self._told_s, self._untold = what, now_s, 0

    def over(self, words: str) -> None:
        """It does not happen any more; nothing is said where nothing was told."""
        if self._what:
            self._log.log(self._level, "%s", words)
            self._what, self._untold = "", 0
