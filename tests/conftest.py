"""Fixtures that every kind of test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def real_data() -> Path:
    """Folder of real images and videos, by HAWKLINE_DATA."""
    return Path(os.environ.get("HAWKLINE_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def real_video() -> Path:
    """Folder of the real videos; without them tests skip, and fail where CI=true."""
    folder = real_data() / "video"
    if not folder.is_dir():
        reason = f"real videos are not at {folder}; set HAWKLINE_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
