"""`hawkline bench query`."""

from typing import Annotated

import typer

from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.rows import fail_if_missed
from shared.output import Output, OutputOption, print_rows, say

EVENTS, DAYS = 50_000_000, 400


def query(
    quick: Annotated[bool, typer.Option("--quick", help="a million events of 40 days")] = False,
    events: Annotated[int | None, typer.Option("--events", min=1000, help="50,000,000 unless told")] = None,
    days: Annotated[int | None, typer.Option("--days", min=2, max=3650, help="400 unless told")] = None,
    dsn: Annotated[
        str | None, typer.Option("--dsn", help="a server, for a database of its own there; else an embedded one")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Questions to a record of years, over HTTP, warm and after a restart. Exit code 1 when a bar is missed.

    The full size takes about ten minutes to fill and 12 GB of disk where temporary files lie (TMPDIR).
    """
    from provisioning.lab.database.fill import Size
    from provisioning.lab.database.query import measure

    size = Size(events or (1_000_000 if quick else EVENTS), days or (40 if quick else DAYS))
    stolen = Stolen()
    rows = list(measure(size, dsn, say))
    for row in rows:
        row["stolen"] = stolen.part()
        if row["verdict"] == "missed":
            row["verdict"] = verdict(False, row["stolen"])
    print_rows(rows, output)
    fail_if_missed(rows)
