"""Where real images and videos lie, which the repository does not hold."""

import os
from pathlib import Path


def data_root() -> Path:
    """Folder of real images and videos: HAWKLINE_DATA, default `../shared/data` beside the project."""
    return Path(os.environ.get("HAWKLINE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def real_data(folder: str) -> Path | None:
    """A folder of real images or videos, None where it is absent."""
    return data_root() / folder if (data_root() / folder).is_dir() else None
