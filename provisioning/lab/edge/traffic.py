"""Rendered traffic at a checkpoint: two lanes seen from a gantry, vehicles with readable plates, and the truth of each.

A pinhole camera hangs over a road of two lanes. Vehicles are boxes in space with a drawn front or rear, at a true
scale and speed; their plates are drawn to GA 36. What makes checkpoints hard is here: vehicles close behind each other,
side by side in both lanes, high ones that hide what follows, shadows that reach into the other lane, headlights that
come before their car at night, rain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training import plate_face, texts
from shared.events import Direction, VehicleClass
from shared.plates import KINDS, Kind

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]
Weather = Literal["day", "night", "rain"]

SIZE = 1280, 720
FPS = 25.0
_HIGH_M, _FOCAL_PX = 6.2, 2050.0
"""Of the camera above the road."""
_AIM_M = 17.5
"""How far ahead the middle of the picture meets the road."""
_LANE_M = 3.5
_LINE_M = 14.6
"""Where the lanes' lines lie on the road: all of a front is in the picture there."""
_FAR_M, _NEAR_M = 60.0, 9.0
_FACE_PX_M = 250
"""Of a front, pixels a metre: a plate has 110."""


@dataclass(frozen=True, slots=True)
class Make:
    """A kind of vehicle, in metres, with the kinds of plates that it has."""

    vehicle: VehicleClass
    wide: float
    long: float
    high: float
    bonnet: tuple[float, float]
    """Height and length of what lies before the windscreen; 0 where the front is upright."""
    plate_m: float
    """Above the road, the plate's lower edge."""
    plates: tuple[tuple[str, float], ...]
    share: float


_CAR_PLATES = (
    ("small car", 0.78),
    ("small new energy", 0.17),
    ("police", 0.01),
    ("driving school", 0.02),
    ("embassy", 0.02),
)
_LARGE_PLATES = (("large car front", 0.9), ("large new energy", 0.1))
MAKES = (
    Make(VehicleClass.CAR, 1.82, 4.6, 1.46, (0.82, 1.1), 0.42, _CAR_PLATES, 0.7),
    Make(VehicleClass.VAN, 1.9, 5.0, 1.95, (1.0, 0.5), 0.45, _CAR_PLATES, 0.15),
    Make(VehicleClass.LORRY, 2.4, 8.0, 3.1, (0.0, 0.0), 0.55, _LARGE_PLATES, 0.1),
    Make(VehicleClass.BUS, 2.5, 11.0, 3.2, (0.0, 0.0), 0.5, _LARGE_PLATES, 0.05),
)


@dataclass(frozen=True, slots=True)
class Driven:
    """The truth of one vehicle.

    Attributes:
        lane: its number.
        direction: in which it crosses the lane's line.
        time_s: when its nearer end is on the line.
        text: of its plate.
        kind: of its plate.
    """

    lane: int
    direction: Direction
    time_s: float
    text: str
    kind: Kind
    vehicle: VehicleClass
    kmh: float


@dataclass(slots=True)
class _Vehicle:
    make: Make
    driven: Driven
    colour: NDArray[np.float64]
    face: Picture
    away: bool
    pace: float
    """Metres a second, towards the camera or away from it."""
    corner: float
    """Where in its lane it drives: metres from the middle of the road to its left side."""
    shade: float = 1.0

    def near_m(self, time_s: float) -> float:
        """Where its nearer end is on the road."""
        ahead = (time_s - self.driven.time_s) * self.pace
        return _LINE_M + (ahead if self.away else -ahead)


class _Camera:
    """A pinhole camera over the road: X to the right, Y along the road, Z up, in metres."""

    def __init__(self) -> None:
        pitch = np.arctan2(_HIGH_M, _AIM_M)
        self._forward = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
        self._up = np.array([0.0, np.sin(pitch), np.cos(pitch)])

    def project(self, points: Points) -> Points:
        """Pixels of points in space, shape (n, 3) to (n, 2)."""
        there = points - np.array([0.0, 0.0, _HIGH_M])
        depth = np.maximum(there @ self._forward, 0.5)
        across, down = there[:, 0] / depth, -(there @ self._up) / depth
        return np.column_stack([SIZE[0] / 2 + _FOCAL_PX * across, SIZE[1] / 2 + _FOCAL_PX * down])


