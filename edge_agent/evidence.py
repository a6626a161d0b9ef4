"""Pictures at the edge: a ring on disk, and the way of those that an alert needs."""

import hashlib
import logging
import os
import queue
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from edge_agent.outbox import Outbox
from edge_agent.outbox.store import OutboxFile, PictureRecord
from shared.clock import Clock
from shared.events import EvidenceReady, Lane
from shared.topics import Address

log = logging.getLogger(__name__)

_IDLE_S = 2.0
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.1, 60.0
_ROUND = 20
_TIMEOUT_S = 30.0
_PIECE_BYTES = 64 * 1024
_REFUSED = 413, 422
"""Answers after which a picture is not offered again: it will never be another one."""
_WRITE_QUEUE = 64
_TRIM_ROWS = 100
_TRIM_S = 3600.0
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
        """
        digest = hashlib.sha256(jpeg).digest()
        path = self.path(digest)
        part = path.with_suffix(".part")
        with part.open("wb") as out:
            out.write(jpeg)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        return digest

    def keep(self, picture: PictureRecord) -> None:
        """Enter a written picture whose announcement is on disk: from now on it is uploaded and trimmed."""
        self._file.change(
            lambda db: db.execute(
                "INSERT OR REPLACE INTO pictures (lane, seq, epoch, sha256, size, taken_ms) VALUES (?, ?, ?, ?, ?, ?)",
                (picture.lane, picture.sequence, picture.epoch, picture.sha256, picture.size, picture.taken_ms),
            )
        )
        self.trim()

    def discard(self, digest: bytes) -> None:
        """Delete a written picture that will not be entered, unless another event has the same."""
        if digest not in self._file.pictures():
            self.path(digest).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Delete files without an entry: a crash between writing and entering would keep them for ever."""
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
                db.execute("DELETE FROM pictures WHERE (epoch, lane, seq) = (?, ?, ?)", (epoch, lane, sequence))
                if not db.execute("SELECT 1 FROM pictures WHERE sha256 = ?", (digest,)).fetchone():
                    going.append(digest)
            return going

        for digest in self._file.change(work):
            self.path(digest).unlink(missing_ok=True)
        return gone


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture as it comes from a camera, and the alarm that it belongs to."""

    sequence: int
    jpeg: bytes
    taken_ms: int


class PictureWriter:
    """Writes, announces and enters pictures on a thread of its own: an alarm never waits for a picture's disk."""

    def __init__(self, ring: PictureRing, outbox: Outbox, on_new: Callable[[], None]) -> None:
        self._ring, self._outbox, self._on_new = ring, outbox, on_new
        self._queue: queue.Queue[Taken | None] = queue.Queue(_WRITE_QUEUE)

    def add(self, taken: Taken) -> None:
        """Hand a picture over; when the disk is hopelessly behind, the picture is given up, never its event."""
        try:
            self._queue.put_nowait(taken)
        except queue.Full:
            log.error("the disk is too slow: the picture of alarm %d is given up", taken.sequence)

    def stop(self) -> None:
        """End `run` behind what was handed over."""
        self._queue.put(None)

    def run(self) -> None:
        """Write until `stop`."""
        while (taken := self._queue.get()) is not None:
            try:
                self._write(taken)
            except (OSError, sqlite3.Error) as error:
                log.error("the picture of alarm %d cannot be written: %s", taken.sequence, error)

    def _write(self, taken: Taken) -> None:
        epoch = self._outbox.epoch
        digest = self._ring.put(taken.jpeg)
        size = len(taken.jpeg)
        self._outbox.append(Lane.BULK, EvidenceReady(taken.taken_ms, Lane.ALARM, taken.sequence, digest, size))
        # The announcement first: a picture that nobody announced would be offered for ever.
        if self._outbox.flush():
            self._ring.keep(PictureRecord(Lane.ALARM, taken.sequence, epoch, digest, size, taken.taken_ms))
            self._on_new()
        else:
            log.error("the disk hangs: the picture of alarm %d is given up", taken.sequence)
            self._ring.discard(digest)


