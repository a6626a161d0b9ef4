"""What analysis saw, drawn on whole frames: masks, what moves, tracks, lines, zones, events. Never a cut-out.

Privacy masks are black here as everywhere.
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Frame
from edge_agent.vision.judging import Found
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire import Crossing
from shared.errors import ConfigError
from shared.scene import Scene

Picture = NDArray[np.uint8]

_LINE, _ZONE, _IGNORED = (60, 60, 230), (200, 120, 30), (120, 120, 120)
_LOOK = (230, 200, 60)
_TRACK, _DOUBTFUL, _MOVING, _TRAIL = (80, 220, 80), (0, 200, 230), (220, 80, 220), (140, 220, 140)
_FLASH_S = 1.0
_CAPTIONS = 8
_TILE_PX = 480
_SHEET_COLUMNS = 4
_SHEET_MOST = 40


class Renderer:
    """Draws one frame after another; remembers events for a second, so that they can be seen."""

    def __init__(self, scene: Scene, pipeline: Pipeline) -> None:
        self._scene, self._pipeline = scene, pipeline
        self._masks = Masks(scene.masks)
        self._flashes: list[tuple[float, str]] = []

    def draw(self, frame: Frame, found: list[Found]) -> Picture:
        """The frame, shape (height, width, 3), with everything on it."""
        picture = np.ascontiguousarray(self._masks.blacken(frame.colour())).copy()
        height, width = picture.shape[:2]
        unit = max(1, round(height / 480))
        self._draw_moving(picture)
        for mask in self._scene.masks:
            cv2.polylines(picture, [_pixels(mask.points, width, height)], True, _IGNORED, unit)
        for zone in self._scene.zones:
            cv2.polylines(picture, [_pixels(zone.points, width, height)], True, _ZONE, 2 * unit)
            _label(picture, shown(self._scene, zone.name), zone.points[0], _ZONE, unit)
        for line in self._scene.tripwires:
            corners = _pixels(line.points, width, height)
            cv2.polylines(picture, [corners], False, _LINE, 2 * unit)
            _arrows(picture, corners, line.direction, unit)
            _label(picture, shown(self._scene, line.name), line.points[0], _LINE, unit)
        self._draw_look(picture)
        self._draw_tracks(picture, unit)
        self._flashes = [flash for flash in self._flashes if frame.time_s - flash[0] < _FLASH_S]
        self._flashes += [(frame.time_s, caption(event, self._scene)) for event in found]
        for row, (_, text) in enumerate(self._flashes[-_CAPTIONS:]):
            _label(picture, text, (0.01, 0.06 + 0.05 * row), (255, 255, 255), unit)
        _label(picture, f"{frame.number}  {frame.time_s:.1f} s", (0.01, 0.99), (255, 255, 255), unit)
        return picture

    def _draw_moving(self, picture: Picture) -> None:
        mask = self._pipeline.moving
        if mask is not None:
            size = picture.shape[1], picture.shape[0]
            large = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
            contours, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
            cv2.drawContours(picture, contours, -1, _MOVING, 1)

    def _draw_look(self, picture: Picture) -> None:
        """What an object detector found in this very picture, and the part that it looked at."""
        look = self._pipeline.look
        if look is None:
            return
        height, width = picture.shape[:2]
        for left, top, right, bottom in [look.region, *(found.box for found in look.found)]:
            corners = _pixels([(left, top), (right, bottom)], width, height)
            cv2.rectangle(picture, corners[0].tolist(), corners[1].tolist(), _LOOK, 1)

    def _draw_tracks(self, picture: Picture, unit: int) -> None:
        height, width = picture.shape[:2]
        for track in self._pipeline.tracks:
            left, top, right, bottom = track.box
            colour = _TRACK if track.travelling else _DOUBTFUL
            corners = _pixels([(left, top), (right, bottom)], width, height)
            cv2.rectangle(picture, corners[0].tolist(), corners[1].tolist(), colour, unit)
            trail = _pixels([(spot.x, spot.y) for spot in track.path], width, height)
            cv2.polylines(picture, [trail], False, _TRAIL, unit)
            object_class, score = track.object_class
            known = f" {object_class.label.replace('_', '-')} {score:.2f}" if object_class else ""
            _label(picture, f"{track.track_id}{known}", (left, top), colour, unit)


class VideoWriter:
    """An MP4 file, H.264.

    Raises:
        ConfigError: it cannot be written there.
    """

    def __init__(self, path: Path, fps: float) -> None:
        try:
            path.touch()
            # FFmpeg would take what stands before a colon for a protocol.
            self._container = av.open(f"file:{path}", "w", format="mp4")
        except (av.FFmpegError, OSError) as error:
            raise ConfigError(f"--render {str(path)!r}: cannot be written ({error.strerror})") from None
        self._fps = Fraction(fps).limit_denominator(1001)
        self._stream: av.VideoStream | None = None

    def add(self, picture: Picture) -> None:
        """Append a picture; all have the size of the first, made even."""
        height, width = picture.shape[0] & ~1, picture.shape[1] & ~1
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._fps)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="bgr24")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


class ContactSheet:
    """A small whole frame for every moment in which something was found, on one page; the first 40 of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tiles: list[Picture] = []
        self.events = 0

    def add(self, picture: Picture, found: list[Found]) -> None:
        """Append a drawn frame in which something was found."""
        self.events += len(found)
        if found and len(self._tiles) < _SHEET_MOST:
            size = _TILE_PX, round(picture.shape[0] * _TILE_PX / picture.shape[1])
            if self._tiles:  # a stream may change its size; the page does not
                size = self._tiles[0].shape[1], self._tiles[0].shape[0]
            self._tiles.append(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8))

    def close(self) -> None:
        """Write the page.

        Raises:
            ConfigError: it cannot be written there.
        """
        tiles = self._tiles or [np.zeros((270, _TILE_PX, 3), np.uint8)]
        if not self._tiles:
            _label(tiles[0], "nothing was found", (0.2, 0.5), (255, 255, 255), 1)
        columns = min(_SHEET_COLUMNS, len(tiles))
        blank = np.zeros_like(tiles[0])
        tiles += [blank] * (-len(tiles) % columns)
        page = np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])
        kind = self._path.suffix.lower() if self._path.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
        try:
            self._path.write_bytes(cv2.imencode(kind, page)[1].tobytes())
        except OSError as error:
            raise ConfigError(f"--sheet {str(self._path)!r}: cannot be written ({error.strerror})") from None


