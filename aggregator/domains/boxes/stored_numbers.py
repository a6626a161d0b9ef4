"""Every stored number with the CRC-32 of its event, box by box: a client that reads slowly holds no connection.

There is no index by number: it would cost ingest more than it is worth. So all rows of one outbox are read and sorted
in one pass, into a file without a name, and handed out from there; a page at a time would read them all for each page.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from psycopg.rows import scalar_row

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope

SQL = load_queries(__package__)
HEAD = b"site,agent,epoch,lane,seq,crc\n"
_IN_MEMORY_BYTES = 1 << 20
_PIECE_BYTES = 1 << 18
_ROWS = 5_000

Lend = Callable[[Callable[[Connection], int]], Awaitable[int]]
"""Does some work on a connection that is lent for it."""


def producers(scope: Scope, connection: Connection) -> list[int]:
    """Whose rows the ledger of a scope holds, in its order."""
    return [row["id"] for row in connection.execute(SQL["ledger_producers"], {"scope": scope.cut})]


async def pieces(
    of: Sequence[int], lend: Lend, folder: Path, in_memory_bytes: int = _IN_MEMORY_BYTES
) -> AsyncGenerator[bytes, None]:
    """The ledger as CSV, in the order of bytes: of each producer its lanes, of each lane its numbers.

    Args:
        of: the producers.
        lend: lends a connection while the rows of one producer are read, at the pace of our own disk.
        folder: on the disk where they are kept meanwhile.
        in_memory_bytes: so many are kept in memory instead.
    """
    yield HEAD
    for producer in of:
        with SpooledTemporaryFile(in_memory_bytes, dir=str(folder)) as rows:
            await lend(partial(_write, producer, rows))
            rows.seek(0)
            while piece := await asyncio.to_thread(rows.read, _PIECE_BYTES):
                yield piece


def _write(producer: int, out: IO[bytes], connection: Connection) -> int:
    """Write the rows of one producer; returns how many bytes there are."""
    out.seek(0)
    out.truncate()  # what a try before this one has left
    connection.execute(SQL["ledger_patience"])
    with connection.cursor("ledger", row_factory=scalar_row) as cursor:
        cursor.execute(SQL["ledger_rows"], {"producer_id": producer})
        while lines := cursor.fetchmany(_ROWS):
            out.write("".join(lines).encode())
    return out.tell()
