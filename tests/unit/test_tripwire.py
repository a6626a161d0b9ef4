"""Tripwire geometry as a table: a path of ground points, one a frame, and what it must report."""

import pytest

from edge_agent.vision.tripwire import Crossing, Sighting, TripwireJudge
from edge_agent.vision.tripwire.geometry import crossing_parameter, distance, side
from shared.events import Direction
from shared.scene import Tripwire

LR, RL = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT
# Walked from left to right across the picture, so its left side is above.
LEVEL = Tripwire("level", [(0.2, 0.5), (0.8, 0.5)])
Path = list[tuple[float, float]]


def down(x: float = 0.5, start: float = 0.3, end: float = 0.7, step: float = 0.04) -> Path:
    count = round((end - start) / step)
    return [(x, start + (end - start) * n / count) for n in range(count + 1)]


def up(x: float = 0.5) -> Path:
    return down(x)[::-1]


def at(point: tuple[float, float], track: int = 1, high: float = 0.2) -> Sighting:
    x, y = point
    return Sighting(track, x - 0.03, y - high, x + 0.03, y)


def walk(judge: TripwireJudge, path: Path, *, fps: float = 10.0, high: float = 0.2) -> list[Crossing]:
    found = []
    for frame, point in enumerate(path, start=1):
        found += judge.step([at(point, high=high)], frame, frame / fps)
    return found


JITTER = [(0.5, 0.5 + (0.008 if n % 2 else -0.008)) for n in range(40)]

CASES: list[tuple[str, Tripwire, Path, list[Direction]]] = [
    ("straight over", LEVEL, down(), [LR]),
    ("straight back", LEVEL, up(), [RL]),
    ("over and back", LEVEL, down() + up(), [LR, RL]),
    ("one big step", LEVEL, [(0.5, 0.2), (0.5, 0.8)], [LR]),
    ("beside the line's end", LEVEL, down(0.85), []),
    ("round the line's end", LEVEL, [(0.7, 0.4), (0.9, 0.4), (0.9, 0.6), (0.7, 0.6)], []),
    ("round the end and back over", LEVEL, [(0.7, 0.4), (0.9, 0.4), (0.9, 0.6), (0.7, 0.6), (0.7, 0.4)], [RL]),
    ("lingering on the line, then back", LEVEL, down(end=0.48) + JITTER + up()[6:], []),
    ("lingering on the line, then over", LEVEL, down(end=0.48) + JITTER + down(start=0.52), [LR]),
    ("starting on the line", LEVEL, JITTER + down(start=0.52), []),
    ("ending on the line", LEVEL, down(end=0.48) + JITTER, []),
    ("along the line within the margin", LEVEL, [(0.1 + n * 0.02, 0.505) for n in range(40)], []),
    ("touching and going back", LEVEL, [(0.5, 0.4), (0.5, 0.5), (0.5, 0.4)], []),
    ("touching and going on", LEVEL, [(0.5, 0.4), (0.5, 0.5), (0.5, 0.6)], [LR]),
    ("over at the very end", LEVEL, down(0.8), [LR]),
    ("only the counted way, right", Tripwire("level", LEVEL.points, direction="left_to_right"), down(), [LR]),
    ("only the counted way, wrong", Tripwire("level", LEVEL.points, direction="right_to_left"), down(), []),
    ("line at the lower edge", Tripwire("low", [(0.0, 0.97), (1.0, 0.97)]), down(start=0.8, end=1.0), [LR]),
    ("upright line, from left", Tripwire("up", [(0.5, 0.9), (0.5, 0.1)]), [(0.3, 0.5), (0.7, 0.5)], [LR]),
    ("upright line, downwards", Tripwire("up", [(0.5, 0.1), (0.5, 0.9)]), [(0.3, 0.5), (0.7, 0.5)], [RL]),
    (
        "through the corner of a polyline",
        Tripwire("v", [(0.2, 0.3), (0.5, 0.6), (0.8, 0.3)]),
        down(start=0.3, end=0.9),
        [LR],
    ),
    (
        "into a bay and out of its other side",
        Tripwire("v", [(0.2, 0.3), (0.5, 0.6), (0.8, 0.3)]),
        [(0.1, 0.5), (0.5, 0.4), (0.9, 0.5)],
        [RL, LR],
    ),
    ("two segments in one step", Tripwire("v", [(0.2, 0.3), (0.5, 0.6), (0.8, 0.3)]), [(0.1, 0.45), (0.9, 0.45)], []),
]