def shown(scene: Scene, name: str) -> str:
    """A line's or zone's name, or its number and kind where OpenCV has no letters for it: they are ASCII."""
    if name.isascii():
        return name
    number = [watch.name for watch in scene.watches].index(name)
    return f"#{number + 1} {scene.watches[number].rule.label.replace('_', ' ')}"


def caption(event: Found, scene: Scene) -> str:
    """An event in a few words, with the frame that the table has."""
    what = event.direction.label if isinstance(event, Crossing) else event.rule.label
    name = shown(scene, event.watch)
    who = f"{event.object.label.replace('_', '-')}, " if event.object else ""
    return f"{name}: {what.replace('_', ' ')}, {who}track {event.track}, met at {event.frame}"


def _pixels(points: "list[tuple[float, float]]", width: int, height: int) -> NDArray[np.int32]:
    return np.array([(round(x * width), round(y * height)) for x, y in points], np.int32).reshape(-1, 2)


def _label(picture: Picture, text: str, at: tuple[float, float], colour: tuple[int, int, int], unit: int) -> None:
    height, width = picture.shape[:2]
    place = min(width - 10, max(2, round(at[0] * width))), min(height - 4, max(14 * unit, round(at[1] * height) - 3))
    shadow = place[0] + unit, place[1] + unit
    cv2.putText(picture, text, shadow, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit, (0, 0, 0), unit, cv2.LINE_AA)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit, colour, unit, cv2.LINE_AA)


def _arrows(picture: Picture, corners: NDArray[np.int32], direction: str, unit: int) -> None:
    """From the middle of the first part to the side that counts."""
    a, b = corners[0].astype(float), corners[1].astype(float)
    middle, along = (a + b) / 2, (b - a) / max(1.0, float(np.hypot(*(b - a))))
    right = np.array([-along[1], along[0]]) * 24 * unit  # y grows downwards
    for way, side in (("left_to_right", right), ("right_to_left", -right)):
        if direction in ("both", way):
            tip = middle + side
            start, end = [round(v) for v in middle.tolist()], [round(v) for v in tip.tolist()]
            cv2.arrowedLine(picture, start, end, _LINE, 2 * unit, tipLength=0.4)
