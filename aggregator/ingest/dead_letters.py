"""Dead letters: what could not be understood, kept whole within bounds so that a later version can try again."""

from collections import Counter
from collections.abc import Iterable

from aggregator.ingest import cursor as cursors
from aggregator.ingest.box_quota import Bill
from aggregator.ingest.reading import Arrival, DeadLetter
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
    kept = []
    for letter in letters:
        if letter.numbers or bill.keeps(letter):
            kept.append(_row(letter))
            counters["dead_letters", letter.reason] += 1
        else:
            counters["dead_letters_not_kept", letter.reason] += 1
    if kept:
        with connection.cursor() as cursor:
            cursor.executemany(SQL["add_dead_letter"], kept)


def _row(letter: DeadLetter) -> dict[str, object]:
    return {
        "recv_at": letter.recv_at,
        "topic": letter.topic,
        "reason": letter.reason,
        "detail": letter.detail,
        "payload": letter.payload,
        "producer_id": letter.producer_id,
        "lane": letter.lane,
        "numbers": cursors.to_text(letter.numbers),
    }
