"""Whether a reading is of a plate that a list names; the texts that it may be are hashed, looked up, and dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.plate.decoding import Reading
from shared.plates.hashing import of_box, slow_hash
from shared.plates.watchlist import ListPart

LIKELY = 0.2
"""A text counts when it is so likely. Probabilities of one plate add up to one at most: no more than five can be."""
MOST_TEXTS = 5
_NEVER = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an approved list, as a box knows it: numbers, and no text.

    Attributes:
        list_number: which list.
        list_version: that was in force when the box was told.
        entry: the list's number for the plate.
        priority: of a hit, 1 to 4; 0 is one that never rings ("known here").
        until_ms: Unix milliseconds from which on it is in force no more.
    """

    list_number: int
    list_version: int
    entry: int
    priority: int
    until_ms: int


LookedUp = dict[str, Sequence[Entry]]
"""What a table has for the texts that one vehicle's plate may say."""


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that a reading is of.

    Attributes:
        likeness: probability that the plate says what the entry does, 0 to 1.
    """

    entry: Entry
    likeness: float


class WatchTable:
    """All lists that are in force on a box, merged.

    Args:
        secret: of the month.
        key: of this box.
        entries: by the hash of their text (`shared.plates.hashing.of_box`); several lists may name one plate.
    """

    def __init__(self, secret: bytes, key: bytes, entries: Mapping[bytes, Sequence[Entry]]) -> None:
        self._secret, self._key, self._entries = secret, key, entries

    @classmethod
    def of(cls, secret: bytes, key: bytes, parts: Sequence[ListPart]) -> "WatchTable":
        """The lists of a box, put together."""
        entries = dict[bytes, list[Entry]]()
        for part in parts:
            for each in part.entries:
                entry = Entry(part.number, part.version, each.entry, part.priority, part.until_ms)
                entries.setdefault(each.hash, []).append(entry)
        return cls(secret, key, entries)

    def __len__(self) -> int:
        return len(self._entries)

    def match(self, reading: Reading, now_ms: int, looked_up: LookedUp | None = None) -> Match | None:
        """The entry that a reading is of, the likeliest text first; None where no list names it, or not any more.

        Args:
            reading: of all looks together.
            now_ms: time that is trusted, Unix milliseconds.
            looked_up: of the same vehicle before, by this table: a text is hashed once.
        """
        if not self._entries:
            return None
        for text, chance in likely(reading):
            found = None if looked_up is None else looked_up.get(text)
            if found is None:
                found = self._entries.get(of_box(slow_hash(text, self._secret), self._key), ())
                if looked_up is not None:
                    looked_up[text] = found
            valid = [entry for entry in found if now_ms < entry.until_ms]
            if valid:  # the most urgent one; own vehicles ring only where nothing else names them, and then not at all
                return Match(min(valid, key=lambda entry: entry.priority or _NEVER), chance)
        return None


def likely(reading: Reading) -> list[tuple[str, float]]:
    """What a plate may say, and how likely that is, the likeliest first; `MOST_TEXTS` at most."""
    texts = [(reading.text, reading.score), *reading.alternatives]
    return sorted((one for one in texts if one[1] >= LIKELY), key=lambda one: -one[1])[:MOST_TEXTS]
