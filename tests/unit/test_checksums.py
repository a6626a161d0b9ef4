"""Checksums of the newest numbers, against a plain record of everything."""

import random

from aggregator.ingest.checksums import CONTENT_BYTES, KEPT, Checksums


class Kept:
    """What the database holds, changed as its statement does."""

    def __init__(self) -> None:
        self.content, self.top, self.reads = bytes(CONTENT_BYTES), 0, 0

    def open(self) -> Checksums:
        return Checksums(self.top, self._read)

    def save(self, sums: Checksums) -> None:
        place, piece, rest = sums.patch()
        content = bytearray(self.content)
        content[place : place + len(piece)] = piece
        content[: len(rest)] = rest
        assert len(content) == CONTENT_BYTES
        self.content, self.top = bytes(content), sums.top

    def _read(self) -> bytes:
        self.reads += 1
        return self.content


def test_the_newest_are_remembered() -> None:
    sums = Checksums()
    for number in range(1, 1001):
        sums.note(number, number * 7 % 2**32)
    assert not sums.contradicts(1000, 7000)
    assert sums.contradicts(1000, 7001)
    assert sums.contradicts(1000 - KEPT + 1, 1)
    assert not sums.contradicts(1000 - KEPT, 1), "too old to know"
    assert not sums.contradicts(1001, 1), "not there yet"
    sums.note(1100, 5)
    assert not sums.contradicts(1050, 1), "a hole knows nothing"
    sums.note(1050, 6)
    assert sums.contradicts(1050, 1)


def test_what_follows_on_reads_nothing() -> None:
    kept = Kept()
    for first in range(1, 5000, 37):
        sums = kept.open()
        for number in range(first, first + 37):
            sums.note(number, number)
        kept.save(sums)
    assert kept.reads == 0
    sums = kept.open()
    assert all(not sums.contradicts(number, number) for number in range(kept.top - KEPT, kept.top + 2))
    assert all(sums.contradicts(number, 1) for number in range(kept.top - KEPT + 1, kept.top + 1))
    assert kept.reads == 1


def test_any_order_is_as_a_plain_record_says() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        kept, told, top = Kept(), dict[int, int](), 0
        for _ in range(40):
            sums = kept.open()
            for _ in range(rng.choice((1, 3, 50, 300))):
                number = top + 1 if rng.random() < 0.9 else max(1, top + rng.randrange(-300, 60))
                if number in told:
                    crc = rng.choice((told[number], told[number] + 1))
                    known = number > top - KEPT
                    assert sums.contradicts(number, crc) == (known and crc != told[number]), (seed, number)
                    continue
                crc = rng.randrange(1, 2**31)
                sums.note(number, crc)
                if number > top - KEPT:
                    told[number] = crc
                top = max(top, number)
                for old in [number for number in told if number <= top - KEPT]:
                    del told[old]
            kept.save(sums)
            assert kept.top == top
