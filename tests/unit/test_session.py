"""Addresses of databases, taken apart."""

import pytest

from aggregator.store.session_settings import Dialled, dialled
from shared.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ("-csearch_path%3Dhk", {"search_path": "hk"}),
        ("-c%20search_path%3Dhk%20-c%20work_mem%3D8MB", {"search_path": "hk", "work_mem": "8MB"}),
        ("--search-path%3Dhk%2C%5C%20public", {"search_path": "hk, public"}),
        ("", {}),
    ],
)
def test_the_options_of_an_address_are_settings(options: str, settings: dict[str, str]) -> None:
    suffix = f"?options={options}" if options else ""
    assert dialled(f"postgresql://u@127.0.0.1/db{suffix}") == Dialled("user=u dbname=db host=127.0.0.1", settings)


@pytest.mark.parametrize("options", ["-d5", "search_path%3Dhk", "-c", "-c%20search_path"])
def test_options_that_set_nothing_are_refused(options: str) -> None:
    with pytest.raises(ConfigError, match="expected settings"):
        dialled(f"postgresql://u@127.0.0.1/db?options={options}")


@pytest.mark.parametrize("dsn", ["host=a pass word=geheim", "postgresql://u:ge%heim@h/db", "user=u password='geheim"])
def test_an_address_that_is_none_is_refused_without_its_password(dsn: str) -> None:
    with pytest.raises(ConfigError) as refused:
        dialled(dsn)
    assert "heim" not in str(refused.value)
    assert "word" not in str(refused.value)
