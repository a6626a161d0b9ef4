"""What moves at night and is no person: four-legged animals that walk across, and insects before an infrared lamp.

Animals are drawn with so much of an animal that the object model knows them as such; insects are what a camera makes of
them: large, bright, out of focus, and gone within a second.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.camera.sources.synthetic import Walk
from edge_agent.frames import Colour

_EVERY_S, _TAKES_S = 15.0, 8.0
_BEGIN_S = 9.5
"""Walkers come every fifteen seconds from the second second on, and take five: animals walk between them."""
_SMALLEST_PX, _LARGEST_PX = 62, 108
"""Of 360 pixels of height. The object model does not know smaller ones."""
_DETAIL = 6
"""Drawn so many times larger, then made small: edges are soft as a lens makes them."""
_COATS = ((60, 80, 110), (40, 60, 130), (30, 30, 35), (120, 140, 150))
_CLOTHES = (
    ((70, 60, 50), (45, 40, 40), (20, 25, 30)),
    ((60, 60, 170), (90, 70, 50), (30, 40, 60)),
    ((190, 190, 185), (60, 50, 45), (15, 15, 20)),
    ((40, 45, 45), (130, 120, 110), (60, 80, 110)),
)
_INSECTS_A_SECOND, _INSECT_TAKES_S = 0.5, (0.3, 0.6, 1.2, 3.0)
_EXPOSED_S = 0.04
_INFRARED_GAIN = 0.8


def animals(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """One every quarter of a minute, slantwise over the ground from one side to the other, by turns from either."""
    number = math.floor((time_s - _BEGIN_S) / _EVERY_S)
    part = (time_s - _BEGIN_S - number * _EVERY_S) / _TAKES_S
    if number < 0 or part > 1:
        return picture
    fixed = np.random.default_rng((11, number))
    height, width = picture.shape[:2]
    tall = int(fixed.integers(_SMALLEST_PX, _LARGEST_PX))
    x = (-0.2 + 1.4 * part) * width
    y = (fixed.uniform(0.58, 0.66) + fixed.uniform(0.18, 0.26) * part) * height
    body, mask = _animal(tall, _COATS[number % len(_COATS)], round(time_s * 10) % 8)
    if number % 2:
        body, mask, x = body[:, ::-1], mask[:, ::-1], width - x
    _paste(picture, body, mask, round(x - body.shape[1] / 2), round(y) - tall)
    return picture


def infrared(picture: Colour, _time_s: float = 0.0, _rng: np.random.Generator | None = None) -> Colour:
    """The picture before an infrared lamp: no colour, and darker."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    dimmed = np.clip(grey * _INFRARED_GAIN, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(dimmed, cv2.COLOR_GRAY2BGR), np.uint8)


def insects(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """Moths and gnats close to a lens with infrared lamps: some sail through, some circle, one crawls on the glass."""
    glow = _crawling(picture.shape[:2], time_s)
    newest = math.floor(time_s * _INSECTS_A_SECOND)
    for number in range(max(0, newest - math.ceil(max(_INSECT_TAKES_S) * _INSECTS_A_SECOND)), newest + 1):
        insect = _Insect.numbered(number)
        if 0 <= time_s - insect.start_s <= insect.takes_s:
            glow = np.maximum(glow, insect.draw(picture.shape[:2], time_s))
    return np.asarray(np.clip(infrared(picture).astype(np.float32) + glow[:, :, None], 0, 255), np.uint8)


@dataclass(frozen=True, slots=True)
class _Insect:
    """One that flies by: when, from where to where in parts of the picture, its circles, pixels and grey levels."""

    start_s: float
    takes_s: float
    ends: tuple[tuple[float, float], tuple[float, float]]
    turns: float
    bend: float
    size_px: float
    bright: float

    @classmethod
    def numbered(cls, number: int) -> "_Insect":
        """The same one for a number, always."""
        fixed = np.random.default_rng((23, number))
        takes_s = float(fixed.choice(_INSECT_TAKES_S))
        size, bright, turns, bend = (
            fixed.uniform(*least_most) for least_most in ((3, 22), (60, 150), (0, 2.5), (0, 0.3))
        )
        (a, b), (c, d) = fixed.uniform(-0.1, 1.1, (2, 2)).tolist()
        return cls(number / _INSECTS_A_SECOND, takes_s, ((a, b), (c, d)), turns, bend, size, bright)

    def draw(self, shape: tuple[int, ...], time_s: float) -> NDArray[np.float32]:
        """What it adds to a picture's grey, as long as it was exposed and out of focus."""
        way = [self._at(shape, time_s - _EXPOSED_S * step / 4) for step in range(5)]
        blob = np.zeros(shape, np.float32)
        cv2.polylines(blob, [np.array(way, np.int32)], False, self.bright, max(1, round(self.size_px)))
        return cv2.GaussianBlur(blob, (0, 0), max(1.0, self.size_px / 4))  # type: ignore[return-value]

    def _at(self, shape: tuple[int, ...], time_s: float) -> tuple[int, int]:
        part, (height, width) = (time_s - self.start_s) / self.takes_s, shape
        (x, y), (to_x, to_y) = self.ends
        angle, radius = part * self.turns * 2 * math.pi, self.bend * height
        return (
            round((x + part * (to_x - x)) * width + radius * math.sin(angle)),
            round((y + part * (to_y - y)) * height + radius * math.cos(angle)),
        )


def _crawling(shape: tuple[int, ...], time_s: float) -> NDArray[np.float32]:
    """A spider on the glass, that goes a little way now and then."""
    way = time_s % 60.0
    x, y = 0.2 + 0.6 * way / 60 + 0.03 * math.sin(way), 0.3 + 0.2 * math.sin(way / 7)
    layer = np.zeros(shape, np.float32)
    centre = round(x * shape[1]), round(y * shape[0])
    for leg in range(8):
        angle = leg * math.pi / 4 + 0.3 * math.sin(way * 6 + leg)
        end = round(centre[0] + 26 * math.cos(angle)), round(centre[1] + 20 * math.sin(angle))
        cv2.line(layer, centre, end, 70.0, 3)
    cv2.circle(layer, centre, 9, 110.0, -1)
    return cv2.GaussianBlur(layer, (0, 0), 4)  # type: ignore[return-value]


def _paste(picture: Colour, body: Colour, mask: NDArray[np.uint8], left: int, top: int) -> None:
    high, wide = mask.shape
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + wide), min(height, top + high)
    if x1 <= x0 or y1 <= y0:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    opaque = (mask[part] / 255.0)[:, :, None]
    picture[y0:y1, x0:x1] = (picture[y0:y1, x0:x1] * (1 - opaque) + body[part] * opaque).astype(np.uint8)


