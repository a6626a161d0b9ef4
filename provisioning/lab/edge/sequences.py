"""Generated weather: what moves outdoors without a walker being there, and a few who are.

Each sequence is a generated scene with known walks, and one nuisance over it: rain, snow, clouds, a lamp, headlights,
shadows, shaking, trees, the cut-over to infrared. Drawn from seeds, so any picture can be drawn again.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.camera.sources.synthetic import Kind, SyntheticScene
from edge_agent.frames import Colour, Frame
from provisioning.lab.edge import creatures
from shared.scene import Tripwire

FPS = 10.0
_WIDTH, _HEIGHT = 640, 360
_WALK_EVERY_S = 15.0
LINES = {
    "fence": Tripwire("over the ground", [(0.0, 0.72), (1.0, 0.72)]),
    "gate": Tripwire("over the road", [(0.5, 0.98), (0.5, 0.45)]),
}
"""The line of each scene that walks cross; `EMPTY` are lines that no walk crosses."""
EMPTY = (
    Tripwire("through the trees", [(0.0, 0.22), (1.0, 0.22)]),
    Tripwire("on the left", [(0.08, 0.15), (0.08, 0.40)]),
)

Effect = Callable[[Colour, float, np.random.Generator], Colour]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One nuisance over one scene."""

    name: str
    kind: Kind
    seed: int
    seconds: float
    real_looking: bool = False
    """Walkers are drawn so that an object model knows persons, and not only motion."""

    @property
    def scene(self) -> SyntheticScene:
        return SyntheticScene(self.kind, self.seed, _WALK_EVERY_S)

    def frames(self) -> Iterator[Frame]:
        """Its pictures, 640 by 360, 10 a second."""
        scene, empty = self.scene, self.scene.empty()
        under, effect = UNDER.get(self.name), EFFECTS.get(self.name) or OVER_CREATURES[self.name]
        for number in range(1, round(self.seconds * FPS) + 1):
            time_s = (number - 1) / FPS
            rng = np.random.default_rng((self.seed, number))
            picture = under(empty.copy(), time_s, rng) if under else empty.copy()
            if self.name == "shadows":
                _cast_shadows(picture, scene, time_s)
            if self.real_looking:
                for walk in scene.present(time_s):
                    creatures.walker(picture, walk, time_s)
            else:
                scene.add_walks(picture, time_s)
            picture = effect(picture, time_s, rng)
            noise = rng.integers(-3, 4, picture.shape[:2], np.int16)
            picture = np.clip(picture.astype(np.int16) + noise[:, :, None], 0, 255).astype(np.uint8)
            yield as_frame(picture, number, time_s)


