"""What a box recognises comes out everywhere; one whose model is missing says so and counts all the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from provisioning.lab.edge.camera_encoder import Picture, encoded, write
from tests.acceptance.site import Site, await_true
from tests.acceptance.test_bad_input import hawkline
from tests.unit.test_detect import brightest

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

FPS = 10
SCENE = """
[[tripwires]]
name = "大门"
points = [[0.5, 0.1], [0.5, 0.95]]

[[tripwires]]
name = "animals only"
points = [[0.6, 0.1], [0.6, 0.95]]
objects = ["animal"]
"""
LOOKS = """
[looks]
per_second = 10
model = "{model}"
layout = "end_to_end"
classes = {{ 3 = "person" }}
"""


def walk(number: int) -> Picture:
    """One who is as bright as the model wants it goes from the left to the right, six seconds after the beginning."""
    picture = np.full((160, 320, 3), 40, np.uint8)
    x = -30 + 4 * max(0, number - 60)
    picture[60:120, max(0, x) : max(0, min(320, x + 24))] = 250
    return picture


def test_what_was_recognised_is_on_the_event_the_alert_and_the_counts(site: Site) -> None:
    clip = site.folder / "walk.mkv"
    write(clip, encoded((walk(number) for number in range(190)), FPS, 50), FPS)
    brightest(site.folder / "bright.onnx")
    source = f'kind = "file"\npath = "{clip}"'
    site.start_aggregator()
    site.await_ready()
    for name, model in (("sees", "bright.onnx"), ("blind", "absent.onnx")):
        agent = site.add_agent(name, {"cam": (SCENE, source)})
        site.config(name).write_text(site.config(name).read_text() + LOOKS.format(model=model))
        agent.start()

    def crossed() -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = site.get("/api/v1/events?kind=line_crossed")["events"]
        return events if len(events) >= 3 else []

    events = await_true("all crossings are stored", crossed, 90)
    told = {(event["agent"], event["line"]): event["detail"] for event in events}
    # The line for animals leaves out a person that is recognised, and nothing that is not.
    assert set(told) == {("sees", "大门"), ("blind", "大门"), ("blind", "animals only")}
    assert told["sees", "大门"]["object"] == "person"
    assert 0.8 <= told["sees", "大门"]["score"] <= 1
    assert "object" not in told["blind", "大门"]

    alerts = site.get("/api/v1/alerts?object=person")["alerts"]
    assert [(alert["agent"], alert["detail"]["object"]) for alert in alerts] == [("sees", "person")]
    assert {alert["agent"] for alert in site.get("/api/v1/alerts?object=unknown")["alerts"]} == {"blind"}
    assert [event["agent"] for event in site.get("/api/v1/events?object=person")["events"]] == ["sees"]
    counted = hawkline("counts", "--url", site.url, "--by-object", "--step", "day", "-o", "csv").stdout
    assert "sees,cam,大门,right_to_left,person," in counted
    assert "blind,cam,animals only,right_to_left,unknown," in counted

    boxes = {box["agent"]: box for box in site.get("/api/v1/boxes")}
    assert boxes["sees"]["health"]["looks"]["looking"] is True
    assert boxes["sees"]["health"]["looks"]["looks"] > 10
    assert boxes["sees"]["troubles"] == []
    assert boxes["blind"]["troubles"] == ["no_looks"]
    assert "absent.onnx" in boxes["blind"]["health"]["looks"]["why"]
    said = hawkline("health", "--url", site.url, "--troubled", "-o", "csv")
    assert said.returncode == 1
    assert "looks: none, motion goes on alone: looks.model" in said.stdout


def test_a_replay_says_why_something_is_not_counted(tmp_path: Path) -> None:
    clip, scene = tmp_path / "walk.mkv", tmp_path / "scene.toml"
    write(clip, encoded((walk(number) for number in range(190)), FPS, 50), FPS)
    scene.write_text(SCENE, "utf-8")
    model = brightest(tmp_path / "bright.onnx")
    # Its own classes are COCO's for a replay: what is bright is a two-wheeler.
    shown = hawkline(
        *("agent", "replay", clip, "--scene", scene, "--budget", "10", "--model", model, "--layout", "end_to_end"),
        *("--explain", "animals only", "-o", "csv"),
    )
    assert shown.returncode == 0, shown.stderr
    rows = [line.split(",") for line in shown.stdout.splitlines()[1:]]
    assert ("line_crossed", "大门", "two_wheeler") in [(row[0], row[1], row[6]) for row in rows]
    assert ("not_counted", "animals only", "two_wheeler") in [(row[0], row[1], row[6]) for row in rows]
    assert [row[0] for row in rows].count("line_crossed") == 1
    assert "looks are sure that it is none of the line's objects" in shown.stdout
    wrong = hawkline("agent", "replay", clip, "--scene", scene, "--budget", "10", "--model", model, "--layout", "yolox")
    assert wrong.returncode == 2
    assert "expected (1, 84, 5 + 80 classes)" in wrong.stderr
    alone = hawkline("agent", "replay", clip, "--scene", scene)
    assert "warning: objects of 'animals only': without --looks nothing tells what a thing is" in alone.stderr
    unused = hawkline("agent", "replay", clip, "--scene", scene, "--model", model)
    assert (unused.returncode, "--model: needs --looks" in unused.stderr) == (2, True)