class _Drawing:
    """Strokes in parts of a picture's size, and the mask of what they cover."""

    def __init__(self, wide: int, high: int) -> None:
        self._size = np.array([wide, high])
        self.picture, self.mask = np.zeros((high, wide, 3), np.uint8), np.zeros((high, wide), np.uint8)

    def _px(self, *points: tuple[float, float]) -> NDArray[np.int32]:
        return np.asarray(np.array(points) * self._size, np.int32)

    def polygon(self, colour: tuple[int, int, int], *points: tuple[float, float]) -> None:
        for layer, value in ((self.picture, colour), (self.mask, (255,))):
            cv2.fillPoly(layer, [self._px(*points)], value)

    def ellipse(self, colour: tuple[int, int, int], centre: tuple[float, float], axes: tuple[float, float]) -> None:
        (x, y), (a, b) = self._px(centre, axes).tolist()
        for layer, value in ((self.picture, colour), (self.mask, (255,))):
            cv2.ellipse(layer, (x, y), (a, b), 0, 0, 360, value, -1)

    def line(self, colour: tuple[int, int, int], a: tuple[float, float], b: tuple[float, float], wide: float) -> None:
        start, end = self._px(a, b).tolist()
        for layer, value in ((self.picture, colour), (self.mask, (255,))):
            cv2.line(layer, start, end, value, round(wide * int(self._size[0])))


def walker(picture: Colour, walk: Walk, time_s: float) -> None:
    """Draw who walks in a generated scene with so much of a person that the object model knows one."""
    height, width = picture.shape[:2]
    x, y = walk.at(time_s)
    tall = walk.size_px[1]
    body, mask = _person(tall, walk.number % len(_CLOTHES), round(time_s * 10) % 8)
    _paste(picture, body, mask, round(x * width - body.shape[1] / 2), round(y * height) - tall)


