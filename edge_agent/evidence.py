"""Pictures at the edge: a ring on disk, and the way of those that an alert needs."""

import hashlib
import logging
import os
import sqlite3
import threading
from pathlib import Path

import httpx

from edge_agent.outbox.store import OutboxFile, PictureRecord
from shared.clock import Clock
from shared.events import Lane
from shared.topics import Address

log = logging.getLogger(__name__)

_RETRY_S = 2.0
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

    def put(self, jpeg: bytes, taken_ms: int, epoch: int, lane: Lane, sequence: int) -> bytes:
        """Keep the picture of an event.

        Returns:
            Its SHA-256.
        """
        digest = hashlib.sha256(jpeg).digest()
        path = self.path(digest)
        part = path.with_suffix(".part")
        with part.open("wb") as out:
            out.write(jpeg)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        self._file.change(
            lambda db: db.execute(
                "INSERT OR REPLACE INTO pictures (lane, seq, epoch, sha256, size, taken_ms) VALUES (?, ?, ?, ?, ?, ?)",
                (lane, sequence, epoch, digest, len(jpeg), taken_ms),
            )
        )
        self._trim()
        return digest

    def path(self, digest: bytes) -> Path:
        return self._directory / f"{digest.hex()}.jpg"

    def _trim(self) -> None:
        """Pictures too old, then the oldest until the rest fits."""

        def work(db: sqlite3.Connection) -> list[bytes]:
            total = db.execute("SELECT coalesce(sum(size), 0) FROM pictures").fetchone()[0]
            oldest_ms = (self._clock.now_s() - _KEEP_S) * 1000
            going = []
            for epoch, lane, sequence, digest, size, taken_ms in db.execute(
                "SELECT epoch, lane, seq, sha256, size, taken_ms FROM pictures ORDER BY taken_ms LIMIT 100"
            ).fetchall():
                if total <= self._max_bytes and taken_ms >= oldest_ms:
                    break
                total -= size
                db.execute("DELETE FROM pictures WHERE (epoch, lane, seq) = (?, ?, ?)", (epoch, lane, sequence))
                if not db.execute("SELECT 1 FROM pictures WHERE sha256 = ?", (digest,)).fetchone():
                    going.append(digest)
            return going

        for digest in self._file.change(work):
            self.path(digest).unlink(missing_ok=True)


class Uploader:
    """Sends waiting pictures to the aggregator, newest first, again until it has them. `run` has its own thread."""

    def __init__(self, ring: PictureRing, file: OutboxFile, address: Address, url: str) -> None:
        self._ring, self._file, self._address = ring, file, address
        self._url = url.rstrip("/")
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._complained = False

    def stir(self) -> None:
        """A picture is new."""
        self._wake.set()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Upload until `stop`."""
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._stopping.is_set():
                self._wake.wait(_RETRY_S)
                self._wake.clear()
                left = False
                for picture in self._file.pictures_waiting(20):
                    if self._stopping.is_set():
                        return
                    left = not self._upload(client, picture) or left
                if left:
                    self._stopping.wait(0.2)
                    self._wake.set()

    def _upload(self, client: httpx.Client, picture: PictureRecord) -> bool:
        """Send one picture; True when it need not be sent again."""
        path = self._ring.path(picture.sha256)
        if not path.is_file():
            self._note_done(picture)
            return True
        try:
            response = client.put(
                f"{self._url}/api/v1/evidence/{picture.sha256.hex()}",
                params={
                    "site": self._address.site,
                    "agent": self._address.agent,
                    "epoch": picture.epoch,
                    "lane": picture.lane.value,
                    "seq": picture.sequence,
                },
                content=path.read_bytes(),
                headers={"content-type": "image/jpeg"},
            )
        except httpx.HTTPError as error:
            if not self._complained:
                log.warning("pictures wait: %s does not answer (%s)", self._url, error)
            self._complained = True
            return False
        self._complained = False
        if response.status_code in (200, 201, 204):
            self._note_done(picture)
            return True
        if response.status_code == 409:  # its announcement has not arrived yet
            return False
        if 400 <= response.status_code < 500:
            log.error("picture %s was refused: %s", picture.sha256.hex(), response.text[:200])
            self._note_done(picture)
            return True
        return False

    def _note_done(self, picture: PictureRecord) -> None:
        self._file.change(
            lambda db: db.execute(
                "UPDATE pictures SET uploaded = 1 WHERE (epoch, lane, seq) = (?, ?, ?)",
                (picture.epoch, picture.lane, picture.sequence),
            )
        )
