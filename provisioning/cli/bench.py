"""`hawkline bench`: every bar of the project, met, missed or not measured."""

from typing import Annotated

import typer

from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="Measure what the project promises in figures.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `all` a verb of its own while it is the only one."""


@app.command("all", epilog="Example: hawkline bench all --quick -o json")
def bench_all(
    quick: Annotated[bool, typer.Option("--quick", help="half a minute instead of two")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print every bar with its figure. Exit code 1 when one is missed."""
    from shared.bars import find

    rows = [
        {
            "part": part,
            "bar": bar.name,
            "verdict": bar.verdict,
            "figure": round(bar.figure, 2) if bar.figure is not None else None,
            "limit": f"{'<=' if bar.at_most else '>='} {bar.limit:g}",
            "unit": bar.unit,
            "note": bar.note,
        }
        for part, measure in find().items()
        for bar in measure(quick)
    ]
    print_rows(rows, output)
    if any(row["verdict"] == "missed" for row in rows):
        raise typer.Exit(1)
