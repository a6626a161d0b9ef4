"""Scene files: what is watched in one camera's picture. Coordinates are normalised, 0–1 from the top left."""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared import schedule
from shared.events import Direction, Unit, WatchRule
from shared.objects import ObjectGroup
from shared.settings import load_toml
from shared.time_zones import check_zone

Point = tuple[Unit, Unit]
Ways = Literal["both", "left_to_right", "right_to_left"]
Anchor = Literal["ground", "centre", "top"]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Polygon = Annotated[list[Point], Meta(min_length=3, max_length=32)]


class _Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What lines and zones have in common."""

    priority: Annotated[int, Meta(ge=1, le=4)] = 2
    """Priority of the alert, 1 is the highest (GB/T 28181)."""
    armed: bool = True
    """Unarmed, it is counted and raises no alert."""
    schedule: list[str] = []
    """When it is armed, in the scene's time zone: `["mon-fri 18:00-07:00", "sat,sun 00:00-24:00"]`; empty is always."""
    anchor: Anchor = "ground"
    """The point of a thing that counts: the middle of its lower edge, its centre, or the middle of its upper edge."""
    min_height: Unit = 0.0
    """Lower things do not count; as a part of the picture's height."""
    max_height: Unit = 1.0
    """Taller things do not count; as a part of the picture's height."""
    debounce_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """The same thing counts again only after this long."""
    objects: list[ObjectGroup] = []
    """Only these count, where looks tell what a thing is; what they do not know counts always. Empty is all."""

    def __post_init__(self) -> None:
        for text in self.schedule:
            schedule.parse_span(text)
        if self.min_height >= self.max_height:
            raise ValueError(f"min_height {self.min_height:g} must be less than max_height {self.max_height:g}")

    def armed_at(self, moment: datetime) -> bool:
        """Whether it is armed at a moment, given in the scene's time zone."""
        if not self.armed:
            return False
        return not self.schedule or schedule.covers((schedule.parse_span(text) for text in self.schedule), moment)

    def fits(self, height: float) -> bool:
        """Whether a thing of this height counts."""
        # A box may reach beyond the picture, so that 1 is no limit.
        return self.min_height <= height and (height <= self.max_height or self.max_height >= 1)


class Tripwire(_Watch, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A 警戒线: a polyline whose crossing is an event."""

    name: Name
    """Unique within the scene; shown to operators."""
    points: Annotated[list[Point], Meta(min_length=2, max_length=32)]
    """`[[x, y], [x, y], …]`. Left and right are met when walking from the first point to the second."""
    direction: Ways = "both"
    """Which way counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_different(f"tripwire {self.name!r}", self.points)

    @property
    def rule(self) -> WatchRule:
        return WatchRule.TRIPWIRE

    def counts(self, direction: Direction) -> bool:
        """Whether a crossing this way is an event."""
        return self.direction in ("both", direction.label)


class Zone(_Watch, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place: entering it, staying in it, or going through it the wrong way is an event."""

    name: Name
    """Unique among lines and zones of the scene; shown to operators."""
    points: Polygon
    """Its corners."""
    kind: Literal["intrusion", "loitering", "wrong_way"] = "intrusion"
    """What is an event: being inside (入侵), staying long (徘徊), going against `heading` (逆行)."""
    dwell_s: Annotated[float, Meta(ge=0, le=3600)] | None = None
    """How long it must last; by default 1 s for intrusion, 60 s for loitering, 1 s for the wrong way."""
    heading: tuple[float, float] | None = None
    """Wrong way only: the allowed way as `[x, y]`, y downwards; `[1, 0]` is to the right."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.points[0] == self.points[-1]:
            raise ValueError(f"zone {self.name!r}: the last corner repeats the first, leave it out")
        _require_different(f"zone {self.name!r}", self.points)
        _require_simple(f"zone {self.name!r}", self.points)
        if self.kind == "wrong_way" and self.heading is None:
            raise ValueError(f"zone {self.name!r}: kind = 'wrong_way' needs the allowed way, such as heading = [1, 0]")
        if self.kind != "wrong_way" and self.heading is not None:
            raise ValueError(f"zone {self.name!r}: heading belongs to kind = 'wrong_way', and to no other")
        if self.heading is not None and not all(math.isfinite(part) for part in self.heading):
            raise ValueError(f"zone {self.name!r}: heading {list(self.heading)} is no way, expected such as [1, 0]")
        if self.heading is not None and self.heading == (0, 0):
            raise ValueError(f"zone {self.name!r}: heading [0, 0] points nowhere, expected such as [1, 0]")

    @property
    def rule(self) -> WatchRule:
        return WatchRule[self.kind.upper()]

    @property
    def must_last_s(self) -> float:
        """`dwell_s`, or its default."""
        if self.dwell_s is not None:
            return self.dwell_s
        return 60.0 if self.kind == "loitering" else 1.0


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the picture that is not analysed."""

    points: Polygon
    """Its corners."""
    privacy: bool = False
    """Also black in every picture that is kept or sent: what lies in it never leaves the box."""

    def __post_init__(self) -> None:
        _require_simple("mask", self.points)


Watch = Tripwire | Zone


class Lane(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A lane of a checkpoint (卡口): every vehicle that meets its line is told once."""

    name: Name
    """Unique among lines, zones and lanes of the camera; shown to operators."""
    line: Annotated[list[Point], Meta(min_length=2, max_length=32)]
    """Across the lane, on the road, where plates are read best: `[[x, y], [x, y]]`, sides as for a tripwire."""
    direction: Ways = "both"
    """Which way counts."""

    def __post_init__(self) -> None:
        _require_different(f"lane {self.name!r}", self.line)

    def counts(self, direction: Direction) -> bool:
        """Whether a passage this way is told."""
        return self.direction in ("both", direction.label)


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything that is watched in one picture."""

    tripwires: list[Tripwire] = []
    zones: list[Zone] = []
    masks: list[Mask] = []
    timezone: str = "Asia/Shanghai"
    """Of the schedules."""

    def __post_init__(self) -> None:
        names = [watch.name for watch in self.watches]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"names of tripwires and zones must differ, twice: {', '.join(sorted(twice))}")
        try:
            check_zone(self.timezone)
        except ValueError as error:
            raise ValueError(f"timezone: {error}") from None

    @property
    def watches(self) -> list[Watch]:
        """Lines and zones, in the order of their numbers."""
        return [*self.tripwires, *self.zones]


def _require_different(name: str, points: Sequence[Point]) -> None:
    for number, (a, b) in enumerate(pairwise(points), start=1):
        if a == b:
            raise ValueError(f"{name}: points {number} and {number + 1} are the same, expected a line with a length")


def _require_simple(name: str, corners: Sequence[Point]) -> None:
    """A polygon whose sides cross each other leaves holes that the planner did not draw."""
    sides = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    for number, (a, b) in enumerate(sides):
        for other, (c, d) in enumerate(sides[number + 2 :], start=number + 2):
            if (other + 1) % len(sides) == number:
                continue
            if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
                raise ValueError(
                    f"{name}: sides {number + 1} and {other + 1} cross; give the corners one after another"
                )


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def load_scene(path: Path) -> Scene:
    """Read a scene file.

    Raises:
        ConfigError: naming file, key and what was expected.
    """
    return load_toml(path, Scene)
