"""Fixtures that every kind of test may use."""

import os
from pathlib import Path

import pytest

from shared.bars import data_root

ROOT = Path(__file__).parents[1]


def skip_or_fail(reason: str) -> None:
    """A test that cannot run skips and says why; where CI=true it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _needed(folder: Path, what: str) -> Path:
    """A folder of real data; without it tests skip, and fail where CI=true."""
    if not folder.is_dir():
        skip_or_fail(f"{what} are not at {folder}; set HAWKLINE_DATA")
    return folder


@pytest.fixture
def real_video() -> Path:
    """Folder of the real videos."""
    return _needed(data_root() / "video", "real videos")


@pytest.fixture
def glyph_templates() -> Path:
    """Folder of the pictures of plates' characters."""
    return _needed(data_root() / "plates" / "glyphs", "templates of characters")
