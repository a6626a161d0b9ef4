"""`hawkline health`: which boxes and cameras can confirm that nothing happens, and which cannot."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local, moment, since_until
from shared.durations import clock_off
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Boxes and cameras, and what is wrong with them.")

_WATCHING = "watching"
_NORMAL = "normal"
_MOST_GAPS = 1000
_AWAY = ("site", "agent", "camera", "since", "until", "what", "how_much")
_WELL = ("site", "agent", "camera", "since", "until", "percent", "away_s")
_CLOCK_OFF_S = 2.0
"""As the console has it."""


@app.callback(
    invoke_without_command=True,
    epilog="Example: hawkline health --troubled; hawkline health --cameras --since 30d -o csv; hawkline health --gaps",
)
def health(
    url: options.UrlOption = options.URL,
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    cameras: Annotated[bool, typer.Option("--cameras", help="a row a camera instead of one a box")] = False,
    sensors: Annotated[bool, typer.Option("--sensors", help="a row an alarm sensor, as it is now")] = False,
    troubled: Annotated[bool, typer.Option("--troubled", help="only what cannot confirm that nothing happens")] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="not now, but for how long they were well: 30d, yesterday, 2026-11-01")
    ] = None,
    until: options.UntilOption = None,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="when they were not well, and which events were lost; of the last day")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List boxes, cameras or sensors: how they are now, how available they were, or when they were away.

    Exit code 1 when something listed cannot confirm now that nothing happens.
    """
    if sensors and (cameras or gaps or since or until):
        raise ConfigError(
            "--sensors tells how they are now, and goes with --place, --site, --agent and --troubled;"
            " how they were: hawkline events --kind sensor_changed"
        )
    client = ApiClient(url)
    whose = {"place": place, "site": site, "agent": agent}
    span = since_until(since, until, datetime.now().astimezone())
    if (site or agent) and not client.get("/api/v1/boxes", whose):
        name = "/".join(part for part in (site, agent) if part)
        raise ConfigError(f"no box has reported as {name!r}; hawkline health lists all that have")
    if gaps or since or until:
        rows = client.get("/api/v1/availability", {**whose, **span, "cameras": cameras})
        if not rows:
            say("nothing can be told yet: it is told by whole quarter-hours, a minute or two after their end")
    if gaps:
        print_rows(_gaps(client, {**whose, **span}, cameras), output, _AWAY)
    elif since or until:
        print_rows([_available(row) for row in rows if not troubled or row["uncovered_s"]], output, _WELL)
    else:
        found = client.get("/api/v1/sensors" if sensors else "/api/v1/boxes", whose)
        listed = list(map(_sensor, found) if sensors else _cameras(found) if cameras else map(_box, found))
        shown = [row for row in listed if not troubled or not _is_well(row)]
        head = list(listed[0]) if listed else ()
        print_rows(map(_for_people, shown) if output is Output.TABLE else shown, output, head)
        if not all(map(_is_well, listed)):
            raise typer.Exit(1)


def _available(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "site": row["site"],
        "agent": row["agent"],
        "camera": row["camera"],
        "since": local(row["since"]),
        "until": local(row["until"]),
        "percent": round(100 * row["share"], 3),
        "away_s": row["uncovered_s"],
    }


