"""A domain from outside the product: its event goes to the record, to an alert, to API, metrics and feed."""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
import pytest

from provisioning.lab.local_site.aggregator import LocalAggregator
from shared.clock import to_ms
from shared.envelope import Header, encode_batch, encode_event
from shared.events import KindError, Lane, all_kinds
from shared.events import brought as load
from shared.ids import new_epoch
from shared.mqtt import Connection

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "fixtures" / "example_domain"


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were installed: processes that are started now find it."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLE), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(EXAMPLE))


def until(what: str, look: Callable[[], Any], seconds: float = 30) -> Any:
    deadline_s = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)
    return found


@pytest.mark.usefixtures("brought")
def test_an_event_of_another_distribution_goes_the_whole_way(tmp_path: Path) -> None:
    moved = importlib.import_module("barriers.wire").BarrierMoved
    aggregator = LocalAggregator(tmp_path)
    aggregator.start()
    try:
        box = Connection("box", "127.0.0.1", aggregator.broker_port)
        box.start()
        until("the broker takes us", lambda: box.is_up)
        now_ms = to_ms(time.time())
        rows = [encode_event(moved(now_ms, "south 北", broken)) for broken in (False, True)]
        batch = encode_batch(Header(Lane.ALARM, new_epoch(), 1, len(rows), 1, now_ms), rows)
        with aggregator.http.stream("GET", "/api/v1/feed") as feed:
            lines = feed.iter_lines()
            next(line for line in lines if line.startswith("event: ping"))
            box.publish("hl/1/park/b1/up/alarm", batch, qos=1)
            told = next(line for line in lines if line.startswith("data: ") and "barrier_broken" in line)
        box.stop()
        assert '"change":"raised"' in told
        (alert,) = aggregator.get("/api/v1/alerts")["alerts"]
        assert (alert["condition"], alert["subject"], alert["name"]) == ("barrier_broken", "barrier", "south 北")
        assert (alert["priority"], alert["members"]) == (1, 1)
        assert alert["words"] == {"zh": "道闸损坏", "en": "Barrier broken"}
        events = aggregator.get("/api/v1/events?kind=barrier_moved")["events"]
        assert [event["detail"]["broken"] for event in events] == [True, False]
        assert aggregator.get("/api/v1/barriers") == ["south 北"], "its own route"
        assert "/api/v1/barriers" in aggregator.get("/api/v1/openapi.json")["paths"]
        assert "hawkline_ingest_barriers_moved_total" in aggregator.http.get("/metrics").text, "its projection"
        until(
            "its job is done",
            lambda: "hawkline_ingest_barriers_inspected_total" in aggregator.http.get("/metrics").text,
        )
        assert "inspect-barriers" in {row["name"] for row in aggregator.get("/api/v1/jobs")}
        (page,) = aggregator.get("/api/v1/pages")
        assert (page["name"], page["words"]["zh"]) == ("barriers", "道闸")
        module = aggregator.http.get(page["module"])
        assert (module.status_code, "javascript" in module.headers["content-type"]) == (200, True)
        alarms = next(row for row in aggregator.get("/api/v1/producers") if row["lane"] == Lane.ALARM)
        assert (alarms["alarms"], alarms["in_alerts"]) == (1, 1)
    finally:
        aggregator.stop()
    command = [sys.executable, "-m", "shared", "barrier", "kind"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == "200\n"


def kind(number: int) -> type[Any]:
    return msgspec.defstruct("Mine", [("at_ms", int)], tag=number, array_like=True, frozen=True)


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        ([("line_crossed", kind(201), "mine")], "'line_crossed' of events is there twice: of hawkline and of mine"),
        ([("x", kind(201), "one"), ("x", kind(202), "two")], "'x' of events is there twice: of one and of two"),
        ([("x", kind(1), "mine")], "kinds 'line_crossed' and 'x' of events have the same number, 1"),
        ([("x", kind(150), "mine")], "those from outside begin at 200"),
        ([("x", str, "mine")], "'x' of mine: expected a subclass of EventBase"),
    ],
)
def test_kinds_that_contradict_each_other_are_refused_by_name(
    brought: list[tuple[str, type[Any], str]], said: str
) -> None:
    with pytest.raises(KindError, match=said):
        all_kinds(brought)


def test_an_entry_point_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(KindError, match=r"entry point 'x' \(json:nothing\) of unknown cannot be loaded"):
        load(EntryPoint("x", "json:nothing", "hawkline.kinds"), KindError)
