"""Bars of the edge."""

from collections.abc import Iterator

from provisioning.lab.targets import Target
from shared.real_data import real_data

CARS = 4
"""Cars that cross the middle of car-detection.mp4, counted by eye: two up, two down."""


def measure(quick: bool) -> Iterator[Target]:  # noqa: ARG001 - one short clip
    """Crossings on a real clip."""
    from edge_agent.camera.sources.file import FileSource
    from edge_agent.frames import Frame
    from edge_agent.vision.pipeline import Pipeline
    from shared.scene import Scene, Tripwire

    name = "car-detection.mp4, |crossings - 4 cars|"
    folder = real_data("video")
    if folder is None:
        yield Target(name, None, 0, "crossings", note="real videos are absent; set HAWKLINE_DATA")
        return
    pipeline = Pipeline(Scene([Tripwire("lane", [(0.05, 0.5), (0.95, 0.5)])]))
    frames = (
        item for item in FileSource(folder / "car-detection.mp4", realtime=False).frames() if isinstance(item, Frame)
    )
    yield Target(name, abs(sum(len(pipeline.step(frame)) for frame in frames) - CARS), 0, "crossings")
