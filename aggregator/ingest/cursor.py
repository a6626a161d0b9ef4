"""What has been received of one lane, and what a batch adds to it. Pure arithmetic on closed ranges of numbers."""

import re

import msgspec

Range = tuple[int, int]
"""First and last number, both included."""

_WRITTEN = re.compile(r"\[(-?\d+),(-?\d+)\)")
MAX_RANGES = 64
"""Beyond this many holes a batch is refused; the box sends it again once the holes have closed."""


MAX_MISSING = 256
"""Remembered ranges that never came; a late arrival in an older one counts as a duplicate."""


class Cursor(msgspec.Struct, frozen=True):
    """Numbers up to `contiguous` are settled; `above` came early; `missing` were settled without having come.

    Both tuples are ascending, disjoint and not adjacent.
    """

    contiguous: int = 0
    above: tuple[Range, ...] = ()
    missing: tuple[Range, ...] = ()


class Advance(msgspec.Struct, frozen=True):
    """What a batch did: the cursor after it, the numbers that are new, the gap that its `low` revealed."""

    cursor: Cursor
    accepted: tuple[Range, ...]
    gap: tuple[Range, ...] = ()
    refused: bool = False


def advance(cursor: Cursor, first: int, last: int, low: int) -> Advance:
    """Receive the numbers `first` to `last` from a box that can send nothing below `low` any more.

    Numbers below `low` that never came become a gap: settled, so that the cursor moves on, but remembered as missing,
    so that a late arrival still counts.
    """
    if first == cursor.contiguous + 1 >= low and not cursor.above:  # what nearly every batch does
        return Advance(Cursor(last, missing=cursor.missing), ((first, last),))
    settled = subtract(((1, cursor.contiguous),), cursor.missing) if cursor.contiguous else ()
    accepted = subtract(subtract(((first, last),), settled), cursor.above)
    missing = subtract(cursor.missing, accepted)
    above = unite(cursor.above, tuple((max(a, cursor.contiguous + 1), b) for a, b in accepted if b > cursor.contiguous))
    # A box cannot know that more is gone than what it has just sent and everything before.
    low = min(low, last + 1)
    gap: tuple[Range, ...] = ()
    contiguous = cursor.contiguous
    if low > contiguous + 1:
        gap = subtract(((contiguous + 1, low - 1),), above)
        missing = unite(missing, gap)
        contiguous = low - 1
        above = subtract(above, ((1, contiguous),))
    while above and above[0][0] == contiguous + 1:
        contiguous = above[0][1]
        above = above[1:]
    if len(above) > MAX_RANGES:
        return Advance(cursor, (), refused=True)
    # Every power cut of a box leaves a missing range for good; the oldest lie far below what it can still send.
    missing = missing[-MAX_MISSING:]
    return Advance(Cursor(contiguous, above, missing), accepted, gap)


def to_text(ranges: tuple[Range, ...]) -> str:
    """As PostgreSQL reads a multirange; psycopg's own type costs ten times as much, and every batch has four."""
    return "{" + ",".join([f"[{first},{last}]" for first, last in ranges]) + "}"


def from_text(text: str) -> tuple[Range, ...]:
    """As PostgreSQL writes a multirange of whole numbers: each with its lower bound and without its upper."""
    return tuple((int(first), int(end) - 1) for first, end in _WRITTEN.findall(text)) if text != "{}" else ()


def unite(one: tuple[Range, ...], other: tuple[Range, ...]) -> tuple[Range, ...]:
    """All numbers of either, with neighbours joined."""
    joined: list[Range] = []
    for first, last in sorted((*one, *other)):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def subtract(one: tuple[Range, ...], other: tuple[Range, ...]) -> tuple[Range, ...]:
    """The numbers of `one` that are not in `other`."""
    left = list(one)
    for first, last in other:
        cut: list[Range] = []
        for a, b in left:
            if b < first or a > last:
                cut.append((a, b))
                continue
            if a < first:
                cut.append((a, first - 1))
            if b > last:
                cut.append((last + 1, b))
        left = cut
    return tuple(left)


def contains(ranges: tuple[Range, ...], number: int) -> bool:
    """Whether a number lies in one of the ranges."""
    return any(first <= number <= last for first, last in ranges)
