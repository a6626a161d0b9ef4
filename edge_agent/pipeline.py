"""One camera's analysis: frames in, crossings out. No input, no output, no clock."""

from edge_agent.motion import MotionDetector
from edge_agent.sources import Frame
from edge_agent.track import Track, Tracker
from edge_agent.tripwire import Crossing, TripwireJudge
from shared.scene import Scene


class Pipeline:
    """Motion, tracking and tripwires of one camera."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._motion = MotionDetector()
        self._tracker = Tracker()
        self._judge: TripwireJudge | None = None
        self.tracks: list[Track] = []

    def step(self, frame: Frame) -> list[Crossing]:
        """Analyse one frame.

        Returns:
            Crossings that this frame confirms, in the order of the tracks.
        """
        if self._judge is None:
            height, width = frame.grey.shape
            self._judge = TripwireJudge(self._scene.tripwires, aspect=width / height)
        self.tracks = self._tracker.step(self._motion.step(frame.grey, frame.time_s), frame.time_s)
        found = self._judge.step({track.track_id: track.ground for track in self.tracks}, frame.number, frame.time_s)
        self._judge.forget(self._tracker.living())
        return found
