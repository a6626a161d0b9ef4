"""The end of alarms whose sensors never tell it: a while behind the last word of one it is over."""

import threading


class Clearing:
    """When alarms are over that nobody ends. For several threads."""

    def __init__(self) -> None:
        self._lock, self._until_s = threading.Lock(), dict[str, float]()

    def note(self, sensor: str, now_s: float, lasts_s: float, *, is_active: bool) -> None:
        """A sensor has spoken.

        Args:
            sensor: its name.
            now_s: monotonic.
            lasts_s: so long behind this its alarm is over; 0: it tells that itself.
            is_active: it alarms; whatever else it says ends the waiting.
        """
        with self._lock:
            self._until_s.pop(sensor, None)
            if is_active and lasts_s:
                self._until_s[sensor] = now_s + lasts_s

    def is_noted(self, sensor: str) -> bool:
        """Whether its alarm is waited out."""
        with self._lock:
            return sensor in self._until_s

    def over(self, now_s: float) -> list[str]:
        """Sensors whose alarm is over by now; each is told once."""
        with self._lock:
            found = [sensor for sensor, until_s in self._until_s.items() if now_s >= until_s]
            for sensor in found:
                del self._until_s[sensor]
            return found
