"""The benches measure what they say. How fast this machine is today is no test's matter."""

import os
import shutil
from typing import Any

import pytest

from provisioning.lab.centre import fanout, ingest
from provisioning.lab.centre.generator import Load
from provisioning.lab.database.fill import Size
from provisioning.lab.database.query import measure


def need_mosquitto() -> None:
    if not (shutil.which("mosquitto_sub") and (shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto"))):
        reason = "mosquitto or mosquitto_sub is missing (Debian: mosquitto, mosquitto-clients)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def milliseconds(row: dict[str, Any], name: str) -> float:
    return float(row[name].removesuffix(" ms"))


def test_questions_to_a_filled_record_are_timed(server_dsn: str) -> None:
    rows = list(measure(Size(events=20_000, days=40, boxes=60), server_dsn, lambda _: None))
    assert float(rows[0]["question"].split()[3].rstrip(";")) > 50
    asked = {row["question"]: row for row in rows[1:]}
    assert {row["state"] for row in rows[1:]} == {"warm"}, "a server that is not ours is not restarted"
    for name in ("newest 100 of a station", "a year of quarter-hours of the busiest 100 lines"):
        row = asked[name]
        assert 0 < milliseconds(row, "p50") <= milliseconds(row, "p95") <= milliseconds(row, "most")
        assert row["verdict"] == ("met" if milliseconds(row, "p95") <= float(row["bar"].split()[2]) else "missed")


@pytest.mark.alone("alerts at a rate are counted, within five in a hundred")
def test_everybody_hears_of_every_alert_and_who_stalled_misses_none() -> None:
    need_mosquitto()
    quiet, stalled, deeds = fanout.measure(clients=20, rate=40.0, stalled=3, seconds=3.5)
    for row in (quiet, stalled):
        assert row["missed"] == 0
        assert row["alerts"] == pytest.approx(140, abs=7)
        assert row["messages"] == 20 * row["alerts"]
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["most_ms"]
    assert (quiet["stalled"], stalled["stalled"]) == (0, 3)
    assert (deeds["refused"], deeds["missed"]) == (0, 0)


def test_what_is_sent_at_once_is_stored_beside_the_peer() -> None:
    need_mosquitto()
    ours, peer = ingest.burst(Load(0, 20, 2000.0, 1, 0.0, 1.0, at_once=True), workers=1)
    assert (ours["sent"], ours["acknowledged"], ours["stored"]) == (2000, 2000, 2000)
    assert peer["sent"] == 2000
    assert ours["of_peer"] == pytest.approx(ours["events_per_s"] / peer["events_per_s"], abs=0.01)
