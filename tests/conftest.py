"""Fixtures that every kind of test may use."""

import os
from pathlib import Path

import pytest

from shared.bars import data_root

ROOT = Path(__file__).parents[1]


def _needed(folder: Path, what: str) -> Path:
    """A folder of real data; without it tests skip, and fail where CI=true."""
    if not folder.is_dir():
        reason = f"{what} are not at {folder}; set HAWKLINE_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def real_video() -> Path:
    """Folder of the real videos."""
    return _needed(data_root() / "video", "real videos")


@pytest.fixture
def glyph_templates() -> Path:
    """Folder of the pictures of plates' characters."""
    return _needed(data_root() / "plates" / "glyphs", "templates of characters")
