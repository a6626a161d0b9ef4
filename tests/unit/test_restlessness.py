"""What comes and goes in its place is restless; what passes is not, however often."""

import numpy as np
import pytest

from edge_agent.vision.motion.restlessness import MOST, Restlessness

_SHAPE = 120, 240
_FPS = 15
_DIFFERS = 90


def _unrest(place_x: "list[list[float]]") -> float:
    """Of the middle of the picture, after bodies of 40 pixels stood at these places, one list a picture."""
    restlessness = Restlessness(_SHAPE)
    for places in place_x:
        difference = np.zeros(_SHAPE, np.uint8)
        for x in places:
            difference[40:80, max(0, round(x)) : max(0, round(x) + 40)] = _DIFFERS
        restlessness.learn(difference, None, None, 1 / _FPS)
    return float(restlessness.unrest()[50:70, 110:130].mean())


def _swaying(frames: int) -> list[list[float]]:
    return [[100 + 35 * np.sin(2 * np.pi * number / _FPS)] for number in range(frames)]


@pytest.mark.parametrize("way", [1, -1])
def test_a_vehicle_a_second_is_not_taken_for_leaves(way: int) -> None:
    passing = [[(way * number * 8 + offset) % 480 - 120 for offset in (0, 160, 320)] for number in range(20 * _FPS)]
    assert _unrest(passing) < 5


def test_walkers_both_ways_are_not_taken_for_leaves() -> None:
    both = [[number * 6 % 720 - 240, 480 - number * 6 % 720] for number in range(30 * _FPS)]
    assert _unrest(both) < 15


def test_what_sways_is_restless() -> None:
    restlessness = Restlessness(_SHAPE)
    for places in _swaying(20 * _FPS):
        difference = np.zeros(_SHAPE, np.uint8)
        difference[40:80, round(places[0]) : round(places[0]) + 20] = _DIFFERS
        restlessness.learn(difference, None, None, 1 / _FPS)
    assert float(restlessness.unrest()[50:70, 70:150].max()) > MOST


def test_a_flicker_in_its_place_is_restless() -> None:
    assert _unrest([[100.0] if number % 10 < 5 else [] for number in range(20 * _FPS)]) > MOST
