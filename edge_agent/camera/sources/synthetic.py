"""A seeded scene with walkers and vehicles that knows the truth about itself.

Every thing is drawn from its own random numbers, `(seed, its number)`, so any moment can be drawn without the ones
before it, and the true crossings of any line follow from the same paths.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from edge_agent.frames import Colour, Frame, SourceEvent, Still
from edge_agent.vision.tripwire.geometry import crossing_parameter, side
from shared.events import CameraState, Direction
from shared.scene import Tripwire

Kind = Literal["gate", "fence"]
_WIDTH, _HEIGHT = 640, 360
_PERIOD_S = 6.0
"""One thing enters in every period, so that their number over any time is known."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One thing's straight path: ground points normalised, seconds of media time, size in pixels."""

    number: int
    vehicle: bool
    start_s: float
    end_s: float
    start: tuple[float, float]
    end: tuple[float, float]
    size_px: tuple[int, int]
    shade: tuple[int, int, int]

    def at(self, time_s: float) -> tuple[float, float]:
        """Ground point, normalised."""
        part = (time_s - self.start_s) / (self.end_s - self.start_s)
        return (
            self.start[0] + part * (self.end[0] - self.start[0]),
            self.start[1] + part * (self.end[1] - self.start[1]),
        )


@dataclass(frozen=True, slots=True)
class TrueCrossing:
    """What a perfect observer would report."""

    line: str
    direction: Direction
    time_s: float
    walk: int


