"""What one plan says that another does not: by sheet, by what a row is called, by column."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from provisioning.sites.plan import SHEETS, SheetPlan

Sheets = Mapping[str, Sequence[Mapping[str, str]]]
_KEYS = {
    "units": ("unit",),
    "places": ("place",),
    "boxes": ("site", "box"),
    "cameras": ("site", "box", "camera"),
    "lines": ("site", "box", "camera", "line"),
    "partitions": ("site", "box", "partition"),
    "sensors": ("site", "box", "sensor"),
}
"""By which columns a row is called."""


class Difference(NamedTuple):
    """What is otherwise.

    Attributes:
        sheet: its key.
        what: `added`, `removed` or `changed`.
        name: of the row.
        column: of what has changed; empty where the whole row is new, or gone.
        before: what stood there.
        after: what stands there.
    """

    sheet: str
    what: str
    name: str
    column: str = ""
    before: str = ""
    after: str = ""


def differences(before: Sheets, after: Sheets) -> Iterator[Difference]:
    """From one plan to another, in the order of sheets and rows."""
    for sheet in SHEETS:
        old, new = _by_name(sheet, before.get(sheet.key, ())), _by_name(sheet, after.get(sheet.key, ()))
        for name in [*old, *(name for name in new if name not in old)]:
            if name not in new:
                yield Difference(sheet.key, "removed", name)
            elif name not in old:
                yield Difference(sheet.key, "added", name)
            else:
                for column in sheet.columns:
                    was, becomes = old[name].get(column.key, ""), new[name].get(column.key, "")
                    if was != becomes:
                        yield Difference(sheet.key, "changed", name, column.key, was, becomes)


def _by_name(sheet: SheetPlan, rows: Sequence[Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    return {"/".join(row.get(key, "") for key in _KEYS[sheet.key]): row for row in rows}