def _gaps(client: ApiClient, asked: dict[str, Any], cameras: bool) -> list[dict[str, Any]]:
    """Times without news and numbers without events, the newest first."""
    away = client.get("/api/v1/availability/gaps", {**asked, "cameras": cameras, "limit": _MOST_GAPS})
    if len(away) == _MOST_GAPS:
        say(f"more exist than these {_MOST_GAPS}: narrow --since, or ask for one --place or --site")
    rows = [
        {
            "site": row["site"],
            "agent": row["agent"],
            "camera": row["camera"],
            "since": local(row["since"]),
            "until": local(row["until"]),
            "what": "not confirmed",
            "how_much": f"{row['uncovered_s']} s",
        }
        for row in away
    ]
    day = {"since": moment("1d", "--since", datetime.now().astimezone()).isoformat()}
    span = {**asked, **(day if asked["since"] is None else {})}
    lost = client.get("/api/v1/gaps", {**span, "lost": True, "limit": _MOST_GAPS})
    rows += [
        {
            "site": row["site"],
            "agent": row["agent"],
            "camera": None,
            "since": local(row["recorded_at"]),
            "until": local(row["recorded_at"]),
            "what": f"lost: {row['reason']}",
            "how_much": f"{row['last'] - row['first'] + 1} events",
        }
        for row in lost
    ]
    return sorted(rows, key=lambda row: row["since"], reverse=True)


def _is_well(row: dict[str, Any]) -> bool:
    if "camera" in row:
        return bool(row["box"] == "online" and row["state"] == _WATCHING)
    if "sensor" in row:
        return bool(row["box"] == "online" and row["state"] == _NORMAL)
    return bool(row["state"] == "online" and row["watching"] == row["cameras"] and not row["trouble"])


def _sensor(sensor: dict[str, Any]) -> dict[str, Any]:
    return {**sensor, "since": local(sensor["since"]), "told_at": local(sensor["told_at"])}


def _box(box: dict[str, Any]) -> dict[str, Any]:
    beat = box["health"] or {}
    cameras = beat.get("cameras", [])
    return {
        "site": box["site"],
        "agent": box["agent"],
        "state": box["state"],
        "since": local(box["state_since"]),
        "last_seen": local(box["last_seen_at"]) if box["last_seen_at"] else None,
        "cameras": len(cameras),
        "watching": sum(camera["state"] == _WATCHING for camera in cameras) if box["state"] == "online" else 0,
        "clock_off_s": box["clock_off_s"],
        "trouble": "; ".join(_words(box)),
        "lost": box["lost"],
        "waiting": beat.get("waiting_alarm", 0) + beat.get("waiting_bulk", 0),
        "version": box["version"],
    }


def _words(box: dict[str, Any]) -> list[str]:
    """What is wrong with a box besides its state."""
    words = {
        "two_lives": "two boxes use this name",
        "card_refuses": (box["health"] or {}).get("outbox", ""),
        "disk_full": "its disk is full: new events take the place of the oldest",
        "no_looks": f"looks: none, motion goes on alone: {(box['health'] or {}).get('looks', {}).get('why', '')}",
        "over_limits": f"beyond its bounds ({', '.join(box.get('over_limits', []))})",
    }
    cameras = (box["health"] or {}).get("cameras", []) if box["state"] == "online" else []
    return [words.get(trouble, trouble) for trouble in box["troubles"]] + [
        f"{camera['name']} {camera['state']}" for camera in cameras if camera["state"] != _WATCHING
    ]


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    """With words in place of seconds."""
    if "clock_off_s" not in row:
        return row
    off_s = row["clock_off_s"]
    said = None if off_s is None else clock_off(off_s) if abs(off_s) > _CLOCK_OFF_S else "right"
    return {("clock" if name == "clock_off_s" else name): value for name, value in {**row, "clock_off_s": said}.items()}


def _cameras(boxes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for box in boxes:
        # A silent box's last words are no news of its cameras, nor is it known of which of two boxes they were.
        is_known = box["state"] == "online" and not box["two_lives"]
        for camera in (box["health"] or {}).get("cameras", []):
            yield {
                "site": box["site"],
                "agent": box["agent"],
                "camera": camera["name"],
                "box": "two_lives" if box["two_lives"] else box["state"],
                "state": camera["state"] if is_known else "cannot_confirm",
                "fps": round(camera.get("fps", 0.0), 1) if is_known else 0.0,
                "dropped": camera.get("dropped", 0),
                "detail": camera.get("detail", ""),
            }
