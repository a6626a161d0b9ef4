"""What can never fire is said; what can is not."""

import pytest

from edge_agent.vision.tripwire.faults import faults
from shared.scene import Scene
from shared.settings import parse_toml

LINE = '[[tripwires]]\nname = "line"\npoints = '
ZONE = '[[zones]]\nname = "zone"\npoints = '
BOX = "[[0.2, 0.4], [0.8, 0.4], [0.8, 0.9], [0.2, 0.9]]"
SMALL = "[[0.5, 0.5], [0.51, 0.5], [0.51, 0.51], [0.5, 0.51]]"
MASK = "\n[[masks]]\npoints = "
ALL = MASK + "[[0, 0], [1, 0], [1, 1], [0, 1]]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LINE + "[[0.1, 0.5], [0.9, 0.5], [0.1, 0.5]]", "goes back over itself"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5], [0.1, 0.502]]", "goes back over itself"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5], [0.4, 0.5]]", "a part of it goes back over itself"),
        (LINE + "[[0.5, 0.5], [0.501, 0.5]]", "no length"),
        (LINE + "[[0, 0.2], [0, 0.9]]", "picture's edge"),
        (LINE + "[[0.1, 1], [0.9, 1]]", "picture's edge"),
        (LINE + "[[0, 0.3], [0, 1], [0.9, 1]]", "picture's edge"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5]]" + ALL, "a mask lies over all of it"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5]]" + ALL, "masks cover the whole picture"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5]]" + MASK + "[[0, 0.4], [1, 0.4], [1, 0.6], [0, 0.6]]", "a mask lies over"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5]]" + MASK + "[[0, 0.505], [1, 0.505], [1, 1], [0, 1]]", "beside all of it"),
        (LINE + '[[0.1, 0.5], [0.9, 0.5]]\nschedule = ["daily 24:00-00:00"]', "never holds"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5]]\nmax_height = 0.005", "max_height 0.005 leaves nothing"),
        (LINE + "[[0.1, 0.5], [0.9, 0.5]]\nmin_height = 0.97", "min_height 0.97 leaves nothing"),
        (LINE + "[[0.1, 0.2], [0.9, 0.2]]\nmin_height = 0.5", "at most 0.2 of the picture"),
        (ZONE + "[[0.1, 0.5], [0.5, 0.5], [0.9, 0.5]]", "no area"),
        (ZONE + "[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9], [0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]", "back over itself"),
        (ZONE + BOX + ALL, "a mask lies over all of it"),
        (ZONE + SMALL + '\nkind = "wrong_way"\nheading = [1, 0]', "too small"),
        (ZONE + BOX + MASK + "[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]", "mask 1 (from 0.1, 0.1): it has no area"),
        ("", "nothing can happen"),
    ],
)  # fmt: skip
def test_what_cannot_fire(text: str, said: str) -> None:
    found = faults(parse_toml(text, Scene, "scene"))
    assert any(said in sentence for sentence in found), found


@pytest.mark.parametrize(
    "text",
    [
        LINE + "[[0.1, 0.5], [0.9, 0.5]]",
        LINE + "[[0.02, 0.6], [0.5, 0.02], [0.98, 0.6]]",
        LINE + "[[0.1, 0.5], [0.9, 0.5], [0.9, 0.9], [0.1, 0.9], [0.1, 0.5]]",
        LINE + "[[0, 0.98], [1, 0.98]]",
        LINE + "[[0.1, 0.5], [0.9, 0.5]]\nmin_height = 0.1\nmax_height = 0.4\narmed = false",
        LINE + "[[0.1, 0.5], [0.9, 0.5]]\n[[masks]]\npoints = [[0, 0], [1, 0], [1, 0.2], [0, 0.2]]",
        LINE + '[[0.1, 0.5], [0.9, 0.5]]\nschedule = ["mon 00:00-00:00"]',
        ZONE + BOX,
        ZONE + "[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.9], [0.5, 0.5], [0.1, 0.5]]",
        ZONE + BOX + '\nkind = "wrong_way"\nheading = [1, 0]\nschedule = ["daily 22:00-06:00"]',
    ],
)  # fmt: skip
def test_what_can(text: str) -> None:
    assert faults(parse_toml(text, Scene, "scene")) == []
