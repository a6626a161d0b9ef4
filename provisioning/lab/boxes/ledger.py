"""What was numbered, kept apart from the code that is being judged.

On disk SQLite itself notes every row, in the transaction that makes it durable: no code of ours can forget one.
"""

import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path

from edge_agent.uplink.outbox.store import OutboxFile
from shared.envelope import row_crc
from shared.events import Lane

Entry = tuple[int, Lane, int, int]
"""Epoch, lane, number, checksum of the row."""


def keep(outbox: Path) -> None:
    """Have an outbox file, which need not exist yet, note every row from now on."""
    file = OutboxFile(outbox)
    statements = (
        "CREATE TABLE IF NOT EXISTS ledger (epoch INTEGER, lane INTEGER, seq INTEGER, row BLOB)",
        "CREATE TRIGGER IF NOT EXISTS note AFTER INSERT ON events BEGIN "
        "INSERT INTO ledger SELECT value, NEW.lane, NEW.seq, NEW.row FROM counters WHERE name = 'epoch'; END",
    )
    for statement in statements:
        file.change(lambda db, statement=statement: db.execute(statement))  # type: ignore[misc]
    file.close()


def entries(outbox: Path) -> Iterator[Entry]:
    """What a file has noted, in order."""
    file = OutboxFile(outbox, exclusive=False)
    try:
        rows = file.change(
            lambda db: db.execute("SELECT epoch, lane, seq, row FROM ledger ORDER BY epoch, lane, seq").fetchall()
        )
    finally:
        file.close()
    for epoch, lane, sequence, row in rows:
        yield epoch, Lane(lane), sequence, row_crc(row)


class MemoryLedger:
    """The same of an outbox in memory: checksums by number."""

    def __init__(self) -> None:
        self._checksums = {lane: array("I") for lane in Lane}

    def note(self, lane: Lane, row: bytes) -> None:
        """The next number of a lane stands for this row."""
        self._checksums[lane].append(zlib.crc32(row))

    def entries(self, epoch: int) -> Iterator[Entry]:
        """All of it, in order."""
        for lane, checksums in self._checksums.items():
            for sequence, checksum in enumerate(checksums, start=1):
                yield epoch, lane, sequence, checksum
