"""What of a scene can never fire, in sentences: it reads well, draws well, and nothing ever comes of it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from edge_agent.vision.tripwire.geometry import Point, contains, distance
from shared import schedule
from shared.scene import Lane, Mask, Scene, Tripwire, Watch, Zone

_BESIDE = 0.015
"""So far beside a line a thing has to be seen; the margin of `judge`."""
_EDGE = 0.005
"""Nearer to the picture's edge there is no room beyond a line, not even for what appears there."""
_CLOSE = 0.01
"""Parts of a line that run against each other no further apart are crossed there and back in one step."""
_LENGTH, _AREA = 0.005, 0.00005
_SMALLEST, _TALLEST = 0.01, 0.95
"""Heights that the analysis finds, as parts of the picture's."""
_WAY = 0.05
"""So far something must go the wrong way, in picture heights; `zones`."""
_WIDEST = 2.0
"""Width of a picture in its heights, at most: the scene does not tell it."""
_STEPS = 40
_PARTLY = 0.2
"""So much of a line may lie close to another part of it: sharp corners do."""
_PARALLEL, _UPON = 0.999, 1e-6


def faults(scene: Scene, lanes: Sequence[Lane] = ()) -> list[str]:
    """A sentence for each line, zone, mask or lane that cannot do what it is there for; none where all is well."""
    if not scene.watches and not lanes:
        return ["no [[tripwires]] and no [[zones]] in it, so nothing can happen"]
    said = list(_of_masks(scene.masks))
    for watch in scene.watches:
        what = f"{'line' if isinstance(watch, Tripwire) else 'zone'} {watch.name!r}"
        shape = _of_line(watch, scene.masks) if isinstance(watch, Tripwire) else _of_zone(watch, scene.masks)
        said += [f"{what}: {fault}" for fault in (*shape, *_of_watch(watch))]
    for lane in lanes:
        as_line = Tripwire(lane.name, lane.line, lane.direction)
        said += [f"lane {lane.name!r}: {fault}" for fault in _of_line(as_line, scene.masks)]
    return said


def _of_masks(masks: Sequence[Mask]) -> Iterator[str]:
    for number, mask in enumerate(masks, start=1):
        if _area(mask.points) < _AREA or _overlap(_sides(mask.points)):
            yield (
                f"mask {number} (from {mask.points[0][0]:g}, {mask.points[0][1]:g}): it has no area, so it hides "
                "nothing; give its corners one after another"
            )
    if masks and all(_hidden((x, y), masks) for x, y in _grid((0, 0), (1, 1))):
        yield "masks cover the whole picture, so nothing is seen at all"


def _of_line(line: Tripwire, masks: Sequence[Mask]) -> Iterator[str]:
    sides = list(pairwise(line.points))
    if sum(_length(a, b) for a, b in sides) < _LENGTH:
        yield "it has no length, so nothing can cross it; draw it from one side of the way to the other"
        return
    dead = [_dead(side, at, sides, masks) for side in sides for at in _along(side)]
    reasons = [reason for reason in _SAID if reason in dead]
    if all(dead) and reasons:
        yield f"{_SAID[reasons[0]]}, so nothing can cross it; {_ADVICE[reasons[0]]}"
    elif dead.count("back") > len(dead) * _PARTLY:
        yield f"a part of it goes back over itself, where nothing is counted; {_ADVICE['back']}"


_SAID = {
    "mask": "a mask lies over all of it",
    "back": "it goes back over itself: whatever crosses it does so there and back",
    "edge": "it runs along the picture's edge, with no room on its other side",
    "beside": "a mask or the picture's edge lies beside all of it",
}
_ADVICE = {
    "mask": "move the line or the mask",
    "back": "end it at its last new point",
    "edge": "draw it further inside, where things are seen on both sides",
    "beside": "draw it where things are seen on both sides",
}


def _dead(side: tuple[Point, Point], at: Point, sides: Sequence[tuple[Point, Point]], masks: Sequence[Mask]) -> str:
    """Why nothing can cross a side at one of its points; empty where it can be crossed."""
    (ax, ay), (bx, by) = side
    length = _length(*side)
    if length == 0:
        return "edge"
    if _hidden(at, masks):
        return "mask"
    if any(other is not side and _against(side, other) and distance(*other, at) < _CLOSE for other in sides):
        return "back"
    across = -(by - ay) / length, (bx - ax) / length
    beside = [(at[0] + sign * across[0] * _EDGE, at[1] + sign * across[1] * _EDGE) for sign in (1, -1)]
    if not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in beside):
        return "edge"
    near = [(at[0] + sign * across[0] * _BESIDE, at[1] + sign * across[1] * _BESIDE) for sign in (1, -1)]
    return "beside" if any(_hidden(place, masks) for place in near) else ""


