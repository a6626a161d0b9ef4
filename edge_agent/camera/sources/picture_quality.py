"""How well a camera's pictures come: what is damaged, lost or late makes it degraded. Pure: times are passed in."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.frames import Frame, SourceEvent
from shared.events import CameraState

_WINDOW_S = 30.0
_SPOILT, _WELL = 1 / 28, 1 / 40
"""Part of the pictures that are damaged or lost: more is degraded, less is well again. Up to one in thirty costs no
crossing (docs/benchmarks.md)."""
_LEAST_CAME = 100
"""Of fewer pictures a part says little."""
_SLOW_FPS = 5.0
"""With fewer pictures a second analysis misses what is quick."""
_SLOW_PART = 0.6


@dataclass(slots=True)
class _Second:
    at_s: float
    analysed: int = 0
    spoilt: int = 0
    late: int = 0


class Condition:
    """Adds up what befalls the pictures of one camera."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque()
        self._degraded = False
        self._told = CameraState.WATCHING, ""
        self._counted = 0, 0

    def before(
        self, frame: Frame, now_s: float, *, spoilt: int, late: int = 0, hint: str = "", complaint: str = ""
    ) -> Iterator[Frame | SourceEvent]:
        """A frame that is analysed, and before it how well frames come, where that has changed.

        Args:
            frame: the next one.
            now_s: a time that only grows.
            spoilt: pictures that were damaged or lost since the source began.
            late: those that analysis was too slow for, since then.
            hint: see `change`.
            complaint: see `change`.
        """
        spoilt_before, late_before = self._counted
        self._counted = spoilt, late
        self.note(now_s, analysed=1, spoilt=spoilt - spoilt_before, late=late - late_before)
        if change := self.change(now_s, hint, complaint):
            yield change
        yield frame

    def note(self, now_s: float, *, analysed: int = 0, spoilt: int = 0, late: int = 0) -> None:
        """Count pictures: analysed ones, damaged or lost ones, and those that analysis was too slow for."""
        if not self._seconds or now_s - self._seconds[-1].at_s >= 1:
            self._seconds.append(_Second(now_s))
        second = self._seconds[-1]
        second.analysed += analysed
        second.spoilt += spoilt
        second.late += late
        while now_s - self._seconds[0].at_s > _WINDOW_S:
            self._seconds.popleft()

    def change(self, now_s: float, hint: str = "", complaint: str = "") -> SourceEvent | None:
        """What is to be told now: that pictures come badly, or well again; None when nothing changed.

        Args:
            now_s: the time of `note`.
            hint: what else there is to say of a camera that is well enough; told when it changes.
            complaint: why it is degraded, for a reason that is known elsewhere; empty for none.
        """
        spoilt = self._reason(now_s)
        self._degraded, reason = bool(spoilt), spoilt or complaint
        # Of a reason with numbers, which always change, the kind counts.
        told = (CameraState.DEGRADED, "spoilt" if spoilt else "else") if reason else (CameraState.WATCHING, hint)
        if told == self._told:
            return None
        self._told = told
        return SourceEvent(told[0], reason or hint)

    def _reason(self, now_s: float) -> str:
        analysed = sum(second.analysed for second in self._seconds)
        spoilt = sum(second.spoilt for second in self._seconds)
        late = sum(second.late for second in self._seconds)
        came = analysed + spoilt + late
        if spoilt - 1 > (_WELL if self._degraded else _SPOILT) * max(came, _LEAST_CAME):
            return f"{spoilt} of {came} pictures damaged or lost in {_WINDOW_S:.0f} s"
        lasted_s = now_s - self._seconds[0].at_s if self._seconds else 0.0
        if lasted_s > _WINDOW_S / 2 and late > (1 - _SLOW_PART) * came and analysed < _SLOW_FPS * lasted_s:
            return f"analysis too slow: {analysed / lasted_s:.1f} of {came / lasted_s:.1f} pictures/s"
        return ""