@cache
def _person(tall: int, clothes: int, step: int) -> tuple[Colour, NDArray[np.uint8]]:
    """A person from the front or behind, in one of eight steps: picture and mask."""
    high, wide = tall * _DETAIL, round(tall * 0.5) * _DETAIL
    drawing, phase = _Drawing(wide, high), step * math.pi / 4
    coat, trousers, hair = _CLOTHES[clothes]
    skin, sleeve = (120, 150, 195), _shade(coat, 0.8)
    for side, swing in ((-1, math.sin(phase)), (1, -math.sin(phase))):
        hip, lift = (0.5 + side * 0.11, 0.52), 0.05 * max(0.0, swing)
        knee, ankle = (hip[0] + side * 0.02, 0.74 - lift), (hip[0] + side * 0.03, 0.955 - 1.6 * lift)
        drawing.line(_shade(trousers, 1.0 - 0.15 * max(0.0, swing)), hip, knee, 0.2)
        drawing.line(_shade(trousers, 0.9 - 0.15 * max(0.0, swing)), knee, ankle, 0.16)
        drawing.ellipse((25, 25, 28), (ankle[0] + side * 0.02, min(0.985, ankle[1] + 0.015)), (0.1, 0.017))
        shoulder, elbow = (0.5 + side * 0.25, 0.2), (0.5 + side * 0.33, 0.36)
        hand = 0.5 + side * 0.3, 0.5 - 0.04 * swing
        drawing.line(sleeve, shoulder, elbow, 0.13)
        drawing.line(sleeve, elbow, hand, 0.11)
        drawing.ellipse(skin, hand, (0.06, 0.025))
    drawing.polygon(
        coat,
        (0.24, 0.17),
        (0.42, 0.145),
        (0.58, 0.145),
        (0.76, 0.17),
        (0.71, 0.4),
        (0.72, 0.56),
        (0.28, 0.56),
        (0.29, 0.4),
    )
    drawing.line(_shade(coat, 0.7), (0.5, 0.16), (0.5, 0.55), 0.02)
    drawing.line(skin, (0.5, 0.11), (0.5, 0.15), 0.15)
    drawing.ellipse(skin, (0.5, 0.07), (0.13, 0.06))
    drawing.ellipse(hair, (0.5, 0.04), (0.14, 0.04))
    return _lit(drawing, tall)


def _lit(drawing: "_Drawing", tall: int) -> tuple[Colour, NDArray[np.uint8]]:
    """A drawing with some texture, darker below, as large as it is in the picture."""
    high, wide = drawing.mask.shape
    rng = np.random.default_rng(3)
    texture = cv2.resize(rng.integers(-22, 22, (high // 10, max(1, wide // 6))).astype(np.float32), (wide, high))
    shaded = (drawing.picture + texture[:, :, None]) * np.linspace(1.15, 0.7, high)[:, None, None]
    size = wide // _DETAIL, tall
    body = cv2.resize(np.clip(shaded, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    return body, cv2.resize(drawing.mask, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


@cache
def _animal(tall: int, coat: tuple[int, int, int], step: int) -> tuple[Colour, NDArray[np.uint8]]:
    """A dog-like animal that faces right, in one of eight steps of its gait: picture and mask."""
    high, wide = tall * _DETAIL, round(tall * 1.45) * _DETAIL
    drawing, phase = _Drawing(wide, high), step * math.pi / 4
    dark, light = _shade(coat, 0.6), _shade(coat, 1.3)
    _leg(drawing, 0.27, phase + math.pi, dark)
    _leg(drawing, 0.66, phase, dark)
    drawing.line(coat, (0.2, 0.42), (0.05, 0.25 + 0.1 * math.sin(phase)), 0.04)
    for centre, axes in (((0.46, 0.47), (0.28, 0.15)), ((0.27, 0.45), (0.11, 0.15)), ((0.64, 0.46), (0.13, 0.17))):
        drawing.ellipse(coat, centre, axes)
    drawing.ellipse(light, (0.46, 0.40), (0.25, 0.06))
    _leg(drawing, 0.24, phase, coat)
    _leg(drawing, 0.64, phase + math.pi, coat)
    drawing.polygon(coat, (0.62, 0.36), (0.74, 0.16), (0.84, 0.22), (0.74, 0.5))
    drawing.ellipse(coat, (0.82, 0.2), (0.09, 0.1))
    drawing.polygon(coat, (0.86, 0.14), (0.985, 0.2), (0.985, 0.27), (0.86, 0.3))
    drawing.ellipse((20, 20, 20), (0.98, 0.215), (0.018, 0.025))
    drawing.ellipse((10, 10, 10), (0.87, 0.17), (0.013, 0.018))
    drawing.polygon(dark, (0.74, 0.12), (0.76, 0.0), (0.83, 0.1))
    drawing.polygon(dark, (0.73, 0.12), (0.72, 0.26), (0.79, 0.2))
    return _lit(drawing, tall)


def _leg(drawing: _Drawing, hip_x: float, phase: float, colour: tuple[int, int, int]) -> None:
    swing, lift = 0.35 * math.sin(phase), 0.25 * max(0.0, math.cos(phase))
    knee = hip_x + 0.12 * swing, 0.77
    foot = knee[0] + 0.1 * swing - 0.12 * lift, min(0.985, 0.99 - 0.08 * lift)
    drawing.line(colour, (hip_x, 0.55), knee, 0.085)
    drawing.line(colour, knee, foot, 0.05)
    drawing.ellipse(colour, (foot[0] + 0.015, foot[1]), (0.035, 0.02))


def _shade(colour: tuple[int, int, int], by: float) -> tuple[int, int, int]:
    blue, green, red = (min(255, int(part * by)) for part in colour)
    return blue, green, red
