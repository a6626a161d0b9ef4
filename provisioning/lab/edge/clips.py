"""The real clips, their lines, and what was counted on them by eye."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.vision.tripwire.geometry import Point
from provisioning.lab.edge.scoring import LineEvent, LineTruth
from shared.events import Direction

LR, RL = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT
Line = tuple[Point, Point]

PETS = "PETS09-S2L1-first400.avi"
PETS_TRUTH = "PETS09-S2L1-first400.gt.txt", 768, 576
PETS_LINES: dict[str, Line] = {
    "road, left of the post": ((0.34, 0.30), (0.34, 0.62)),
    "road, right of the post": ((0.62, 0.30), (0.62, 0.80)),
    "road, far right": ((0.75, 0.25), (0.75, 0.85)),
    "path on the left": ((0.18, 0.30), (0.18, 0.46)),
    "branch road": ((0.60, 0.28), (0.92, 0.28)),
    "slanting over the road": ((0.45, 0.35), (0.80, 0.75)),
    "along the kerb": ((0.30, 0.42), (0.80, 0.42)),
    "before the sand": ((0.40, 0.30), (0.40, 0.62)),
}
"""Drawn where a planner would: across the ways and along the kerb, before the first measurement."""

TUD = "TUD-Stadtmitte.mp4"
TUD_TRUTH = "TUD-Stadtmitte.gt.txt", 640, 480
TUD_LINES: dict[str, Line] = {
    "left third": ((0.3, 0.5), (0.3, 1.0)),
    "middle": ((0.5, 0.5), (0.5, 1.0)),
    "right third": ((0.7, 0.5), (0.7, 1.0)),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """A clip whose crossings were counted by eye, from its frames.

    The lines at x = 0.72 and 0.85, and all of the cars', were counted before the analysis had seen the clips; those at
    x = 0.65 and 0.80 were added when it had.
    """

    video: str
    within_frames: float
    lines: dict[str, tuple[Line, Sequence[LineEvent]]]


def _events(*frames: int, way: Sequence[Direction]) -> list[LineEvent]:
    return [LineEvent(float(frame), direction) for frame, direction in zip(frames, way, strict=True)]


# Drawn from left to right, so a car that comes down the picture goes from the line's left to its right.
_CARS = (RL, LR, RL, LR)
COUNTED = (
    Counted(
        "car-detection.mp4",
        12,
        {
            "y = 0.3": (((0.05, 0.3), (0.95, 0.3)), _events(95, 192, 228, 323, way=_CARS)),
            "y = 0.5": (((0.05, 0.5), (0.95, 0.5)), _events(88, 199, 221, 327, way=_CARS)),
            "y = 0.7": (((0.05, 0.7), (0.95, 0.7)), _events(83, 204, 215, 331, way=_CARS)),
            "between the lanes": (((0.42, 0.0), (0.42, 1.0)), []),
        },
    ),
    Counted(
        "one-by-one-person-detection.mp4",
        12,
        {
            "x = 0.65": (((0.65, 0.3), (0.65, 1.0)), _events(187, 438, 685, 855, 1183, 1345, way=[RL] * 6)),
            "x = 0.72": (((0.72, 0.3), (0.72, 1.0)), _events(188, 439, 687, 858, 1185, 1347, way=[RL] * 6)),
            "x = 0.80": (((0.80, 0.3), (0.80, 1.0)), _events(191, 441, 690, 861, 1188, 1350, way=[RL] * 6)),
            "x = 0.85": (((0.85, 0.3), (0.85, 1.0)), _events(192, 442, 691, 862, 1190, 1351, way=[RL] * 6)),
            "on the left, where nobody goes": (((0.2, 0.4), (0.2, 1.0)), []),
        },
    ),
)


CHOSEN_ON = ("adl6", "tfl_a13_day", "tfl_a13_night1", "PETS09")
"""The clips by which the constants of restlessness were chosen; the others were looked at when they stood."""


VEHICLES_ONLY = ("car-det", "highway2", "tfl_a13_day", "tfl_a13_night1")
"""The clips in which nobody walks."""


NOBODY: Mapping[str, Sequence[Line]] = {
    "adl6": (
        ((0.05, 0.10), (0.25, 0.10)),
        ((0.30, 0.20), (0.58, 0.20)),
        ((0.62, 0.10), (0.95, 0.10)),
        ((0.45, 0.05), (0.45, 0.30)),
        ((0.75, 0.05), (0.75, 0.30)),
    ),
    "caviar_eecp1": (
        ((0.05, 0.20), (0.05, 0.70)),
        ((0.10, 0.10), (0.10, 0.50)),
        ((0.72, 0.05), (0.72, 0.30)),
        ((0.85, 0.05), (0.85, 0.45)),
        ((0.95, 0.05), (0.95, 0.50)),
    ),
    "cdnet_pedestrians": (
        ((0.05, 0.90), (0.45, 0.90)),
        ((0.10, 0.80), (0.10, 0.98)),
        ((0.30, 0.78), (0.30, 0.98)),
        ((0.05, 0.03), (0.35, 0.03)),
        ((0.50, 0.02), (0.90, 0.02)),
    ),
    "highway2": (
        ((0.05, 0.27), (0.25, 0.10)),
        ((0.90, 0.10), (0.90, 0.60)),
        ((0.85, 0.30), (0.99, 0.30)),
        ((0.80, 0.75), (0.98, 0.75)),
        ((0.95, 0.50), (0.95, 0.95)),
    ),
    "tfl_a13_day": (
        ((0.10, 0.22), (0.40, 0.22)),
        ((0.45, 0.20), (0.75, 0.20)),
        ((0.05, 0.25), (0.20, 0.40)),
        ((0.70, 0.25), (0.95, 0.35)),
        ((0.85, 0.30), (0.85, 0.50)),
    ),
    "tfl_a13_night1": (
        ((0.10, 0.20), (0.40, 0.20)),
        ((0.55, 0.18), (0.90, 0.18)),
        ((0.03, 0.30), (0.20, 0.42)),
        ((0.80, 0.35), (0.97, 0.42)),
        ((0.90, 0.65), (0.99, 0.95)),
    ),
    "PETS09": (
        ((0.45, 0.05), (0.70, 0.05)),
        ((0.42, 0.02), (0.42, 0.12)),
        ((0.55, 0.02), (0.55, 0.13)),
        ((0.05, 0.75), (0.35, 0.75)),
        ((0.15, 0.60), (0.15, 0.95)),
    ),
    "TUD": (
        ((0.05, 0.10), (0.20, 0.10)),
        ((0.30, 0.05), (0.50, 0.05)),
        ((0.55, 0.08), (0.95, 0.08)),
        ((0.40, 0.03), (0.40, 0.20)),
        ((0.75, 0.03), (0.75, 0.20)),
    ),
}
"""By clip, five lines over walls, sky, banks and lawns where nothing goes, drawn by eye before any run with them."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip with lines and what crossed them: counted by eye, or from tracks that were drawn by hand."""

    name: str
    video: str
    fps: float
    lines: Mapping[str, tuple[Sequence[Point], LineTruth]]


def with_lines(folder: Path) -> list[Clip]:
    """The clips that have a `.lines.json` beside them."""
    clips = []
    for path in sorted(folder.glob("*.lines.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        lines = {
            name: (
                [(x, y) for x, y in line["points"]],
                LineTruth(
                    [LineEvent(frame, _way(way)) for frame, way in line["events"]],
                    line["tol"],
                    [(first, last, _way(way)) for first, last, way, *_ in line["optional"]],
                    (line["skip_before"], line["skip_after"]),
                ),
            )
            for name, line in said["lines"].items()
        }
        clips.append(Clip(path.name.removesuffix(".lines.json"), said["video"], said["fps"], lines))
    return clips


def _way(name: str) -> Direction:
    return LR if name == "left_to_right" else RL


def random_lines(count: int, seed: int) -> dict[str, Line]:
    """Lines anywhere in a 4:3 picture, at least a third of its height long."""
    rng = random.Random(seed)
    lines: dict[str, Line] = {}
    while len(lines) < count:
        a, b = ((rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.8)) for _ in range(2))
        if ((a[0] - b[0]) * 4 / 3) ** 2 + (a[1] - b[1]) ** 2 > 0.3**2:
            lines[f"{len(lines) + 1:02}"] = (a, b)
    return lines
