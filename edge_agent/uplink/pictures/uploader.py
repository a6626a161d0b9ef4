"""The way of the pictures that an alert needs: from a ring to the aggregator."""

import logging
import sqlite3
import ssl
import threading
import time

import httpx

from edge_agent.uplink.outbox.store import OutboxFile, PictureRecord
from edge_agent.uplink.pictures.ring import PictureRing
from shared.events import Lane
from shared.retry_after import STATUSES, retry_after_s
from shared.topics import Address

log = logging.getLogger(__name__)

_IDLE_S = 2.0
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.1, 60.0
_ROUND = 20
_TIMEOUT_S = 30.0
_PIECE_BYTES = 64 * 1024
_REFUSED = 413, 422
"""Answers after which a picture is not offered again: it will never be another one."""
_TRIM_S = 3600.0
_LONGEST_REST_S = 600.0
"""An aggregator that asks for more is not believed: operators wait for pictures, and may have raised the limit."""
_SETTLED = "uploaded = 1"


_Key = tuple[int, Lane, int, bytes]
"""A picture of an event: epoch, lane, number, SHA-256."""


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
        self._anew = threading.Event()
        self._complained = False
        self._rest_s = 0.0
        """For so long the aggregator wants no pictures."""
        self._unnoted = set[_Key]()
        """Pictures that are settled, which the card does not take note of."""

    @property
    def waiting(self) -> int:
        """Pictures that are not settled; 0 where they cannot be counted."""
        try:
            return max(0, self._file.count_pictures_waiting() - len(self._unnoted))
        except sqlite3.Error:
            return 0

    def stir(self) -> None:
        """A picture is new."""
        self._wake.set()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._wake.set()

    def reconnect(self) -> None:
        """Behind the piece that is on its way connect anew: who is there may be believed no more."""
        self._anew.set()

    def run(self) -> None:
        """Upload until `stop`."""
        while not self._stopping.is_set():
            self._anew.clear()
            with httpx.Client(verify=self._tls or True, timeout=_TIMEOUT_S, trust_env=False) as client:
                self._run_on(client)

    def _run_on(self, client: httpx.Client) -> None:
        """Upload with this client until `stop` or `reconnect`."""
        pause_s, trim_s = _FIRST_PAUSE_S, 0.0
        while not self._leaving():
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
                self._stopping.wait(max(self._rest_s, min(1.0, pause_s)))
                self._rest_s = 0.0

    def _leaving(self) -> bool:
        return self._stopping.is_set() or self._anew.is_set()

    def _round(self, client: httpx.Client) -> bool:
        """Offer the next pictures; True when one was not taken."""
        failed = False
        for picture in self._file.pictures_waiting(_ROUND + len(self._unnoted)):
            if self._leaving():
                return False
            if _key(picture) in self._unnoted:
                self._note(picture, _SETTLED)
                continue
            if not self._upload(client, picture):
                failed = True
                self._note(picture, "tries = tries + 1")
            if self._rest_s:
                break
            if self._wake.is_set():
                break  # a newer one has come, and operators look at that first
        return failed

    def _upload(self, client: httpx.Client, picture: PictureRecord) -> bool:
        """Send one picture; True when it need not be sent again."""
        try:
            content = self._ring.content(picture.sha256)
        except FileNotFoundError:  # trimmed meanwhile
            self._note(picture, _SETTLED)
            return True
        except OSError as error:  # the others need not wait for it
            log.error("picture %s cannot be read: %s", picture.sha256.hex(), error)
            return False
        offset, begun_by_us = 0, True
        while not self._leaving():
            try:
                response = self._send_piece(client, picture, content, offset)
            except httpx.HTTPError as error:
                if not self._complained:
                    log.warning("pictures wait: %s does not answer (%s)", self._url, error)
                self._complained = True
                return False
            self._complained = False
            # 507 is no such answer: it may be of this picture alone, too large for what room is left.
            if response.status_code in STATUSES:
                self._rest_s = min(_LONGEST_REST_S, retry_after_s(response.headers, time.time()))
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
            self._note(picture, _SETTLED)
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
        key = _key(picture)
        try:
            self._file.change(
                lambda db: db.execute(
                    f"UPDATE pictures SET {change} WHERE (epoch, lane, seq, sha256) = (?, ?, ?, ?)",  # noqa: S608 - our own words
                    key,
                )
            )
        except sqlite3.Error as error:
            log.error("of picture %s no note can be taken: %s", picture.sha256.hex(), error)
            if change == _SETTLED:
                self._unnoted.add(key)
        else:
            if change == _SETTLED:
                self._unnoted.discard(key)
                self._ring.let_go(picture.sha256)


def _key(picture: PictureRecord) -> _Key:
    return picture.epoch, picture.lane, picture.sequence, picture.sha256
