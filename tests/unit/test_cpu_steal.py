"""Whose fault a missed bar is."""

from pathlib import Path

import pytest

from provisioning.lab import cpu_steal as stolen
from provisioning.lab.cpu_steal import Stolen, verdict


@pytest.mark.parametrize(
    ("met", "part", "said"),
    [(True, 0.0, "met"), (True, 0.4, "met"), (False, 0.05, "missed"), (False, 0.06, "not measured")],
)
def test_only_a_missed_bar_is_excused(met: bool, part: float, said: str) -> None:
    assert verdict(met, part) == said


def test_what_was_wanted_and_went_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr(stolen, "_STAT", stat)
    stat.write_text("cpu 100 0 100 1000 10 0 0 50 0 0\ncpu0 1 1 1\n")
    measured = Stolen()
    stat.write_text("cpu 160 0 120 1500 90 0 0 70 0 0\n")
    assert measured.part() == 0.2
    monkeypatch.setattr(stolen, "_STAT", tmp_path / "absent")
    assert Stolen().part() == 0.0