class Uploader:
    """Sends waiting pictures to the aggregator, newest first, again until it has them. `run` has its own thread.

    A picture goes in pieces; after a break it goes on where the aggregator says that it ended.

    Args:
        ring: has the files.
        file: knows which wait.
        address: ours.
        url: the aggregator's.
        kbit_s: bound on all pictures together; 0 is none.
        tls: what we show, and whom we believe.
    """

    def __init__(
        self,
        ring: PictureRing,
        file: OutboxFile,
        address: Address,
        url: str,
        kbit_s: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._ring, self._file, self._address, self._kbit_s = ring, file, address, kbit_s
        self._url, self._tls = url.rstrip("/"), tls
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
        pause_s, trim_s = _FIRST_PAUSE_S, 0.0
        with httpx.Client(verify=self._tls or True, timeout=_TIMEOUT_S, trust_env=False) as client:
            while not self._stopping.is_set():
                self._wake.wait(_IDLE_S if pause_s == _FIRST_PAUSE_S else pause_s)
                self._wake.clear()
                try:
                    if time.monotonic() >= trim_s:  # also where no camera sees anything new
                        self._ring.trim()
                        trim_s = time.monotonic() + _TRIM_S
                    failed = self._round(client)
                except (OSError, sqlite3.Error) as error:
                    log.error("pictures wait: %s", error)
                    failed = True
                pause_s = min(_LAST_PAUSE_S, pause_s * 2) if failed else _FIRST_PAUSE_S
                if failed:
                    self._stopping.wait(min(1.0, pause_s))

    def _round(self, client: httpx.Client) -> bool:
        """Offer the next pictures; True when one was not taken."""
        failed = False
        for picture in self._file.pictures_waiting(_ROUND):
            if self._stopping.is_set():
                return False
            if not self._upload(client, picture):
                failed = True
                self._note(picture, "tries = tries + 1")
            if self._wake.is_set():
                break  # a newer one has come, and operators look at that first
        return failed

    def _upload(self, client: httpx.Client, picture: PictureRecord) -> bool:
        """Send one picture; True when it need not be sent again."""
        try:
            content = self._ring.path(picture.sha256).read_bytes()
        except FileNotFoundError:  # trimmed meanwhile
            self._note(picture, "uploaded = 1")
            return True
        offset, begun_by_us = 0, True
        while not self._stopping.is_set():
            try:
                response = self._send_piece(client, picture, content, offset)
            except httpx.HTTPError as error:
                if not self._complained:
                    log.warning("pictures wait: %s does not answer (%s)", self._url, error)
                self._complained = True
                return False
            self._complained = False
            if response.status_code == 202:
                have = response.headers.get("upload-offset", "")
                if not have.isdecimal() or int(have) == offset or int(have) > len(content):
                    return False
                # Where this piece ended, or where another life of ours, or another box, was interrupted.
                begun_by_us = begun_by_us and int(have) == min(len(content), offset + _PIECE_BYTES)
                offset = int(have)
                continue
            if response.status_code == 422 and not begun_by_us:
                return False  # what was there before us was wrong, and is gone: the next time all of it is ours
            if response.status_code in _REFUSED:
                log.error("picture %s was refused: %s", picture.sha256.hex(), response.text[:200])
            elif response.status_code not in (200, 201, 204):
                return False  # 409: its announcement has not arrived yet; whatever else it is may pass
            self._note(picture, "uploaded = 1")
            return True
        return False

    def _send_piece(self, client: httpx.Client, picture: PictureRecord, content: bytes, offset: int) -> httpx.Response:
        """Send the piece at an offset, no faster than allowed."""
        piece, began_s = content[offset : offset + _PIECE_BYTES], time.monotonic()
        response = client.put(
            f"{self._url}/api/v1/evidence/{picture.sha256.hex()}",
            params={
                "site": self._address.site,
                "agent": self._address.agent,
                "epoch": picture.epoch,
                "lane": picture.lane.value,
                "seq": picture.sequence,
            },
            content=piece,
            headers={
                "content-type": "image/jpeg",
                "content-range": f"bytes {offset}-{offset + len(piece) - 1}/{len(content)}",
            },
        )
        if self._kbit_s:
            self._stopping.wait(max(0.0, len(piece) / 125 / self._kbit_s - (time.monotonic() - began_s)))
        return response

    def _note(self, picture: PictureRecord, change: str) -> None:
        self._file.change(
            lambda db: db.execute(
                f"UPDATE pictures SET {change} WHERE (epoch, lane, seq) = (?, ?, ?)",  # noqa: S608 - our own words
                (picture.epoch, picture.lane, picture.sequence),
            )
        )
