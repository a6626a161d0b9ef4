"""Days of a generated camera, as it sees them: sun and shadows, clouds, dusk, lamps or infrared, weather, what passes.

Any moment can be drawn without those before it. What happens follows from the seed and the day alone. Nothing in it is
a fault, unless it is told of dirt.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.sight import SightPicture
from edge_agent.vision.sight.picture import HEIGHT_PX, WIDTH_PX

DAY_S: Final = 86_400.0
_DUSK_S = 2_400.0
_FULL, _NIGHT = 1.0, 0.06
_GRAINS, _GRAIN_MOVES = 8, 64
_Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Day:
    """What one day brings: hours of the day, and how much."""

    sunrise_h: float
    sunset_h: float
    cloud: float
    rain_h: tuple[float, float]
    fog_h: tuple[float, float]
    fog: float
    crowd_h: tuple[float, float]
    lorry_h: tuple[float, float]
    lorry: tuple[int, int, int, int, int]
    windy: bool


class DayCamera:
    """A camera that stands for years.

    Args:
        seed: another one is another place.
        dirt_from_s: when there is dirt on the lens.
        at_once: the dirt are drops, all at once; else it takes three days to cover a third of the picture.
    """

    def __init__(self, seed: int, dirt_from_s: float | None = None, *, at_once: bool = False) -> None:
        self._seed, self._dirt_from_s, self._at_once = seed, dirt_from_s, at_once
        rng = np.random.default_rng((seed, 1))
        self.infrared = bool(rng.random() < 0.6)
        self._base, self._tall, self._trees = _place(rng)
        self._tint = rng.uniform(-14, 14, (2, 9, 15)).astype(np.float32)
        self._lamps = [
            (int(rng.integers(WIDTH_PX)), int(rng.integers(40, 160)), rng.uniform(0.5, 1.0)) for _ in range(3)
        ]
        self._winter = float(rng.uniform(0, 365))

    @cached_property
    def _lamp_light(self) -> _Plane:
        light = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
        rows, columns = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
        for x, y, strength in self._lamps:
            light += strength * np.exp(-(((columns - x) / 110) ** 2) - (((rows - y - 60) / 80) ** 2))
        return light

    @cached_property
    def _halo(self) -> _Plane:
        rows, columns = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
        off = ((columns - WIDTH_PX / 2) / 230) ** 2 + ((rows - HEIGHT_PX * 0.6) / 150) ** 2
        return np.asarray(0.25 + np.exp(-off), np.float32)

    @cached_property
    def _spots(self) -> NDArray[np.float32]:
        """How soon dirt reaches each place, 0 to 1."""
        rng = np.random.default_rng((self._seed, 2))
        coarse = rng.random((7, 11)).astype(np.float32)
        return cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]

    @cached_property
    def _drops(self) -> _Plane:
        """Two fifths of the picture are seen through drops."""
        rng = np.random.default_rng((self._seed, 5))
        mask = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
        while mask.mean() < 0.4:
            place = int(rng.integers(WIDTH_PX)), int(rng.integers(HEIGHT_PX))
            cv2.circle(mask, place, int(rng.integers(14, 42)), 1.0, -1)
        return cv2.GaussianBlur(mask, (0, 0), 2)  # type: ignore[return-value]

    @cached_property
    def _grains(self) -> NDArray[np.float32]:
        shape = _GRAINS, HEIGHT_PX + _GRAIN_MOVES, WIDTH_PX + _GRAIN_MOVES
        return np.random.default_rng((self._seed, 6)).standard_normal(shape, np.float32)

    def _grain(self, rng: np.random.Generator) -> _Plane:
        """Noise of deviation 1: a piece of some that was drawn before, which takes a tenth of the time."""
        number, row, column = (int(rng.integers(most)) for most in (_GRAINS, _GRAIN_MOVES, _GRAIN_MOVES))
        return self._grains[number, row : row + HEIGHT_PX, column : column + WIDTH_PX]

    def day(self, number: int) -> Day:
        """What a day brings."""
        rng = np.random.default_rng((self._seed, 3, number))
        season = 1.5 * math.sin(2 * math.pi * (number + self._winter) / 365)
        part = float(rng.random())
        rain, fog, crowd, lorry = (float(rng.uniform(a, b)) for a, b in ((0, 20), (4, 8), (8, 19), (6, 16)))
        wide, high = int(rng.integers(130, 230)), int(rng.integers(90, 140))
        box = int(rng.integers(WIDTH_PX - wide)), int(rng.integers(120, HEIGHT_PX - high)), wide, high
        return Day(
            sunrise_h=6 - season,
            sunset_h=18 + season,
            cloud=float(rng.uniform(0, 1)),
            rain_h=(rain, rain + float(rng.uniform(0.5, 4))) if part < 0.25 else (99, 99),
            fog_h=(fog, fog + float(rng.uniform(0.5, 2))) if 0.25 <= part < 0.4 else (99, 99),
            fog=float(rng.uniform(0.4, 0.7)),
            crowd_h=(crowd, crowd + 2) if rng.random() < 0.5 else (99, 99),
            lorry_h=(lorry, lorry + float(rng.uniform(0.5, 6))) if rng.random() < 0.5 else (99, 99),
            lorry=(*box, int(rng.integers(40, 220))),
            windy=bool(rng.random() < 0.3),
        )

    def picture(self, time_s: float) -> SightPicture:
        """What it sees at a moment, seconds from midnight of day 0."""
        number, of_day = divmod(time_s, DAY_S)
        hour, day = of_day / 3600, self.day(int(number))
        rng = np.random.default_rng((self._seed, 4, round(time_s)))
        sun = _sun(hour, day)
        scene = self._base.copy()
        if day.windy:
            scene[self._trees] = np.roll(self._base, rng.integers(-2, 3, 2), (0, 1))[self._trees]
        if day.lorry_h[0] <= hour < day.lorry_h[1]:
            _lorry(scene, day.lorry)
        if day.crowd_h[0] <= hour < day.crowd_h[1]:
            _crowd(scene, rng, 6 + int(14 * math.sin(math.pi * (hour - day.crowd_h[0]) / 2)))
        night = sun < 0.1
        infrared = self.infrared and night
        light = self._light(sun, hour, day, time_s, infrared=infrared)
        if night and rng.random() < 0.1:
            _headlights(light, rng)
        seen = scene * light
        # Exposure follows the mean, as far as a sensor goes; what it amplifies is noise, too.
        gain = min(110 / max(1.0, float(seen.mean())), 6.0)
        seen *= gain
        noise = 1.0 + 1.2 * max(0.0, gain - 1)
        if day.rain_h[0] <= hour < day.rain_h[1]:
            seen = 0.8 * seen + 22
            _rain(seen, rng)
        if day.fog_h[0] <= hour < day.fog_h[1]:
            thick = 1 - (1 - day.fog) * math.sin(math.pi * (hour - day.fog_h[0]) / (day.fog_h[1] - day.fog_h[0]))
            seen = thick * seen + (1 - thick) * 150
        if self._dirt_from_s is not None and time_s > self._dirt_from_s:
            part = 1.0 if self._at_once else min(1.0, (time_s - self._dirt_from_s) / (3 * DAY_S))
            seen = self._soiled(seen, part)
        seen += self._grain(rng) * np.float32(noise)
        grey = np.clip(seen, 0, 255).astype(np.uint8)
        if day.windy and rng.random() < 0.3:
            off = rng.uniform(-0.7, 0.7, 2)
            move = np.array([[1, 0, off[0]], [0, 1, off[1]]], np.float32)
            grey = cv2.warpAffine(grey, move, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_REPLICATE)
        _, coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 60])
        grey = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
        colour = np.zeros_like(self._tint) if infrared else self._tint * min(1.0, 0.3 + sun)
        chroma = 128 + colour + rng.normal(0, 0.2, self._tint.shape).astype(np.float32)
        return SightPicture(grey, chroma.astype(np.float32) if not infrared else np.full_like(self._tint, 128))

    def _light(self, sun: float, hour: float, day: Day, time_s: float, *, infrared: bool) -> _Plane:
        if infrared:
            return self._halo * 0.5
        light = np.full((HEIGHT_PX, WIDTH_PX), 0.35 * sun + _NIGHT, np.float32)
        # Clouds come and go within minutes; their light has no shadows.
        cloud = 0.5 + 0.5 * math.sin(time_s / 700 + 3 * math.sin(time_s / 1900))
        direct = 0.65 * sun * (1.0 if cloud > day.cloud else 0.25)
        off = (hour - 12) / 6
        shadow = np.roll(self._tall, (round(18 * (1.2 - abs(off))), round(70 * off)), (0, 1))
        light += direct * (1 - 0.75 * cv2.blur(shadow, (3, 3)))
        if sun < 0.35:
            light += 0.3 * self._lamp_light
        return light

    def _soiled(self, seen: _Plane, part: float) -> _Plane:
        veil = self._drops if self._at_once else np.clip((part * 0.5 - self._spots + 0.2) * 4, 0, 1)
        return seen * (1 - veil) + (0.75 * cv2.GaussianBlur(seen, (0, 0), 6) + 25) * veil


def _sun(hour: float, day: Day) -> float:
    """0 at night to 1 at noon."""
    up = min(hour - day.sunrise_h, day.sunset_h - hour) * 3600
    return float(np.clip(up / _DUSK_S, 0, 1)) * (0.5 + 0.5 * math.sin(math.pi * np.clip((hour - 6) / 12, 0, 1)))


def _place(rng: np.random.Generator) -> tuple[_Plane, _Plane, NDArray[np.bool_]]:
    """What reflects how much, what throws shadows, and where trees are."""
    base = np.full((HEIGHT_PX, WIDTH_PX), 120.0, np.float32)
    for size, much in ((8, 14), (40, 10), (160, 7)):
        rough = rng.standard_normal((size * 3 // 5, size), np.float32) * much
        base += cv2.resize(rough, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    tall = np.zeros_like(base)
    horizon = int(rng.integers(50, 110))
    base[:horizon] = 190 + 0.2 * (base[:horizon] - 120)
    for _ in range(int(rng.integers(2, 5))):
        wide, high = int(rng.integers(50, 150)), int(rng.integers(50, 120))
        x, y = int(rng.integers(-20, WIDTH_PX - 30)), horizon + int(rng.integers(0, 40)) - high
        shade = float(rng.uniform(60, 180))
        cv2.rectangle(base, (x, y), (x + wide, y + high), shade, -1)
        cv2.rectangle(tall, (x, y), (x + wide, y + high), 1.0, -1)
        for wx in range(x + 6, x + wide - 8, 16):
            for wy in range(y + 8, y + high - 8, 20):
                cv2.rectangle(base, (wx, wy), (wx + 8, wy + 11), shade * 0.45, -1)
    for _ in range(int(rng.integers(3, 8))):
        x, top = int(rng.integers(WIDTH_PX)), int(rng.integers(20, 120))
        cv2.rectangle(base, (x, top), (x + 3, top + 130), float(rng.uniform(40, 90)), -1)
        cv2.rectangle(tall, (x, top), (x + 3, top + 130), 1.0, -1)
    left, right = int(rng.integers(0, 200)), int(rng.integers(260, WIDTH_PX))
    for way, across in ((left, 60), ((left + right) // 2, 240), (right, 420)):
        cv2.line(base, (way, horizon + 20), (across, HEIGHT_PX), 200.0, 3)
    for x in range(0, WIDTH_PX, int(rng.integers(14, 26))):
        cv2.line(base, (x, 190), (x, 225), 70.0, 1)
    cv2.line(base, (0, 196), (WIDTH_PX, 200), 70.0, 1)
    trees = np.zeros(base.shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        middle, size = (int(rng.integers(WIDTH_PX)), int(rng.integers(80, 150))), int(rng.integers(22, 50))
        cv2.circle(trees, middle, size, 255, -1)
        cv2.circle(tall, middle, size, 1.0, -1)
    leaves = cv2.resize(rng.uniform(40, 130, (96, 160)).astype(np.float32), (WIDTH_PX, HEIGHT_PX))
    base[trees > 0] = leaves[trees > 0]
    return base, tall, trees > 0


def _lorry(scene: _Plane, box: tuple[int, int, int, int, int]) -> None:
    x, y, wide, high, shade = box
    cv2.rectangle(scene, (x, y), (x + wide, y + high), float(shade), -1)
    cv2.rectangle(scene, (x, y), (x + wide, y + high), 30.0, 2)
    cv2.rectangle(scene, (x + wide - 35, y + 12), (x + wide - 8, y + 40), 50.0, -1)
    for wheel in (x + 25, x + wide - 40):
        cv2.circle(scene, (wheel, y + high), 14, 25.0, -1)


def _crowd(scene: _Plane, rng: np.random.Generator, number: int) -> None:
    for _ in range(number):
        x, foot, high = int(rng.integers(WIDTH_PX)), int(rng.integers(150, HEIGHT_PX)), int(rng.integers(35, 70))
        shade = float(rng.uniform(30, 210))
        cv2.ellipse(scene, (x, foot - high // 2), (high // 5, high // 2), 0, 0, 360, shade, -1)
        cv2.circle(scene, (x, foot - high), high // 8, 160.0, -1)


def _headlights(light: _Plane, rng: np.random.Generator) -> None:
    x, y = float(rng.uniform(0, WIDTH_PX)), float(rng.uniform(100, HEIGHT_PX))
    rows, columns = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    light += 2.5 * np.exp(-(((columns - x) / 60) ** 2) - (((rows - y) / 40) ** 2))


def _rain(seen: _Plane, rng: np.random.Generator) -> None:
    for x, y in rng.integers(0, (WIDTH_PX, HEIGHT_PX), (120, 2)):
        cv2.line(seen, (int(x), int(y)), (int(x) + 2, int(y) + 14), float(seen[y, x] + 25), 1)
