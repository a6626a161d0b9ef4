"""Zones as timelines: where a person is at which second, and what must be reported when."""

import pytest

from edge_agent.vision.tripwire import Presence, Sighting, ZoneJudge
from shared.events import WatchRule
from shared.scene import Zone

YARD = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]
FPS = 10


def watch(zone: Zone, path: list[tuple[float, float]], high: float = 0.2) -> list[Presence]:
    judge = ZoneJudge([zone], aspect=1)
    found = []
    for frame, (x, y) in enumerate(path, start=1):
        found += judge.step([Sighting(1, x - 0.03, y - high, x + 0.03, y)], frame, frame / FPS)
    return found


def stay(x: float, y: float, seconds: float) -> list[tuple[float, float]]:
    return [(x, y)] * round(seconds * FPS)


def go(start: tuple[float, float], end: tuple[float, float], seconds: float) -> list[tuple[float, float]]:
    count = round(seconds * FPS)
    return [
        (start[0] + (end[0] - start[0]) * n / count, start[1] + (end[1] - start[1]) * n / count) for n in range(count)
    ]


def test_intrusion_after_its_dwell_and_once() -> None:
    found = watch(Zone("yard", YARD, dwell_s=2), go((0.1, 0.5), (0.5, 0.5), 2) + stay(0.5, 0.5, 10))
    assert [(presence.zone, presence.rule) for presence in found] == [("yard", WatchRule.INTRUSION)]
    assert found[0].time_s - found[0].began_s == pytest.approx(2, abs=0.15)


def test_passing_through_faster_than_the_dwell_is_nothing() -> None:
    assert watch(Zone("yard", YARD, dwell_s=3), go((0.1, 0.5), (0.9, 0.5), 3)) == []


def test_flickering_over_the_border_does_not_begin_anew() -> None:
    border = [(0.3 + (0.008 if n % 2 else -0.008), 0.5) for n in range(50)]
    assert len(watch(Zone("yard", YARD, dwell_s=4), go((0.1, 0.5), (0.31, 0.5), 2) + border)) == 1


def test_going_out_and_coming_back_is_a_second_stay() -> None:
    visit = go((0.1, 0.5), (0.5, 0.5), 2) + stay(0.5, 0.5, 3) + go((0.5, 0.5), (0.1, 0.5), 2)
    assert len(watch(Zone("yard", YARD, dwell_s=1), visit + visit)) == 2


def test_loitering_takes_a_minute_by_default() -> None:
    zone = Zone("door", YARD, kind="loitering")
    assert watch(zone, stay(0.5, 0.5, 59)) == []
    assert [presence.rule for presence in watch(zone, stay(0.5, 0.5, 61))] == [WatchRule.LOITERING]


def test_debounce_reports_a_long_stay_again() -> None:
    zone = Zone("yard", YARD, dwell_s=1, debounce_s=5)
    assert len(watch(zone, stay(0.5, 0.5, 12.5))) == 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (go((0.65, 0.5), (0.35, 0.5), 3), 1),
        (go((0.35, 0.5), (0.65, 0.5), 3), 0),
        (go((0.5, 0.35), (0.5, 0.65), 3), 0),
        (stay(0.5, 0.5, 20), 0),
        (go((0.35, 0.5), (0.6, 0.5), 2) + go((0.6, 0.5), (0.4, 0.5), 3), 1),
    ],
    ids=["against it", "along it", "across it", "standing", "along it, then back"],
)
def test_wrong_way(path: list[tuple[float, float]], expected: int) -> None:
    found = watch(Zone("lane", YARD, kind="wrong_way", heading=(1, 0)), path)
    assert [presence.rule for presence in found] == [WatchRule.WRONG_WAY] * expected


def test_state_of_stays_that_are_over_is_dropped() -> None:
    judge = ZoneJudge([Zone("yard", YARD)], aspect=1)
    for number in range(5_000):
        x = 0.35 + 0.3 * (number % 5) / 5
        judge.step([Sighting(number, x, 0.3, x + 0.05, 0.5)], number + 1, number / 2)
    assert len(judge._stays) < 20
