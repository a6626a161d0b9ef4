"""`hawkline checkpoint`: checkpoints, their lanes, and what passed them."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local, local_zone, since_until, zone_named
from aggregator.client.tables import rows_of
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

_POSITIONS = ("site", "agent", "latitude", "longitude", "road", "road_km")
_COLUMNS = ("site", "agent", "camera", "state", "lane", "direction", "passed", "unread")
_COUNTS = ("site", "agent", "camera", "lane", "direction", "vehicle", "since", "passed")
app = typer.Typer(help="Checkpoints (卡口), and how many vehicles passed them.", no_args_is_help=True)


@app.callback()
def checkpoint() -> None:
    """Checkpoints (卡口), and how many vehicles passed them."""


@app.command("list", epilog="Example: hawkline checkpoint list --place east")
def list_checkpoints(
    url: options.UrlOption = options.URL,
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    hours: Annotated[int, typer.Option("--hours", min=1, max=744, help="count what passed in so many hours")] = 24,
    output: OutputOption = Output.TABLE,
) -> None:
    """Checkpoints, a row a lane: whether the camera watches, how many vehicles passed, how many stayed unread."""
    asked = {"place": place, "site": site, "agent": agent, "hours": hours}
    found = ApiClient(url).get("/api/v1/checkpoints", asked)
    rows = found
    if output is not Output.JSON:
        rows = [
            {
                **{name: each[name] for name in ("site", "agent", "camera")},
                "state": each["camera_state"] if each["box_state"] == "online" else "cannot confirm",
                "lane": lane["name"],
                **{name: lane[name] for name in ("direction", "passed", "unread")},
            }
            for each in found
            for lane in each["lanes"]
        ]
    if rows or output is not Output.TABLE:
        print_rows(rows, output, _COLUMNS if output is not Output.JSON else ())
    if not found:
        say("no box has told of a checkpoint: a camera becomes one by [cameras.checkpoint] in its box's configuration")


@app.command("counts", epilog="Example: hawkline checkpoint counts --site north --since 30d --step day -o csv")
def counts(
    url: options.UrlOption = options.URL,
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    camera: options.CameraOption = None,
    lane: Annotated[str | None, typer.Option("--lane", help="only this lane", show_default=False)] = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    step: Annotated[str, typer.Option("--step", help="quarter, hour, day, week or month")] = "quarter",
    zone: Annotated[
        str, typer.Option("--zone", help="whose days and hours, such as Asia/Shanghai; this machine's")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=99_999, help="at most so many rows")] = 1000,
    output: OutputOption = Output.TABLE,
) -> None:
    """Count vehicles per lane, class and direction, newest first; of the last day where --since says nothing else."""
    zone = zone_named(zone) if zone else local_zone()
    asked = {
        "place": place,
        "site": site,
        "agent": agent,
        "camera": camera,
        "line": lane,
        "step": step,
        "zone": zone,
        **since_until(since, until, datetime.now().astimezone()),
    }
    found = ApiClient(url).get("/api/v1/checkpoints/counts", {**asked, "limit": limit + 1})
    shown = [
        {**row, "lane": row["line"], "vehicle": row["object"], "passed": row["crossings"]} for row in found[:limit]
    ]
    if output is not Output.JSON:
        shown = [{**row, "since": local(row["since"], ZoneInfo(zone))} for row in shown]
    print_rows([{name: row[name] for name in _COUNTS} for row in shown], output, _COUNTS)
    if len(found) > limit:
        say(f"more exist than these {limit}: raise --limit, or narrow --since and --until")


@app.command("position", epilog="Example: hawkline checkpoint position positions.csv")
def position(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV in UTF-8 with site, agent, latitude, longitude, road, road_km; without it all are shown"
        ),
    ] = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say where checkpoints stand (WGS-84), and how far along which road: by that a cordon is ranked."""
    client = ApiClient(url)
    if file is not None:
        client.change("PUT", "/api/v1/checkpoints/positions", {"positions": _positions_in(file)})
    print_rows(client.get("/api/v1/checkpoints/positions", {}), output, _POSITIONS)


def _positions_in(file: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file.

    Raises:
        ConfigError: it cannot be read; or a column or a number is missing, and the line is named.
    """
    found = list[dict[str, Any]]()
    for line, said in rows_of(file, _POSITIONS[:4], _POSITIONS[4:]):
        try:
            numbers = {name: float(said[name]) for name in ("latitude", "longitude")}
            km = float(said["road_km"]) if said["road_km"] else None
        except ValueError as error:
            raise ConfigError(f"{file}: line {line}: {error}") from None
        found.append({**said, **numbers, "road_km": km})
    return found
