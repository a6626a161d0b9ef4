"""A checkpoint's box of our own, with two lanes and a camera that plays a clip, and lists that two people approve."""

import csv
import io
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import httpx

from provisioning.lab.edge.camera_encoder import encoded, write
from provisioning.lab.edge.traffic import FPS, Traffic, lane_line
from provisioning.lab.local_site.processes import PartProcess
from provisioning.lab.local_site.trusted import TrustedAggregator
from shared.errors import UnavailableError
from shared.plates import as_stamped
from shared.topics import Address

BOX = Address("north", "gantry")
_PATIENCE_S = 300.0
LANES = "\n".join(
    f'[[cameras.checkpoint.lanes]]\nname = "lane {lane}"\nline = [[{a:.4f}, {b:.4f}], [{c:.4f}, {d:.4f}]]'
    for lane in (0, 1)
    for (a, b), (c, d) in [lane_line(lane)]
)
"""Of rendered traffic, as a configuration has them."""
_AGENT = """site = "north"
agent = "gantry"
data_dir = "data"

[trust]
url = "{door}"

[broker]
port = {port}

[health]
interval_s = 1.0
{cameras}"""
_CAMERA = """
[[cameras]]
name = "{name}"
scene = "scene.toml"
source = {{ kind = "file", path = "{clip}", realtime = {realtime} }}

[cameras.checkpoint]
looks_per_second = {looks}
{lanes}
"""


def render(seed: int, vehicles: int, path: Path, every: int = 1) -> list[str]:
    """A clip of traffic; returns what its plates say.

    Args:
        every: so many pictures one is left.
    """
    cv2.setNumThreads(1)
    traffic, fps = Traffic(seed, "day", vehicles), int(FPS) // every
    write(path, encoded(islice(traffic.pictures(), 0, None, every), fps, 2 * fps), fps)
    return [as_stamped(one.text) for one in traffic.truth]


def render_empty(path: Path) -> None:
    """Two seconds of a road on which nobody has come yet, to be played until a box holds its lists."""
    write(path, encoded(islice(Traffic(1, "day", 1).pictures(), 50), int(FPS), 50), int(FPS))


def playing(
    aggregator: TrustedAggregator,
    folder: Path,
    clips: Sequence[Path],
    name: str,
    *,
    realtime: bool,
    looks: float = 12.0,
) -> PartProcess:
    """The box, configured to play a clip with each of its cameras; it is not started.

    Args:
        folder: of the box; its logs lie in `logs`.
        name: of the log.
        realtime: at the pace it was filmed.
        looks: for plates, a second of each camera.
    """
    each = {"realtime": str(realtime).lower(), "lanes": LANES, "looks": looks}
    cameras = [
        _CAMERA.format(name=f"road-{number}" if number else "road", clip=clip, **each)
        for number, clip in enumerate(clips)
    ]
    said = {"door": aggregator.door_url, "port": aggregator.box_port, "cameras": "".join(cameras)}
    (folder / "agent.toml").write_text(_AGENT.format(**said))
    (folder / "scene.toml").write_text("")
    arguments = ["agent", "run", "--config", str(folder / "agent.toml")]
    return PartProcess("agent", arguments, folder / "logs" / f"{name}.log")


def enrol(aggregator: TrustedAggregator, folder: Path) -> None:
    """Have the box come in; it is configured by now."""
    listed = folder / "boxes.csv"
    listed.write_text(f"site,agent,serial\n{BOX.site},{BOX.agent},1234\n")
    claims = aggregator.command("device", "claim", "--file", str(listed), "-o", "csv")
    (claim,) = csv.DictReader(io.StringIO(claims))
    said = ("--serial", "1234", "--claim", claim["code"], "--fingerprint", claim["fingerprint"])
    aggregator.command("agent", "enrol", "--config", str(folder / "agent.toml"), *said)


def approved(asks: httpx.Client, decides: httpx.Client, plates: Sequence[str], place: str = BOX.site) -> int:
    """The number of a list that two people have drawn up, submitted and approved."""
    said = {"title": "of the laboratory", "purpose": "a trial", "case_number": "2026-1", "instructions": "nothing"}
    draft = post(asks, "/lists", **said, place=place, entries=list(plates))
    post(asks, f"/lists/{draft['number']}/submit")
    post(decides, f"/lists/{draft['number']}/decide", approved=True, version=draft["version"])
    return int(draft["number"])


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    """What a route answers to a body."""
    return client.post(f"/api/v1{path}", json=body or None).raise_for_status().json()


def states(client: httpx.Client, path: str, key: str = "") -> list[str]:
    """The state of each box that a route tells, perhaps under a key."""
    found = client.get(f"/api/v1{path}").raise_for_status().json()
    return [each["state"] for each in (found[key] if key else found)]


def until(holds: Callable[[], bool], what: str, within_s: float = _PATIENCE_S) -> None:
    """Wait for it.

    Raises:
        UnavailableError: it did not become so in time.
    """
    deadline_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.1)
