"""`hawkline bench`: every bar of the project, met, missed or not measured."""

import contextlib
from importlib.metadata import entry_points
from typing import Annotated

import typer

from provisioning.lab.rows import fail_if_missed
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Measure what the project promises in figures.", no_args_is_help=True)


def _add_benches() -> None:
    """Every installed part brings its own; a part that is not there brings none."""
    for entry in sorted(entry_points(group="hawkline.benches"), key=lambda entry: entry.name):
        with contextlib.suppress(ModuleNotFoundError):
            app.command(entry.name, epilog=f"Example: hawkline bench {entry.name} -o json")(entry.load())


@app.command("all", epilog="Example: hawkline bench all --quick -o json")
def bench_all(
    quick: Annotated[bool, typer.Option("--quick", help="half a minute instead of two")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print every bar with its figure. Exit code 1 when one is missed."""
    from provisioning.lab.cpu_steal import Stolen, verdict
    from provisioning.lab.targets import find

    stolen = Stolen()
    rows = [
        {
            "part": part,
            "bar": bar.name,
            "verdict": verdict(False, stolen.part()) if bar.verdict == "missed" and bar.unit == "ms" else bar.verdict,
            "figure": round(bar.figure, 2) if bar.figure is not None else None,
            "limit": f"{'<=' if bar.at_most else '>='} {bar.limit:g}",
            "unit": bar.unit,
            "note": bar.note,
        }
        for part, measure in find().items()
        for bar in measure(quick)
    ]
    print_rows(rows, output)
    say(f"{stolen.part():.1%} of the machine's time went to others; with more than 5 % a missed time is not measured")
    fail_if_missed(rows)


_add_benches()
