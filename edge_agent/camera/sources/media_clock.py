"""A stream's own time: from its stamps where they make sense, from the arrivals where they do not.

Pictures of radio links and relays come in bursts, so their arrival says little of when they were taken; cameras' stamps
jump, stand still or run at a wrong rate. Pure: times are passed in.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

_USUAL_S = 0.1
"""The distance of two pictures until it is known or stated."""
_DISTANCES = 25
_GAP_S = 5.0
"""A longer gap between the stamps of a file is taken for a jump: nothing that is tracked outlives it anyway."""
_SLACK_S = 0.5
"""Stamps of a live stream may go on by this much more than the time that has passed."""
_SILENCE = 10.0
"""After so many usual distances without a picture, time has passed whatever the stamps say."""
_WINDOW_S = 20.0
"""Over so long stamps are held against arrivals, and the soonest arrival says when pictures are taken."""
_JUDGED_S = 10.0
"""Several bursts: in less, one more or one fewer of them would look like another rate."""
_DRIFT = 0.05
"""Stamps that run slower or faster than the arrivals by more than this part are not the stream's time."""
_STEADY, _STEADY_PART = 0.25, 0.8
"""A pace is steady when this part of the distances differs from the usual one by less than that part of it."""
_MISSING = 1.6
"""A distance of so many usual ones holds pictures that never came."""
_LEAST_S = 0.001
_REORDERED_S = 1.0
"""Stamps of packets go back by less than this where pictures build on later ones; by more where the stream jumps."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a picture was taken.

    Attributes:
        time_s: media time since the first picture; grows with every picture.
        taken_s: by the clock that the arrivals were given in.
        missing: pictures that never came, where the stream's pace is steady; known one picture later.
    """

    time_s: float
    taken_s: float
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Arrival:
    arrived_s: float
    stamped_s: float
    """Time by the stamps alone."""
    time_s: float


