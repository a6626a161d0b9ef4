"""What benches give to other processes is taken there: a call that does not fit is found only after hours."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest

from provisioning.lab.edge import checkpoints, sight, sight_rows


@pytest.mark.parametrize(
    ("work", "given"),
    [
        (sight.soiled, (1, True)),
        (sight.false_in_days, (101, 3.0)),
        (sight_rows._accused, ("clip", 1800)),
        (checkpoints.drive, (101, "day", 20, (1,))),
        (checkpoints.passages, ("listed", 101, 250, ["皖A12345"])),
    ],
)
def test_a_part_of_a_bench_takes_what_it_is_given(work: Callable[..., Any], given: tuple[object, ...]) -> None:
    signature(work).bind(*given)