CAMERA = _Camera()


def lane_line(lane: int) -> list[tuple[float, float]]:
    """The line of a lane, from its left side to its right, as parts of the picture's sides."""
    left = (lane - 1) * _LANE_M
    ends = CAMERA.project(np.array([[left, _LINE_M, 0], [left + _LANE_M, _LINE_M, 0]]))
    return [(float(np.clip(x / SIZE[0], 0, 1)), float(np.clip(y / SIZE[1], 0, 1))) for x, y in ends]


@dataclass(slots=True)
class Traffic:
    """A stretch of traffic, the same for the same seed.

    Args:
        seed: of everything that is drawn by lot.
        weather: light and sight.
        vehicles: how many pass.
        kmh: how fast they are, the slowest and the fastest.
        away: lanes whose vehicles drive away from the camera.
        texts: what their plates say, where that is given; each vehicle takes the next one.
    """

    seed: int
    weather: Weather = "day"
    vehicles: int = 40
    kmh: tuple[float, float] = (20.0, 80.0)
    away: tuple[int, ...] = ()
    given: Sequence[tuple[str, str]] = ()
    """Kinds of plates and their texts."""
    truth: list[Driven] = field(default_factory=list, init=False)
    _all: list[_Vehicle] = field(default_factory=list, init=False)
    _road: Picture = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng((self.seed, 1))
        given = iter(self.given)
        clock = [3.0, 3.0 + float(rng.uniform(0, 1.5))]
        pace = [float(rng.uniform(*self.kmh)), float(rng.uniform(*self.kmh))]
        for _ in range(self.vehicles):
            lane = int(np.argmin(clock))
            make = MAKES[int(rng.choice(len(MAKES), p=np.array([make.share for make in MAKES])))]
            # A queue has one pace, which changes slowly: nobody overtakes within a lane.
            pace[lane] = float(np.clip(pace[lane] + rng.normal(0, 4), *self.kmh))
            self._all.append(self._vehicle(rng, lane, make, pace[lane], clock[lane], next(given, None)))
            gap_s = float(rng.choice([0.9, 1.2, 2.0, 4.0])) + float(rng.exponential(0.5))
            clock[lane] += gap_s + (make.long + 2.0) / (pace[lane] / 3.6)
        self._all.sort(key=lambda one: one.driven.time_s)
        self.truth = [one.driven for one in self._all]
        self._road = _road(rng, self.weather)

    @property
    def lasts_s(self) -> float:
        """Until the last vehicle has gone."""
        return self.truth[-1].time_s + 6.0 if self.truth else 6.0

    def pictures(self) -> Iterator[Picture]:
        """Every frame, shape (720, 1280, 3), blue, green, red."""
        rng = np.random.default_rng((self.seed, 2))
        for number in range(int(self.lasts_s * FPS)):
            yield self._picture(number / FPS, rng)

    def _vehicle(
        self,
        rng: np.random.Generator,
        lane: int,
        make: Make,
        kmh: float,
        time_s: float,
        given: tuple[str, str] | None,
    ) -> _Vehicle:
        names, shares = zip(*make.plates, strict=True)
        chosen = given[0] if given else names[int(rng.choice(len(names), p=np.array(shares) / sum(shares)))]
        away = lane in self.away
        if chosen == "large car front" and away:
            chosen = "large car rear"
        kind = next(kind for kind in KINDS if kind.name == chosen)
        text = given[1] if given else texts.draw(kind, rng)
        direction = Direction.LEFT_TO_RIGHT if not away else Direction.RIGHT_TO_LEFT
        driven = Driven(lane, direction, time_s, text, kind, make.vehicle, kmh)
        bases = ((235, 235, 235), (30, 30, 32), (120, 122, 125), (40, 35, 130), (120, 60, 30), (70, 90, 60))
        colour = np.array(bases[int(rng.integers(len(bases)))], float) + rng.normal(0, 8, 3)
        face = _face(rng, make, kind, text, colour, away)
        middle = (lane - 0.5) * _LANE_M + float(rng.normal(0, 0.18))
        return _Vehicle(make, driven, colour, face, away, kmh / 3.6, middle - make.wide / 2)

    def _picture(self, time_s: float, rng: np.random.Generator) -> Picture:
        canvas = self._road.copy()
        there = [one for one in self._all if _NEAR_M - one.make.long < one.near_m(time_s) < _FAR_M]
        there.sort(key=lambda one: -one.near_m(time_s))
        if self.weather != "night":
            for one in there:
                _shadow(canvas, one, time_s, 0.55 if self.weather == "day" else 0.85)
        else:
            for one in there:
                if not one.away:
                    _beam(canvas, one, time_s)
        for one in there:
            _draw(canvas, one, time_s, self.weather)
        if self.weather == "night":
            _lamps(canvas, there, time_s)
        if self.weather == "rain":
            _rain(canvas, rng)
        noise = {"day": 2.0, "night": 5.0, "rain": 3.0}[self.weather]
        grain = np.asarray(rng.standard_normal((SIZE[1] // 2, SIZE[0] // 2, 1), np.float32) * noise, np.float32)
        fine = cv2.resize(grain, SIZE, interpolation=cv2.INTER_NEAREST)
        return np.asarray(np.clip(canvas + fine[..., None], 0, 255), np.uint8)


def _road(rng: np.random.Generator, weather: Weather) -> Picture:
    """Asphalt, verges and markings, as the light leaves them."""
    picture = np.full((SIZE[1], SIZE[0], 3), (70, 95, 75), np.uint8)
    lit = {"day": 1.0, "night": 0.16, "rain": 0.62}[weather]
    cv2.fillPoly(picture, [_on_road(-1.9 * _LANE_M, 1.9 * _LANE_M, 6.0, 200.0)], (98, 98, 100))
    for at, dashed in ((-_LANE_M, False), (0.0, True), (_LANE_M, False)):
        for start in np.arange(6.0, 120.0, 6.0):
            length = 2.5 if dashed else 6.0
            cv2.fillPoly(picture, [_on_road(at - 0.07, at + 0.07, start, start + length)], (215, 215, 215))
    coarse = rng.normal(0, 1, (SIZE[1] // 4, SIZE[0] // 4, 1)).astype(np.float32)
    texture = cv2.resize(coarse, SIZE)[..., None] * 7 + rng.normal(0, 4, (SIZE[1], SIZE[0], 1))
    return np.asarray(np.clip((picture + texture) * lit, 0, 255), np.uint8)


def _on_road(left: float, right: float, near: float, far: float) -> NDArray[np.int32]:
    corners = np.array([[left, near, 0], [right, near, 0], [right, far, 0], [left, far, 0]], float)
    return np.round(CAMERA.project(corners)).astype(np.int32)


def _face(
    rng: np.random.Generator, make: Make, kind: Kind, text: str, colour: NDArray[np.float64], away: bool
) -> Picture:
    """Front or rear, flat, from the road up to the bonnet or the roof."""
    high = make.bonnet[0] or make.high
    wide_px, high_px = round(make.wide * _FACE_PX_M), round(high * _FACE_PX_M)
    face: NDArray[Any] = np.empty((high_px, wide_px, 3), np.float32)
    face[:] = colour * np.linspace(1.08, 0.82, high_px)[:, None, None]

    def rect(left: float, top: float, right: float, bottom: float, tint: tuple[float, float, float]) -> None:
        corners = [(round(x * wide_px), round(y * high_px)) for x, y in ((left, top), (right, bottom))]
        cv2.rectangle(face, corners[0], corners[1], tint, -1, cv2.LINE_AA)

    upright = not make.bonnet[0]
    if upright:
        rect(0.06, 0.08, 0.94, 0.48, (52, 46, 40))  # windscreen
    rect(0.22, 0.62 if upright else 0.3, 0.78, 0.72 if upright else 0.52, (30, 30, 30))  # grille
    rect(0.0, 0.9, 1.0, 1.0, (22, 22, 22))
    lamp = (40, 30, 170) if away else (225, 225, 215)
    lamps_at = 0.68 if upright else 0.36
    for at in (0.1, 0.9):
        centre = round(at * wide_px), round(lamps_at * high_px)
        cv2.ellipse(face, centre, (round(0.07 * wide_px), round(0.06 * high_px)), 0, 0, 360, lamp, -1, cv2.LINE_AA)
    plate = plate_face.draw(kind, text, rng)
    broad_m = kind.size_mm[0] / 1000
    size = round(broad_m * _FACE_PX_M), round(broad_m * plate.shape[0] / plate.shape[1] * _FACE_PX_M)
    small = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
    bottom = high_px - round(make.plate_m * _FACE_PX_M)
    left = (wide_px - size[0]) // 2
    top = max(0, bottom - size[1])
    face[top : top + size[1], left : left + size[0]] = small[: high_px - top]
    return np.asarray(np.clip(face, 0, 255), np.uint8)


def _box(one: _Vehicle, time_s: float, base: float, high: float, start: float, length: float) -> Points:
    """Corners of a box: four of its nearer face from the upper left one clockwise, then those of the farther one."""
    near = one.near_m(time_s) + start
    left, right = one.corner, one.corner + one.make.wide
    return np.array(
        [
            [x, y, z]
            for y in (near, near + length)
            for x, z in ((left, high), (right, high), (right, base), (left, base))
        ]
    )


def _draw(canvas: Picture, one: _Vehicle, time_s: float, weather: Weather) -> None:
    lit = {"day": 1.0, "night": 0.3, "rain": 0.75}[weather]
    bonnet_high, bonnet_long = one.make.bonnet
    colour = one.colour * lit
    high, floor = bonnet_high or one.make.high, 0.0
    body = CAMERA.project(_box(one, time_s, floor, high, 0.0, one.make.long))
    _fill(canvas, body[[0, 1, 5, 4]], 0.95 * colour)  # its upper side
    side = [3, 0, 4, 7] if one.corner > 0 else [2, 1, 5, 6]
    _fill(canvas, body[side], 0.6 * colour)
    if bonnet_high:
        cabin = CAMERA.project(
            _box(one, time_s, bonnet_high, one.make.high, bonnet_long, one.make.long - bonnet_long - 0.4)
        )
        _fill(canvas, cabin[side], 0.5 * colour)
        _fill(canvas, cabin[[0, 1, 2, 3]], np.array([58.0, 50.0, 44.0]) * lit)
        _fill(canvas, cabin[[0, 1, 5, 4]], 0.9 * colour)
    _lay(canvas, one.face, body[:4], 0.62 if weather == "night" else lit)


def _fill(canvas: Picture, points: Points, colour: NDArray[np.float64]) -> None:
    tint = tuple(float(v) for v in np.clip(colour, 0, 255))
    cv2.fillConvexPoly(canvas, cv2.convexHull(np.round(points).astype(np.int32)), tint, cv2.LINE_AA)


def _lay(canvas: Picture, face: Picture, quad: Points, lit: float) -> None:
    """A flat picture onto four corners."""
    left, top = np.floor(quad.min(0)).astype(int)
    right, bottom = np.ceil(quad.max(0)).astype(int)
    left, top, right, bottom = max(0, left), max(0, top), min(SIZE[0], right), min(SIZE[1], bottom)
    if right <= left or bottom <= top:
        return
    high, wide = face.shape[:2]
    scale = float(np.linalg.norm(quad[1] - quad[0])) / wide
    while scale < 0.5:
        face = cv2.resize(face, (face.shape[1] // 2, face.shape[0] // 2), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        high, wide = face.shape[:2]
        scale *= 2
    if scale < 0.8:
        face = cv2.GaussianBlur(face, (0, 0), 0.45 / scale)  # type: ignore[assignment]
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, (quad - [left, top]).astype(np.float32))
    size = right - left, bottom - top
    laid = cv2.warpPerspective(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.round(quad - [left, top]).astype(np.int32), 255)
    part = canvas[top:bottom, left:right]
    part[mask > 0] = np.clip(laid[mask > 0] * lit, 0, 255).astype(np.uint8)


def _shadow(canvas: Picture, one: _Vehicle, time_s: float, dark: float) -> None:
    """The sun stands to the left: shadows reach to the right, into the other lane where a vehicle is high."""
    near, reach = one.near_m(time_s), 0.7 * one.make.high
    left = one.corner + 0.2
    right, far = left + one.make.wide + reach, near + one.make.long
    corners = np.array([[left, near, 0], [right, near + 0.3, 0], [right, far, 0], [left, far, 0]], float)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(CAMERA.project(corners)).astype(np.int32), 255)
    x, y, wide, high = cv2.boundingRect(mask)
    part, inside = canvas[y : y + high, x : x + wide], mask[y : y + high, x : x + wide] > 0
    part[inside] = (part[inside] * dark).astype(np.uint8)


def _beam(canvas: Picture, one: _Vehicle, time_s: float) -> None:
    """What the headlights throw onto the road before their car."""
    near = one.near_m(time_s)
    _glow(canvas, one.corner + one.make.wide / 2, near - 4.0, 0.0, 1.9, 95.0)


def _lamps(canvas: Picture, there: Sequence[_Vehicle], time_s: float) -> None:
    for one in there:
        near, high = one.near_m(time_s), 0.55 if one.make.bonnet[0] else 0.95
        for part in (0.1, 0.9):
            size, bright = (0.2, 60.0) if one.away else (0.34, 190.0)
            _glow(canvas, one.corner + part * one.make.wide, near - 0.05, high, size, bright, red=one.away)


def _glow(canvas: Picture, x: float, y: float, z: float, size_m: float, bright: float, *, red: bool = False) -> None:
    """Light that fades with the distance from a point."""
    if y < 4.0:
        return
    middle = CAMERA.project(np.array([[x, y, z], [x + size_m, y, z]]))
    reach = float(np.clip(abs(middle[1, 0] - middle[0, 0]), 2, 300))
    at = middle[0]
    left, top = max(0, int(at[0] - 2 * reach)), max(0, int(at[1] - 2 * reach))
    right, bottom = min(SIZE[0], int(at[0] + 2 * reach) + 1), min(SIZE[1], int(at[1] + 2 * reach) + 1)
    if right <= left or bottom <= top:
        return
    columns, rows = np.arange(left, right), np.arange(top, bottom)[:, None]
    fade = np.exp(-1.6 * (((columns - at[0]) / reach) ** 2 + ((rows - at[1]) / reach) ** 2)) * bright
    tint = np.array([0.25, 0.25, 1.0]) if red else np.array([0.95, 1.0, 1.0])
    part = canvas[top:bottom, left:right]
    part[:] = np.clip(part + fade[..., None] * tint, 0, 255).astype(np.uint8)


def _rain(canvas: Picture, rng: np.random.Generator) -> None:
    """Streaks near the lens, and haze over all."""
    canvas[:] = cv2.addWeighted(canvas, 0.86, np.full_like(canvas, 165), 0.14, 0)
    for _ in range(110):
        x, y = int(rng.integers(SIZE[0])), int(rng.integers(-40, SIZE[1]))
        long = int(rng.integers(12, 46))
        tone = float(rng.uniform(150, 215))
        cv2.line(canvas, (x, y), (x + long // 6, y + long), (tone, tone, tone), 1, cv2.LINE_AA)
