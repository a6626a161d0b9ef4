"""`hawkline doctor`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="Is this installation healthy.")


@app.callback(
    invoke_without_command=True, epilog="Example: hawkline doctor --config /etc/hawkline/aggregator.toml -o json"
)
def doctor(
    config: Annotated[Path, typer.Option("--config", help="the aggregator's TOML file", show_default=False)],
    output: OutputOption = Output.TABLE,
) -> None:
    """Examine account, files, disk, clock, certificates, ports, broker and database, and say what to do.

    It changes nothing, and may run beside the aggregator or without it. Exit code 1 when something is not right.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.doctor import examine

    findings = list(examine(load_aggregator_settings(config), config))
    words = {True: "yes", False: "NO", None: "-"}
    print_rows([{**asdict(finding), "ok": words[finding.ok]} for finding in findings], output)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)
