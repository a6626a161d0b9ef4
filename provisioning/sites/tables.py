"""Sheets of a plan as they lie in a file: a workbook (`.xlsx`), or a folder with a CSV file for each sheet.

Every value keeps the place where it stands, for that is what a planner is told when it is wrong.
"""

import datetime
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from aggregator.client.tables import cells_of
from provisioning.sites.words import Said
from shared.errors import ConfigError

_EXACT = 10**15
"""From here on Excel keeps fifteen digits of a number, and noughts for the rest."""
_MOST_BYTES = 256 * 1024 * 1024
"""Of a workbook unpacked: a district has 5 MB; what is more is no plan."""
_MOST_ROWS = 50_000
_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}


class Oddity(Enum):
    """What a spreadsheet has made of a cell."""

    ROUNDED = Said(
        "a number of more than 15 digits, which the spreadsheet has rounded: make the column text",
        "超过 15 位的数字已被表格软件舍入：请把这一列设为文本再填",
    )
    ERROR = Said("an error of the spreadsheet, such as a look-up that found nothing", "表格公式出错（例如没查到）")
    DATE = Said(
        "the spreadsheet has made a date of it: make the column text", "被表格软件变成了日期：请把这一列设为文本再填"
    )


class Cell(NamedTuple):
    """A value and where it stands.

    Attributes:
        sheet: as the file calls it.
        column: from 1.
        row: from 1, the head's.
        text: as a person reads it.
        odd: why it is no text of the planner's; empty: it is.
    """

    sheet: str
    column: int
    row: int
    text: str = ""
    odd: "Oddity | None" = None

    @property
    def where(self) -> str:
        """As Excel names it: `C12`."""
        return f"{get_column_letter(self.column)}{self.row}"


class Fault(NamedTuple):
    """What is wrong with a cell.

    Attributes:
        cell: which.
        expected: what should stand there, or why it cannot.
    """

    cell: Cell
    expected: Said


@dataclass(frozen=True)
class Row:
    """A row below the head.

    Attributes:
        sheet: as the file calls it.
        number: from 1, the head's.
        cells: by the key of their column; every column of the sheet is there, empty where the file has none.
    """

    sheet: str
    number: int
    cells: Mapping[str, Cell] = field(default_factory=dict)


class Sheet(NamedTuple):
    """A sheet as it lies in the file: its title, and rows of cells with their number, the head first."""

    title: str
    rows: Sequence[tuple[int, Sequence[Cell]]]


def read_sheets(path: Path) -> list[Sheet]:
    """All sheets of a plan, empty rows left out.

    Args:
        path: a workbook, or a folder of CSV files that are called as the sheets are.

    Raises:
        ConfigError: it is not there, or is neither.
    """
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() == ".csv")
        if not files:
            raise ConfigError(f"{path}: has no .csv file; expected one for each sheet, such as cameras.csv")
        return [_csv_sheet(file) for file in files]
    if path.suffix.lower() == ".csv":
        raise ConfigError(f"{path}: a plan of CSV files is a folder; name the folder")
    return list(_workbook(path))


def _csv_sheet(file: Path) -> Sheet:
    rows = [
        (number, [Cell(file.stem, column, number, text) for column, text in enumerate(cells, 1)])
        for number, cells in cells_of(file)
    ]
    return Sheet(file.stem, rows)


def _workbook(path: Path) -> Iterator[Sheet]:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(each.file_size for each in packed.infolist()) > _MOST_BYTES:
                raise ConfigError(f"{path}: unpacks to more than {_MOST_BYTES // 2**20} MB, which is no plan")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
        raise ConfigError(
            f"{path}: is no workbook ({error}); expected .xlsx as Excel and WPS save it (not .xls), or a folder of .csv"
        ) from None
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some programs write wrong ones
            yield Sheet(sheet.title, list(_rows(path, sheet.title, sheet.iter_rows(values_only=True))))
    except (zipfile.BadZipFile, ValueError, SyntaxError, OverflowError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: is damaged ({type(error).__name__}): save it anew and try again") from None
    finally:
        book.close()


def _rows(path: Path, title: str, rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, list[Cell]]]:
    for number, values in enumerate(rows, 1):
        if number > _MOST_ROWS:
            raise ConfigError(f"{path}: sheet {title}: more than {_MOST_ROWS} rows")
        cells = [Cell(title, column, number, *_text(value)) for column, value in enumerate(values, 1)]
        while cells and not cells[-1].text:
            cells.pop()
        if cells:
            yield number, cells


def _text(value: object) -> tuple[str, Oddity | None]:
    """A value as a person reads it, and what the spreadsheet has made of it."""
    if value is None:
        return "", None
    if isinstance(value, bool):
        return str(value).lower(), None
    if isinstance(value, int | float):
        if isinstance(value, float) and not value.is_integer():
            return repr(value), None
        return str(int(value))[:40], Oddity.ROUNDED if abs(value) >= _EXACT else None
    if isinstance(value, datetime.datetime | datetime.date | datetime.time | datetime.timedelta):
        return str(value), Oddity.DATE
    text = str(value).strip().encode("utf-8", "replace").decode()
    return text, Oddity.ERROR if text in _ERRORS else None
