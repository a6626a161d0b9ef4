"""A district's workbook, read and checked: how long it takes, and what is found."""

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from provisioning.lab.rows import Row, judged
from provisioning.lab.sites.district import MISTAKES, district, planted
from provisioning.sites.boxes import Configurations
from provisioning.sites.checks import check
from provisioning.sites.plan import SHEETS, Plan, plan_of
from provisioning.sites.tables import Fault, read_sheets
from provisioning.sites.words import Language
from provisioning.sites.workbook import write_plan

_BAR_S = 60.0


def measure(part: float) -> Iterator[Row]:
    """Rows of the bench.

    Args:
        part: of a district's size.
    """
    with tempfile.TemporaryDirectory(prefix="hawkline-plan-") as folder:
        right, wrong = Path(folder, "right.xlsx"), Path(folder, "wrong.xlsx")
        sheets = district(1, part)
        write_plan(right, sheets.by_key(), Language.CHINESE)
        size = ", ".join(f"{len(rows)} {key}" for key, rows in sheets.by_key().items() if rows)
        found, faults, took_s = _checked(right)
        met = not faults and took_s <= _BAR_S
        yield judged("read and checked", "nothing wrong", met, f"{took_s:.1f} s, {len(faults)} faults invented", size)
        began_s = time.perf_counter()
        configurations = Configurations(found)
        files = sum(1 + len(configurations.of(box).scenes) for box in found.boxes)
        yield judged("files of all boxes", "", None, f"{time.perf_counter() - began_s:.1f} s", f"{files} files")
        sheets = district(2, part)
        wanted = sorted(planted(sheets))
        write_plan(wrong, sheets.by_key(), Language.ENGLISH)
        _, faults, took_s = _checked(wrong)
        heads = {sheet.key: [column.key for column in sheet.columns] for sheet in SHEETS}
        told = [(f.cell.sheet, heads[f.cell.sheet][f.cell.column - 1], f.cell.row) for f in faults]
        missed, invented = len(set(wanted) - set(told)), len(set(told) - set(wanted))
        met = not missed and not invented and took_s <= _BAR_S
        figure = f"{len(wanted) - missed} of {len(MISTAKES)} found in their cells, {invented} invented, {took_s:.1f} s"
        yield judged("mistakes", "all in one plan", met, figure)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        yield judged("memory", "of this process", None, f"{peak_mb} MB")


def _checked(path: Path) -> tuple[Plan, list[Fault], float]:
    began_s = time.perf_counter()
    found, faults = plan_of(read_sheets(path))
    faults += check(found)
    return found, faults, time.perf_counter() - began_s
