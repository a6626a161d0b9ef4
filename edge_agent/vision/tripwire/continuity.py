"""Who is who, when ids fail: things move on steadily, ids jump.

Every tracker now and then gives a thing a new id, or swaps the ids of two. Judged by its id alone, a thing that changes
it on the line is never counted, and two that swap theirs across it are counted twice. So ids are taken as hints: one
that jumps is cut off, and what appears where something has just vanished goes on as that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.vision.tripwire.geometry import Point
from edge_agent.vision.tripwire.sighting import Sighting

_JUMP, _JUMP_PER_S, _JUMP_SIZES = 0.12, 0.9, 0.6
"""Farther from where it was expected, in picture heights or in its own size, nothing gets between two frames."""
_REACH, _REACH_PER_S, _REACH_SIZES_PER_S = 0.09, 0.12, 1.5
"""So near to where something vanished, in picture heights or by its own size a second, what appears is that thing."""
_VANISHED_S = 1.6
_STEER = 0.5
KEEP_S = 3.0
"""What was unseen for longer is over."""


@dataclass(slots=True)
class _Mover:
    number: int
    track: int
    x: float
    y: float
    time_s: float
    size: float
    vx: float = 0.0
    vy: float = 0.0
    heading_known: bool = False

    def expected(self, time_s: float) -> Point:
        """Where it will be; its motion dies away when it stays unseen."""
        ahead_s = min(0.6, time_s - self.time_s)
        return self.x + self.vx * ahead_s, self.y + self.vy * ahead_s


class Continuity:
    """Numbers the things behind the ids. Numbers count from 1 and are not used again."""

    def __init__(self) -> None:
        self._movers: dict[int, _Mover] = {}
        self._by_track: dict[int, int] = {}
        self._next = 1

    def step(self, places: Sequence[tuple[int, Point, float]], time_s: float) -> list[int]:
        """Find who is who.

        Args:
            places: track id (negative where the tracker has none), place and larger side, in picture heights.
            time_s: media time.

        Returns:
            A number for each place, in their order.
        """
        self._expire(time_s)
        numbers = [0] * len(places)
        unsure = []
        for index, (track, place, size) in enumerate(places):
            number = self._by_track.get(track) if track >= 0 else None
            if number is not None and self._follows(self._movers[number], place, size, time_s):
                numbers[index] = number
            else:
                unsure.append(index)
        self._match(unsure, numbers, places, time_s)
        for index, (track, place, size) in enumerate(places):
            if not numbers[index]:
                numbers[index] = self._next
                self._movers[self._next] = _Mover(self._next, track, *place, time_s, size)
                self._next += 1
            self._update(self._movers[numbers[index]], track, place, size, time_s)
        return numbers

    def follow(self, sightings: Sequence[Sighting], aspect: float, time_s: float) -> list[int]:
        """The same for sightings, by their ground points."""
        return self.step(
            [
                (
                    seen.track,
                    seen.place("ground", aspect),
                    max(seen.bottom - seen.top, (seen.right - seen.left) * aspect),
                )
                for seen in sightings
            ],
            time_s,
        )

    def living(self) -> set[int]:
        """Numbers that may still be seen."""
        return set(self._movers)

    def _expire(self, time_s: float) -> None:
        for number in [n for n, mover in self._movers.items() if time_s - mover.time_s > KEEP_S]:
            track = self._movers.pop(number).track
            if self._by_track.get(track) == number:
                del self._by_track[track]

    def _follows(self, mover: _Mover, place: Point, size: float, time_s: float) -> bool:
        x, y = mover.expected(time_s)
        limit = max(_JUMP, _JUMP_SIZES * size) + _JUMP_PER_S * (time_s - mover.time_s)
        near = min((place[0] - x) ** 2 + (place[1] - y) ** 2, (place[0] - mover.x) ** 2 + (place[1] - mover.y) ** 2)
        return near <= limit * limit

    def _match(
        self, unsure: list[int], numbers: list[int], places: Sequence[tuple[int, Point, float]], time_s: float
    ) -> None:
        """Give what has no number the number of what vanished there, nearest first."""
        taken = set(numbers)
        pairs = []
        for number, mover in self._movers.items() if unsure else ():
            away_s = time_s - mover.time_s
            if number in taken or not 0 < away_s <= _VANISHED_S:
                continue
            x, y = mover.expected(time_s)
            reach = _REACH + max(_REACH_PER_S, _REACH_SIZES_PER_S * mover.size) * away_s
            for index in unsure:
                away = ((places[index][1][0] - x) ** 2 + (places[index][1][1] - y) ** 2) ** 0.5
                if away <= reach:
                    pairs.append((away, index, number))
        for _, index, number in sorted(pairs):
            if not numbers[index] and number not in taken:
                numbers[index] = number
                taken.add(number)

    def _update(self, mover: _Mover, track: int, place: Point, size: float, time_s: float) -> None:
        dt_s = time_s - mover.time_s
        if dt_s > 0:
            vx, vy = (place[0] - mover.x) / dt_s, (place[1] - mover.y) / dt_s
            steer = _STEER if mover.heading_known else 1.0
            mover.vx += steer * (vx - mover.vx)
            mover.vy += steer * (vy - mover.vy)
            mover.heading_known = True
        mover.x, mover.y, mover.time_s, mover.size = *place, time_s, size
        if mover.track != track and self._by_track.get(mover.track) == mover.number:
            del self._by_track[mover.track]
        mover.track = track
        if track >= 0:
            self._by_track[track] = mover.number