class Pace:
    """Media time of one stream, picture by picture.

    Args:
        live: arrivals count. A file is read at any speed, so they say nothing.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._stamp_s: float | None = None
        self._arrived_s: float | None = None
        self._time_s = self._stamped_s = 0.0
        self._stated_s = _USUAL_S
        self._held = self._accounted = 0
        self._distances: deque[float] = deque(maxlen=_DISTANCES)
        self._recent: deque[_Arrival] = deque()

    def cut(self, usual_s: float | None = None) -> None:
        """The stream begins anew: its stamps have nothing to do with those before.

        Args:
            usual_s: the distance of two pictures as the stream states it.
        """
        self._stamp_s, self._stated_s = None, usual_s or self._stated_s
        self._recent.clear()

    @property
    def usual_s(self) -> float:
        """The usual distance of two pictures."""
        return median(self._distances) if self._distances else self._stated_s

    def step(self, stamp_s: float | None, arrived_s: float, accounted: int = 0) -> Moment:
        """The next picture.

        Args:
            stamp_s: the stream's own time of it, None where it has none.
            arrived_s: when it reached us, by a clock that only grows.
            accounted: pictures before it of which it is known that they were broken.
        """
        missing, self._accounted = 0, accounted
        if self._arrived_s is not None:
            missing = self._advance(self._stamped(stamp_s), arrived_s - self._arrived_s)
        self._stamp_s, self._arrived_s = stamp_s, arrived_s
        return Moment(self._time_s, self._taken(arrived_s), missing)

    def _stamped(self, stamp_s: float | None) -> float | None:
        """By how much the stamps went on; None where they say nothing or go back."""
        if stamp_s is None or self._stamp_s is None or stamp_s <= self._stamp_s:
            return None
        return stamp_s - self._stamp_s

    def _advance(self, stamped_s: float | None, heard_s: float) -> int:
        """Let the media time go on; returns the pictures that are missing."""
        usual_s, missing = self.usual_s, 0
        if stamped_s is not None and stamped_s <= (heard_s + self._lag_s() + _SLACK_S if self._live else _GAP_S):
            step_s = stamped_s
            missing = self._missing(step_s, usual_s)
            self._distances.append(step_s)
        elif self._live and (heard_s > _SILENCE * usual_s or not self._distances):
            step_s = heard_s
        else:
            step_s = usual_s
        self._stamped_s += step_s
        if not self._are_fair():
            step_s, missing = (self._recent[-1].arrived_s - self._recent[0].arrived_s) / (len(self._recent) - 1), 0
        self._time_s += max(_LEAST_S, step_s)
        return missing

    def _missing(self, step_s: float, usual_s: float) -> int:
        """Pictures that a steady stream left out before the last one: a gap where others like it follow is the pace."""
        near = sum(abs(distance - usual_s) <= _STEADY * usual_s for distance in self._distances)
        if len(self._distances) < _DISTANCES or near < _STEADY_PART * _DISTANCES or step_s < _MISSING * usual_s:
            held, self._held = self._held, 0
            return held
        if self._held:  # the second in a row: another rate
            self._distances.clear()
            self._held = 0
        else:
            self._held = max(0, round(step_s / usual_s) - 1 - self._accounted)
        return 0

    def _are_fair(self) -> bool:
        """Whether the stamps of a live stream go on as fast as the time does.

        The soonest arrivals of the window's halves are held against each other: bursts make no difference to them.
        """
        if not self._recent or self._recent[-1].arrived_s - self._recent[0].arrived_s < _JUDGED_S:
            return True
        half_s = (self._recent[-1].arrived_s - self._recent[0].arrived_s) / 2
        middle_s = self._recent[0].arrived_s + half_s
        early = [recent.arrived_s - recent.stamped_s for recent in self._recent if recent.arrived_s <= middle_s]
        late = [recent.arrived_s - recent.stamped_s for recent in self._recent if recent.arrived_s > middle_s]
        return not early or not late or abs(min(late) - min(early)) <= _DRIFT * half_s

    def _lag_s(self) -> float:
        """How much later than the soonest the latest picture of late came: the length of a burst."""
        lags = [recent.arrived_s - recent.time_s for recent in self._recent]
        return max(lags) - min(lags) if lags else 0.0

    def _taken(self, arrived_s: float) -> float:
        """The picture that came soonest after it was taken tells when all others were."""
        if not self._live:
            return arrived_s
        self._recent.append(_Arrival(arrived_s, self._stamped_s, self._time_s))
        while arrived_s - self._recent[0].arrived_s > _WINDOW_S:
            self._recent.popleft()
        return min(arrived_s, self._time_s + min(recent.arrived_s - recent.time_s for recent in self._recent))


class PacketPace:
    """When the pictures of a live stream's packets were taken, in the order of the packets.

    A picture that others build on is sent before those that are shown before it. So only stamps that go on tell the
    stream's time; the others are told by their distance from the newest.
    """

    def __init__(self) -> None:
        self._pace = Pace(live=True)
        self._newest: tuple[float, float] | None = None
        """Stamp of the latest picture so far, and when it was taken."""

    def cut(self) -> None:
        """The stream begins anew."""
        self._pace.cut()
        self._newest = None

    def taken_s(self, stamp_s: float | None, arrived_s: float) -> float:
        """When the picture of the next packet was taken, by the clock that the arrivals are given in.

        Args:
            stamp_s: the stream's own time of the picture, None where it has none.
            arrived_s: when it reached us, by a clock that only grows.
        """
        if stamp_s is not None and self._newest:
            newest_s, newest_taken_s = self._newest
            if 0 < newest_s - stamp_s < _REORDERED_S:
                return newest_taken_s - (newest_s - stamp_s)
        taken_s = self._pace.step(stamp_s, arrived_s).taken_s
        if stamp_s is not None:
            self._newest = stamp_s, taken_s
        return taken_s
