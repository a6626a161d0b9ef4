"""CSV files that people hand to commands: from a spreadsheet, with a byte order mark, with semicolons or tabs."""

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.errors import ConfigError
from shared.output import from_csv

_DELIMITERS = ",;\t"


def text_of(file: Path) -> str:
    """A file's text; `-` is standard input.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file}: byte {error.start + 1} is not UTF-8: save it as CSV UTF-8 (not GBK), and try again"
        ) from None


def cells_of(file: Path) -> list[tuple[int, list[str]]]:
    """The lines of a file that are not empty, each with its number; what their first one parts cells with, parts all.

    Raises:
        ConfigError: it cannot be read, or is no CSV.
    """
    text = text_of(file)
    first = text.lstrip("\r\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count))
    try:
        return [
            (reader.line_num, [from_csv(cell).strip() for cell in row])
            for row in reader
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise ConfigError(f"{file}: line {reader.line_num}: {error}") from None


def rows_of(file: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> list[tuple[int, dict[str, str]]]:
    """The rows below a file's head, each with the number of its line; all are looked at before any is used.

    Args:
        columns: that the head has to name, in any order.
        optional: that it may name as well; empty where it does not.

    Raises:
        ConfigError: it cannot be read, its head is another one, or a row has not a cell for each column.
    """
    (_, head), *lines = cells_of(file) or [(1, [])]
    known = [*columns, *optional]
    wrong = [name for name in columns if name not in head] or [name for name in head if name not in known]
    if wrong or len(set(head)) < len(head):
        raise ConfigError(f"{file}: line 1: expected the columns {','.join(known)}, found {','.join(head)}")
    if not lines:
        raise ConfigError(f"{file}: no rows below the first line")
    for number, cells in lines:
        if len(cells) != len(head):
            raise ConfigError(f"{file}: line {number}: expected {len(head)} columns, found {len(cells)}")
    empty = dict.fromkeys(optional, "")
    return [(number, empty | dict(zip(head, cells, strict=True))) for number, cells in lines]
