"""Evidence pictures on disk, named by their SHA-256."""

import hashlib
import os
from pathlib import Path
from uuid import uuid4

from shared.errors import HawklineError

MAX_BYTES = 8 * 1024 * 1024


class PictureRefusedError(HawklineError):
    """The bytes are no JPEG, or not the ones that were announced."""


class PictureStore:
    """Content-addressed files below one directory.

    Args:
        directory: created where absent.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._directory / name[:2] / f"{name}.jpg"

    def put(self, digest: bytes, content: bytes) -> None:
        """Write a picture durably; again changes nothing.

        Raises:
            PictureRefusedError: the content does not have this hash or is no JPEG.
        """
        if hashlib.sha256(content).digest() != digest:
            raise PictureRefusedError("the content's SHA-256 is not the one in the address")
        if not content.startswith(b"\xff\xd8\xff"):
            raise PictureRefusedError("expected a JPEG")
        path = self.path(digest)
        if path.is_file():
            return
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(f".{uuid4().hex}.part")
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
