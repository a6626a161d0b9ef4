"""`hawkline key`: what programs ask with, these commands among them."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from aggregator.domains.people.asked import role_there
from aggregator.domains.people.at_machine import at_machine
from shared.errors import ConfigError
from shared.files import write_secret
from shared.ids import check_name
from shared.output import Output, OutputOption, emit, print_rows, say

app = typer.Typer(help="Keys of programs, these commands among them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="of the key", show_default=False)]
_COLUMNS = ("name", "roles", "state", "ends_at", "made_by", "made_at")


@app.command("list", epilog="Example: hawkline key list")
def list_keys(url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """List keys with their roles; those that have ended, too."""
    client = ApiClient(url)
    given = client.get("/api/v1/grants", {})
    rows = [
        {
            **key,
            "roles": ", ".join(
                f"{each['role']}@{each['place']}" if each["place"] else each["role"]
                for each in given
                if each["key"] == key["name"]
            ),
            "state": "revoked" if key["revoked_at"] else "open until its end",
            "ends_at": local(key["ends_at"]),
            "made_at": local(key["made_at"]),
        }
        for key in client.get("/api/v1/keys", {})
    ]
    print_rows(rows, output, _COLUMNS)


@app.command(epilog="Example: hawkline key add reports --role auditor --days 90 --out reports.key")
def add(
    name: Name,
    role: Annotated[list[str], typer.Option("--role", help="ROLE or ROLE@PLACE; repeat it", show_default=False)],
    days: Annotated[int, typer.Option("--days", min=1, max=1098, help="until it ends")] = 365,
    out: Annotated[Path | None, typer.Option("--out", help="file that gets it, for its owner only")] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="the aggregator's TOML file, at its machine: asks no API"),
    ] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Make a key. It is shown this once, or written to a file; HAWKLINE_TOKEN_FILE names that for these commands."""
    check_name(name, "NAME")
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}")
    roles = [role_there(text) for text in role]
    if config is None:
        key = ApiClient(url).change("POST", "/api/v1/keys", {"name": name, "roles": roles, "days": days})["key"]
    else:
        key = _made_here(config, name, roles, days)
    if out is None:
        emit(key)
        return
    write_secret(out, f"{key}\n".encode())
    say(f"{out}: the key {name!r}, for {days} days")


def _made_here(config: Path, name: str, roles: list[dict[str, str | None]], days: int) -> str:
    from aggregator.people import grants, keys

    wanted = [(str(each["role"]), each["place"]) for each in roles]
    with at_machine(config) as here:
        key = keys.add(here.connection, here.console, name, timedelta(days=days))
        grants.give_all(here.connection, here.console, grants.Holder(key=name), wanted)
        here.note("key made", name)
    return key


@app.command(epilog="Example: hawkline key revoke reports")
def revoke(name: Name, url: options.UrlOption = options.URL) -> None:
    """End a key now."""
    check_name(name, "NAME")
    ApiClient(url).change("POST", f"/api/v1/keys/{name}/revoke")
