"""A checkpoint whole: vehicles once, in their lanes; an approved list's plates ring, all others are forgotten."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.domains.lists.secret import deployment_secret
from edge_agent.sealing import ByMachine
from provisioning.lab.centre.gantry import BOX, enrol, playing, render_empty
from provisioning.lab.edge.camera_encoder import encoded, write
from provisioning.lab.edge.traffic import FPS, Traffic
from provisioning.lab.local_site.people import signed_in
from provisioning.lab.local_site.trusted import TrustedAggregator
from shared.events import Direction
from shared.plates import as_stamped
from shared.plates.hashing import box_key, month_of, month_secret, of_box, slow_hash
from tests.acceptance.site import await_true
from tests.integration.trusted import whole_centre

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]


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


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[TrustedAggregator]:
    with whole_centre(tmp_path) as centre:
        centre.start()
        yield centre


@pytest.mark.usefixtures("glyph_templates")
def test_every_vehicle_is_counted_once_listed_ones_ring_with_a_picture_and_the_others_plates_are_nowhere(
    centre: TrustedAggregator, tmp_path: Path, amount: Callable[[int, int], int]
) -> None:
    vehicles = amount(7, 24)
    folder = tmp_path / "box"
    folder.mkdir()
    traffic = Traffic(33, "day", vehicles, (30.0, 70.0), away=(1,))
    road, empty = folder / "road.mkv", folder / "empty.mkv"
    write(road, encoded(traffic.pictures(), int(FPS), 50), int(FPS))
    render_empty(empty)
    texts = [as_stamped(one.text) for one in traffic.truth]
    listed, others = texts[::3], [text for number, text in enumerate(texts) if number % 3]

    box = playing(centre, folder, [empty], "empty", realtime=True)
    enrol(centre, folder)
    box.start()

    def ask(client: httpx.Client, path: str, **body: Any) -> Any:
        return client.post(f"/api/v1/lists{path}", json=body or None).raise_for_status().json()

    with ExitStack() as stack:
        stack.callback(lambda: box.stop())  # noqa: PLW0108 - whichever box there is then
        asks = stack.enter_context(signed_in(centre, "li", "list-requester"))
        decides = stack.enter_context(signed_in(centre, "wang", "list-approver"))
        await_true("the lanes are known", lambda: centre.http.get("/api/v1/checkpoints").json(), 90)
        number = ask(
            asks,
            "",
            title="stolen lorries",
            purpose="theft of 12 November",
            case_number="2026-1187",
            place="north",
            instructions="do not stop it, call the shift leader",
            entries=listed,
        )["number"]
        ask(asks, f"/{number}/submit")
        ask(decides, f"/{number}/decide", approved=True, version=1)

        def held() -> bool:
            boxes = asks.get(f"/api/v1/lists/{number}/boxes").json()
            return [each["state"] for each in boxes] == ["held"]

        await_true("the box has said that it holds the list", held, 30)
        box.stop()
        box = playing(centre, folder, [road], "road", realtime=True)
        box.start()

        def all_told() -> bool:
            hits = centre.http.get("/api/v1/events?kind=list_hit&limit=100").json()["events"]
            passed = centre.http.get("/api/v1/events?kind=vehicle_passed&limit=100").json()["events"]
            return len(hits) + len(passed) >= vehicles

        await_true("every vehicle is told", all_told, 150)
        hits = centre.http.get("/api/v1/events?kind=list_hit&limit=100").json()["events"]
        assert sorted(hit["detail"]["entry"] for hit in hits) == list(range(1, len(listed) + 1))

        def pictured() -> list[Any]:
            alerts = [a for a in centre.http.get("/api/v1/alerts").json()["alerts"] if a["condition"] == "list_hit"]
            return alerts if len(alerts) == len(listed) and all(alert["evidence"] for alert in alerts) else []

        alerts = await_true("each hit is an alert with its picture", pictured, 60)
        assert {alert["detail"]["instructions"] for alert in alerts} == {"do not stop it, call the shift leader"}
        checkpoint = json.loads(centre.command("checkpoint", "list", "-o", "json"))
        assert sum(lane["passed"] for lane in checkpoint["lanes"]) == vehicles, "a hit is a vehicle, too"
        passed = centre.http.get("/api/v1/events?kind=vehicle_passed&limit=100").json()["events"]
        told = Counter((event["line"], event["detail"]["direction"]) for event in (*passed, *hits))
        assert told == Counter((f"lane {one.lane}", one.direction.label) for one in traffic.truth)
        assert {one.direction for one in traffic.truth} == {Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT}
        assert sum(event["detail"]["read"] for event in passed) >= len(passed) - 1
        counted = centre.command("checkpoint", "counts", "--step", "day", "-o", "csv")
        assert f"{BOX.agent},road,lane 0," in counted
        (tmp_path / "hit.jpg").write_bytes(
            centre.http.get(f"/api/v1/evidence/{alerts[0]['evidence'][0]}").raise_for_status().content
        )
    pieces = {text[at : at + 5] for text in texts for at in range(len(text) - 4)}
    assert found_in(tmp_path, pieces, road) == [], "not even a listed one lies anywhere as a text"
    assert len(found_in(tmp_path, {"lane 0"}, road)) > 1, "what is there is found"
    deployment, month = deployment_secret(centre.folder / "data"), month_of(datetime.now(UTC))
    secret, key = month_secret(deployment, month), box_key(deployment, month, BOX)
    hashed = {text: (slow_hash(text, secret), of_box(slow_hash(text, secret), key)) for text in texts}
    kept = ByMachine(folder / "data").open((folder / "data" / "lists.bin").read_bytes())
    assert [text for text in texts if hashed[text][1] in kept] == listed, "what is listed is found"
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != road]
    assert [path for path in files for text in others for each in hashed[text] if each in path.read_bytes()] == []
