"""How commands print: a table for people, JSON for programs or CSV for spreadsheets, chosen by `-o`."""

import csv
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer


class Output(StrEnum):
    """Formats that every listing command offers."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table for people, json for programs, csv")]


def emit(line: str = "") -> None:
    """One line of a result on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """One line of progress on standard error, so that standard output stays a result."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def to_json(value: Any) -> str:
    """Compact JSON with characters as they are."""
    return msgspec.json.encode(value).decode()


def print_rows(rows: Iterable[Mapping[str, Any]], output: Output) -> None:
    """Rows of one shape, as an aligned table, as one JSON object a line, or as CSV with a head."""
    if output is Output.JSON:
        for row in rows:
            emit(to_json(row))
        return
    listed = list(rows)
    if output is Output.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([list(listed[0]), *(row.values() for row in listed)] if listed else [])
        return
    if not listed:
        emit("(nothing)")
        return
    heads = list(listed[0])
    cells = [[_cell(row[head]) for head in heads] for row in listed]
    widths = [max(len(head), *(len(line[i]) for line in cells)) for i, head in enumerate(heads)]
    emit("  ".join(head.upper().ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip())
    for line in cells:
        emit("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
