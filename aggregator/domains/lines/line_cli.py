"""`hawkline line`: try a line, and say which other cameras see it."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import duration, local
from shared.errors import HawklineError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Lines and zones: try one, say who else sees it.", no_args_is_help=True)
_KINDS = ("line_crossed", "zone_alarm", "list_hit")
_ASKED_EVERY_S = 0.3
_SOON_S, _LATE_S = 2.0, 30.0
_LOOKED_BACK = timedelta(days=2)

Site = Annotated[str, typer.Argument(help="the site of the box")]
Agent = Annotated[str, typer.Argument(help="the box")]
Camera = Annotated[str, typer.Argument(help="its camera")]
Line = Annotated[str, typer.Argument(help="a line or zone of this camera")]


@app.callback()
def line() -> None:
    """Lines and zones: try one, say who else sees it."""


@app.command("test", epilog="Example: hawkline line test north gate road fence --for 2m")
def test(
    site: Site,
    agent: Agent,
    camera: Camera,
    name: Line,
    lasts: Annotated[str, typer.Option("--for", help="how long to wait for it")] = "60s",
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Walk over it now: says whether it was heard, how soon, and by which alert; or why it was not.

    The alarm rings as any other does: the operators should know of it before. Exit code 1 when nothing was heard.
    """
    client, path = ApiClient(url), f"/api/v1/boxes/{quote(site, safe='')}/{quote(agent, safe='')}"
    waits_s = duration(lasts, "--for").total_seconds()
    boxes = {(each["site"], each["agent"]): each for each in client.get("/api/v1/boxes", {})}
    if (site, agent) not in boxes:
        known = ", ".join(f"{one}/{other}" for one, other in sorted(boxes)) or "none"
        raise HawklineError(f"there is no box {site}/{agent}; there are: {known}")
    watched = client.get(f"{path}/lines", {})
    mine = next((each for each in watched if (each["camera"], each["name"]) == (camera, name)), None)
    if mine is None:
        known = ", ".join(f"{each['name']!r} at {each['camera']!r}" for each in watched) or "none"
        raise HawklineError(f"box {site}/{agent} has no line or zone {name!r} at camera {camera!r}; it has: {known}")
    for said in _doubts(client, site, agent, camera, name, mine):
        say(said)
    working = boxes[site, agent]["maintenance"]
    if working:
        say(f"its box is under maintenance ({working}): what happens there rings nobody")
    since = (datetime.now().astimezone() - _LOOKED_BACK).isoformat()
    asked = {
        "since": since,
        "site": site,
        "agent": agent,
        "camera": camera,
        "line": name,
        "kind": list(_KINDS),
        "limit": 1,
    }
    before = _newest(client, asked)
    say(f"walk over {site}/{agent}/{camera}/{name} now; waiting {lasts} for the next crossing, whoever it is")
    until_s = time.monotonic() + waits_s
    while time.monotonic() < until_s:
        heard = _newest(client, asked)
        if heard is not None and (before is None or _number(heard) != _number(before)):
            if _delay_s(heard) <= _LATE_S:
                print_rows([_told(heard, working=working)], output)
                return
            say(f"a crossing of {heard['at']} has come late, as after a time without the network; still waiting")
            before = heard
        time.sleep(_ASKED_EVERY_S)
    say(f"nothing was heard of it within {lasts}")
    for said in _doubts(client, site, agent, camera, name, mine) or [
        "its camera watches: was it walked over where the line lies, whole, and in a direction that counts? "
        "`hawkline scene edit` shows the line in the picture"
    ]:
        say(said)
    raise typer.Exit(1)


@app.command("seen-by", epilog="Example: hawkline line seen-by north gate road fence mast/west mast/east")
def seen_by(
    site: Site,
    agent: Agent,
    camera: Camera,
    name: Line,
    others: Annotated[list[str] | None, typer.Argument(help="BOX/CAMERA of the same site; none takes it back")] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Say which other cameras also see a line: while its own cannot confirm it, they are shown as standing in."""
    neighbours = list[dict[str, str]]()
    for each in others or []:
        box, slash, other = each.partition("/")
        if not (box and slash and other):
            raise typer.BadParameter(f"{each!r}: expected BOX/CAMERA, such as mast/west")
        neighbours.append({"agent": box, "camera": other})
    body = {"camera": camera, "name": name, "seen_by": neighbours}
    ApiClient(url).change("PUT", f"/api/v1/boxes/{quote(site, safe='')}/{quote(agent, safe='')}/seen-by", body)
    say(f"{site}/{agent}/{camera}/{name}: seen by " + (", ".join(others or []) or "no other camera"))


def _newest(client: ApiClient, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    found = client.get("/api/v1/events", dict(asked))
    rows = found["events"] if isinstance(found, dict) else found
    return rows[0] if rows else None


def _number(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return event["epoch"], event["lane"], event["number"]


def _doubts(client: ApiClient, site: str, agent: str, camera: str, name: str, line: Mapping[str, Any]) -> list[str]:
    """What would keep it from being heard, or from ringing."""
    now = client.get("/api/v1/coverage/now", {"site": site, "agent": agent})["lines"]
    said = [
        "it cannot be confirmed: " + ", ".join(why["condition"] for why in each["reasons"])
        for each in now
        if (each["camera"], each["line"]) == (camera, name)
    ]
    if line["armed"] is False:
        said.append(f"it is disarmed by {line['changed_by']}: it is counted and does not ring")
    return said


def _told(event: Mapping[str, Any], *, working: str | None) -> dict[str, Any]:
    """An event that was heard, how soon, and whether it rang."""
    delay_s = _delay_s(event)
    rings = (
        f"with priority {event['priority']}" if event.get("priority") else "no: it is not armed now, and only counted"
    )
    return {
        "heard": event["kind"],
        "after_s": round(delay_s, 2),
        "in_time": "yes" if delay_s <= _SOON_S else f"no: more than {_SOON_S:g} s",
        "rings": f"no: maintenance, {working}" if working and event.get("priority") else rings,
        "at": local(event["at"]),
    }


def _delay_s(event: Mapping[str, Any]) -> float:
    """From when it happened to when the centre had it."""
    return (datetime.fromisoformat(event["received_at"]) - datetime.fromisoformat(event["at"])).total_seconds()
