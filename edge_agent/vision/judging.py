"""What tracks mean to a scene: which lines they cross, which zones they are in, and what of that is told. Pure."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

from edge_agent.frames import Doubt
from edge_agent.vision.track import Spot, Track
from edge_agent.vision.tripwire import Crossing, Presence, Sighting, TripwireJudge, ZoneJudge
from edge_agent.vision.tripwire.echoes import Crosser, Echoes
from edge_agent.vision.tripwire.reasons import Why
from shared.objects import GROUPS, ObjectClass, ObjectGroup
from shared.scene import Scene

Found = Crossing | Presence

_BELIEVE_S = 4.5
"""Longer than the judges remember a track that is gone."""
_SMEAR_S = 0.7
"""A smear that seems to move is gone by then."""
_ECHO_S = {Doubt.NONE: 0.0, Doubt.GAP: 0.0, Doubt.SMEAR: 1.3}
"""Pieces of one thing cross within this time behind it. Measured on a clip with cars over a link that loses packets.

Behind whole pictures that are missing there are few pieces, and on a busy road others cross as soon."""
_YOUNG_S = 1.5
"""A thing that was followed for longer is no piece of another."""
_UNKNOWN_LOOKS, _UNKNOWN_ECHO_S = 3, 0.5
"""What so many looks did not tell, and crosses where something else does within this time, is its beam, its shadow or a
part of it: on a road the pieces of one vehicle cross one after another."""

_LEAST_VISIBLE = 0.25
"""When less of something's height is in the picture, where its foot is cannot be told: a strip jumps to and fro."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture, as tracking leaves it.

    Attributes:
        number: of the picture.
        time_s: media time.
        doubt: whether what the picture builds on is there.
        tracks: those seen in it.
        living: numbers of all tracks that may be seen again.
    """

    number: int
    time_s: float
    doubt: Doubt
    tracks: Sequence[Track]
    living: Set[int]


@dataclass(frozen=True, slots=True)
class _Belief:
    """A track that has gone somewhere, and until when what it did is told."""

    track: Track
    until_s: float


@dataclass(slots=True)
class _Held:
    """What a track did that has gone nowhere yet."""

    track: Track | None
    events: list[Found] = field(default_factory=list)

    def uncounted(self) -> "list[Uncounted]":
        why = Why.PART if self.track is not None and self.track.doubted else Why.NOWHERE
        return [Uncounted(event, why) for event in self.events]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """What met a line or zone and is not told, and why."""

    found: Found
    why: Why


class Judging:
    """Judges what moved by one scene, moment after moment.

    Args:
        scene: what is watched.
        aspect: width of the picture in its heights.

    Attributes:
        uncounted: what the last step left out.
    """

    def __init__(self, scene: Scene, aspect: float) -> None:
        self._aspect = aspect
        self._lines, self._zones = TripwireJudge(scene.tripwires, aspect), ZoneJudge(scene.zones, aspect)
        self._wanted = {watch.name: _classes(watch.objects) for watch in scene.watches if watch.objects}
        self._introduced: Set[int] = frozenset()
        self._pending: dict[int, _Held] = {}
        self._believed: dict[int, _Belief] = {}
        self._echoes = Echoes()
        self.uncounted: list[Uncounted] = []

    def step(self, moment: Moment) -> list[Found]:
        """Judge the next moment.

        Returns:
            What it confirms.
        """
        self.uncounted = []
        told = list[Found]()
        for found in self._told(self._judge(moment), moment):
            if self._is_echo(found, moment):
                self.uncounted.append(Uncounted(found, Why.ECHO))
            elif not self._is_wanted(found):
                self.uncounted.append(Uncounted(found, Why.OTHER))
            else:
                told.append(found)
        return told

    def held_back(self) -> list[Uncounted]:
        """What is not told unless another picture shows that it goes somewhere."""
        return [each for held in self._pending.values() for each in held.uncounted()]

    def _is_wanted(self, found: Found) -> bool:
        """Whether the line or zone asks for what it may have been: only what is surely something else is left out."""
        wanted = self._wanted.get(found.watch)
        return wanted is None or not self._believed[found.track].track.is_surely_none_of(wanted)

    def _is_echo(self, found: Found, moment: Moment) -> bool:
        """Whether damage, or what looks do not know, made two of one that crossed."""
        track = next((track for track in moment.tracks if track.track_id == found.track), None)
        if not isinstance(found, Crossing) or track is None:
            return False
        left, top, right, bottom = track.box
        place = (left + right) / 2 * self._aspect, bottom
        size = max((right - left) * self._aspect, bottom - top)
        age_s = moment.time_s - track.born_s
        echo_s = _ECHO_S[moment.doubt] if age_s < _YOUNG_S else 0.0
        if track.looks >= _UNKNOWN_LOOKS and not track.is_known:
            echo_s = max(echo_s, _UNKNOWN_ECHO_S)
        return self._echoes.is_echo(found, Crosser(place, size), echo_s)

    def _told(self, found: list[Found], moment: Moment) -> list[Found]:
        """Hold back what a track did until it has gone somewhere; what never does was leaves, rain or light."""
        tracks = {track.track_id: track for track in moment.tracks}
        for event in found:
            self._pending.setdefault(event.track, _Held(tracks.get(event.track))).events.append(event)
        now_s = moment.time_s
        least_s = _SMEAR_S if moment.doubt is Doubt.SMEAR else 0.0
        # What leaves over a line at the picture's edge is counted when its track has long been over.
        self._believed = {number: belief for number, belief in self._believed.items() if belief.until_s > now_s}
        for track in moment.tracks:
            if track.doubted:
                self._believed.pop(track.track_id, None)
            elif track.travelling and now_s - track.born_s >= least_s:
                self._believed[track.track_id] = _Belief(track, now_s + _BELIEVE_S)
        told = list[Found]()
        for number, belief in self._believed.items():
            object_class, score = belief.track.object_class
            held = self._pending.pop(number, None)
            told += [replace(event, object=object_class, score=score) for event in held.events] if held else []
        for number in self._pending.keys() - moment.living:
            self.uncounted += self._pending.pop(number).uncounted()
        return told

    def _judge(self, moment: Moment) -> list[Found]:
        sightings, found = [], list[Found]()
        for track in moment.tracks:
            if track.track_id not in self._introduced:
                past = list(track.path)[:-1]
                found += self._lines.replay([(_at(track, spot), spot.frame, spot.time_s) for spot in past])
            sightings.append(_at(track, track.path[-1]))
        sightings = [sighting for sighting in sightings if _visible(sighting) > _LEAST_VISIBLE]
        self._introduced = moment.living & (self._introduced | {track.track_id for track in moment.tracks})
        found += self._lines.step(sightings, moment.number, moment.time_s)
        self.uncounted += [Uncounted(*refused) for refused in self._lines.refused]
        self._lines.refused.clear()
        found += self._zones.step(sightings, moment.number, moment.time_s)
        return found


def _classes(objects: Sequence[ObjectGroup]) -> set[ObjectClass]:
    """Who rides is a person, too."""
    wanted = {one for name in objects for one in GROUPS[name]}
    return wanted | GROUPS["two_wheeler"] if "person" in objects else wanted


def _visible(sighting: Sighting) -> float:
    """Part of a thing's height that lies in the picture, 0 to 1."""
    seen = min(1.0, sighting.bottom) - max(0.0, sighting.top)
    return seen / max(1e-6, sighting.bottom - sighting.top)


def _at(track: Track, spot: Spot) -> Sighting:
    """The track as it was on its way, with the size that it has now."""
    left, top, right, bottom = track.box
    wide, high = right - left, bottom - top
    foot = spot.y - track.contact * high
    return Sighting(track.track_id, spot.x - wide / 2, spot.y - high, spot.x + wide / 2, foot)
