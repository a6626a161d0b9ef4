"""How commands print: a table for people, JSON for programs or CSV for spreadsheets, chosen by `-o`.

What is printed never fails for its letters: a file name that is not UTF-8 shows its odd bytes as \\xNN, and what a
terminal's encoding does not have is escaped.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, TextIO

import msgspec
import typer

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of a text."""
_LAID_OUT = re.compile(r"([\n\t])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet computes begins with one of these; the last four are the full-width ones."""
_MANY = 100_000
"""From here on fractions say nothing, and a power of ten is not for operators to read."""


class Output(StrEnum):
    """Formats that every listing command offers."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table for people, json for programs, csv")]


def bear_all_letters() -> None:
    """Let both streams escape what their encoding does not have; for what others print, such as `--help`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def emit(line: str = "") -> None:
    """One line of a result on standard output, at once."""
    _write(sys.stdout, line)


def say(line: str) -> None:
    """One line of progress on standard error, so that standard output stays a result."""
    _write(sys.stderr, line)


def to_json(value: Any) -> str:
    """Compact JSON with characters as they are, or escaped where standard output does not have them."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a name that is not UTF-8
        text = msgspec.json.encode(_readable_within(msgspec.to_builtins(value))).decode()
    text = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if _fits(text, sys.stdout):
        return text
    return json.dumps(json.loads(text), separators=(",", ":"))


def print_rows(rows: Iterable[Mapping[str, Any]], output: Output, columns: Sequence[str] = ()) -> None:
    """Rows of one shape, as an aligned table, as one JSON object a line, or as CSV with a head.

    Args:
        columns: their names, for the head of a CSV without rows.
    """
    if output is Output.JSON:
        for row in rows:
            emit(to_json(row))
        return
    listed = list(rows)
    heads = list(listed[0]) if listed else list(columns)
    if output is Output.CSV:
        if heads:
            emit(_as_csv([heads, *([_plain(row[head]) for head in heads] for row in listed)]))
        return
    if not listed:
        emit("(nothing)")
        return
    cells = [[_cell(row[head]) for head in heads] for row in listed]
    widths = [max(len(head), *(len(line[i]) for line in cells)) for i, head in enumerate(heads)]
    emit("  ".join(head.upper().ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip())
    for line in cells:
        emit("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _as_csv(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([to_csv(cell) for cell in row] for row in rows)
    return text.getvalue().removesuffix("\n")


def to_csv(cell: Any) -> Any:
    """A cell as it stands in a CSV of ours: a spreadsheet shows it, and does not compute it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def from_csv(cell: str) -> str:
    """A cell as it was before it went into a CSV of ours."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def readable(text: str) -> str:
    """A text with bytes that are not UTF-8, as file names may have them, written as \\xNN."""
    if text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def visible(text: str) -> str:
    """A text in which nothing moves the cursor, colours, hides or turns letters around: such are written as escapes.

    What a box or a camera says is printed, too, and it may be another's.
    """
    return _UNSEEN.sub(lambda found: _escaped(found[0]), text)


def _escaped(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 0x100 else f"\\u{ord(letter):04x}"


def _readable_within(value: Any) -> Any:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        return {_readable_within(key): _readable_within(part) for key, part in value.items()}
    return [_readable_within(part) for part in value] if isinstance(value, (list, tuple)) else value


def _write(stream: TextIO, line: str) -> None:
    text = "".join(part if part in ("\n", "\t") else visible(part) for part in _LAID_OUT.split(readable(line)))
    if not _fits(text, stream):
        encoding = stream.encoding
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text + "\n")
    stream.flush()


def _fits(text: str, stream: TextIO) -> bool:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    """A value for a spreadsheet: what has parts as JSON."""
    return to_json(value) if isinstance(value, (dict, list, tuple)) else value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    value = _plain(value)
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= _MANY else f"{value:g}"
    return visible(readable(str(value)))
