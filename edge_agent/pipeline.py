"""One camera's analysis: frames in, events out. No input, no output, no clock."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_agent.detect import ObjectDetector, detections
from edge_agent.motion import MotionDetector
from edge_agent.motion.masks import Masks
from edge_agent.sources import Frame
from edge_agent.track import Spot, Track, Tracker
from edge_agent.tripwire import Crossing, Presence, Sighting, TripwireJudge, ZoneJudge
from shared.scene import Scene

Found = Crossing | Presence


@dataclass(slots=True)
class _Judges:
    """Made with the first frame, because geometry needs the picture's aspect."""

    lines: TripwireJudge
    zones: ZoneJudge
    introduced: set[int] = field(default_factory=set)


class Pipeline:
    """Motion or an object detector, tracking, lines and zones of one camera.

    Args:
        scene: what is watched.
        detector: finds objects instead of motion, where the hardware allows.
    """

    def __init__(self, scene: Scene, detector: ObjectDetector | None = None) -> None:
        self._scene, self._detector = scene, detector
        self._masks = Masks(scene.masks)
        self._motion = MotionDetector()
        self._tracker = Tracker()
        self._judges: _Judges | None = None
        self._pending: dict[int, list[Found]] = {}
        self.tracks: list[Track] = []

    @property
    def moving(self) -> NDArray[np.uint8] | None:
        """Mask of what moved in the last frame, shape of the analysed picture; None with an object detector."""
        return self._motion.mask

    def step(self, frame: Frame) -> list[Found]:
        """Analyse one frame.

        Returns:
            What this frame confirms, in the order of the tracks: crossings first.
        """
        if self._judges is None:
            height, width = frame.grey.shape
            self._judges = _Judges(
                TripwireJudge(self._scene.tripwires, width / height), ZoneJudge(self._scene.zones, width / height)
            )
        if self._detector is None:
            seen = self._motion.step(frame, self._masks, self._tracker.held(), self._tracker.purposeful())
        else:
            seen = detections(self._detector, frame, self._masks)
        self.tracks = self._tracker.step(seen, frame.time_s, frame.number)
        return self._believed(self._judge(self._judges, frame))

    def _believed(self, found: list[Found]) -> list[Found]:
        """Hold back what a track did until it has gone somewhere; what never does was leaves, rain or light."""
        for event in found:
            self._pending.setdefault(event.track, []).append(event)
        living = self._tracker.living()
        purposeful = {track.track_id for track in self.tracks if track.purposeful}
        told = [event for track in purposeful for event in self._pending.pop(track, ())]
        self._pending = {track: events for track, events in self._pending.items() if track in living}
        return told

    def _judge(self, judges: _Judges, frame: Frame) -> list[Found]:
        sightings, found = [], list[Found]()
        for track in self.tracks:
            if track.track_id not in judges.introduced:
                past = list(track.path)[:-1]
                found += judges.lines.replay([(_at(track, spot), spot.frame, spot.time_s) for spot in past])
            sightings.append(_at(track, track.path[-1]))
        judges.introduced = self._tracker.living() & (judges.introduced | {track.track_id for track in self.tracks})
        found += judges.lines.step(sightings, frame.number, frame.time_s)
        found += judges.zones.step(sightings, frame.number, frame.time_s)
        return found


def _at(track: Track, spot: Spot) -> Sighting:
    """The track as it was on its way, with the size that it has now."""
    left, top, right, bottom = track.box
    wide, high = right - left, bottom - top
    return Sighting(track.track_id, spot.x - wide / 2, spot.y - high, spot.x + wide / 2, spot.y)
