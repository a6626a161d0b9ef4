"""`hawkline counts`: how often lines were crossed."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local, local_zone, since_until, zone_named
from shared.output import Output, OutputOption, print_rows, say

_COLUMNS = ("site", "agent", "camera", "line", "direction", "object", "since", "crossings")
app = typer.Typer(help="Crossings of lines by quarter-hour, hour, day, week or month.")


@app.callback(
    invoke_without_command=True,
    epilog="Example: hawkline counts --site north --since 30d --step day --zone Asia/Shanghai -o csv",
)
def counts(
    url: options.UrlOption = options.URL,
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    camera: options.CameraOption = None,
    line: options.LineOption = None,
    object_names: options.ObjectOption = None,
    by_object: Annotated[bool, typer.Option("--by-object", help="a row for each class of things that crossed")] = False,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    step: Annotated[str, typer.Option("--step", help="quarter, hour, day, week or month")] = "quarter",
    zone: Annotated[
        str, typer.Option("--zone", help="whose days and hours, such as Asia/Shanghai; this machine's")
    ] = "",
    busiest: Annotated[
        int | None, typer.Option("--busiest", min=1, help="only of so many lines, those that were crossed most")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=99_999, help="at most so many rows")] = 1000,
    output: OutputOption = Output.TABLE,
) -> None:
    """Count crossings per line and direction, newest first; of the last day where --since says nothing else."""
    zone = zone_named(zone) if zone else local_zone()
    asked = {
        "place": place,
        "site": site,
        "agent": agent,
        "camera": camera,
        "line": line,
        "step": step,
        "zone": zone,
        "busiest": busiest,
        "object": object_names,
        "by_object": by_object or None,
        **since_until(since, until, datetime.now().astimezone()),
    }
    found = ApiClient(url).get("/api/v1/counts", {**asked, "limit": limit + 1})
    shown = found[:limit]
    if output is not Output.JSON:
        shown = [{**row, "since": local(row["since"], ZoneInfo(zone))} for row in shown]
    print_rows(shown, output, tuple(name for name in _COLUMNS if by_object or name != "object"))
    if len(found) > limit:
        say(f"more exist than these {limit}: raise --limit, or narrow --since and --until")
