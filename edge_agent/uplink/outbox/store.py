"""The outbox file: SQLite in WAL mode with synchronous=EXTRA. One writing connection; a reading one beside it."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TypeVar

from edge_agent.uplink.outbox.storage_health import is_refusal, words_of
from shared.envelope import MAX_SEQUENCE
from shared.errors import UnavailableError
from shared.events import Lane
from shared.files import sync_folder
from shared.locks import hold

T = TypeVar("T")
EVICT_ROWS = 500
_PAGE_BYTES = 4096
_ROOM_BYTES = 16 * 2**20
_WAL_BYTES = 4 * 2**20
QUARANTINE_ROWS = 100
ROW_OVERHEAD_BYTES = 24
"""What a row costs in the file beyond its bytes: key, lengths, page share."""


class CardRefusesError(UnavailableError):
    """The outbox cannot be opened, because its card takes no writes."""

    def __init__(self, message: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """What the file knows of one lane's numbers."""

    reserved_to: int = 0
    durable_to: int = 0
    clean_next: int | None = 1


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """A picture in the ring and the event `(epoch, lane, sequence)` that it belongs to."""

    lane: Lane
    sequence: int
    epoch: int
    sha256: bytes
    size: int
    taken_ms: int


class OutboxFile:
    """Opens, reads and changes the file.

    Args:
        exclusive: hold the file against every other agent; false to look into it from beside.
        mend: called with the path once it is held: what to do before it is opened.
        max_bytes: bound on waiting rows; the file itself never grows beyond twice as much and a little.

    Raises:
        UnavailableError: the file cannot be opened or is no database.
    """

    def __init__(
        self,
        path: Path,
        *,
        exclusive: bool = True,
        mend: Callable[[Path], None] = lambda _path: None,
        max_bytes: int | None = None,
    ) -> None:
        self.path = path
        self._max_bytes = max_bytes
        with contextlib.ExitStack() as undo:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                refusal = f"{path}: another agent uses this data_dir; give each its own"
                self._lock = undo.enter_context(hold(path.with_suffix(".lock"), refusal)) if exclusive else None
                if self._lock:
                    mend(path)
                self._write = undo.enter_context(contextlib.closing(self._connect()))
                lay_out(self._write)
                self._read = self._connect()
                sync_folder(path.parent)
            except (OSError, sqlite3.Error) as error:
                message = f"{path}: the outbox cannot be opened ({error}); check data_dir and the disk"
                if is_refusal(error):
                    raise CardRefusesError(message, words_of(error)) from None
                raise UnavailableError(message) from None
            undo.pop_all()
        self._write_lock, self._read_lock = threading.RLock(), threading.RLock()

    @property
    def is_volatile(self) -> bool:
        """Whether what is written goes with this process."""
        return False

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            # EXTRA, not FULL, and before the journal mode: else the rollback journal that made the file may come back
            # after a power cut, and takes everything since with it.
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error:
            connection.close()
            raise
        connection.execute("PRAGMA wal_autocheckpoint = 500")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        self._bound(connection)
        return connection

    def _bound(self, connection: sqlite3.Connection) -> None:
        if self._max_bytes is not None:
            # Whatever our own count says: pages are half empty at worst, and pictures and frames are listed too.
            connection.execute(f"PRAGMA max_page_count = {(2 * self._max_bytes + _ROOM_BYTES) // _PAGE_BYTES}")

    def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one durable transaction: all of it, or nothing and the error."""
        with self._write_lock:
            self._write.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._write)
                self._write.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._write.execute("ROLLBACK")
                raise
            return result

    def lane(self, lane: Lane) -> LaneRecord:
        found = self._rows("SELECT reserved_to, durable_to, clean_next FROM lanes WHERE lane = ?", (lane,))
        return LaneRecord(*found[0]) if found else LaneRecord()

    def rows_after(self, lane: Lane, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Waiting `(sequence, row)` pairs above a number, ascending."""
        return self._rows(
            "SELECT seq, row FROM events WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?", (lane, after, limit)
        )

    def rows_between(self, lane: Lane, first: int, last: int) -> list[tuple[int, bytes]]:
        """Waiting `(sequence, row)` pairs within a range, ascending."""
        return self._rows(
            "SELECT seq, row FROM events WHERE lane = ? AND seq BETWEEN ? AND ? ORDER BY seq", (lane, first, last)
        )

    def oldest(self, lane: Lane) -> int | None:
        """The lowest number that waits on disk."""
        found: list[tuple[int | None]] = self._rows("SELECT min(seq) FROM events WHERE lane = ?", (lane,))
        return found[0][0]

    def waiting(self) -> tuple[dict[Lane, int], int]:
        """Rows waiting on disk by lane, and the bytes they take together."""
        counts, size = dict.fromkeys(Lane, 0), 0
        for lane, count, length in self._rows("SELECT lane, count(*), sum(length(row)) FROM events GROUP BY lane", ()):
            counts[Lane(lane)] = count
            size += length + count * ROW_OVERHEAD_BYTES
        return counts, size

    def counter(self, name: str) -> int | None:
        found = self._rows("SELECT value FROM counters WHERE name = ?", (name,))
        return int(found[0][0]) if found else None

    def frames(self) -> list[tuple[Lane, int, int, str]]:
        """Lane, first number, shift in milliseconds and boot of every clock frame, ascending."""
        rows = self._rows("SELECT lane, first, shift_ms, boot FROM frames ORDER BY lane, first", ())
        return [(Lane(lane), first, shift_ms, boot) for lane, first, shift_ms, boot in rows]

    def applied(self) -> tuple[int, bytes] | None:
        """The newest applied configuration: its revision and encoded content."""
        found = self._rows("SELECT revision, content FROM applied ORDER BY revision DESC LIMIT 1", ())
        return (int(found[0][0]), bytes(found[0][1])) if found else None

    def pictures_waiting(self, limit: int) -> list["PictureRecord"]:
        """Pictures not yet uploaded: those that failed least, of them the newest, for operators look at those."""
        rows = self._rows(
            "SELECT lane, seq, epoch, sha256, size, taken_ms FROM pictures WHERE uploaded = 0 "
            "ORDER BY tries, taken_ms DESC LIMIT ?",
            (limit,),
        )
        return [PictureRecord(Lane(lane), *rest) for lane, *rest in rows]

    def pictures(self) -> set[bytes]:
        """SHA-256 of every picture in the ring."""
        return {bytes(digest) for (digest,) in self._rows("SELECT DISTINCT sha256 FROM pictures", ())}

    def settled_passing_pictures(self) -> list[bytes]:
        """Pictures of hits that wait for nothing and are here all the same."""
        waits = "SELECT 1 FROM pictures WHERE sha256 = h.sha256 AND uploaded = 0"
        found = self._rows(f"SELECT sha256 FROM passing_pictures h WHERE NOT EXISTS ({waits})", ())  # noqa: S608
        return [bytes(digest) for (digest,) in found]

    def count_pictures_waiting(self) -> int:
        found: list[tuple[int]] = self._rows("SELECT count(*) FROM pictures WHERE uploaded = 0", ())
        return found[0][0]

    def count_put_aside(self, lane: Lane) -> int:
        """Events that were never answered and are not sent any more; their bytes are kept."""
        found: list[tuple[int]] = self._rows("SELECT count(*) FROM quarantine WHERE lane = ?", (lane,))
        return found[0][0]

    def close(self) -> None:
        self._read.close()
        self._write.close()
        if self._lock:
            self._lock.close()

    def _rows(self, sql: str, arguments: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
        with self._read_lock:
            return self._read.execute(sql, arguments).fetchall()


_RENAME_PICTURES = """
BEGIN;
DROP INDEX pictures_by_sha256;
DROP INDEX pictures_waiting;
ALTER TABLE pictures RENAME TO of_one;
"""
_TAKE_OVER_PICTURES = """
INSERT INTO pictures SELECT * FROM of_one;
DROP TABLE of_one;
COMMIT;
"""


def lay_out(db: sqlite3.Connection) -> None:
    """Make the tables where they are absent."""
    schema = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
    # Until 0.3 an event had one picture: what such a file holds goes over into a table that takes several.
    of_one = {row[1] for row in db.execute("PRAGMA table_info(pictures)") if row[5]} == {"epoch", "lane", "seq"}
    if not of_one:
        db.executescript(schema)
        return
    db.executescript("".join((_RENAME_PICTURES, schema, _TAKE_OVER_PICTURES)))


def set_counter(db: sqlite3.Connection, name: str, value: int) -> None:
    """Write a counter within a change."""
    db.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )


