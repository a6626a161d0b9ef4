"""`hawkline health`: which boxes and cameras can confirm that nothing happens, and which cannot."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from aggregator.ask import options
from aggregator.ask.client import ApiClient
from aggregator.ask.moments import local
from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="Boxes and cameras, and what is wrong with them.")

_WATCHING = "watching"


@app.callback(
    invoke_without_command=True,
    epilog="Example: hawkline health --troubled; hawkline health --cameras --site north -o csv",
)
def health(
    url: options.UrlOption = options.URL,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    cameras: Annotated[bool, typer.Option("--cameras", help="a row a camera instead of one a box")] = False,
    troubled: Annotated[bool, typer.Option("--troubled", help="only what cannot confirm that nothing happens")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List boxes, or cameras. Exit code 1 when something listed cannot confirm that nothing happens."""
    boxes = [
        box
        for box in ApiClient(url).get("/api/v1/boxes", {})
        if site in (None, box["site"]) and agent in (None, box["agent"])
    ]
    rows = list(_cameras(boxes) if cameras else map(_box, boxes))
    shown = [row for row in rows if not troubled or not _is_well(row)]
    print_rows(shown, output)
    if not all(map(_is_well, rows)):
        raise typer.Exit(1)


def _is_well(row: dict[str, Any]) -> bool:
    if "camera" in row:
        return bool(row["box"] == "online" and row["state"] == _WATCHING)
    return bool(row["state"] == "online" and row["watching"] == row["cameras"])


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
        "watching": sum(camera["state"] == _WATCHING for camera in cameras),
        "clock_off_s": box["clock_off_s"],
        "lost": box["lost"],
        "waiting": beat.get("waiting_alarm", 0) + beat.get("waiting_bulk", 0),
        "version": box["version"],
    }


def _cameras(boxes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for box in boxes:
        for camera in (box["health"] or {}).get("cameras", []):
            yield {
                "site": box["site"],
                "agent": box["agent"],
                "camera": camera["name"],
                # A silent box's last words are no news of its cameras.
                "box": box["state"],
                "state": camera["state"],
                "fps": round(camera.get("fps", 0.0), 1),
                "dropped": camera.get("dropped", 0),
                "detail": camera.get("detail", ""),
            }
