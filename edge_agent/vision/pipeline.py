"""One camera's analysis: frames in, events out. No input, no output, no clock."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Frame
from edge_agent.vision.detect import ObjectDetector, detections
from edge_agent.vision.judging import Found, Judging, Moment, Uncounted
from edge_agent.vision.last_minute import LastMinute
from edge_agent.vision.looks import Look, Looks, Ready
from edge_agent.vision.motion import Foreground, MotionDetector, ViewedFrame
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.nearing import borders_of, nearing
from edge_agent.vision.track import Recognised, Sight, Track, Tracker
from models.objects import Region
from shared.scene import Scene

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
        last_minute: keeps what moves, while another scene may be tried on it.
    """

    def __init__(self, scene: Scene, detector: ObjectDetector | None = None, looks: Looks | None = None) -> None:
        self._scene, self._detector = scene, detector
        self._masks = Masks(scene.masks)
        self._motion = MotionDetector()
        self._looks = looks
        self._tracker = Tracker()
        self._borders = borders_of(scene)
        self._judging: Judging | None = None
        """Made with the first frame, because geometry needs the picture's aspect."""
        self._clock = _MediaClock()
        self._near: Region | None = None
        self.look: Look | None = None
        self.tracks: list[Track] = []
        self.uncounted: list[Uncounted] = []
        self.last_minute: LastMinute | None = None

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
        if self._judging is None:
            height, width = frame.grey.shape
            self._judging = Judging(self._scene, width / height)
        if self._detector is not None:
            return self._found(self._judging, frame, detections(self._detector, frame, self._masks))
        found, moments = list[Found](), self._motion.viewed(frame)
        if self._looks is not None and not moments:
            self._looks.see(frame, self._near)  # what moves in it is known later
            found += self._caught_up(self._judging, self._looks.ready())
        for moment in moments:
            seen = self._motion.step(moment, self._masks, self._tracker.held(), self._tracker.travelling())
            if self._looks is None:
                found += self._found(self._judging, moment, seen)
                continue
            self._near = nearing(self._borders, seen)
            if moment.number == frame.number and (seen.blobs or self._tracker.living()):
                self._looks.see(frame, self._near)
            self._looks.add(moment, seen)
            found += self._caught_up(self._judging, self._looks.ready())
        return found

    def pass_over(self, frame: Frame) -> None:
        """A frame that is not analysed, because nothing is watched for in it: time goes on."""
        self._clock.step(frame.time_s)

    def finish(self) -> list[Found]:
        """What the pictures confirm that still wait for looks: for a while no other comes."""
        self.uncounted = []
        if self._looks is None or self._judging is None:
            return []
        return self._caught_up(self._judging, self._looks.ready(over=True))

    def held_back(self) -> list[Uncounted]:
        """What is not told unless another picture shows that it goes somewhere."""
        return [] if self._judging is None else self._judging.held_back()

    def _caught_up(self, judging: Judging, ready: Sequence[Ready]) -> list[Found]:
        found = []
        for analysed, look in ready:
            found += self._found(judging, analysed.moment, analysed.seen, look)
        return found

    def _found(
        self,
        judging: Judging,
        moment: Frame | ViewedFrame,
        seen: Foreground,
        look: Look | None = None,
    ) -> list[Found]:
        self.look = look
        sight = None if look is None else self._sight(look, seen)
        self.tracks = self._tracker.step(seen, moment.time_s, moment.number, sight)
        tracked = Moment(moment.number, moment.time_s, moment.doubt, self.tracks, self._tracker.living())
        if self.last_minute is not None:
            self.last_minute.take(tracked)
        found = judging.step(tracked)
        self.uncounted += judging.uncounted
        return found

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

    @property
    def time_s(self) -> float:
        """Media time of the last frame as analysis takes it: always growing, whatever the stream's stamps do."""
        return self._clock.now_s
