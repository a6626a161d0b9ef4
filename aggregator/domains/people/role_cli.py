"""`hawkline role`: names for rights; those that everybody has, and one's own."""

from typing import Annotated

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from shared.ids import check_name
from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="Names for rights: those that everybody has, and your own.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="of the role", show_default=False)]


@app.command("list", epilog="Example: hawkline role list")
def list_roles(url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """List all roles, and what each may do."""
    rows = ApiClient(url).get("/api/v1/roles", {})
    shown = rows if output is Output.JSON else [{**row, "rights": ", ".join(row["rights"])} for row in rows]
    print_rows(shown, output, ("name", "own", "second_step", "rights"))


@app.command(epilog="Example: hawkline role put night-guard --right alerts.read --right boxes.read")
def put(
    name: Name,
    right: Annotated[list[str], typer.Option("--right", help="such as alerts.read; repeat it", show_default=False)],
    url: options.UrlOption = options.URL,
) -> None:
    """Make a role of your own, or change what it may do."""
    check_name(name, "NAME")
    ApiClient(url).change("PUT", f"/api/v1/roles/{name}", {"rights": right})


@app.command("second-step", epilog="Example: hawkline role second-step administrator")
def second_step(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="a password is enough again")] = False,
    url: options.UrlOption = options.URL,
) -> None:
    """Let who has a role in with a code of their phone only. Who has none sets it up when they sign in next."""
    check_name(name, "NAME")
    ApiClient(url).change("PUT", f"/api/v1/roles/{name}/second-step", {"required": not off})


@app.command(epilog="Example: hawkline role remove night-guard")
def remove(name: Name, url: options.UrlOption = options.URL) -> None:
    """Forget a role of your own that nobody has."""
    check_name(name, "NAME")
    ApiClient(url).change("DELETE", f"/api/v1/roles/{name}")
