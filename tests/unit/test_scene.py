"""Scene files, schedules and masks: what is right, and what is refused with which words."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from edge_agent.vision.motion.masks import Masks
from shared.errors import ConfigError
from shared.scene import Mask, Scene, Tripwire, Zone, load_scene
from shared.schedule import covers, parse_span

MONDAY, SATURDAY = 16, 21  # November 2026


@pytest.mark.parametrize(
    ("text", "day", "time", "expected"),
    [
        ("mon-fri 08:00-18:00", MONDAY, "12:00", True),
        ("mon-fri 08:00-18:00", MONDAY, "18:00", False),
        ("mon-fri 08:00-18:00", SATURDAY, "12:00", False),
        ("daily 22:00-06:00", MONDAY, "23:30", True),
        ("daily 22:00-06:00", MONDAY, "05:59", True),
        ("daily 22:00-06:00", MONDAY, "06:00", False),
        ("fri 22:00-06:00", SATURDAY, "03:00", True),
        ("fri 22:00-06:00", MONDAY, "03:00", False),
        ("sat,sun 00:00-24:00", SATURDAY, "23:59", True),
        ("fri-mon 00:00-24:00", MONDAY, "01:00", True),
        ("Sat Sun 00:00-24:00", SATURDAY, "00:00", True),
    ],
)
def test_schedule(text: str, day: int, time: str, expected: bool) -> None:
    hour, minute = map(int, time.split(":"))
    assert covers([parse_span(text)], datetime(2026, 11, day, hour, minute)) is expected


@pytest.mark.parametrize("text", ["", "always", "mo-fr 08:00-18:00", "mon 8-18", "mon 25:00-26:00", "mon 08:61-09:00"])
def test_a_schedule_that_is_none_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="mon-fri 18:00-07:00"):
        parse_span(text)


def test_armed_by_switch_and_by_schedule() -> None:
    line = Tripwire("gate", [(0, 0), (1, 1)], schedule=["daily 22:00-06:00"])
    assert line.armed_at(datetime(2026, 11, 21, 23, 0))
    assert not line.armed_at(datetime(2026, 11, 21, 12, 0))
    assert not Tripwire("gate", [(0, 0), (1, 1)], armed=False).armed_at(datetime(2026, 11, 21, 23, 0))
    assert Tripwire("gate", [(0, 0), (1, 1)]).armed_at(datetime(2026, 11, 21, 12, 0))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[zones]]\nname = "z"\npoints = [[0,0],[1,0]]', "zones"),
        ('[[zones]]\nname = "z"\npoints = [[0,0],[1,0],[1,1]]\nkind = "wrong_way"', "heading"),
        ('[[zones]]\nname = "z"\npoints = [[0,0],[1,0],[1,1]]\nkind = "wrong_way"\nheading = [0, 0]', "nowhere"),
        ('[[zones]]\nname = "z"\npoints = [[0,0],[1,0],[1,1]]\nkind = "theft"', "kind"),
        ('[[zones]]\nname = "z"\npoints = [[0,0],[1,1],[1,0],[0,1]]', "cross"),
        ("[[masks]]\npoints = [[0,0],[1,1],[1,0],[0,1]]", "cross"),
        ('[[zones]]\nname = "z"\npoints = [[0,0],[1,0],[1,1],[0,0]]', "leave it out"),
        ('timezone = "Mars/Olympus"', "Asia/Shanghai"),
        ('[[tripwires]]\nname = "a"\npoints = [[0,0],[1,1]]\nmin_height = 0.5\nmax_height = 0.4', "max_height"),
        ('[[tripwires]]\nname = "a"\npoints = [[0,0],[1,1]]\nschedule = ["at night"]', "mon-fri"),
        (
            '[[tripwires]]\nname = "a"\npoints = [[0,0],[1,1]]\n[[zones]]\nname = "a"\npoints = [[0,0],[1,0],[1,1]]',
            "must differ",
        ),
    ],
)
def test_a_wrong_scene_names_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "scene.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_scene(path)


def test_numbers_follow_lines_then_zones() -> None:
    scene = Scene([Tripwire("a", [(0, 0), (1, 1)])], [Zone("b", [(0, 0), (1, 0), (1, 1)])])
    assert [watch.name for watch in scene.watches] == ["a", "b"]
    assert [watch.rule for watch in scene.watches] == [5, 6]


def test_what_is_private_is_black_and_the_rest_untouched() -> None:
    private = Mask([(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)], privacy=True)
    masks = Masks([private, Mask([(0, 0), (0.1, 0), (0, 0.1)])])
    picture = np.full((100, 200, 3), 200, np.uint8)
    painted = masks.blacken(picture)
    assert (painted[:, 101:] == 0).all()
    assert (painted[:, :98] == 200).all(), "a mask that is not private stays visible"
    assert (picture == 200).all(), "the frame itself is not changed"
    ignored = masks.ignored(200, 100)
    assert ignored is not None
    assert ignored[50, 150] and ignored[2, 2] and not ignored[90, 20]
