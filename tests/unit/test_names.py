"""Names of sites, boxes and people."""

import pytest

from shared.errors import ConfigError
from shared.ids import check_name


@pytest.mark.parametrize("name", ["li", "0", "a-b", "x" * 32])
def test_what_is_a_name(name: str) -> None:
    assert check_name(name, "name") == name


@pytest.mark.parametrize("name", ["", "-a", "Li", "李", "a b", "a_b", "x" * 33, "li\n", "\nli", "li\0"])
def test_what_is_none(name: str) -> None:
    """A line break behind it, too: it would be another name that looks the same."""
    with pytest.raises(ConfigError, match="expected 1 to 32"):
        check_name(name, "name")
