"""A damaged outbox: what can be read of it goes into a new one, and the damaged file is kept."""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge_agent.outbox.store import OutboxFile, set_counter
from shared.envelope import decode_event, encode_event
from shared.errors import WireError
from shared.events import ConfigApplied, Lane, LineSpec

log = logging.getLogger(__name__)

_JUMP = 8
"""Numbers left out behind the last one that could be read; doubled until something can be read again."""


def is_damaged(path: Path) -> bool:
    """Whether SQLite finds fault with a file. One that is absent or cannot be reached is not damaged."""
    if not path.is_file() or not path.stat().st_size:
        return False
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=5)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def mend(path: Path) -> None:
    """Salvage a file if it is damaged. The caller holds its lock.

    Raises:
        OSError: the damaged file cannot be put aside.
    """
    if is_damaged(path):
        salvage(path)


def salvage(path: Path) -> int:
    """Put a damaged outbox aside and begin a new one with the events that can still be read.

    They get new numbers: the file gets a new epoch, for nobody knows which numbers the damaged one had used.

    Returns:
        How many events were saved.
    """
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    rows = {lane: list(_readable(aside, lane)) for lane in Lane}
    applied = _applied(aside)
    if applied:  # events name lines by its numbers
        cameras, lines = msgspec.msgpack.decode(applied[1], type=tuple[tuple[str, ...], tuple[LineSpec, ...]])
        rows[Lane.ALARM].insert(0, encode_event(ConfigApplied(round(time.time() * 1000), applied[0], cameras, lines)))
    file = OutboxFile(path, exclusive=False)
    try:
        file.change(lambda db: _fill(db, rows, applied, damages(path)))
    finally:
        file.close()
    saved = sum(len(of_lane) for of_lane in rows.values())
    log.error("%s is damaged: kept as %s, %d events saved into a new one", path, aside.name, saved)
    return saved


def damages(path: Path) -> int:
    """How many damaged files lie beside an outbox."""
    kept = [other.name for other in path.parent.glob(f"{path.name}.damaged-*")]
    return sum(not name.endswith(("-wal", "-shm")) for name in kept)


def _fill(db: sqlite3.Connection, rows: dict[Lane, list[bytes]], applied: tuple[int, bytes] | None, times: int) -> None:
    set_counter(db, "damages", times)
    if applied:
        db.execute("INSERT INTO applied VALUES (?, ?)", applied)
    for lane, of_lane in rows.items():
        db.executemany(
            "INSERT INTO events VALUES (?, ?, ?)", [(lane, n, row) for n, row in enumerate(of_lane, start=1)]
        )
        last = len(of_lane)
        db.execute("INSERT INTO lanes VALUES (?, ?, ?, ?)", (lane, last, last, last + 1))


def _readable(path: Path, lane: Lane) -> Iterator[bytes]:
    """Events in the order of their numbers; what lies on pages that cannot be read is jumped over."""
    after, jump = 0, _JUMP
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as db:
        end = _last_number(db, lane)
        while after < end:
            came = after
            try:
                for sequence, row in db.execute(
                    "SELECT seq, row FROM events WHERE lane = ? AND seq > ? ORDER BY seq", (lane, after)
                ):
                    came = sequence
                    if _makes_sense(row):
                        yield bytes(row)
            except sqlite3.Error:
                jump = _JUMP if came > after else 2 * jump
                after = came + jump
            else:
                return


def _last_number(db: sqlite3.Connection, lane: Lane) -> int:
    """The highest number that may be there; 0 where not even that can be read."""
    for query in ("SELECT max(seq) FROM events WHERE lane = ?", "SELECT reserved_to FROM lanes WHERE lane = ?"):
        with contextlib.suppress(sqlite3.Error):
            found = db.execute(query, (lane,)).fetchone()
            if found and isinstance(found[0], int):
                return found[0]
    return 0


def _makes_sense(row: object) -> bool:
    if not isinstance(row, bytes):
        return False
    try:
        decode_event(row)
    except WireError:
        return False
    return True


def _applied(path: Path) -> tuple[int, bytes] | None:
    with contextlib.suppress(sqlite3.Error, msgspec.DecodeError), contextlib.closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT revision, content FROM applied ORDER BY revision DESC LIMIT 1").fetchone()
        if found:
            msgspec.msgpack.decode(found[1], type=tuple[tuple[str, ...], tuple[LineSpec, ...]])
            return int(found[0]), bytes(found[1])
    return None