def count_up(db: sqlite3.Connection, name: str) -> None:
    """Add one to a counter within a change. SQLite writes no page that would be as before, so a probe must differ."""
    db.execute("INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,))


def set_lane(db: sqlite3.Connection, lane: Lane, record: LaneRecord) -> None:
    """Write a lane's record within a change."""
    db.execute(
        "INSERT INTO lanes VALUES (?, ?, ?, ?) ON CONFLICT (lane) DO UPDATE SET "
        "reserved_to = excluded.reserved_to, durable_to = excluded.durable_to, clean_next = excluded.clean_next",
        (lane, record.reserved_to, record.durable_to, record.clean_next),
    )


def put_aside(db: sqlite3.Connection, lane: Lane, sequence: int, row: bytes, at_ms: int) -> None:
    """Keep the bytes of an event that is not sent any more, the newest hundred of them."""
    db.execute("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)", (lane, sequence, row, at_ms))
    db.execute(
        "DELETE FROM quarantine WHERE (lane, seq) NOT IN "
        "(SELECT lane, seq FROM quarantine ORDER BY at_ms DESC, seq DESC LIMIT ?)",
        (QUARANTINE_ROWS,),
    )


def delete_range(db: sqlite3.Connection, lane: Lane, first: int, last: int) -> tuple[int, int]:
    """Delete rows; return their count and the bytes they took."""
    count, size = db.execute(
        "SELECT count(*), coalesce(sum(length(row)), 0) FROM events WHERE lane = ? AND seq BETWEEN ? AND ?",
        (lane, first, last),
    ).fetchone()
    if count:
        db.execute("DELETE FROM events WHERE lane = ? AND seq BETWEEN ? AND ?", (lane, first, last))
    return count, size + count * ROW_OVERHEAD_BYTES


def oldest_run(db: sqlite3.Connection, above: int, below: int) -> tuple[Lane, int, int] | None:
    """The oldest rows with contiguous numbers, bulk before alarms: what is given up when the outbox is full.

    Args:
        db: within a change.
        above: number up to which no alarm is given up.
        below: number from which on no alarm is given up: what this change itself writes, reports of losses included.
    """
    for lane, begin, end in ((Lane.BULK, 0, MAX_SEQUENCE), (Lane.ALARM, above, below)):
        found = db.execute(
            "SELECT seq FROM events WHERE lane = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT ?",
            (lane, begin, end, EVICT_ROWS),
        ).fetchall()
        if found:
            first = last = found[0][0]
            for (sequence,) in found[1:]:
                if sequence != last + 1:
                    break
                last = sequence
            return lane, first, last
    return None
