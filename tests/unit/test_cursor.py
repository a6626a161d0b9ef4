"""The cursor against a plain set of numbers that knows everything."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.ingest.cursor import (
    MAX_MISSING,
    MAX_RANGES,
    Cursor,
    Range,
    advance,
    contains,
    from_text,
    subtract,
    to_text,
    unite,
)


def numbers(ranges: tuple[Range, ...]) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


CASES = [
    # label, cursor, (first, last, low), accepted, contiguous, above, missing, gap
    ("first batch", Cursor(), (1, 3, 1), ((1, 3),), 3, (), (), ()),
    ("next batch", Cursor(3), (4, 5, 4), ((4, 5),), 5, (), (), ()),
    ("duplicate", Cursor(5), (4, 5, 4), (), 5, (), (), ()),
    ("half duplicate", Cursor(5), (4, 7, 4), ((6, 7),), 7, (), (), ()),
    ("early", Cursor(5), (8, 9, 6), ((8, 9),), 5, ((8, 9),), (), ()),
    ("early again", Cursor(5, ((8, 9),)), (8, 9, 6), (), 5, ((8, 9),), (), ()),
    ("fills the hole", Cursor(5, ((8, 9),)), (6, 7, 6), ((6, 7),), 9, (), (), ()),
    ("gap by low", Cursor(5), (10, 11, 10), ((10, 11),), 11, (), ((6, 9),), ((6, 9),)),
    (
        "gap around early ones",
        Cursor(5, ((8, 8),)),
        (10, 11, 10),
        ((10, 11),),
        11,
        (),
        ((6, 7), (9, 9)),
        ((6, 7), (9, 9)),
    ),
    ("late arrival", Cursor(11, (), ((6, 9),)), (7, 7, 7), ((7, 7),), 11, (), ((6, 6), (8, 9)), ()),
    ("late arrival twice", Cursor(11, (), ((6, 6), (8, 9))), (7, 7, 7), (), 11, (), ((6, 6), (8, 9)), ()),
    ("low beyond the batch", Cursor(0), (1, 2, 2**61), ((1, 2),), 2, (), (), ()),
]


@pytest.mark.parametrize(
    ("cursor", "batch", "accepted", "contiguous", "above", "missing", "gap"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_advance(cursor, batch, accepted, contiguous, above, missing, gap) -> None:  # type: ignore[no-untyped-def]
    step = advance(cursor, *batch)
    assert step.accepted == accepted
    assert step.cursor == Cursor(contiguous, above, missing)
    assert step.gap == gap


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8), st.integers(0, 12)), max_size=40))
def test_every_number_is_accepted_exactly_once(batches: list[tuple[int, int, int]]) -> None:
    cursor, seen = Cursor(), set[int]()
    for first, more, low_back in batches:
        last, low = first + more, max(1, first - low_back)
        step = advance(cursor, first, last, low)
        if step.refused:
            assert step.cursor == cursor
            continue
        new = numbers(step.accepted)
        assert new == set(range(first, last + 1)) - seen
        seen |= new
        cursor = step.cursor
        settled = set(range(1, cursor.contiguous + 1)) | numbers(cursor.above)
        assert settled - numbers(cursor.missing) == seen
        assert all(a > cursor.contiguous + 1 for a, _ in cursor.above)
        assert cursor.above == unite(cursor.above, ())


def test_too_many_holes_are_refused_and_change_nothing() -> None:
    cursor = Cursor()
    for n in range(MAX_RANGES):
        cursor = advance(cursor, 3 + n * 2, 3 + n * 2, 1).cursor
    step = advance(cursor, 1000, 1000, 1)
    assert step.refused
    assert step.accepted == ()
    assert step.cursor == cursor


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5))),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5))),
)
def test_set_arithmetic(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    a, b = (unite(tuple((x, x + w) for x, w in part), ()) for part in (one, other))
    assert numbers(unite(a, b)) == numbers(a) | numbers(b)
    assert numbers(subtract(a, b)) == numbers(a) - numbers(b)
    assert all(contains(a, n) == (n in numbers(a)) for n in range(40))


def test_a_lifetime_of_power_cuts_refuses_nothing() -> None:
    cursor, first = Cursor(), 1
    for _ in range(3000):
        step = advance(cursor, first, first, first)
        assert step.accepted == ((first, first),)
        cursor = step.cursor
        first += 4096
    assert len(cursor.missing) <= MAX_MISSING


def test_ranges_as_the_database_writes_them() -> None:
    assert to_text(()) == "{}"
    assert to_text(((1, 3), (7, 7))) == "{[1,3],[7,7]}"
    assert from_text("{}") == ()
    assert from_text("{[1,4),[7,8)}") == ((1, 3), (7, 7))
    assert from_text("{[4611686018427387902,4611686018427387904)}") == ((2**62 - 2, 2**62 - 1),)
