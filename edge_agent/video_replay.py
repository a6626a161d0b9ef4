"""A video through the analysis, for the eye: events as rows, and on request as a video and a contact sheet."""

from collections.abc import Iterator
from pathlib import Path

from edge_agent.camera.sources.file import FileSource
from edge_agent.frames import Frame
from edge_agent.render import ContactSheet, Renderer, VideoWriter
from edge_agent.vision.judging import Found, Uncounted
from edge_agent.vision.looks import Looks
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire import Crossing
from shared.errors import ConfigError
from shared.events import CameraState
from shared.output import say
from shared.scene import Scene

COLUMNS = ("kind", "line", "direction", "frame", "time_s", "track", "object", "score")
"""Of a row, as `row_of` makes it; with `explain` also `why`."""
NOT_COUNTED = "not_counted"
"""The kind of a row that says why something is not an event."""


class Replay:
    """One run over one video.

    Args:
        video: the file.
        scene: what is watched.
        render: where the video goes with everything drawn on it.
        sheet: where the page with a picture of every event goes.
        looks: of the object detector at the pictures; None is motion alone.
        explain: of this line or zone rows also tell what was not counted, and why.

    Raises:
        ConfigError: the video cannot be read, or an output cannot be written.
    """

    def __init__(
        self,
        video: Path,
        scene: Scene,
        render: Path | None = None,
        sheet: Path | None = None,
        looks: Looks | None = None,
        explain: str = "",
    ) -> None:
        if explain and explain not in [watch.name for watch in scene.watches]:
            names = ", ".join(repr(watch.name) for watch in scene.watches)
            raise ConfigError(f"--explain {explain!r}: no line or zone of the scene, which has {names}")
        for key, output in (("--render", render), ("--sheet", sheet)):
            _require_writable(key, output, video)
        self._video = video
        self.damaged = False
        self._source = FileSource(video, realtime=False, key="VIDEO")
        self._pipeline = Pipeline(scene, looks=looks)
        self._explain = explain
        self._renderer = Renderer(scene, self._pipeline)
        self._writer = VideoWriter(render, self._source.fps) if render else None
        self._sheet = ContactSheet(sheet) if sheet else None
        self.frames = 0
        self.tracks: set[int] = set()

    def rows(self) -> Iterator[dict[str, object]]:
        """Every event as it is confirmed."""
        try:
            for item in self._source.frames():
                if isinstance(item, Frame):
                    yield from self._step(item)
                elif item and item.state is CameraState.ENDED and not self._source.is_whole:
                    self.damaged = True
                    say(f"{self._video}: {item.detail}")
            yield from self._rows(self._pipeline.finish())
            yield from self._explained(self._pipeline.held_back())
        finally:
            for output in (self._writer, self._sheet):
                if output:
                    output.close()

    def _step(self, frame: Frame) -> list[dict[str, object]]:
        self.frames += 1
        found = self._pipeline.step(frame)
        self.tracks.update(track.track_id for track in self._pipeline.tracks)
        if self._writer or (self._sheet and found):
            drawn = self._renderer.draw(frame, found)
            if self._writer:
                self._writer.add(drawn)
            if self._sheet:
                self._sheet.add(drawn, found)
        return self._rows(found)

    def _rows(self, found: list[Found]) -> list[dict[str, object]]:
        rows = [row_of(event) | ({"why": ""} if self._explain else {}) for event in found]
        return [*rows, *self._explained(self._pipeline.uncounted)]

    def _explained(self, uncounted: list[Uncounted]) -> list[dict[str, object]]:
        of_line = [each for each in uncounted if each.found.watch == self._explain]
        return [row_of(each.found) | {"kind": NOT_COUNTED, "why": each.why.value} for each in of_line]


def _require_writable(key: str, output: Path | None, video: Path) -> None:
    """Before the work, not behind it: the output's folder is there, and it is not what is read."""
    if output is None:
        return
    kinds = (".mp4",) if key == "--render" else (".png", ".jpg", ".jpeg")
    if output.suffix.lower() not in kinds:
        raise ConfigError(f"{key} {str(output)!r}: expected a name that ends in {' or '.join(kinds)}")
    if output.is_dir() or not output.parent.is_dir():
        raise ConfigError(f"{key} {str(output)!r}: its folder is not there, or it is one itself")
    if output.exists() and output.samefile(video):
        raise ConfigError(f"{key} {str(output)!r}: is the video itself, expected another file")


def row_of(event: Found) -> dict[str, object]:
    """An event as `hawkline agent replay` prints it."""
    return {
        "kind": "line_crossed" if isinstance(event, Crossing) else event.rule.label,
        "line": event.watch,
        "direction": event.direction.label if isinstance(event, Crossing) else "",
        "frame": event.frame,
        "time_s": round(float(event.time_s), 3),
        "track": event.track,
        "object": event.object.label,
        "score": round(float(event.score), 2),
    }
