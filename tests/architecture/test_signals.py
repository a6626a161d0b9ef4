"""A condition that is declared is told in words: in the docs, and to people in both languages."""

from pathlib import Path

import pytest

from aggregator.signals.declarations import Condition, domains

ROOT = Path(__file__).parents[2]
CONDITIONS = list(domains().conditions.values())
ROWS = {
    row[0].strip("` "): row
    for line in (ROOT / "docs" / "signals.md").read_text().splitlines()
    if line.startswith("| `") and (row := [cell.strip() for cell in line.strip("|").split("|")])
}


def lasting(seconds: float) -> str:
    if not seconds:
        return "at once"
    return f"{seconds:g} s" if seconds < 300 else f"{seconds / 60:g} min"


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_the_table_says_what_is_declared(condition: Condition) -> None:
    _, _, _, priority, rings, over, many, more = ROWS[condition.name]
    assert rings == lasting(condition.rings_after_s)
    assert over == (lasting(condition.ends_after_s) if condition.clears_itself else "held")
    here = f"; {condition.many_here} at a site" if condition.many_here else ""
    assert many == (f"{condition.many}{here}" if condition.many else "")
    assert ("however late" in more) is condition.however_late
    assert priority == str(condition.priority) or not priority.isdigit(), "a number is the declared one"


def test_the_table_has_no_others() -> None:
    assert sorted(ROWS) == sorted(condition.name for condition in CONDITIONS)


def test_each_has_words_in_both_languages_and_the_table_has_the_same() -> None:
    assert {condition.name: condition.zh for condition in CONDITIONS} == {name: row[1] for name, row in ROWS.items()}
    english = [condition.en for condition in CONDITIONS]
    assert all(english)
    assert len(set(english)) == len(english)
