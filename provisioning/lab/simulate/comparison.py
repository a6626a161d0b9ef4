"""What boxes numbered against what the database holds, number by number, in constant memory."""

import csv
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shared.events import Lane

Key = tuple[str, str, int, int, int]
"""Site, agent, epoch, lane, number."""
Entry = tuple[Key, int]
"""A number and the checksum of its event."""

_SHOWN = 10


@dataclass(slots=True)
class Verdict:
    """What came of a comparison.

    Attributes:
        numbered: events that were durable on a box.
        stored: rows in the database.
        lost: numbered and not stored.
        duplicated: stored more than once.
        altered: stored with another content.
        unwitnessed: alarms that were stored and acknowledged before the box had them on disk.
        unexplained: stored, and no box ever numbered it.
        examples: the first of what is wrong.
    """

    numbered: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    altered: int = 0
    unwitnessed: int = 0
    unexplained: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Every event once, and none from nowhere."""
        return not (self.lost or self.duplicated or self.altered or self.unexplained)

    def _tell(self, what: str, key: Key) -> None:
        if len(self.examples) < _SHOWN:
            site, agent, epoch, lane, number = key
            self.examples.append(f"{what}: {site}/{agent} epoch {epoch:08x} lane {lane} number {number}")


def read_csv(lines: Iterable[str]) -> Iterator[Entry]:
    """A ledger's rows: site, agent, epoch, lane, number, checksum below a heading."""
    rows = csv.reader(lines)
    next(rows, None)
    for site, agent, epoch, lane, number, checksum in rows:
        yield (site, agent, int(epoch), int(lane), int(number)), int(checksum)


def read_files(paths: Iterable[Path]) -> Iterator[Entry]:
    """Several ledgers, each in order, as one in order."""
    return heapq.merge(*(read_csv(_lines(path)) for path in paths))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from file


def compare(numbered: Iterable[Entry], stored: Iterable[Entry], *, on_disk: bool) -> Verdict:
    """Walk along both, each in ascending order.

    Args:
        numbered: the ledger of the boxes.
        stored: the database's.
        on_disk: whether outboxes were on disk: then an alarm may be stored before the ledger has it. Bulk never is.

    Raises:
        ValueError: one of them is not in order, so that nothing could be said.
    """
    verdict = Verdict()
    ledger, rows = _ascending(numbered), _ascending(stored)
    entry, row, before = next(ledger, None), next(rows, None), None
    while entry is not None or row is not None:
        if row is not None and before is not None and row[0] == before:
            verdict.stored += 1
            verdict.duplicated += 1
            verdict._tell("twice", row[0])
            row = next(rows, None)
        elif row is None or (entry is not None and entry[0] < row[0]):
            assert entry is not None  # noqa: S101 - one of both is there
            verdict.numbered += 1
            verdict.lost += 1
            verdict._tell("lost", entry[0])
            entry = next(ledger, None)
        else:
            if entry is None or row[0] < entry[0]:
                if on_disk and row[0][3] == Lane.ALARM:
                    verdict.unwitnessed += 1
                else:
                    verdict.unexplained += 1
                    verdict._tell("unexplained", row[0])
            else:
                verdict.numbered += 1
                if entry[1] != row[1]:
                    verdict.altered += 1
                    verdict._tell("altered", row[0])
                entry = next(ledger, None)
            verdict.stored += 1
            before, row = row[0], next(rows, None)
    return verdict


def _ascending(entries: Iterable[Entry]) -> Iterator[Entry]:
    before: Key | None = None
    for entry in entries:
        if before is not None and entry[0] < before:
            raise ValueError(f"a ledger is not in order at {entry[0]}")
        before = entry[0]
        yield entry
