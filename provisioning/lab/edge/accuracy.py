"""The whole edge analysis on real video, with the one default configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_agent.camera.looks.lookers import patient_looks
from edge_agent.camera.sources.file import FileSource
from edge_agent.config import LookSettings
from edge_agent.frames import Frame
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire import Crossing
from edge_agent.vision.tripwire.geometry import Point
from provisioning.lab.edge.clips import Clip, Line
from provisioning.lab.edge.ground_truth import Paths, crossings
from provisioning.lab.edge.scoring import Judged, LineEvent, LineTruth, Score, judge_line, score
from shared.objects import ObjectGroup
from shared.scene import Scene, Tripwire

WITHIN_FRAMES = 12
WARM_UP_S = 2.0
"""What happens before is not judged: the first background is learnt."""


def run(
    video: Path, lines: Mapping[str, Sequence[Point]], looks: float = 0, objects: Sequence[ObjectGroup] = ()
) -> tuple[dict[str, list[LineEvent]], float]:
    """Crossings of each line, and the clip's frames a second.

    Args:
        video: the file.
        lines: their points, by name.
        looks: a second.
        objects: that all lines ask for; all without it.
    """
    scene = Scene([Tripwire(name, list(points), objects=list(objects)) for name, points in lines.items()])
    pipeline = Pipeline(scene, looks=patient_looks(LookSettings(looks)))
    found: dict[str, list[LineEvent]] = {name: [] for name in lines}
    source = FileSource(video, realtime=False)
    for frame in source.frames():
        if isinstance(frame, Frame):
            for event in pipeline.step(frame):
                if isinstance(event, Crossing):
                    found[event.line].append(LineEvent(event.frame, event.direction))
    return found, source.fps


def against_tracks(video: Path, truth: Paths, lines: Mapping[str, Line]) -> dict[str, Score]:
    """Each line's score against ground-truth tracks, behind the warm-up."""
    found, fps = run(video, lines)
    return {
        name: score(_later(crossings(truth, a, b), fps), _later(found[name], fps), WITHIN_FRAMES)
        for name, (a, b) in lines.items()
    }


def against_counts(
    video: Path, lines: Mapping[str, tuple[Line, Sequence[LineEvent]]], within: float
) -> dict[str, Score]:
    """Each line's score against what was counted by eye."""
    found, _ = run(video, {name: line for name, (line, _) in lines.items()})
    return {name: score(counted, found[name], within) for name, (_, counted) in lines.items()}


def on_clip(video: Path, clip: Clip, looks: float = 0) -> Judged:
    """All lines of a clip together, in one encoding of it, with so many looks a second."""
    found, _ = run(video, {name: points for name, (points, _) in clip.lines.items()}, looks)
    judged = (judge_line(truth, found[name], clip.fps) for name, (_, truth) in clip.lines.items())
    return sum(judged, Judged())


def on_tracks(name: str, video: Path, truth: Paths, lines: Mapping[str, Line]) -> Clip:
    """A clip whose crossings are those of ground-truth tracks, behind the warm-up."""
    fps = FileSource(video, realtime=False).fps
    judged = WARM_UP_S * fps, float("inf")
    of = {
        line: (points, LineTruth(_later(crossings(truth, *points), fps), WITHIN_FRAMES, judged=judged))
        for line, points in lines.items()
    }
    return Clip(name, video.name, fps, of)


def _later(events: Sequence[LineEvent], fps: float) -> list[LineEvent]:
    return [event for event in events if event.frame > WARM_UP_S * fps]