def _of_zone(zone: Zone, masks: Sequence[Mask]) -> Iterator[str]:
    if _area(zone.points) < _AREA or _overlap(_sides(zone.points)):
        yield (
            "it has no area, or its outline goes back over itself, so nothing is ever in it; "
            "give its corners one after another"
        )
        return
    xs, ys = ([point[axis] for point in zone.points] for axis in (0, 1))
    inside = [at for at in _grid((min(xs), min(ys)), (max(xs), max(ys))) if contains(zone.points, at)]
    if inside and all(_hidden(at, masks) for at in inside):
        yield "a mask lies over all of it, so nothing in it is seen; move the zone or the mask"
    if zone.kind == "wrong_way" and (max(xs) - min(xs)) * _WIDEST + max(ys) - min(ys) < _WAY:
        yield f"it is too small for a wrong way, which is {_WAY:.0%} of the picture's height at least; draw it larger"


def _of_watch(watch: Watch) -> Iterator[str]:
    spans = [schedule.parse_span(text) for text in watch.schedule]
    if spans and not any(span.covers(day, minute) for span in spans for day in range(7) for minute in range(1440)):
        yield f"its schedule {watch.schedule} never holds, so it is never armed; expected such as 'daily 22:00-06:00'"
    if watch.max_height <= _SMALLEST:
        yield f"max_height {watch.max_height:g} leaves nothing: things so small are not found; 1 is no limit"
        return
    tallest = min(_TALLEST, max(_room(watch, y) for _, y in watch.points))
    if watch.min_height > tallest:
        yield f"min_height {watch.min_height:g} leaves nothing: things there are at most {tallest:.2g} of the picture"


def _room(watch: Watch, y: float) -> float:
    """How tall a thing can be whose anchor is at a height of the picture."""
    return {"ground": y, "centre": 2 * min(y, 1 - y), "top": 1 - y}[watch.anchor]


def _hidden(at: Point, masks: Sequence[Mask]) -> bool:
    return any(contains(mask.points, at) for mask in masks)


def _grid(low: Point, high: Point) -> Iterator[Point]:
    """Middles of small squares, so that none lies on an edge."""
    for row in range(_STEPS):
        for column in range(_STEPS):
            yield (
                low[0] + (high[0] - low[0]) * (column + 0.5) / _STEPS,
                low[1] + (high[1] - low[1]) * (row + 0.5) / _STEPS,
            )


def _along(side: tuple[Point, Point]) -> Iterator[Point]:
    (ax, ay), (bx, by) = side
    for step in range(_STEPS):
        part = (step + 0.5) / _STEPS
        yield ax + part * (bx - ax), ay + part * (by - ay)


def _sides(corners: Sequence[Point]) -> list[tuple[Point, Point]]:
    return list(zip(corners, [*corners[1:], corners[0]], strict=True))


def _overlap(sides: Sequence[tuple[Point, Point]]) -> bool:
    """Whether a good part of an outline lies upon another part of it."""
    upon = 0
    for number, side in enumerate(sides):
        others = [other for place, other in enumerate(sides) if place != number and other[0] != other[1]]
        near = [other for other in others if abs(_cosine(side, other)) > _PARALLEL]
        upon += sum(any(distance(*other, at) < _UPON for other in near) for at in _along(side))
    return upon > len(sides) * _STEPS / 2


def _against(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two sides run in opposite directions, nearly."""
    return other[0] != other[1] and _cosine(one, other) < -0.9


def _cosine(one: tuple[Point, Point], other: tuple[Point, Point]) -> float:
    (ax, ay), (bx, by) = one
    (cx, cy), (dx, dy) = other
    lengths = _length(*one) * _length(*other)
    return ((bx - ax) * (dx - cx) + (by - ay) * (dy - cy)) / lengths if lengths else 0.0


def _length(a: Point, b: Point) -> float:
    return float(((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5)


def _area(corners: Sequence[Point]) -> float:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in _sides(corners))) / 2
