"""Pictures at the edge: a ring on disk, and one in memory for what the card does not take."""

import hashlib
import os
import sqlite3
from pathlib import Path

from edge_agent.uplink.outbox.store import OutboxFile, PictureRecord
from shared.clock import Clock

_TRIM_ROWS = 100
_KEEP_S = 30 * 86400.0
"""No picture stays longer on a box (30 days)."""


class PictureRing:
    """Whole frames as JPEG files named by their SHA-256, oldest out first.

    Args:
        directory: created where absent.
        max_bytes: bound on all pictures together.
    """

    def __init__(self, directory: Path, file: OutboxFile, clock: Clock, max_bytes: int) -> None:
        self._directory, self._file, self._clock, self._max_bytes = directory, file, clock, max_bytes
        directory.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def put(self, jpeg: bytes) -> bytes:
        """Write a picture's file.

        Returns:
            Its SHA-256.

        Raises:
            OSError: the card does not take it.
        """
        digest = hashlib.sha256(jpeg).digest()
        path = self.path(digest)
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(jpeg)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        return digest

    def content(self, digest: bytes) -> bytes:
        """A picture's bytes.

        Raises:
            FileNotFoundError: it was trimmed.
            OSError: it cannot be read.
        """
        return self.path(digest).read_bytes()

    def keep(self, picture: PictureRecord, *, passing: bool = False) -> None:
        """Enter a written picture whose announcement is on disk: from now on it is uploaded and trimmed."""
        self._file.change(lambda db: self.enter(db, picture, passing=passing))
        self.trim()

    @staticmethod
    def enter(db: sqlite3.Connection, picture: PictureRecord, *, passing: bool = False) -> None:
        """The same within a change of the ring's file, without trimming.

        Args:
            passing: it goes from here when it is settled.
        """
        if passing:
            db.execute("INSERT OR IGNORE INTO passing_pictures VALUES (?)", (picture.sha256,))
        db.execute(
            "INSERT OR REPLACE INTO pictures (lane, seq, epoch, sha256, size, taken_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (picture.lane, picture.sequence, picture.epoch, picture.sha256, picture.size, picture.taken_ms),
        )

    def let_go(self, digest: bytes) -> None:
        """A picture is settled: one that only passes through is deleted, unless it waits for another event, too."""

        def work(db: sqlite3.Connection) -> bool:
            waits = "SELECT 1 FROM pictures WHERE sha256 = ? AND uploaded = 0"
            if not db.execute("SELECT 1 FROM passing_pictures WHERE sha256 = ?", (digest,)).fetchone():
                return False
            if db.execute(waits, (digest,)).fetchone():
                return False
            db.execute("DELETE FROM pictures WHERE sha256 = ?", (digest,))
            db.execute("DELETE FROM passing_pictures WHERE sha256 = ?", (digest,))
            return True

        if self._file.change(work):
            self._remove(digest)

    def discard(self, digest: bytes) -> None:
        """Delete a written picture that will not be entered, unless another event has the same."""
        if digest not in self._file.pictures():
            self._remove(digest)

    def _remove(self, digest: bytes) -> None:
        self.path(digest).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Delete files without an entry: a crash between writing and entering would keep them for ever."""
        for digest in self._file.settled_passing_pictures():
            self.let_go(digest)
        entered = {self.path(digest).name for digest in self._file.pictures()}
        for path in self._directory.iterdir():
            if path.suffix in (".jpg", ".part") and path.name not in entered:
                path.unlink(missing_ok=True)

    def path(self, digest: bytes) -> Path:
        return self._directory / f"{digest.hex()}.jpg"

    def trim(self) -> None:
        """Delete pictures that are too old, then the oldest until the rest fits."""
        while self._trim_some() == _TRIM_ROWS:
            pass

    def _trim_some(self) -> int:
        """Go through the oldest pictures; returns how many went."""
        gone = 0

        def work(db: sqlite3.Connection) -> list[bytes]:
            nonlocal gone
            total = db.execute("SELECT coalesce(sum(size), 0) FROM pictures").fetchone()[0]
            oldest_ms = (self._clock.now_s() - _KEEP_S) * 1000
            going = []
            for epoch, lane, sequence, digest, size, taken_ms in db.execute(
                "SELECT epoch, lane, seq, sha256, size, taken_ms FROM pictures ORDER BY taken_ms LIMIT ?", (_TRIM_ROWS,)
            ).fetchall():
                if total <= self._max_bytes and taken_ms >= oldest_ms:
                    break
                total -= size
                gone += 1
                entry = epoch, lane, sequence, digest
                db.execute("DELETE FROM pictures WHERE (epoch, lane, seq, sha256) = (?, ?, ?, ?)", entry)
                if not db.execute("SELECT 1 FROM pictures WHERE sha256 = ?", (digest,)).fetchone():
                    db.execute("DELETE FROM passing_pictures WHERE sha256 = ?", (digest,))
                    going.append(digest)
            return going

        for digest in self._file.change(work):
            self._remove(digest)
        return gone


class MemoryRing(PictureRing):
    """The same in memory, gone with this process.

    Args:
        file: where its pictures are entered: that of the outbox in memory.
        max_bytes: bound on all pictures together.
    """

    def __init__(self, file: OutboxFile, clock: Clock, max_bytes: int) -> None:
        self._file, self._clock, self._max_bytes = file, clock, max_bytes
        self._kept: dict[bytes, bytes] = {}

    def put(self, jpeg: bytes) -> bytes:
        """Hold a picture; returns its SHA-256."""
        digest = hashlib.sha256(jpeg).digest()
        self._kept[digest] = jpeg
        return digest

    def content(self, digest: bytes) -> bytes:
        """A picture's bytes.

        Raises:
            FileNotFoundError: it was trimmed.
        """
        try:
            return self._kept[digest]
        except KeyError:
            raise FileNotFoundError(digest.hex()) from None

    def _remove(self, digest: bytes) -> None:
        self._kept.pop(digest, None)
