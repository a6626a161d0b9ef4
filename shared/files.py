"""What a file system needs to be told so that a power cut finds what was promised."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """A new or renamed file is on the disk only when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
