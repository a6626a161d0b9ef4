"""Packs the counts of days gone by: a month of a line in one row.

A year of quarter-hours of a hundred busy lines is millions of numbers. As rows they take seconds to read; packed they
are a thousand rows of a few kilobytes. A pack holds *cells*: a slot of the month (two for a quarter-hour, one a
direction) and how often the line was crossed in it. Slots without crossings are not there.

Ingest knows nothing of it and adds to `counts` as ever, also to days that are packed; the next packing takes that up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
from psycopg.rows import tuple_row

from aggregator.jobs.job_context import JobContext, Turn
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.clock import QUARTER_S

SQL = load_queries(__package__, "counts.sql")

_YOUNG = timedelta(hours=2)
_PART_S = 6 * 3600
"""A quarter of a day stays as it is until so long after its end: nearly all crossings go there."""
_PRODUCERS = 50
"""Packed in one transaction."""
_WIDTHS = (1, 2, 4, 8)
_DENSE = 0x80
_BITMAP = 31 * 96 * 2 // 8
"""Bytes in which every slot of a month has a bit."""
_FRESH = np.dtype([("quarter", ">i8"), ("direction", ">i2"), ("crossings", ">i8")])
"""One row of `counts` as its query sends it."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cells:
    """Crossings of one line.

    Attributes:
        slots: shape (n,), twice the quarter-hour, and one more from right to left. Of a pack they are counted from the
            beginning of its month, otherwise from 1970.
        crossings: shape (n,).
    """

    slots: Ints
    crossings: Ints

    @classmethod
    def fresh(cls, rows: bytes) -> "Cells":
        """Of rows of `counts`, from 1970."""
        read = np.frombuffer(rows, _FRESH)
        slots = 2 * read["quarter"].astype(np.int64) + (read["direction"] - 1)
        return cls(slots, read["crossings"].astype(np.int64))

    @classmethod
    def unpack(cls, packed: bytes, month: int = 0) -> "Cells":
        """Read a pack.

        Args:
            packed: as `pack` writes it.
            month: first slot of its month; without it slots are counted from the month's beginning.
        """
        width, dense = packed[0] & ~_DENSE, packed[0] & _DENSE
        if dense:
            bits = np.unpackbits(np.frombuffer(packed, np.uint8, _BITMAP, 1), bitorder="little")
            slots, numbers = np.flatnonzero(bits.view(bool)), 1 + _BITMAP
        else:
            n = (len(packed) - 1) // (2 + width)
            slots, numbers = np.frombuffer(packed, "<u2", n, 1), 1 + 2 * n
        crossings = np.frombuffer(packed, f"<u{width}", len(slots), numbers)
        return cls(np.add(slots, month, dtype=np.int64), crossings.astype(np.int64))

    def pack(self) -> bytes:
        """As a pack: how wide a number is in bytes, all slots, all numbers; little endian.

        Slots are listed, or, where that is longer, marked in a bitmap of the month: the first byte says so.
        """
        most = int(self.crossings.max(initial=0))
        width = next(width for width in _WIDTHS if most < 1 << 8 * width)
        numbers = self.crossings.astype(f"<u{width}").tobytes()
        if 2 * len(self.slots) <= _BITMAP:
            return bytes([width]) + self.slots.astype("<u2").tobytes() + numbers
        bits = np.zeros(8 * _BITMAP, bool)
        bits[self.slots] = True
        return bytes([width | _DENSE]) + np.packbits(bits, bitorder="little").tobytes() + numbers

    def since(self, slot: int) -> "Cells":
        """Slots counted from another beginning."""
        return Cells(self.slots - slot, self.crossings)

    def plus(self, other: "Cells") -> "Cells":
        """Both together, in the order of their slots."""
        slots, where = np.unique(np.concatenate([self.slots, other.slots]), return_inverse=True)
        crossings = np.zeros(len(slots), np.int64)
        np.add.at(crossings, where, np.concatenate([self.crossings, other.crossings]))
        return Cells(slots, crossings)


def month_slot(month: date) -> int:
    """The first slot of a month (UTC), counted from 1970."""
    return int(datetime(month.year, month.month, 1, tzinfo=UTC).timestamp()) // QUARTER_S * 2


def due(now: datetime) -> datetime:
    """Counts before this may be packed."""
    return datetime.fromtimestamp((now - _YOUNG).timestamp() // _PART_S * _PART_S, tz=UTC)


def pack_counts(connection: Connection, before: datetime) -> int:
    """Pack all counts before a moment.

    Args:
        connection: in autocommit mode.
        before: a beginning of a quarter-hour.

    Returns:
        How many rows of lines and months were written.
    """
    found = connection.execute(SQL["producers_with_old_counts"], {"before": before}).fetchall()
    producers = [row["producer_id"] for row in found]
    return sum(
        _pack(connection, producers[start : start + _PRODUCERS], before)
        for start in range(0, len(producers), _PRODUCERS)
    )


def turns(_work: JobContext) -> Turn:
    """The job."""

    def turn(connection: Connection) -> None:
        pack_counts(connection, due(datetime.now(UTC)))

    return turn


def _pack(connection: Connection, producers: Sequence[int], before: datetime) -> int:
    which = {"producers": list(producers), "before": before}
    with connection.transaction(), connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(SQL["one_packer"])
        taken = cursor.execute(SQL["take_old_counts"], which).fetchall()
        if not taken:
            return 0
        keys = [row[:5] for row in taken]
        names = ("producers", "revisions", "lines", "months", "objects")
        columns = (arrays.of_plain(map(str, column)) for column in zip(*keys, strict=True))
        asked = dict(zip(names, columns, strict=True))
        packed = {row[:5]: row[5] for row in cursor.execute(SQL["packs_of"], asked)}
        packs = []
        for key, (*_, month, _, fresh) in zip(keys, taken, strict=True):
            cells = Cells.fresh(fresh).since(month_slot(month))
            packs.append((key, cells.plus(Cells.unpack(packed[key])) if key in packed else cells.plus(_NONE)))
        for start in range(0, len(packs), _PACKS_AT_ONCE):
            _save(connection, packs[start : start + _PACKS_AT_ONCE])
        return len(packs)


_Key = tuple[int, int, int, date, int]
"""Producer, revision, line, month and class of objects."""
_PACKS_AT_ONCE = 500
_NONE = Cells(np.zeros(0, np.int64), np.zeros(0, np.int64))


def _save(connection: Connection, packs: Sequence[tuple[_Key, Cells]]) -> None:
    producers, revisions, lines, months, objects = zip(*(key for key, _ in packs), strict=True)
    quarters = [(month_slot(key[3]) + cells.slots) // 2 for key, cells in packs]
    connection.execute(
        SQL["save_packs"],
        {
            "producer_ids": arrays.of_ints(producers),
            "revisions": arrays.of_ints(revisions),
            "lines": arrays.of_ints(lines),
            "months": arrays.of_plain(map(str, months)),
            "objects": arrays.of_ints(objects),
            "crossings": arrays.of_ints(int(cells.crossings.sum()) for _, cells in packs),
            "firsts": arrays.of_ints(int(each[0]) for each in quarters),
            "lasts": arrays.of_ints(int(each[-1]) for each in quarters),
            "cells": arrays.of_bytes(cells.pack() for _, cells in packs),
        },
    )
