"""`hawkline maintenance`: what is worked on rings nobody."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import duration, local
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Work on boxes, cameras and places: what rings there rings nobody.", no_args_is_help=True)
_LONGEST_H = 31 * 24
_COLUMNS = ("id", "place", "agent", "camera", "reason", "by", "since", "until", "ended_at", "ended_by")


@app.command("begin", epilog="Example: hawkline maintenance begin north --agent gate --for 2h --reason 换摄像机")
def begin(
    place: Annotated[str, typer.Argument(help="a site, or a place above sites")],
    lasts: Annotated[str, typer.Option("--for", help="such as 30m, 2h or 3d; it ends by itself, 31 days at most")],
    reason: Annotated[str, typer.Option("--reason", help="for operators who see the alerts")],
    agent: Annotated[str, typer.Option("--agent", help="only this box of the site")] = "",
    camera: Annotated[str, typer.Option("--camera", help="only this camera of the box")] = "",
    url: options.UrlOption = options.URL,
) -> None:
    """Begin: alarms and troubles are recorded and shown, and ring nobody."""
    hours = duration(lasts, "--for") / timedelta(hours=1)
    if not 0 < hours <= _LONGEST_H:
        raise ConfigError(f"--for {lasts}: expected up to 31 days; it ends by itself, and can begin anew")
    if not reason.strip():
        raise ConfigError("--reason: say why, for operators who see what rings there")
    body = {"place": place, "agent": agent, "camera": camera, "reason": reason, "hours": hours}
    begun = ApiClient(url).change("POST", "/api/v1/maintenance", body)
    say(f"maintenance {begun['id']} until {local(begun['until'])}; `hawkline maintenance end {begun['id']}` ends it")


@app.command("list", epilog="Example: hawkline maintenance list --all -o csv")
def list_maintenance(
    every: Annotated[bool, typer.Option("--all", help="also what is over")] = False,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what is under maintenance, the newest first."""
    rows: list[dict[str, Any]] = ApiClient(url).get("/api/v1/maintenance", {"active": not every})
    if output is not Output.JSON:
        for row in rows:
            row |= {name: local(row[name]) for name in ("since", "until", "ended_at") if row[name]}
    print_rows(rows, output, _COLUMNS)


@app.command("end", epilog="Example: hawkline maintenance end 3")
def end(
    number: Annotated[int, typer.Argument(help="its number")],
    url: options.UrlOption = options.URL,
) -> None:
    """End it before its time: what is still the matter rings now."""
    ended = ApiClient(url).change("POST", f"/api/v1/maintenance/{number}/end")
    over_at = local(ended["ended_at"] or ended["until"])
    say(f"maintenance {number} of {_named(ended)} is over since {over_at}: what is still the matter rings")


def _named(row: dict[str, Any]) -> str:
    return "/".join(part for part in (row["place"], row["agent"], row["camera"]) if part)
