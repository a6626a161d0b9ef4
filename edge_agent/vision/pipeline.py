"""One camera's analysis: frames in, events out. No input, no output, no clock."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Doubt, Frame
from edge_agent.vision.detect import ObjectDetector, detections
from edge_agent.vision.looks import Look, Looks, Ready
from edge_agent.vision.motion import Foreground, MotionDetector, ViewedFrame
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.nearing import Borders, borders_of, nearing
from edge_agent.vision.track import Recognised, Sight, Spot, Track, Tracker
from edge_agent.vision.tripwire import Crossing, Presence, Sighting, TripwireJudge, ZoneJudge
from edge_agent.vision.tripwire.echoes import Crosser, Echoes
from edge_agent.vision.tripwire.reasons import Why
from models.objects import Region
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
_PACE_S = 0.1
_LEAST_PACE = 0.5


class _MediaClock:
    """Media time that only grows: frames that arrive in bursts, stand still or jump back are given their usual pace."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._raw_s: float | None = None
        self._pace_s = _PACE_S
        self._offset_s = 0.0

    def step(self, raw_s: float) -> float:
        """The time of the next frame, whose stamp is `raw_s`."""
        if self._raw_s is None:
            self.now_s = raw_s
        else:
            dt_s = raw_s - self._raw_s
            if 0 <= dt_s < 1:
                self._pace_s += 0.1 * (dt_s - self._pace_s)
            if dt_s < 0:
                self._offset_s = self.now_s + self._pace_s - raw_s
            self.now_s = max(raw_s + self._offset_s, self.now_s + max(0.01, _LEAST_PACE * self._pace_s))
        self._raw_s = raw_s
        return self.now_s


_LEAST_VISIBLE = 0.25
"""When less of something's height is in the picture, where its foot is cannot be told: a strip jumps to and fro."""


@dataclass(slots=True)
class _Judges:
    """Made with the first frame, because geometry needs the picture's aspect."""

    aspect: float
    lines: TripwireJudge
    zones: ZoneJudge
    borders: Borders
    introduced: set[int] = field(default_factory=set)


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


