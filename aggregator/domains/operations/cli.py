"""`hawkline jobs`: what the centre does by the clock, and how it goes."""

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="What the centre does by the clock, and how it goes.", no_args_is_help=True)
_COLUMNS = ("name", "state", "done_at", "every_s", "took_s", "failures", "error")


@app.command("list", epilog="Example: hawkline jobs list")
def list_jobs(url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """List all jobs: well, tried again, failing, late, or waiting for their first turn."""
    rows = ApiClient(url).get("/api/v1/jobs", {})
    print_rows(rows if output is Output.JSON else [{name: row[name] for name in _COLUMNS} for row in rows], output)
