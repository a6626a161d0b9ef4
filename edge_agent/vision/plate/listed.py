"""Vehicles that a list names, told while they are in sight."""

from collections.abc import Callable, Iterator

from edge_agent.vision.plate.matching import Match
from edge_agent.vision.plate.passage import Passage, PassageReader

_SURE = 0.5
"""A vehicle that is still in sight hits a list when its plate is so likely: the next looks may say something else."""


def named(passages: PassageReader, match: Callable[[Passage], Match | None]) -> Iterator[tuple[Passage, Match, bool]]:
    """Vehicles that have met their line and that a list names which rings; to be asked after each look.

    Args:
        passages: of the camera; whom it is certain of is told by this, and no passage more.
        match: the entry that a vehicle's plate is of.

    Yields:
        The vehicle, the entry, and whether it is certain; else the next looks, or its end, decide.
    """
    for passage in passages.under_way():
        found = match(passage)
        if found is None or not found.entry.priority:
            continue
        is_sure = found.likeness >= _SURE
        if is_sure:
            passages.told(passage)
        yield passage, found, is_sure
