"""Compares what boxes numbered with what the aggregator holds."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import UnavailableError
from shared.events import Lane


@dataclass(frozen=True, slots=True)
class Account:
    """Sums over all boxes and lanes."""

    numbered: int
    stored: int
    lost: int
    duplicated: int
    waiting: int


def outbox_of(config: Path) -> list[dict[str, Any]]:
    """What `hawkline agent outbox` says of a stopped agent, a row per lane.

    Raises:
        UnavailableError: the command failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "shared", "agent", "outbox", "--config", str(config), "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"agent outbox --config {config}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def settle(
    outboxes: Sequence[Mapping[str, Any]],
    producers: Sequence[Mapping[str, Any]],
    gaps: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]] = (),
) -> Account:
    """Every number that a box used must be stored once, wait on the box, or be one that a restart skipped.

    Args:
        outboxes: a row a lane of each box.
        producers: what the aggregator has of all boxes, also of those that are not asked about.
        gaps: what the aggregator knows to be missing.
        before: as `producers`, when the time began that is accounted for; numbered and stored count from there.
    """
    received = {_key(row, Lane(row["lane"]).label): row for row in producers}
    earlier = {_key(row, Lane(row["lane"]).label): row["distinct_stored"] for row in before}
    numbered = stored = lost = duplicated = waiting = 0
    for box in outboxes:
        if box["clean_next"] is None:
            raise UnavailableError(f"agent {box['agent']} did not end in order; its numbers are not final")
        used = box["clean_next"] - 1
        row = received.get(_key(box, box["lane"]), {"stored": 0, "distinct_stored": 0})
        skipped = sum(
            gap["last"] - gap["first"] + 1
            for gap in gaps
            if _key(gap, Lane(gap["lane"]).label) == _key(box, box["lane"]) and gap["reason"] == "restart"
        )
        already = earlier.get(_key(box, box["lane"]), 0)
        numbered += used - skipped - already
        stored += row["distinct_stored"] - already
        lost += max(0, used - skipped - row["distinct_stored"] - box["waiting"])
        duplicated += row["stored"] - row["distinct_stored"]
        waiting += box["waiting"]
    return Account(numbered, stored, lost, duplicated, waiting)


def _key(row: Mapping[str, Any], lane: str) -> tuple[str, str, int, str]:
    return row["site"], row["agent"], row["epoch"], lane