class SyntheticScene:
    """The scene itself: paths, pictures and truth."""

    def __init__(self, kind: Kind, seed: int, period_s: float = _PERIOD_S) -> None:
        self.kind = kind
        self.seed = seed
        self._period_s = period_s
        self._ground = self._draw_ground()

    def walk(self, number: int) -> Walk:
        """The thing that enters in period `number`, counted from 0."""
        rng = random.Random(self.seed * 1_000_003 + number)
        forward = rng.random() < 0.5
        start_s = 2.0 + number * self._period_s + rng.uniform(0.0, 0.5)
        # One brightness with a tint: analysis sees luma, and three independent channels could add up to the ground's.
        brightness = rng.choice((35, 60, 195, 220))
        shade = tuple(brightness + rng.randint(-25, 25) for _ in range(3))
        if self.kind == "gate":
            y = rng.uniform(0.72, 0.82)
            path = ((-0.25, y), (1.25, y + rng.uniform(-0.04, 0.04)))
            size, took_s, vehicle = (rng.randint(120, 150), rng.randint(55, 70)), rng.uniform(4.2, 5.2), True
        else:
            path = ((rng.uniform(0.2, 0.8), 0.42), (rng.uniform(0.2, 0.8), 1.25))
            size, took_s, vehicle = (rng.randint(24, 30), rng.randint(66, 78)), rng.uniform(4.2, 5.2), False
        start, end = path if forward else (path[1], path[0])
        return Walk(number, vehicle, start_s, start_s + took_s, start, end, size, shade)  # type: ignore[arg-type]

    def present(self, time_s: float) -> list[Walk]:
        """Who is on the way at that moment."""
        newest = int(max(0.0, time_s) // self._period_s)
        walks = (self.walk(number) for number in range(max(0, newest - 2), newest + 1))
        return [walk for walk in walks if walk.start_s <= time_s <= walk.end_s]

    def empty(self) -> Colour:
        """The picture when no walker is there, shape (360, 640, 3)."""
        return self._ground.copy()

    def add_walks(self, picture: Colour, time_s: float) -> None:
        """Draw who is on the way at that moment into a picture of the scene's size."""
        for walk in self.present(time_s):
            _draw_walk(picture, walk, time_s)

    def draw(self, time_s: float) -> Colour:
        """The picture at that moment, shape (360, 640, 3)."""
        picture = self.empty()
        self.add_walks(picture, time_s)
        noise = np.random.default_rng(round(time_s * 1000)).integers(-3, 4, picture.shape[:2], np.int16)
        return np.asarray(cv2.add(picture, cv2.merge((noise, noise, noise)), dtype=cv2.CV_8U))

    def truth(self, tripwire: Tripwire, until_s: float) -> list[TrueCrossing]:
        """Crossings of a line by the ground points of all paths, in the order of time."""
        found = []
        for number in range(int(until_s // self._period_s) + 1):
            walk = self.walk(number)
            for a, b in pairwise(tripwire.points):
                along = crossing_parameter(walk.start, walk.end, a, b)
                if along is None:
                    continue
                way = Direction.LEFT_TO_RIGHT if side(a, b, walk.end) > 0 else Direction.RIGHT_TO_LEFT
                time_s = walk.start_s + along * (walk.end_s - walk.start_s)
                if time_s <= until_s and tripwire.counts(way):
                    found.append(TrueCrossing(tripwire.name, way, time_s, number))
        return sorted(found, key=lambda crossing: crossing.time_s)

    def _draw_ground(self) -> Colour:
        rng = np.random.default_rng(self.seed)
        coarse = rng.integers(95, 135, (24, 40), np.uint8)
        ground = cv2.resize(coarse, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
        picture = cv2.merge([ground, ground, ground])
        cv2.rectangle(picture, (0, 0), (_WIDTH, _HEIGHT // 4), (150, 140, 130), -1)
        if self.kind == "gate":
            cv2.rectangle(picture, (_WIDTH // 2 - 6, 60), (_WIDTH // 2 + 6, 150), (60, 60, 70), -1)
            for x in range(0, _WIDTH, 80):
                cv2.rectangle(picture, (x, 240), (x + 40, 244), (190, 190, 190), -1)
        else:
            for x in range(0, _WIDTH, 40):
                cv2.line(picture, (x, 95), (x, 150), (70, 70, 75), 3)
            cv2.line(picture, (0, 110), (_WIDTH, 110), (70, 70, 75), 2)
        return np.asarray(picture, np.uint8)


class Trouble:
    """What a trial does to the camera: named by a file, for as long as that is there.

    Args:
        path: of the file; one without a word covers the camera.
    """

    _EVERY = 5
    """The file is looked for with every fifth picture."""

    def __init__(self, path: Path) -> None:
        self._path, self._named, self._number = path, "", 0
        self._last: Colour | None = None

    def of(self, picture: Colour) -> Colour:
        """The picture as it comes from the camera now."""
        if self._number % self._EVERY == 0:
            self._named = self._read()
        self._number += 1
        if self._named != "frozen" or self._last is None:
            self._last = self._spoil(picture)
        return self._last

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").strip()[:20] or "covered"
        except OSError:
            return ""

    def _spoil(self, picture: Colour) -> Colour:
        if self._named == "covered":
            cloth = cv2.resize(picture[:9, :16], (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.int16)
            noise = np.random.default_rng(self._number).integers(-3, 4, cloth.shape[:2], np.int16)
            return np.asarray(np.clip(cloth // 3 + noise[:, :, None], 0, 255), np.uint8)
        if self._named == "moved":
            return np.roll(picture, _WIDTH // 8, axis=1)
        if self._named == "blurred":
            return np.asarray(cv2.GaussianBlur(picture, (0, 0), 5), np.uint8)
        return picture // 16 if self._named == "dark" else picture


class SyntheticSource:
    """The scene as a camera: real time, lossless."""

    dropped = damaged = lost = 0

    def __init__(
        self,
        kind: Kind,
        *,
        seed: int,
        fps: float,
        realtime: bool = True,
        until_s: float | None = None,
        trouble: Path | None = None,
    ) -> None:
        self.scene = SyntheticScene(kind, seed)
        self._trouble = Trouble(trouble) if trouble else None
        self._fps, self._realtime, self._until_s = fps, realtime, until_s
        self._closed = False

    def frames(self) -> Iterator[Frame | SourceEvent]:
        began_mono, began_wall = time.monotonic(), time.time()
        number = 0
        while not self._closed:
            time_s = number / self._fps
            if self._until_s is not None and time_s > self._until_s:
                yield SourceEvent(CameraState.ENDED, f"{number} frames")
                return
            if self._realtime:
                time.sleep(max(0.0, began_mono + time_s - time.monotonic()))
            number += 1
            picture = self.scene.draw(time_s)
            if self._trouble:
                picture = self._trouble.of(picture)
            captured_at_s = time.time() if self._realtime else began_wall + time_s
            yield Frame(
                number,
                time_s,
                captured_at_s,
                cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY),  # type: ignore[arg-type]
                partial(_same, picture),
            )

    def picture_at(self, captured_at_s: float) -> Still | None:  # noqa: ARG002 - one stream only
        return None

    def close(self) -> None:
        self._closed = True


def _same(picture: Colour) -> Colour:
    return picture


def _draw_walk(picture: Colour, walk: Walk, time_s: float) -> None:
    x, y = walk.at(time_s)
    wide, high = walk.size_px
    left, bottom = round(x * _WIDTH - wide / 2), round(y * _HEIGHT)
    top, right = bottom - high, left + wide
    if walk.vehicle:
        cv2.rectangle(picture, (left, top + high // 3), (right, bottom - 8), walk.shade, -1)
        cv2.rectangle(picture, (left + wide // 5, top), (right - wide // 5, top + high // 3), walk.shade, -1)
        for centre in (left + wide // 5, right - wide // 5):
            cv2.circle(picture, (centre, bottom - 8), 8, (25, 25, 25), -1)
        return
    cv2.ellipse(picture, ((left + right) // 2, top + high // 2), (wide // 2, high // 3), 0, 0, 360, walk.shade, -1)
    cv2.circle(picture, ((left + right) // 2, top + high // 10), max(3, high // 10), walk.shade, -1)
    stride = round(wide / 3 * np.sin(time_s * 9))
    hip = ((left + right) // 2, top + round(high * 0.7))
    for foot in (hip[0] - stride, hip[0] + stride):
        cv2.line(picture, hip, (foot, bottom), walk.shade, max(3, wide // 6))
