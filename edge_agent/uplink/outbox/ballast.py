"""Room that is kept for the moment when the disk is full: SQLite needs some even to delete."""

import contextlib
import os
import shutil
from pathlib import Path

BALLAST_BYTES = 4 * 1024 * 1024
_ROOMY_BYTES = 8 * BALLAST_BYTES
"""Free space from which on the ballast is laid down again."""


class Ballast:
    """A file that holds nothing, to be given up.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def held(self) -> bool:
        """Whether it is there, and takes the room that it is to keep."""
        try:
            there = self._path.stat()
        except OSError:
            return False
        return there.st_size >= BALLAST_BYTES and there.st_blocks * 512 >= BALLAST_BYTES

    def release(self) -> bool:
        """Give the room to the outbox; false where there is none left to give."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def hold(self) -> bool:
        """Lay it down where the disk is roomy; tells whether it is there."""
        if self.held:
            return True
        try:
            if shutil.disk_usage(self._path.parent).free < _ROOMY_BYTES:
                return False
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._path.unlink()
            return False
        return True
