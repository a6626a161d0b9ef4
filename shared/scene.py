"""Scene files: what is watched in one camera's picture. Coordinates are normalised, 0–1 from the top left."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.events import Direction, Unit
from shared.settings import load_toml

Point = tuple[Unit, Unit]
Ways = Literal["both", "left_to_right", "right_to_left"]


class Tripwire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A 警戒线: a polyline whose crossing is an event."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    """Unique within the scene; shown to operators."""
    points: Annotated[list[Point], Meta(min_length=2, max_length=32)]
    """`[[x, y], [x, y], …]`. Left and right are met when walking from the first point to the second."""
    direction: Ways = "both"
    """Which way counts."""
    priority: Annotated[int, Meta(ge=1, le=4)] = 2
    """Priority of the alert, 1 is the highest (GB/T 28181)."""
    armed: bool = True
    """An unarmed line is counted and raises no alert."""

    def __post_init__(self) -> None:
        for number, (a, b) in enumerate(pairwise(self.points), start=1):
            if a == b:
                raise ValueError(
                    f"tripwire {self.name!r}: points {number} and {number + 1} are the same, "
                    "expected a line with a length"
                )

    def counts(self, direction: Direction) -> bool:
        """Whether a crossing this way is an event."""
        return self.direction in ("both", direction.label)


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is watched in one picture."""

    tripwires: list[Tripwire] = []

    def __post_init__(self) -> None:
        names = [line.name for line in self.tripwires]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"tripwire names must differ, twice: {', '.join(sorted(twice))}")


def load_scene(path: Path) -> Scene:
    """Read a scene file.

    Raises:
        ConfigError: naming file, key and what was expected.
    """
    return load_toml(path, Scene)
