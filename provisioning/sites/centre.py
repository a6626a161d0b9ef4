"""Plans at the centre: brought there, taken from there, gone back to.

A plan is applied on top of the version that it was made from. Which that is, stands beside the file: two planners at
once do not undo each other in silence.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aggregator.client.client import ApiClient
from provisioning.sites.differences import Sheets
from provisioning.sites.plan import SHEETS, Entry, Plan, plan_of
from provisioning.sites.tables import Cell, Sheet
from provisioning.sites.words import Said
from provisioning.sites.workbook import texts_of
from shared.errors import ConfigError
from shared.files import write_public
from shared.output import say

PLAN, VERSIONS = "/api/v1/plan", "/api/v1/plan/versions"


def sheets_of(plan: Plan) -> dict[str, list[dict[str, str]]]:
    """As they travel: texts by column, what is empty left out; words of lists in English whatever the workbook has."""
    return {sheet.key: [_row(each) for each in plan.entries(sheet)] for sheet in SHEETS if plan.entries(sheet)}


def _row(entry: Entry) -> dict[str, str]:
    texts = {key: text for key, text in texts_of(entry.row.cells).items() if text}
    read = {key: getattr(entry, key) for key in texts}
    words = {key: value for key, value in read.items() if isinstance(value, str)}
    flags = {key: "yes" if value else "no" for key, value in read.items() if isinstance(value, bool)}
    return texts | words | flags


def newest(client: ApiClient) -> dict[str, Any] | None:
    """The plan in force; None where none was applied."""
    versions: list[dict[str, Any]] = client.get(VERSIONS, {})
    return client.get(PLAN, {"version": versions[0]["version"]}) if versions else None


def plan_from(sheets: Sheets) -> Plan:
    """A plan as the centre has it.

    Raises:
        ConfigError: this version does not read it: it was applied by another one.
    """
    there = [_sheet(key, rows) for key, rows in sheets.items()]
    found, faults = plan_of(there)
    if faults:
        first = faults[0]
        said = f"{first.cell.sheet} {first.cell.where}: {first.expected.en}"
        raise ConfigError(f"the plan in force cannot be read by this version: {said}; export, correct and apply it")
    return found


def _sheet(key: str, rows: Sequence[Mapping[str, str]]) -> Sheet:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    head = [Cell(key, at, 1, column) for at, column in enumerate(columns, 1)]
    cells = [
        (number, [Cell(key, at, number, row.get(column, "")) for at, column in enumerate(columns, 1)])
        for number, row in enumerate(rows, 2)
    ]
    return Sheet(key, [(1, head), *cells])


def require_sheets(plan: Plan, in_force: Sheets) -> None:
    """A sheet that is not there says nothing; one that is empty says that there is nothing.

    Raises:
        ConfigError: the plan in force has rows of a sheet that the file has not.
    """
    if lacking := [key for key, rows in in_force.items() if rows and key not in plan.there]:
        raise ConfigError(
            f"the plan in force has rows in {', '.join(lacking)}, and the file has no such sheet: was it renamed? "
            "A sheet with its head alone takes them out"
        )


def put(client: ApiClient, sheets: Sheets, based_on: int, why: str) -> dict[str, Any]:
    """Apply it."""
    applied: dict[str, Any] = client.change("PUT", PLAN, {"based_on": based_on, "why": why, "sheets": sheets})
    return applied


def version_beside(path: Path) -> int | None:
    """The version that a file was made from, or was applied as; None where that is not known."""
    try:
        text = _beside(path).read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.isdecimal():
        raise ConfigError(f"{_beside(path)}: expected a version's number; export the plan anew")
    return int(text)


def note_beside(path: Path, version: int) -> None:
    """From now on the file is of that version."""
    try:
        write_public(_beside(path), f"{version}\n".encode())
    except OSError as error:
        say(f"warning: {_beside(path)} cannot be written ({error.strerror}): next time say --based-on {version}")


def _beside(path: Path) -> Path:
    whole = path.resolve()
    return whole.with_name(f"{whole.name}.version")


_CHANGES = {"added": Said("added", "新增"), "changed": Said("changed", "修改"), "removed": Said("removed", "删除")}


def told(applied: Mapping[str, Any]) -> Said:
    """What became of it, in a line."""
    version, sensors = applied["version"], applied["sensors_named"]
    if not applied["is_new"]:
        return Said(f"nothing has changed: plan {version} says the same", f"没有变化：与规划 {version} 相同")
    done = [(said, count) for what, said in _CHANGES.items() if (count := applied[f"places_{what}"])]
    english, chinese = (
        ", ".join(f"{n} {said.en}" for said, n in done),
        "、".join(f"{said.zh} {n}" for said, n in done),
    )
    return Said(
        f"plan {version} is in force{f'; places: {english}' if done else ''}; sensors named: {sensors}",
        f"规划 {version} 已生效{f'；区域：{chinese}' if done else ''}；写入位置的探测器：{sensors}",
    )
