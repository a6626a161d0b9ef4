"""`hawkline events`: what the record holds."""

from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import since_until
from shared.output import Output, OutputOption, print_rows, say, to_json

_NAMES = ("site", "agent", "camera", "line", "kind", "priority", "number")
app = typer.Typer(help="Events of the record, newest first.")


@app.callback(
    invoke_without_command=True,
    epilog="Example: hawkline events --site north --kind line_crossed --since 8h; hawkline events --since 2d -o csv",
)
def events(
    url: options.UrlOption = options.URL,
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    camera: options.CameraOption = None,
    line: options.LineOption = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="such as line_crossed; again for more")] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", min=1, max=4, help="at least so urgent; 1 is the most")
    ] = None,
    object_names: options.ObjectOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="at most so many")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List events by place, kind, line, priority, what it was, and time."""
    asked = {
        "place": place,
        "site": site,
        "agent": agent,
        "camera": camera,
        "line": line,
        "kind": kind or None,
        "priority": priority,
        "object": object_names,
        **since_until(since, until, datetime.now().astimezone()),
    }
    found = ApiClient(url).pages("/api/v1/events", asked, "events", limit + 1)
    shown = islice(found, limit)
    print_rows(shown if output is Output.JSON else map(_row, shown), output, ("at", *_NAMES, "detail"))
    if next(found, None):
        say(f"more exist than these {limit}: raise --limit, or narrow --since and --until")


def _row(event: dict[str, Any]) -> dict[str, Any]:
    """Flat, and in local time, for people and spreadsheets."""
    at = datetime.fromisoformat(event["at"]).astimezone().isoformat(sep=" ", timespec="milliseconds")
    return {"at": at, **{name: event[name] for name in _NAMES}, "detail": to_json(event["detail"])}
