"""`hawkline bench plan`: how long a district's workbook takes, and whether every mistake in it is found."""

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