def as_frame(picture: Colour, number: int, time_s: float) -> Frame:
    """A picture as a camera's frame, with the planes that a decoder gives."""
    height, width = picture.shape[:2]
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    area = height * width
    grey = planes[:area].reshape(height, width)
    first = planes[area : area + area // 4].reshape(height // 2, width // 2)
    second = planes[area + area // 4 :].reshape(height // 2, width // 2)
    return Frame(number, time_s, time_s, grey, partial(_same, picture), (first, second))  # type: ignore[arg-type]


def _same(picture: Colour) -> Colour:
    return picture


def sequences(seconds_each: float, seed: int = 1) -> list[Sequence]:
    """One of every nuisance of the weather, over both scenes in turn."""
    kinds: tuple[Kind, Kind] = ("fence", "gate")
    return [
        Sequence(name, kinds[index % 2], seed * 100 + index, seconds_each) for index, name in enumerate(sorted(EFFECTS))
    ]


def creatures_and_shadows(seconds_each: float, seed: int = 3) -> list[Sequence]:
    """What moves and is no person, over the scene that walkers cross."""
    names = *sorted(OVER_CREATURES), "shadows", "tree shadows", "trees"
    return [
        Sequence(name, "fence", seed * 100 + index, seconds_each, real_looking=True) for index, name in enumerate(names)
    ]


def _bytes(picture: NDArray[Any]) -> Colour:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _plain(picture: Colour, _time_s: float, _rng: np.random.Generator) -> Colour:
    return picture


def _rain(picture: Colour, _time_s: float, rng: np.random.Generator) -> Colour:
    """Bright streaks, new ones in every frame, some near the lens and long."""
    layer = np.zeros_like(picture)
    for _ in range(180):
        x, y = int(rng.integers(0, _WIDTH)), int(rng.integers(-20, _HEIGHT))
        length = int(rng.integers(8, 22))
        cv2.line(layer, (x, y), (x + length // 5, y + length), (110, 110, 110), 1)
    for _ in range(3):
        x, y = int(rng.integers(0, _WIDTH)), int(rng.integers(0, _HEIGHT))
        cv2.line(layer, (x, y), (x + 8, y + 60), (70, 70, 70), 2)
    return cv2.add(picture, cv2.blur(layer, (1, 3)))  # type: ignore[return-value]


def _snow(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """Flakes that drift down steadily, each for its own way."""
    fixed = np.random.default_rng(77)
    layer = picture.copy()
    xs, speeds, starts = fixed.uniform(0, _WIDTH, 120), fixed.uniform(60, 160, 120), fixed.uniform(0, _HEIGHT, 120)
    sizes = fixed.integers(1, 4, 120)
    for x, speed, start, size in zip(xs, speeds, starts, sizes, strict=True):
        y = (start + speed * time_s) % _HEIGHT
        sway = x + 8 * math.sin(time_s * 1.7 + start)
        cv2.circle(layer, (int(sway) % _WIDTH, int(y)), int(size), (235, 235, 235), -1)
    return cv2.addWeighted(picture, 0.25, layer, 0.75, 0)  # type: ignore[return-value]


def _clouds(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """Shade of clouds: the light falls and rises by half, with an edge that wanders over the ground."""
    front = (time_s * 60) % 3000 - 600
    xs = np.arange(_WIDTH, dtype=np.float32)[None] + 0.4 * np.arange(_HEIGHT, dtype=np.float32)[:, None]
    inside = 1 / (1 + np.exp(-(front - xs) / 50)) * 1 / (1 + np.exp(-(xs - front + 900) / 50))
    light = 1 - 0.45 * inside
    return _bytes(picture * light[:, :, None])


def _lamp(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """A lamp goes on and off at a stroke, and the camera's exposure creeps after it."""
    since = time_s % 25
    lit = int(time_s // 25) % 2 == 1
    target, before = (1.6, 1.0) if lit else (1.0, 1.6)
    settled = 1 + (target - 1) * 0.6 if lit else 1.0
    gain = target + (settled - target) * min(1.0, since / 4)
    gain = before + (gain - before) * min(1.0, since / 0.05)
    return _bytes(picture * gain)


def _headlights(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """Beams of cars that pass elsewhere sweep over the ground."""
    since = time_s % 8
    layer = np.zeros((_HEIGHT, _WIDTH), np.float32)
    x = -200 + since * 220
    cv2.ellipse(layer, (int(x), 250), (130, 34), 0, 0, 360, 1.0, -1)
    cv2.ellipse(layer, (int(x) + 60, 235), (60, 20), 0, 0, 360, 1.4, -1)
    beam = cv2.GaussianBlur(layer, (0, 0), 14)
    dark = picture * 0.55
    return _bytes(dark * (1 + 1.1 * beam[:, :, None]))


def _shake(picture: Colour, time_s: float, rng: np.random.Generator) -> Colour:
    """A mast in the wind: a slow swing of some pixels, and a tremble."""
    dx = 3.0 * math.sin(time_s * 2.1) + float(rng.normal(0, 0.5))
    dy = 2.0 * math.sin(time_s * 3.3 + 1) + float(rng.normal(0, 0.4))
    shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(picture, shift, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def _trees(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """Crowns that sway and flutter, over the upper part and one side."""
    gust = 0.6 + 0.4 * math.sin(time_s * 0.35)
    fixed = np.random.default_rng(5)
    for number in range(90):
        side = number % 3 == 0
        x = fixed.uniform(0, 90) if side else fixed.uniform(0, _WIDTH)
        y = fixed.uniform(20, 200) if side else fixed.uniform(5, 95)
        size = fixed.uniform(8, 22)
        phase, pace = fixed.uniform(0, 6.3), fixed.uniform(2.0, 5.0)
        green = int(fixed.integers(40, 110))
        reach = gust * (3 + 9 * (1 - y / 200))
        centre = int(x + reach * math.sin(time_s * pace + phase)), int(y + 0.4 * reach * math.sin(time_s * pace * 1.3))
        cv2.ellipse(picture, centre, (int(size), int(size * 0.6)), phase * 57, 0, 360, (30, green, 35), -1)
    return picture


def _tree_shadows(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """Shadows of branches that sway on the ground, soft and sharp ones."""
    layer = np.ones((_HEIGHT, _WIDTH), np.float32)
    fixed = np.random.default_rng(9)
    for number in range(26):
        x, y = fixed.uniform(0, _WIDTH), fixed.uniform(190, 350)
        phase, pace = fixed.uniform(0, 6.3), fixed.uniform(1.0, 3.0)
        size = fixed.uniform(14, 46)
        centre = int(x + 10 * math.sin(time_s * pace + phase)), int(y + 3 * math.sin(time_s * pace + phase))
        cv2.ellipse(layer, centre, (int(size), int(size * 0.4)), phase * 57, 0, 360, 0.62 if number % 2 else 0.75, -1)
    soft = cv2.GaussianBlur(layer, (0, 0), 2.5)
    return _bytes(picture * soft[:, :, None])


def _infrared(picture: Colour, time_s: float, _rng: np.random.Generator) -> Colour:
    """Dusk, and every 40 s the camera swings its filter: no colour, another exposure, and back."""
    night = int(time_s // 40) % 2 == 1
    if not night:
        return picture
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    xs = (np.arange(_WIDTH, dtype=np.float32)[None] - _WIDTH / 2) / _WIDTH
    ys = (np.arange(_HEIGHT, dtype=np.float32)[:, None] - _HEIGHT / 2) / _HEIGHT
    spot = 1.25 - 1.2 * (xs * xs + ys * ys)
    return cv2.cvtColor(np.clip(grey * spot, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def _cast_shadows(picture: Colour, scene: SyntheticScene, time_s: float) -> None:
    """Long sharp shadows of all who walk, to the side."""
    layer = np.ones(picture.shape[:2], np.float32)
    for walk in scene.present(time_s):
        x, y = walk.at(time_s)
        foot = x * _WIDTH, y * _HEIGHT
        wide, high = walk.size_px
        corners = np.array(
            [
                (foot[0] - wide / 2, foot[1]),
                (foot[0] + wide / 2, foot[1]),
                (foot[0] + wide / 2 + 0.9 * high, foot[1] - 0.35 * high),
                (foot[0] - wide / 2 + 0.9 * high, foot[1] - 0.35 * high),
            ]
        )
        cv2.fillPoly(layer, [np.round(corners).astype(np.int32)], 0.6)
    layer = cv2.GaussianBlur(layer, (0, 0), 1.2)  # type: ignore[assignment]
    picture[:] = np.clip(picture * layer[:, :, None], 0, 255).astype(np.uint8)


EFFECTS: dict[str, Effect] = {
    "clouds": _clouds,
    "headlights": _headlights,
    "infrared": _infrared,
    "lamp": _lamp,
    "rain": _rain,
    "shadows": _plain,
    "shake": _shake,
    "snow": _snow,
    "tree shadows": _plain,
    "trees": _trees,
}
OVER_CREATURES: dict[str, Effect] = {
    "animals": _plain,
    "animals at night": creatures.infrared,
    "insects": creatures.insects,
}
"""What a camera makes of a scene with creatures in it, which only those leave out who ask for persons."""
UNDER: dict[str, Effect] = {
    "animals": creatures.animals,
    "animals at night": creatures.animals,
    "tree shadows": _tree_shadows,
}
"""What lies or goes on the ground, under those who walk there."""
