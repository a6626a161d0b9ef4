"""Decides what happens in a zone: intrusion after a dwell, loitering, going the wrong way."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.vision.tripwire.continuity import Continuity
from edge_agent.vision.tripwire.geometry import Point, contains, distance
from edge_agent.vision.tripwire.sighting import Sighting
from shared.events import WatchRule
from shared.objects import ObjectClass
from shared.scene import Zone

_MARGIN = 0.015
"""How far outside, in picture heights, something must be to have left a zone; so the border does not flicker."""
_AGAINST = -0.5
"""Cosine to the allowed way below which the way is wrong: more than 120 degrees off it."""
_WRONG_DISTANCE = 0.05
"""So far, in picture heights, something must have gone the wrong way: swaying on the spot is no way."""
_LAPSE_S = 1.5
"""Unseen for longer, a stay has ended."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A track did in a zone what its rule names: it began at `began_s` and had lasted long enough at `time_s`."""

    zone: str
    rule: WatchRule
    frame: int
    time_s: float
    began_s: float
    track: int
    object: ObjectClass = ObjectClass.UNKNOWN
    """What it was, as far as looks tell when the event is told."""
    score: float = 0.0
    """How sure that is, 0 to 1."""

    @property
    def watch(self) -> str:
        """Name of the zone."""
        return self.zone


@dataclass(slots=True)
class _Stay:
    began_s: float
    seen_s: float
    start: Point
    reported_s: float | None = None


class ZoneJudge:
    """Judges all zones of one camera.

    Args:
        aspect: the picture's width divided by its height.
    """

    def __init__(self, zones: Sequence[Zone], aspect: float) -> None:
        self._aspect = aspect
        self._zones = [(zone, [(x * aspect, y) for x, y in zone.points]) for zone in zones]
        self._continuity = Continuity()
        self._stays: dict[tuple[str, int], _Stay] = {}

    def step(self, sightings: Sequence[Sighting], frame: int, time_s: float) -> list[Presence]:
        """What has lasted long enough with this frame; once for each stay, or again after the zone's debounce."""
        numbers = self._continuity.follow(sightings, self._aspect, time_s)
        self._stays = {key: stay for key, stay in self._stays.items() if time_s - stay.seen_s <= _LAPSE_S}
        found = []
        for sighting, number in zip(sightings, numbers, strict=True):
            for zone, corners in self._zones:
                if zone.fits(sighting.bottom - sighting.top):
                    began_s = self._judge(zone, corners, number, sighting, time_s)
                    if began_s is not None:
                        found.append(Presence(zone.name, zone.rule, frame, time_s, began_s, sighting.track))
        return found

    def _judge(self, zone: Zone, corners: list[Point], number: int, sighting: Sighting, time_s: float) -> float | None:
        """When what is now reported began, None where nothing is."""
        here = sighting.place(zone.anchor, self._aspect)
        key = zone.name, number
        stay = self._stays.get(key)
        if not contains(corners, here):
            border = min(distance(a, b, here) for a, b in zip(corners, [*corners[1:], corners[0]], strict=True))
            if stay is None or border > _MARGIN:
                self._stays.pop(key, None)
                return None
        if stay is None:
            stay = self._stays[key] = _Stay(time_s, time_s, here)
        stay.seen_s = time_s
        if zone.heading is not None and not self._goes_wrong(zone.heading, stay, here, time_s):
            return None
        lasted = time_s - stay.began_s >= zone.must_last_s
        quiet = stay.reported_s is None or (zone.debounce_s > 0 and time_s - stay.reported_s >= zone.debounce_s)
        if not lasted or not quiet:
            return None
        stay.reported_s = time_s
        return stay.began_s

    def _goes_wrong(self, heading: tuple[float, float], stay: _Stay, here: Point, time_s: float) -> bool:
        """Whether it has gone against the heading since the stay began; going the right way begins it anew."""
        x, y = heading[0] * self._aspect, heading[1]
        length = (x * x + y * y) ** 0.5
        dx, dy = here[0] - stay.start[0], here[1] - stay.start[1]
        gone = (dx * dx + dy * dy) ** 0.5
        along = (dx * x + dy * y) / length
        if along > _WRONG_DISTANCE / 2:
            stay.start, stay.began_s = here, time_s
            return False
        return bool(gone >= _WRONG_DISTANCE and along <= _AGAINST * gone)