@pytest.mark.parametrize(("line", "path", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_path(line: Tripwire, path: Path, expected: list[Direction]) -> None:
    judge = TripwireJudge([line], aspect=16 / 9)
    # Slow enough that every step is one that a thing can make: 1 frame a second.
    found = walk(judge, path, fps=1.0)
    assert [crossing.direction for crossing in found] == expected
    assert all(crossing.frame <= crossing.confirmed_frame for crossing in found)


def test_crossing_is_located_where_the_line_was_met() -> None:
    judge = TripwireJudge([LEVEL], aspect=1)
    path = down(end=0.49) + [(0.5, 0.51)] + [(0.5, 0.51)] * 10 + [(0.5, 0.7)]
    found = walk(judge, path)
    assert len(found) == 1
    met = path.index((0.5, 0.51)) + 0.5
    assert found[0].frame == round(met)
    assert found[0].time_s == pytest.approx(met / 10, abs=0.051)
    assert found[0].confirmed_frame == len(path)


def test_tracks_do_not_mix() -> None:
    judge = TripwireJudge([LEVEL], aspect=1)
    judge.step([at((0.5, 0.4)), at((0.5, 0.6), 2)], 1, 0.1)
    found = judge.step([at((0.5, 0.45)), at((0.5, 0.55), 2)], 2, 0.2)
    assert found == []
    found = judge.step([at((0.5, 0.52)), at((0.5, 0.48), 2)], 3, 0.3)
    assert {(c.track, c.direction) for c in found} == {(1, LR), (2, RL)}


def test_state_of_tracks_that_are_over_is_dropped() -> None:
    judge = TripwireJudge([LEVEL], aspect=1)
    for track in range(10_000):
        judge.step([at((0.1 + 0.8 * (track % 7) / 7, 0.4), track)], track + 1, track / 2)
    assert len(judge._paths) < 20
    assert len(judge._continuity._movers) < 20
    assert len(judge._continuity._by_track) < 20


def test_lingering_on_the_line_for_an_hour_costs_nothing() -> None:
    judge = TripwireJudge([LEVEL], aspect=1)
    walk(judge, down(end=0.48) + JITTER * 900)
    assert all(isinstance(path.sum, int) and abs(path.sum) <= 1 for path in judge._paths.values())


def test_a_new_id_on_the_line_goes_on_as_who_was_there() -> None:
    judge = TripwireJudge([LEVEL], aspect=1)
    found = []
    for frame, point in enumerate(down(), start=1):
        found += judge.step([at(point, track=1 if point[1] < 0.5 else 77)], frame, frame / 10)
    assert [c.direction for c in found] == [LR]


def test_no_id_at_all_is_as_good() -> None:
    judge = TripwireJudge([LEVEL], aspect=1)
    found = [c for n, point in enumerate(down(), start=1) for c in judge.step([at(point, track=-1)], n, n / 10)]
    assert [c.direction for c in found] == [LR]


def test_two_who_swap_their_ids_across_the_line_cross_nothing() -> None:
    judge = TripwireJudge([LEVEL], aspect=1)
    found = []
    for frame in range(1, 20):
        above, below = (1, 2) if frame < 10 else (2, 1)
        found += judge.step([at((0.4, 0.35), above), at((0.6, 0.65), below)], frame, frame / 10)
    assert found == []


def test_out_over_a_line_at_the_picture_s_edge() -> None:
    low = Tripwire("low", [(0.0, 0.98), (1.0, 0.98)])
    judge = TripwireJudge([low], aspect=1)
    path = down(start=0.8, end=0.99, step=0.02)
    found = walk(judge, path)
    for frame in range(len(path) + 1, len(path) + 60):
        found += judge.step([], frame, frame / 10)
    assert [c.direction for c in found] == [LR]


@pytest.mark.parametrize(
    ("line", "high", "expected"),
    [
        (Tripwire("l", LEVEL.points, min_height=0.1), 0.2, [LR]),
        (Tripwire("l", LEVEL.points, min_height=0.3), 0.2, []),
        (Tripwire("l", LEVEL.points, max_height=0.1), 0.2, []),
        (Tripwire("l", [(0.2, 0.4), (0.8, 0.4)], anchor="centre"), 0.2, [LR]),
        (Tripwire("l", [(0.2, 0.2), (0.8, 0.2)], anchor="top"), 0.2, [LR]),
        (Tripwire("l", [(0.2, 0.2), (0.8, 0.2)]), 0.2, []),
    ],
    ids=["tall enough", "too small", "too tall", "by its centre", "by its top", "ground is elsewhere"],
)
def test_size_and_anchor(line: Tripwire, high: float, expected: list[Direction]) -> None:
    path = down(start=0.3, end=0.7)
    assert [c.direction for c in walk(TripwireJudge([line], aspect=1), path, high=high)] == expected


def test_debounce_counts_the_same_thing_once() -> None:
    path = down() + up() + down()
    assert len(walk(TripwireJudge([LEVEL], aspect=1), path)) == 3
    line = Tripwire("level", LEVEL.points, debounce_s=60)
    assert len(walk(TripwireJudge([line], aspect=1), path)) == 1


def test_sides_are_those_met_when_walking() -> None:
    assert side((0, 0), (1, 0), (0.5, -1)) < 0  # above, in a picture, is left of walking right
    assert crossing_parameter((0.5, -1), (0.5, 1), (0, 0), (1, 0)) == pytest.approx(0.5)
    assert crossing_parameter((2, -1), (2, 1), (0, 0), (1, 0)) is None
    assert distance((0, 0), (1, 0), (2, 0)) == pytest.approx(1)
