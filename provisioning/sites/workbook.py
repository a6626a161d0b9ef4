"""Plans written down: as a workbook, or as a folder of CSV files; with a head that says what belongs where."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from provisioning.sites.plan import (
    LINE_KINDS,
    MODELS,
    MOUNTED,
    PLACE_KINDS,
    SHEETS,
    TYPES,
    USES,
    WAYS,
    Column,
    SheetPlan,
)
from provisioning.sites.words import Language
from shared.errors import ConfigError
from shared.output import to_csv

Rows = Sequence[Mapping[str, str]]
"""By the key of each column."""
_ROWS_WITH_LISTS = 20_000
_TEXT = "@"
"""A format of cells: what is typed stays as it is."""
_CHOICES = {
    "kind:places": PLACE_KINDS,
    "model:boxes": MODELS,
    "use:cameras": USES,
    "mounted:cameras": MOUNTED,
    "steered:cameras": {"yes": "是", "no": "否"},
    "kind:lines": LINE_KINDS,
    "direction:lines": WAYS,
    "type:sensors": TYPES,
}


def write_plan(path: Path, sheets: Mapping[str, Rows], language: Language, room: int = 50) -> None:
    """Write a plan; every sheet is there, those without rows with a head alone.

    Args:
        path: ends with `.xlsx`, or is a folder that does not exist yet.
        sheets: rows by the key of their sheet.
        language: of titles and heads.
        room: rows that are made ready for texts, so that no spreadsheet makes numbers and dates of them.

    Raises:
        ConfigError: it is there already, or cannot be written.
    """
    if path.exists():
        raise ConfigError(f"{path}: is there already; name another file, nothing was written")
    try:
        if path.suffix.lower() == ".xlsx":
            _write_workbook(path, sheets, language, room)
        else:
            path.mkdir(parents=True)
            for sheet in SHEETS:
                _write_csv(path / f"{_title(sheet, language)}.csv", sheet, sheets.get(sheet.key, ()), language)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


def _write_workbook(path: Path, sheets: Mapping[str, Rows], language: Language, room: int) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for sheet in SHEETS:
        page = book.create_sheet(_title(sheet, language))
        page.append([_head(column, language) for column in sheet.columns])
        for at, row in enumerate(sheets.get(sheet.key, ()), 2):
            for number, column in enumerate(sheet.columns, 1):
                if text := row.get(column.key, ""):
                    page.cell(at, number, text).data_type = "s"  # a text that begins with = is no formula
        _dress(page, sheet, language, room)
    book.save(path)


def _dress(page: Worksheet, sheet: SheetPlan, language: Language, room: int) -> None:
    page.freeze_panes = "A2"
    for number, column in enumerate(sheet.columns, 1):
        letter, head = get_column_letter(number), page.cell(1, number)
        head.font, head.fill = (
            Font(bold=True),
            PatternFill("solid", fgColor="FFE5F0FA" if column.required else "FFF2F2F2"),
        )
        if column.example:
            word = "例" if language is Language.CHINESE else "such as"
            head.comment = Comment(f"{word}: {column.example}", "hawkline")
        page.column_dimensions[letter].width = 22
        for (cell,) in page.iter_rows(min_row=2, min_col=number, max_col=number, max_row=max(room, page.max_row)):
            cell.number_format = _TEXT
        choices = _CHOICES.get(f"{column.key}:{sheet.key}")
        if choices:
            words = choices.values() if language is Language.CHINESE else choices
            listed = DataValidation(type="list", formula1=f'"{",".join(words)}"', allow_blank=True)
            page.add_data_validation(listed)
            listed.add(f"{letter}2:{letter}{_ROWS_WITH_LISTS}")


def _write_csv(file: Path, sheet: SheetPlan, rows: Rows, language: Language) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        lines = csv.writer(out)
        lines.writerow([_head(column, language) for column in sheet.columns])
        lines.writerows([[to_csv(row.get(column.key, "")) for column in sheet.columns] for row in rows])


def _title(sheet: SheetPlan, language: Language) -> str:
    return sheet.zh if language is Language.CHINESE else sheet.key


def _head(column: Column, language: Language) -> str:
    word = column.zh if language is Language.CHINESE else column.key
    return f"{word}*" if column.required else word


def texts_of(cells: Mapping[str, object]) -> dict[str, str]:
    """Of an entry's row: what stands in its cells."""
    return {key: str(getattr(cell, "text", cell)) for key, cell in cells.items()}
