"""Evidence pictures on disk, named by their SHA-256."""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from aggregator.store.allowance import Allowance
from shared.errors import HawklineError
from shared.files import make_folder, sync_folder

MAX_BYTES = 8 * 1024 * 1024
_BEGUN_S = 7 * 86400.0
_FORGET_S = 86400.0
_NAME_LENGTH = 64
A_DAY_BYTES = 500 * 10**6
MOST_BYTES = 10 * 10**9


def is_jpeg(content: bytes) -> bool:
    """Whether bytes begin as a JPEG does."""
    return content.startswith(b"\xff\xd8\xff")


class PictureRefusedError(HawklineError):
    """The bytes are no JPEG, or not the ones that were announced."""


class PictureStore:
    """Content-addressed files below one directory.

    Args:
        directory: created where absent.
        a_day_bytes: what one box may bring in a day.
        most_bytes: what is kept of one box.
    """

    def __init__(self, directory: Path, a_day_bytes: int = A_DAY_BYTES, most_bytes: int = MOST_BYTES) -> None:
        self.directory = directory
        self.a_day, self.most_bytes = Allowance(a_day_bytes), most_bytes
        self._lock = threading.Lock()
        make_folder(directory, 0o700)
        self._forget_s = 0.0

    def path(self, digest: bytes) -> Path:
        name = digest.hex()
        return self.directory / name[:2] / f"{name}.jpg"

    def have(self, digest: bytes) -> int:
        """How many bytes of a picture that comes in pieces are here."""
        try:
            return self._begun(digest).stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, digest: bytes, offset: int, piece: bytes | memoryview, total: int) -> int:
        """Write the next piece of a picture; with the last one it is checked and kept. Again changes nothing.

        Args:
            digest: SHA-256 of the whole.
            offset: of the piece; one that does not follow on what is here is left out.
            piece: bytes.
            total: length of the whole.

        Returns:
            How many bytes are here: where to go on.

        Raises:
            PictureRefusedError: the whole does not have this hash or is no JPEG; what was here is gone.
            OSError: it cannot be written; what was here may be gone.
        """
        path, begun = self.path(digest), self._begun(digest)
        if time.monotonic() > self._forget_s:
            self._forget_s = time.monotonic() + _FORGET_S
            self.forget_old()
        with self._lock:
            if path.is_file():
                self._sync(path)  # perhaps it failed at the first time
                return total
            have = self.have(digest)
            if have > total:
                begun.unlink()
                have = 0
            whole = offset == 0 and len(piece) >= total
            if offset == have or whole:
                path.parent.mkdir(exist_ok=True)
                try:
                    with begun.open("wb" if whole else "ab") as out:
                        out.write(piece[: total - offset])
                        out.flush()
                        os.fsync(out.fileno())
                except OSError:
                    # What could not be synced may look whole and be lost with the power: it begins anew.
                    begun.unlink(missing_ok=True)
                    raise
                have = self.have(digest)
            if have == total:
                try:
                    _check(digest, begun.read_bytes())
                except PictureRefusedError:
                    begun.unlink()
                    raise
                begun.replace(path)
                self._sync(path)
            return have

    def _sync(self, path: Path) -> None:
        """What is acknowledged stays: the name is on the disk only when its folders are."""
        for folder in (path.parent, self.directory):
            sync_folder(folder)

    def forget(self, digest: bytes) -> None:
        """Delete a picture, and what has come of it; one that is not there is no error."""
        with self._lock:
            self.path(digest).unlink(missing_ok=True)
            self._begun(digest).unlink(missing_ok=True)

    def older(self, than_s: float) -> Iterator[list[bytes]]:
        """The pictures that were last written before a time (Unix, seconds), a folder of them at a time."""
        for folder in sorted(self.directory.iterdir()):
            found = []
            for path in folder.glob("*.jpg") if folder.is_dir() else ():
                with contextlib.suppress(FileNotFoundError, ValueError):
                    if path.stat().st_mtime < than_s and len(path.stem) == _NAME_LENGTH:
                        found.append(bytes.fromhex(path.stem))
            yield found

    def forget_old(self, older_than_s: float = _BEGUN_S) -> None:
        """Delete what was begun long ago and never finished."""
        for begun in self.directory.glob("*/*.begun"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - begun.stat().st_mtime > older_than_s:
                    begun.unlink()

    def _begun(self, digest: bytes) -> Path:
        return self.path(digest).with_suffix(".begun")


def _check(digest: bytes, content: bytes) -> None:
    if hashlib.sha256(content).digest() != digest:
        raise PictureRefusedError("the content's SHA-256 is not the one in the address")
    if not is_jpeg(content):
        raise PictureRefusedError("expected a JPEG")
