"""An outbox that turns out to be a copy of another one goes on as a producer of its own."""

import sqlite3
from pathlib import Path

import msgspec

from edge_agent.uplink.outbox.store import LaneRecord, OutboxFile, set_counter, set_lane
from shared.clock import Clock, to_ms
from shared.envelope import decode_event, encode_event
from shared.events import ConfigApplied, EvidenceReady, Lane, LineSpec, RangeLost
from shared.ids import new_epoch


def renew_epoch(path: Path, clock: Clock) -> int:
    """Make a closed outbox file a producer of its own: it is a copy, and its numbers were used by the other one.

    Waiting rows get the numbers 1, 2, … of the new epoch, behind the configuration that they refer to.

    Returns:
        The new epoch.
    """
    file = OutboxFile(path)
    epoch = new_epoch()
    known = file.applied()
    head: list[bytes] = []
    if known:
        cameras, lines = msgspec.msgpack.decode(known[1], type=tuple[tuple[str, ...], tuple[LineSpec, ...]])
        head = [encode_event(ConfigApplied(to_ms(clock.now_s()), known[0], cameras, lines))]
    file.change(lambda db: _renumber(db, epoch, head))
    file.close()
    return epoch


def _renumber(db: sqlite3.Connection, epoch: int, head: list[bytes]) -> None:
    set_counter(db, "epoch", epoch)
    db.execute("UPDATE pictures SET uploaded = 1")
    db.execute("DELETE FROM frames")  # they are told by the old numbers
    for lane in Lane:
        waiting = db.execute("SELECT row FROM events WHERE lane = ? ORDER BY seq", (lane,)).fetchall()
        # What names numbers is not true any more: pictures are announced by them, and losses.
        kept = [row for (row,) in waiting if not isinstance(decode_event(row), EvidenceReady | RangeLost)]
        rows = [*(head if lane is Lane.ALARM else []), *kept]
        db.execute("DELETE FROM events WHERE lane = ?", (lane,))
        db.executemany("INSERT INTO events VALUES (?, ?, ?)", [(lane, n, row) for n, row in enumerate(rows, start=1)])
        set_lane(db, lane, LaneRecord(len(rows), len(rows), len(rows) + 1))
