"""A damaged outbox: what can be read of it goes into a new one, and the damaged file is kept.

The new file is finished before the damaged one is moved, so that an end at any moment loses nothing: either the damaged
file is still there and is salvaged again, or the new one is complete and is moved into its place.
"""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge_agent.uplink.outbox.ballast import Ballast
from edge_agent.uplink.outbox.store import LaneRecord, OutboxFile, set_counter, set_lane
from shared.envelope import decode_event, encode_event
from shared.errors import WireError
from shared.events import (
    ConfigApplied,
    EvidenceReady,
    Lane,
    LineCrossed,
    LineSpec,
    ListHit,
    RangeLost,
    VehiclePassed,
    ZoneAlarm,
)
from shared.files import sync_folder

log = logging.getLogger(__name__)

_JUMP = 8
"""Numbers left out behind the last one that could be read; doubled until something can be read again."""
_KEPT_FILES = 2
_PARTS = ("", "-wal", "-shm")


def mend(path: Path) -> None:
    """Salvage a file if it is damaged, or finish what was interrupted. The caller holds its lock.

    Raises:
        OSError: the disk does not take the new file, or the damaged one cannot be moved.
        sqlite3.Error: the same.
    """
    fresh = _fresh(path)
    if is_damaged(path):
        for part in _PARTS:
            Path(f"{fresh}{part}").unlink(missing_ok=True)
        Ballast(path.with_suffix(".ballast")).release()
        saved = _fill(path, fresh)
        _exchange(path, fresh)
        log.error("%s was damaged: it is kept beside, %d events were saved into a new one", path, saved)
    elif not path.exists() and fresh.exists():
        _exchange(path, fresh)


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


def damages(path: Path) -> int:
    """How many damaged files lie beside an outbox; the newest are kept."""
    return len(_kept(path))


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")


def _kept(path: Path) -> list[Path]:
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted((one for one in found if not one.name.endswith(_PARTS[1:])), key=lambda one: one.stat().st_mtime)


def _exchange(path: Path, fresh: Path) -> None:
    """Move the damaged file aside, then the new one into its place. The log goes with the file that it belongs to."""
    number = 1
    while any(Path(f"{path}.damaged-{number}{part}").exists() for part in _PARTS):
        number += 1
    for part in _PARTS:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{part}").rename(f"{path}.damaged-{number}{part}")
    sync_folder(path.parent)
    fresh.rename(path)
    sync_folder(path.parent)
    for old in _kept(path)[:-_KEPT_FILES]:
        for part in _PARTS:
            Path(f"{old}{part}").unlink(missing_ok=True)


def _fill(damaged: Path, fresh: Path) -> int:
    """Make the new file, whole and on the disk; returns how many events it holds.

    Events get new numbers and the file a new epoch: we cannot know which numbers the damaged one had used.
    """
    rows = {lane: [row for row in _readable(damaged, lane) if _stays_true(row)] for lane in Lane}
    saved = sum(len(of_lane) for of_lane in rows.values())
    run = _run(damaged, rows)
    applied = _applied(damaged)
    if applied:  # events name lines by its numbers
        cameras, lines = msgspec.msgpack.decode(applied[1], type=tuple[tuple[str, ...], tuple[LineSpec, ...]])
        rows[Lane.ALARM].insert(0, encode_event(ConfigApplied(round(time.time() * 1000), applied[0], cameras, lines)))

    def write(db: sqlite3.Connection) -> None:
        set_counter(db, "run", run)
        if applied:
            db.execute("INSERT INTO applied VALUES (?, ?)", applied)
        for lane, of_lane in rows.items():
            numbered = [(lane, number, row) for number, row in enumerate(of_lane, start=1)]
            db.executemany("INSERT INTO events VALUES (?, ?, ?)", numbered)
            set_lane(db, lane, LaneRecord(len(of_lane), len(of_lane), len(of_lane) + 1))

    file = OutboxFile(fresh, exclusive=False)
    try:
        file.change(write)
    finally:
        file.close()
    with fresh.open("rb") as written:
        os.fsync(written.fileno())
    return saved


def _stays_true(row: bytes) -> bool:
    """Whether an event still says the truth under another number: what names numbers of its own lane does not."""
    return not isinstance(decode_event(row), EvidenceReady | RangeLost)


def _run(path: Path, rows: dict[Lane, list[bytes]]) -> int:
    """The newest number of a camera worker's life: tracks of later ones must not look like those of earlier ones."""
    events = [decode_event(row) for of_lane in rows.values() for row in of_lane]
    runs = [event.run for event in events if isinstance(event, LineCrossed | ZoneAlarm | ListHit | VehiclePassed)]
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=5)) as db:
        found = db.execute("SELECT value FROM counters WHERE name = 'run'").fetchone()
        runs.append(int(found[0]) if found else 0)
    return max(runs, default=0)


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
