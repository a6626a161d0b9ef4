"""A condition that is declared is told in words: in the docs, and by the console in both languages."""

import re
from pathlib import Path

import pytest

from aggregator.signals.domain import Condition, domains

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
    assert many == (str(condition.many) if condition.many else "")
    assert ("however late" in more) is condition.however_late
    assert priority == str(condition.priority) or not priority.isdigit(), "a number is the declared one"


def test_the_table_has_no_others() -> None:
    assert sorted(ROWS) == sorted(condition.name for condition in CONDITIONS)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_console_has_words_for_each(language: str) -> None:
    text = (ROOT / "aggregator" / "console" / "src" / "locales" / f"{language}.ts").read_text()
    told = text.split("condition: {")[1].split("}")[0]
    words = dict(re.findall(r"(\w+): '([^']+)'", told))
    assert sorted(words) == sorted(condition.name for condition in CONDITIONS)
    if language == "zh":
        assert words == {name: row[1] for name, row in ROWS.items()}