class Pipeline:
    """Motion or an object detector, tracking, lines and zones of one camera.

    Args:
        scene: what is watched.
        detector: finds objects instead of motion, where the hardware allows.
        looks: lets an object detector see a picture now and then, beside motion.

    Attributes:
        tracks: those seen in the last frame.
        uncounted: what the last step left out.
        look: at the last picture that was analysed; None where there was none.
    """

    def __init__(self, scene: Scene, detector: ObjectDetector | None = None, looks: Looks | None = None) -> None:
        self._scene, self._detector = scene, detector
        self._masks = Masks(scene.masks)
        self._motion = MotionDetector()
        self._looks = looks
        self._tracker = Tracker()
        self._judges: _Judges | None = None
        self._pending: dict[int, _Held] = {}
        self._believed: dict[int, _Belief] = {}
        self._wanted = {watch.name: _classes(watch.objects) for watch in scene.watches if watch.objects}
        self._clock = _MediaClock()
        self._echoes = Echoes()
        self._doubt = Doubt.NONE
        self._near: Region | None = None
        self.look: Look | None = None
        self.tracks: list[Track] = []
        self.uncounted: list[Uncounted] = []

    @property
    def moving(self) -> NDArray[np.uint8] | None:
        """Mask of what moved in the last frame, shape of the analysed picture; None with an object detector."""
        return self._motion.mask

    def step(self, frame: Frame) -> list[Found]:
        """Analyse one frame.

        Returns:
            What this frame confirms. Times in it are those of `time_s`.
        """
        frame = replace(frame, time_s=self._clock.step(frame.time_s))
        self.uncounted = []
        if self._judges is None:
            height, width = frame.grey.shape
            aspect = width / height
            self._judges = _Judges(
                aspect,
                TripwireJudge(self._scene.tripwires, aspect),
                ZoneJudge(self._scene.zones, aspect),
                borders_of(self._scene),
            )
        if self._detector is not None:
            return self._found(self._judges, frame, detections(self._detector, frame, self._masks))
        found, moments = list[Found](), self._motion.viewed(frame)
        if self._looks is not None and not moments:
            self._looks.see(frame, self._near)  # what moves in it is known later
            found += self._caught_up(self._judges, self._looks.ready())
        for moment in moments:
            seen = self._motion.step(moment, self._masks, self._tracker.held(), self._tracker.travelling())
            if self._looks is None:
                found += self._found(self._judges, moment, seen)
                continue
            self._near = nearing(self._judges.borders, seen)
            if moment.number == frame.number and (seen.blobs or self._tracker.living()):
                self._looks.see(frame, self._near)
            self._looks.add(moment, seen)
            found += self._caught_up(self._judges, self._looks.ready())
        return found

    def pass_over(self, frame: Frame) -> None:
        """A frame that is not analysed, because nothing is watched for in it: time goes on."""
        self._clock.step(frame.time_s)

    def finish(self) -> list[Found]:
        """What the pictures confirm that still wait for looks: for a while no other comes."""
        self.uncounted = []
        if self._looks is None or self._judges is None:
            return []
        return self._caught_up(self._judges, self._looks.ready(over=True))

    def held_back(self) -> list[Uncounted]:
        """What is not told unless another picture shows that it goes somewhere."""
        return [each for held in self._pending.values() for each in held.uncounted()]

    def _caught_up(self, judges: _Judges, ready: Sequence[Ready]) -> list[Found]:
        found = []
        for analysed, look in ready:
            found += self._found(judges, analysed.moment, analysed.seen, look)
        return found

    def _found(
        self,
        judges: _Judges,
        moment: Frame | ViewedFrame,
        seen: Foreground,
        look: Look | None = None,
    ) -> list[Found]:
        self._doubt, self.look = moment.doubt, look
        sight = None if look is None else self._sight(look, seen)
        self.tracks = self._tracker.step(seen, moment.time_s, moment.number, sight)
        judged = self._judge(judges, moment)
        told = list[Found]()
        for found in self._told(judged, moment.time_s):
            if self._is_echo(found, moment, judges):
                self.uncounted.append(Uncounted(found, Why.ECHO))
            elif not self._is_wanted(found):
                self.uncounted.append(Uncounted(found, Why.OTHER))
            else:
                told.append(found)
        return told

    def _is_wanted(self, found: Found) -> bool:
        """Whether the line or zone asks for what it may have been: only what is surely something else is left out."""
        wanted = self._wanted.get(found.watch)
        return wanted is None or not self._believed[found.track].track.is_surely_none_of(wanted)

    def _sight(self, look: Look, seen: Foreground) -> Sight:
        """What a look found, in pixels."""
        height, width = seen.labels.shape
        ignored = self._masks.ignored(width, height)
        found = []
        for thing in look.found:
            x = min(width - 1, max(0, round((thing.left + thing.right) / 2 * width)))
            y = min(height - 1, max(0, round(thing.bottom * height) - 1))
            box = thing.left * width, thing.top * height, thing.right * width, thing.bottom * height
            masked = ignored is not None and bool(ignored[y, x])
            found.append(Recognised(box, thing.score, thing.object_class, masked))
        left, top, right, bottom = look.region
        # What reaches beyond the picture's edge was looked at as far as it can be.
        region = (
            left * width if left > 0 else -math.inf,
            top * height if top > 0 else -math.inf,
            right * width if right < 1 else math.inf,
            bottom * height if bottom < 1 else math.inf,
        )
        return Sight(found, region)

    def _is_echo(self, found: Found, moment: Frame | ViewedFrame, judges: _Judges) -> bool:
        """Whether damage, or what looks do not know, made two of one that crossed."""
        track = next((track for track in self.tracks if track.track_id == found.track), None)
        if not isinstance(found, Crossing) or track is None:
            return False
        left, top, right, bottom = track.box
        place = (left + right) / 2 * judges.aspect, bottom
        size = max((right - left) * judges.aspect, bottom - top)
        age_s = moment.time_s - track.born_s
        echo_s = _ECHO_S[moment.doubt] if age_s < _YOUNG_S else 0.0
        if track.looks >= _UNKNOWN_LOOKS and not track.is_known:
            echo_s = max(echo_s, _UNKNOWN_ECHO_S)
        return self._echoes.is_echo(found, Crosser(place, size), echo_s)

    @property
    def time_s(self) -> float:
        """Media time of the last frame as analysis takes it: always growing, whatever the stream's stamps do."""
        return self._clock.now_s

    def _told(self, found: list[Found], now_s: float) -> list[Found]:
        """Hold back what a track did until it has gone somewhere; what never does was leaves, rain or light."""
        tracks = {track.track_id: track for track in self.tracks}
        for event in found:
            self._pending.setdefault(event.track, _Held(tracks.get(event.track))).events.append(event)
        living = self._tracker.living()
        least_s = _SMEAR_S if self._doubt is Doubt.SMEAR else 0.0
        # What leaves over a line at the picture's edge is counted when its track has long been over.
        self._believed = {number: belief for number, belief in self._believed.items() if belief.until_s > now_s}
        for track in self.tracks:
            if track.doubted:
                self._believed.pop(track.track_id, None)
            elif track.travelling and now_s - track.born_s >= least_s:
                self._believed[track.track_id] = _Belief(track, now_s + _BELIEVE_S)
        told = list[Found]()
        for number, belief in self._believed.items():
            object_class, score = belief.track.object_class
            held = self._pending.pop(number, None)
            told += [replace(event, object=object_class, score=score) for event in held.events] if held else []
        for number in self._pending.keys() - living:
            self.uncounted += self._pending.pop(number).uncounted()
        return told

    def _judge(self, judges: _Judges, moment: Frame | ViewedFrame) -> list[Found]:
        sightings, found = [], list[Found]()
        for track in self.tracks:
            if track.track_id not in judges.introduced:
                past = list(track.path)[:-1]
                found += judges.lines.replay([(_at(track, spot), spot.frame, spot.time_s) for spot in past])
            sightings.append(_at(track, track.path[-1]))
        sightings = [sighting for sighting in sightings if _visible(sighting) > _LEAST_VISIBLE]
        judges.introduced = self._tracker.living() & (judges.introduced | {track.track_id for track in self.tracks})
        found += judges.lines.step(sightings, moment.number, moment.time_s)
        self.uncounted += [Uncounted(*refused) for refused in judges.lines.refused]
        judges.lines.refused.clear()
        found += judges.zones.step(sightings, moment.number, moment.time_s)
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
