"""`hawkline bench plan` and `hawkline bench configuration`: a district from its workbook to boxes that obey it."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from provisioning.lab.rows import as_measured, fail_if_missed
from shared.output import Output, OutputOption, print_rows


def plan(
    quick: Annotated[bool, typer.Option("--quick", help="a twentieth of a district")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """A district as a workbook: read and checked within a minute, and every planted mistake found in its cell.

    1,100 boxes, 6,000 cameras, 276 checkpoints, 1,200 sensors, 171 grids. The generator knows where it has made each
    mistake; the check does not. Exit code 1 when a bar is missed.
    """
    from provisioning.lab.sites.measuring import measure

    rows = as_measured(measure(0.05 if quick else 1.0))
    print_rows(rows, output)
    fail_if_missed(rows)


def configuration(
    quick: Annotated[bool, typer.Option("--quick", help="a hundredth of a district")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """A plan applied, sent, and kept by all boxes of a district within five minutes; those that lose a camera go back.

    1,100 boxes with certificates on a real broker and the boxes' real door; their cameras alone are simulated. Needs
    mosquitto. Exit code 1 when a bar is missed.
    """
    from provisioning.lab.sites.obeying import measure

    with tempfile.TemporaryDirectory(prefix="hawkline-configuration-") as folder:
        Path(folder).chmod(0o755)  # the embedded database may belong to another account
        rows = as_measured(measure(Path(folder), 0.01 if quick else 1.0))
    print_rows(rows, output)
    fail_if_missed(rows)
