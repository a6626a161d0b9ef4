"""`hawkline coverage`: which lines cannot be confirmed now, and which could not be."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local, since_until
from shared.errors import HawklineError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Which lines can be confirmed: silence is no safety.", no_args_is_help=True)
_NOW = ("site", "agent", "camera", "line", "priority", "armed", "why", "since", "seen_by")
_HOURS = ("hour", "site", "lines", "confirmed", "agent", "camera", "line", "unconfirmed_s", "why")


@app.callback()
def coverage() -> None:
    """Which lines can be confirmed: silence is no safety."""


@app.command("now", epilog="Example: hawkline coverage now --site north")
def now(
    url: options.UrlOption = options.URL,
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=9_999, help="at most so many rows")] = 1000,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lines and zones that cannot be confirmed now: why, since when, and whether a neighbour sees them.

    Exit code 1 when there is one that no camera stands in for.
    """
    asked = {"place": place, "site": site, "agent": agent, "limit": limit}
    found = ApiClient(url).get("/api/v1/coverage/now", asked)
    lines = found["lines"]
    rows = lines if output is Output.JSON else [_told(each) for each in lines]
    if rows or output is not Output.TABLE:
        print_rows(rows, output, _NOW if output is not Output.JSON else ())
    if not found["looked_at"]:
        raise HawklineError("there is no line or zone there: no box has told of one; `hawkline health` shows the boxes")
    if not found["unconfirmed"]:
        say(f"{found['looked_at']} lines and zones, each is confirmed")
        return
    shown = f", {len(lines)} are shown" if len(lines) < found["unconfirmed"] else ""
    alone = f"no other camera sees {found['alone']} of them" if found["alone"] else "other cameras see all of them"
    say(f"{found['unconfirmed']} of {found['looked_at']} are not confirmed{shown}; {alone}")
    if found["alone"]:
        raise typer.Exit(1)


@app.command("hours", epilog="Example: hawkline coverage hours --place east --since 7d -o csv")
def hours(
    url: options.UrlOption = options.URL,
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    whole: Annotated[bool, typer.Option("--whole", help="hours in which every line was confirmed, too")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """The ledger: of each site and whole hour how many lines were confirmed all the time; which were not, and why."""
    times = since_until(since, until, datetime.now().astimezone())
    found = ApiClient(url).get("/api/v1/coverage/hours", {"place": place, "site": site, "agent": agent, **times})
    if not found:
        say("nothing can be told yet: the ledger has whole hours that are over, from when a box was first heard")
    if output is Output.JSON:
        print_rows(found if whole else [each for each in found if each["unconfirmed"]], output)
        return
    rows = list[dict[str, Any]]()
    for each in found:
        head = {
            "hour": local(each["hour"]),
            "site": each["site"],
            "lines": each["lines"],
            "confirmed": each["confirmed"],
        }
        rows += [{**head, **line, "why": ", ".join(line["reasons"])} for line in each["unconfirmed"]]
        rows += [head] if whole and not each["unconfirmed"] else []
    if rows or output is not Output.TABLE:
        print_rows([{name: row.get(name, "") for name in _HOURS} for row in rows], output, _HOURS)
    if found and not rows:
        say(f"every line was confirmed in each of {len(found)} hours; --whole shows them")


def _told(line: Mapping[str, Any]) -> dict[str, Any]:
    known = [each["since"] for each in line["reasons"] if each["since"]]
    return {
        **{name: line[name] for name in ("site", "agent", "camera", "line", "priority")},
        "armed": {None: "as configured", True: "armed", False: "disarmed"}[line["armed"]],
        "why": ", ".join(each["condition"] for each in line["reasons"]),
        "since": local(min(known)) if known else "",
        "seen_by": ", ".join(
            f"{each['agent']}/{each['camera']}" + ("" if each["watches"] else " (not now)") for each in line["seen_by"]
        ),
    }
