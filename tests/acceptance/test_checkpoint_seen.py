"""A checkpoint from pictures to counts: every vehicle once, in its lane, and nothing that could find it again."""

import json
from collections import Counter
from pathlib import Path

import pytest

from provisioning.lab.centre.gantry import LANES
from provisioning.lab.edge.camera_encoder import encoded, write
from provisioning.lab.edge.traffic import FPS, Traffic
from shared.events import Direction
from shared.plates import as_stamped
from tests.acceptance.site import Site, await_true
from tests.acceptance.test_bad_input import hawkline

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

VEHICLES = 10


@pytest.mark.usefixtures("glyph_templates")
def test_every_vehicle_is_counted_once_in_its_lane_and_its_plate_is_nowhere(site: Site) -> None:
    clip = site.folder / "road.mkv"
    traffic = Traffic(21, "day", VEHICLES, (30.0, 70.0), away=(1,))
    write(clip, encoded(traffic.pictures(), int(FPS), 50), int(FPS))
    site.start_aggregator()
    site.await_ready()
    agent = site.add_agent("gantry", {"road": ("", f'kind = "file"\npath = "{clip}"')})
    with site.config("gantry").open("a", encoding="utf-8") as file:
        file.write(f"\n[cameras.checkpoint]\n{LANES}\n")
    agent.start()

    def passed() -> list[dict[str, object]]:
        found = site.get("/api/v1/events?kind=vehicle_passed&limit=100")["events"]
        return found if len(found) >= VEHICLES else []

    events = await_true("all passages are stored", passed, 150)
    truth = Counter((f"lane {one.lane}", one.direction.label) for one in traffic.truth)
    assert Counter((event["line"], event["detail"]["direction"]) for event in events) == truth
    assert {one.direction for one in traffic.truth} == {Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT}
    assert sum(event["detail"]["read"] for event in events) >= VEHICLES - 1
    listed = json.loads(hawkline("checkpoint", "list", "--url", site.url, "-o", "json").stdout)
    assert [sum(lane["passed"] for lane in listed["lanes"])] == [VEHICLES]
    counted = hawkline("checkpoint", "counts", "--url", site.url, "--step", "day", "-o", "csv").stdout
    assert "gantry,road,lane 0,left_to_right,car," in counted
    assert site.get("/api/v1/alerts")["alerts"] == []
    texts = {as_stamped(one.text) for one in traffic.truth}
    assert found_in(site.folder, {text[at : at + 5] for text in texts for at in range(len(text) - 4)}, clip) == []
    assert len(found_in(site.folder, {"lane 0"}, clip)) > 1, "what is there is found"


def found_in(folder: Path, pieces: set[str], clip: Path) -> list[tuple[Path, str]]:
    """Which files hold which pieces of text: the box's, the centre's, and every log."""
    return [
        (path.relative_to(folder), piece)
        for path in folder.rglob("*")
        if path.is_file() and path != clip
        for content in [path.read_bytes()]
        for piece in pieces
        if piece.encode() in content
    ]
