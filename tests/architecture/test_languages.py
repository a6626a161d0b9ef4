"""Each document for users exists in English and in Chinese, and both name the same commands, options and settings."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = "operator", "installer", "planner", "maintenance", "lists"
DOCS = ["README.md", *(f"guide-{who}.md" for who in GUIDES), "signals.md", "people.md"]


def english(name: str) -> Path:
    return ROOT / name if name == "README.md" else ROOT / "docs" / name


def named(text: str) -> set[str]:
    """What stands in backticks, and commands in blocks of code: what a user types or looks for. Comments may differ."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    typed = {
        line.split(" #")[0].strip()
        for block in blocks
        for line in block.splitlines()
        if line.strip() and not line.strip().startswith("#")
    }
    plain = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return typed | {re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", plain) if code.isascii()}


@pytest.mark.parametrize("name", DOCS)
def test_both_languages_name_the_same(name: str) -> None:
    one, other = english(name), ROOT / "docs" / "zh" / name
    in_english, in_chinese = named(one.read_text()), named(other.read_text())
    assert in_english - in_chinese == set(), "only in English"
    assert in_chinese - in_english == set(), "only in Chinese"


@pytest.mark.parametrize("name", DOCS)
def test_each_leads_to_the_other(name: str) -> None:
    assert f"({'docs/' if name == 'README.md' else ''}zh/{name})" in english(name).read_text()
    assert f"({'../../' if name == 'README.md' else '../'}{name})" in (ROOT / "docs" / "zh" / name).read_text()
