"""`hawkline agent replay` as its users call it, on a real video whose cars were counted by eye."""

import json
from pathlib import Path

from tests.acceptance.test_bad_input import hawkline
from tests.conftest import ROOT


def test_cars_of_the_car_park(real_video: Path) -> None:
    done = hawkline(
        "agent",
        "replay",
        real_video / "car-detection.mp4",
        "--scene",
        ROOT / "docs" / "scenes" / "car-detection.toml",
        "-o",
        "json",
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["direction"] for row in rows] == ["right_to_left", "left_to_right", "right_to_left", "left_to_right"]
    assert {row["kind"] for row in rows} == {"line_crossed"}
    assert {row["line"] for row in rows} == {"车道 / lane"}
    assert len({row["track"] for row in rows}) == 4
    assert all(set(row) >= {"kind", "line", "direction", "frame", "time_s", "track"} for row in rows)
    # Frames at which the cars' bumpers pass the line, read off the video; their shadows reach some frames further.
    assert all(abs(row["frame"] - seen) <= 12 for row, seen in zip(rows, (88, 199, 220, 327), strict=True))
    assert all(abs(row["frame"] - 1 - row["time_s"] * 12.5) <= 1 for row in rows), "frames count from 1"
