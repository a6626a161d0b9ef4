"""Dead letters: what could not be understood, kept whole within bounds so that a later version can try again."""

from collections import Counter
from collections.abc import Iterable, Sequence

from aggregator.ingest import cursor as cursors
from aggregator.ingest.box_quota import Bill
from aggregator.ingest.reading import Arrival, DeadLetter
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries(__package__)
CONFLICT = "conflict"


def conflict(arrival: Arrival, producer: int, numbers: list[int]) -> DeadLetter:
    """What a box sent under numbers that stand for other events: a copied card, or one that was set back."""
    detail = f"{len(numbers)} numbers were used twice, the first is {numbers[0]}"
    lane = arrival.header.lane
    return DeadLetter(arrival.recv_at, arrival.topic, CONFLICT, detail, arrival.payload, producer, lane)


def keep(connection: Connection, letters: Iterable[DeadLetter], bill: Bill, counters: Counter[tuple[str, str]]) -> None:
    """Write letters, and count them by their reasons; those beyond a box's bounds are only counted.

    A letter that stands for settled numbers is always kept: its batch was taken with it.
    """
    kept = list[DeadLetter]()
    for letter in letters:
        if letter.numbers or bill.keeps(letter):
            kept.append(letter)
            counters["dead_letters", letter.reason] += 1
        else:
            counters["dead_letters_not_kept", letter.reason] += 1
    if kept:
        _write(connection, kept)


def _write(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    connection.execute(
        SQL["add_dead_letters"],
        {
            "recv_ats": [letter.recv_at for letter in letters],
            "topics": [letter.topic for letter in letters],
            "reasons": [letter.reason for letter in letters],
            "details": [letter.detail for letter in letters],
            "payloads": arrays.of_bytes(letter.payload for letter in letters),
            "producer_ids": [letter.producer_id for letter in letters],
            "lanes": [None if letter.lane is None else int(letter.lane) for letter in letters],
            "numbers": arrays.of_plain(cursors.to_text(letter.numbers) for letter in letters),
        },
    )
