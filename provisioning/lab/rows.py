"""Rows of benches that judge figures by bars."""

from collections.abc import Iterable, Mapping

import typer

from shared.output import say

Row = dict[str, object]


def judged(what: str, case: str, met: bool | None, figure: str, note: str = "") -> Row:
    """A figure; `met` is None where there is no bar."""
    verdict = "" if met is None else "met" if met else "missed"
    return {"what": what, "case": case, "verdict": verdict, "figure": figure, "note": note}


def as_measured(rows: Iterable[Row]) -> list[Row]:
    """All rows; each is told to the person at the terminal when it is there."""
    listed = []
    for row in rows:
        listed.append(row)
        say(" · ".join(str(value) for value in row.values() if value != ""))
    return listed


def fail_if_missed(rows: Iterable[Mapping[str, object]]) -> None:
    """Exit code 1 when a bar is missed."""
    if any(row["verdict"] == "missed" for row in rows):
        raise typer.Exit(1)
