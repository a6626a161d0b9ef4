"""Dead letters, read again: by a version that understands them, or after what the database refused was mended."""

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from aggregator.ingest import cursor as cursors
from aggregator.ingest.commit import SQL, Committer
from aggregator.ingest.cursor import Range
from aggregator.ingest.reading import Reading, read
from aggregator.store.database import Connection
from shared.events import Lane
from shared.mqtt import Message
from shared.topics import Channel, parse

WORKER = "replay"
_OF_HEADERS = {"topic", "oversized", "truncated", "version", "lane", "checksum", "sequence"}
"""Reasons of letters whose batch was never accounted for."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a letter.

    Attributes:
        stored: events that are in the record now.
        left: numbers that still make no sense; the letter stays for them.
        reason: why, empty where nothing is left.
    """

    stored: int
    left: int
    reason: str = ""
    gone: bool = False
    """Whether the letter was deleted, for nothing of it is left."""


def replay(connection: Connection, letter_id: int) -> Replayed | None:
    """Read one dead letter again, in one transaction.

    Returns:
        None where there is no such letter.

    Raises:
        psycopg.Error: the database refuses it again, and nothing was changed.
    """
    with connection.transaction():
        letter = connection.execute(SQL["lock_dead_letter"], {"id": letter_id}).fetchone()
        if letter is None:
            return None
        message = Message(letter["topic"], bytes(letter["payload"]), False, letter["recv_at"].timestamp())
        lane = _lane(letter["topic"])
        if lane is None:
            return Replayed(0, 0, f"{letter['topic']}: only batches of events can be replayed")
        if letter["reason"] == "conflict":
            return Replayed(0, 0, "its numbers stand for other events, which are stored; look at the bytes")
        reading = read([message], lane)
        numbers = cursors.from_text(letter["numbers"])
        if not numbers and letter["reason"] not in _OF_HEADERS:
            return Replayed(0, 0, "ingest did not note which numbers it stands for; look at the bytes")
        if not reading.arrivals:
            return Replayed(0, _count(numbers), f"{reading.dead[0].reason}: {reading.dead[0].detail}")
        if not numbers:
            return _as_new(connection, letter_id, reading)
        return _as_settled(connection, letter_id, reading, numbers, letter["recv_at"])


def _as_new(connection: Connection, letter_id: int, reading: Reading) -> Replayed:
    """A batch whose header made no sense: its numbers are open still, unless the box has sent them otherwise."""
    outcome = Committer(WORKER).commit(connection, reading)
    if outcome.refused:
        return Replayed(0, 0, "too many numbers are missing before it; try again when they have come")
    connection.execute(SQL["delete_dead_letter"], {"id": letter_id})
    return Replayed(outcome.stored, 0, gone=True)


def _as_settled(
    connection: Connection, letter_id: int, reading: Reading, numbers: tuple[Range, ...], recv_at: datetime
) -> Replayed:
    """Numbers that were settled without their events: those that are understood now are stored."""
    (arrival,) = reading.arrivals
    rows = tuple(row for row in arrival.rows if cursors.contains(numbers, row.sequence))
    stored = tuple((row.sequence, row.sequence) for row in rows)
    left = cursors.subtract(numbers, stored)
    if rows:
        Committer(WORKER).store(connection, replace(arrival, rows=rows, fault=None, recv_at=recv_at))
    if left:
        connection.execute(SQL["shrink_dead_letter"], {"id": letter_id, "numbers": cursors.to_text(left)})
    else:
        connection.execute(SQL["delete_dead_letter"], {"id": letter_id})
    reason = arrival.fault.detail if arrival.fault and left else ""
    return Replayed(len(rows), _count(left), reason, gone=not left)


def _count(ranges: tuple[Range, ...]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def _lane(topic: str) -> Lane | None:
    _, channel = parse(topic)
    return {Channel.ALARM: Lane.ALARM, Channel.BULK: Lane.BULK}.get(channel)
