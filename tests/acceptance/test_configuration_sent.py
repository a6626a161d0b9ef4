"""What a box watches comes from the centre: tried, kept, undone where cameras do not come back, and never half."""

import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from edge_agent.configuration.store import Store
from shared.configuration import MAIN
from tests.acceptance.site import Site, await_true

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

LINE = '[[tripwires]]\nname = "{line}"\npoints = [[0.0, 0.72], [1.0, 0.72]]\n'
SYNTHETIC = 'kind = "synthetic"\nscene = "fence"\nseed = 3'
PATH = "/api/v1/configurations"
CAMERA = '[[cameras]]\nname = "{name}"\nscene = "scene-{name}.toml"\n[cameras.source]\n{source}\n'


def files(line: str, source: str = SYNTHETIC, *more: str) -> dict[str, str]:
    """A camera `fence` with a line, and more cameras."""
    cameras = CAMERA.format(name="fence", source=source)
    cameras += "".join(CAMERA.format(name=name, source=SYNTHETIC) for name in more)
    return {MAIN: cameras} | {f"scene-{name}.toml": LINE.format(line=line) for name in ("fence", *more)}


def put(site: Site, wanted: dict[str, str], **how: Any) -> int:
    """The number that the configuration has."""
    known = site.get(PATH)
    box = {"site": "test", "agent": "box", "based_on": known[0]["number"] if known else 0, "files": wanted}
    answer = httpx.put(f"{site.url}{PATH}", json={"boxes": [box], **how}, timeout=10, trust_env=False)
    assert answer.status_code == 200, answer.text
    return int(site.get(PATH)[0]["number"])


def becomes(site: Site, state: str, timeout_s: float = 90) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = site.get(PATH)[0]
        return told if told["state"] == state else None

    return await_true(f"the configuration is {state}", look, timeout_s)


def crossed(site: Site, line: str) -> int:
    return len(site.get(f"/api/v1/events?kind=line_crossed&line={line}&limit=50")["events"])


def start(site: Site) -> None:
    site.start_aggregator()
    agent = site.add_agent("box", {"fence": (LINE.format(line="own"), SYNTHETIC)})
    config = site.config("box")
    config.write_text(config.read_text().replace("interval_s = 1.0", "interval_s = 1.0\ntrial_s = 15.0"))
    agent.start()
    await_true("the camera watches", lambda: states(site) == {"fence": "watching"}, 60)


def states(site: Site) -> dict[str, str]:
    boxes = site.get("/api/v1/boxes")
    health = boxes[0]["health"] if boxes else None
    return {camera["name"]: camera["state"] for camera in (health or {}).get("cameras", [])}


def test_a_configuration_is_kept_or_undoes_itself_and_no_kill_leaves_half_of_one(
    site: Site, amount: Callable[[int, int], int]
) -> None:
    start(site)
    put(site, files("sent", SYNTHETIC, "yard"), why="another line")
    kept = becomes(site, "kept")
    assert (kept["in_force"], kept["changed"], kept["why"]) == (kept["number"], [], "another line")
    assert states(site) == {"fence": "watching", "yard": "watching"}
    await_true("the new line reports", lambda: crossed(site, "sent"), 60)
    put(site, files("bad", 'kind = "rtsp"\nurl = "rtsp://127.0.0.1:9/small"', "yard"))
    refused = becomes(site, "refused")
    assert "cameras that gave pictures before do not within 15 s: fence" in refused["why_not"]
    assert refused["in_force"] == kept["number"]
    before = crossed(site, "sent")
    await_true("the line of before reports again", lambda: crossed(site, "sent") > before, 60)
    await_true(
        "it rings",
        lambda: [each for each in site.get("/api/v1/alerts")["alerts"] if each["condition"] == "section_refused"],
    )
    put(site, {MAIN: '[[cameras]]\nname = "a"\n'})
    assert "missing required field `scene`" in becomes(site, "refused")["why_not"]
    put(site, {})
    becomes(site, "kept")
    await_true("its own line reports", lambda: crossed(site, "own"), 60)

    # Killed at any moment it has the old one or the new one.
    agent, drawn, old = site.agents["box"], random.Random(25), ["own"]
    for change in range(amount(2, 12)):
        wanted = [f"line-{change}"]
        number = put(site, files(wanted[0]))
        for _ in range(2):
            time.sleep(drawn.uniform(0.0, 6.0))
            agent.kill()
            in_force = Store(site.config("box")).in_force(only_look=True)
            has = [watch.name for watch in in_force.cameras[0].scene.watches]
            assert has in (old, wanted)
            assert in_force.changed == ()
            agent.start()
        assert becomes(site, "kept")["in_force"] == number
        await_true(f"{wanted} reports", lambda line=wanted[0]: crossed(site, line), 60)
        old = wanted
    agent.stop()
    assert not site.get("/api/v1/gaps?lost=true")
