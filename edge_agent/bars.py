"""Bars of the edge."""

from collections.abc import Iterator

from shared.bars import Bar, real_data

CARS = 4
"""Cars that cross the middle of car-detection.mp4, counted by eye: two up, two down."""


def measure(quick: bool) -> Iterator[Bar]:  # noqa: ARG001 - one short clip
    """Crossings on a real clip."""
    from edge_agent.pipeline import Pipeline
    from edge_agent.sources import Frame
    from edge_agent.sources.file import FileSource
    from shared.scene import Scene, Tripwire

    name = "car-detection.mp4, |crossings - 4 cars|"
    folder = real_data("video")
    if folder is None:
        yield Bar(name, None, 0, "crossings", note="real videos are absent; set HAWKLINE_DATA")
        return
    pipeline = Pipeline(Scene([Tripwire("lane", [(0.05, 0.5), (0.95, 0.5)])]))
    frames = (
        item for item in FileSource(folder / "car-detection.mp4", realtime=False).frames() if isinstance(item, Frame)
    )
    yield Bar(name, abs(sum(len(pipeline.step(frame)) for frame in frames) - CARS), 0, "crossings")
