"""Plates against lists: hashed, looked up, and nothing of a text kept."""

from datetime import UTC, datetime

import pytest

from edge_agent.vision.plate.matching import MOST_TEXTS, Entry, WatchTable, likely
from models.plate.decoding import Reading
from shared.plates.hashing import HASH_BYTES, box_key, month_of, month_secret, of_box, slow_hash
from shared.topics import Address

DEPLOYMENT = bytes(range(32))
BOX = Address("north", "gate")
MONTH = "2026-11"
ENTRY = Entry(7, 3, 41, 1, 2_000)


def reading(text: str, score: float = 0.97, *others: tuple[str, float]) -> Reading:
    return Reading(text, score, "blue", "single", True, others)


def table(*texts: str, entry: Entry = ENTRY, box: Address = BOX) -> WatchTable:
    secret, key = month_secret(DEPLOYMENT, MONTH), box_key(DEPLOYMENT, MONTH, box)
    return WatchTable(secret, key, {of_box(slow_hash(text, secret), key): [entry] for text in texts})


def test_what_a_list_names_is_a_match_and_a_neighbour_is_none() -> None:
    ours = table("皖A12345")
    match = ours.match(reading("皖A12345"), 1_000)
    assert match is not None
    assert (match.entry, match.likeness) == (ENTRY, 0.97)
    for other in ("皖A12346", "皖B12345", "苏A12345", "皖A1234", "皖A123455"):
        assert ours.match(reading(other), 1_000) is None, other


def test_a_likely_alternative_matches_with_its_own_likeness_and_an_unlikely_one_does_not() -> None:
    ours = table("皖A12345")
    match = ours.match(reading("皖A12346", 0.6, ("皖A12345", 0.3)), 1_000)
    assert match is not None
    assert match.likeness == 0.3
    assert ours.match(reading("皖A12346", 0.9, ("皖A12345", 0.08)), 1_000) is None
    assert ours.match(reading("皖A12345", 0.1), 1_000) is None


def test_an_entry_is_over_to_the_millisecond() -> None:
    ours = table("皖A12345")
    assert ours.match(reading("皖A12345"), 1_999) is not None
    assert ours.match(reading("皖A12345"), 2_000) is None


def test_of_two_lists_the_one_in_force_and_the_more_urgent_one_counts() -> None:
    secret, key = month_secret(DEPLOYMENT, MONTH), box_key(DEPLOYMENT, MONTH, BOX)
    known, urgent = Entry(8, 1, 1, 0, 5_000), Entry(9, 1, 1, 2, 1_000)
    ours = WatchTable(secret, key, {of_box(slow_hash("皖A12345", secret), key): [known, urgent]})
    told = [ours.match(reading("皖A12345"), now_ms) for now_ms in (500, 1_500, 5_000)]
    assert [match and match.entry for match in told] == [urgent, known, None]


def test_the_agencys_o_is_the_0_that_it_is_stamped_as() -> None:
    assert table("皖O12345").match(reading("皖012345"), 0) is not None


def test_no_more_texts_than_can_be_likely_are_hashed() -> None:
    others = tuple((f"皖A1234{digit}", 0.2) for digit in range(1, 9))
    assert len(likely(reading("皖A12340", 0.2, *others))) == MOST_TEXTS
    assert likely(reading("皖A12345", 0.25, ("皖A12346", 0.5))) == [("皖A12346", 0.5), ("皖A12345", 0.25)]


def test_hashes_of_months_and_boxes_have_nothing_in_common() -> None:
    november, december = (month_secret(DEPLOYMENT, month) for month in (MONTH, "2026-12"))
    slow = slow_hash("皖A12345", november)
    assert len(slow) == HASH_BYTES
    assert slow != slow_hash("皖A12345", december)
    other = Address("north", "gate2")
    keys = [box_key(DEPLOYMENT, MONTH, box) for box in (BOX, other)]
    assert of_box(slow, keys[0]) != of_box(slow, keys[1])
    # Names are no part of each other: `a/bc` is not `ab/c`.
    assert box_key(DEPLOYMENT, MONTH, Address("a", "bc")) != box_key(DEPLOYMENT, MONTH, Address("ab", "c"))
    assert month_of(datetime(2026, 11, 30, 23, 59, tzinfo=UTC)) == MONTH


def test_an_empty_table_hashes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.vision.plate.matching.slow_hash", lambda *_: pytest.fail("hashed"))
    assert WatchTable(b"", b"", {}).match(reading("皖A12345"), 0) is None


def test_the_hash_is_as_it_was() -> None:
    """Boxes and the centre agree on it over releases: these are not to change within a version of the protocol."""
    secret = month_secret(DEPLOYMENT, MONTH)
    assert secret.hex()[:16] == "6f790b5253d1e30e"
    assert slow_hash("皖A12345", secret).hex() == "97c42e3b959319c02d36886a709a2906"
