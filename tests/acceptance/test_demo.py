"""The demo with a real video: one alert for each car, each with its picture, and an honest verdict."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.embedded.postgres import EmbeddedPostgres
from shared.net import pick_free_port
from tests.acceptance.test_bad_input import hawkline, refused
from tests.conftest import ROOT

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]


@pytest.fixture(autouse=True)
def _no_database_is_left(tmp_path: Path) -> Iterator[None]:
    """As root it lies elsewhere, and a developer would not find it again."""
    yield
    if (tmp_path / "aggregator").is_dir():
        EmbeddedPostgres(tmp_path / "aggregator").remove()


def test_one_alert_for_each_car(real_video: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    done = hawkline(
        "demo",
        "run",
        "--for",
        36,
        "--video",
        real_video / "car-detection.mp4",
        "--scene",
        ROOT / "docs" / "scenes" / "car-detection.toml",
        "--port",
        pick_free_port(),
        "--dir",
        tmp_path,
        timeout_s=200,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    summary = json.loads(line)
    assert summary["alerts_by_line"]["车道 / lane"] == 4
    assert summary["alerts_with_picture"] == summary["alerts"] == summary["events"]["line_crossed"]
    assert (summary["lost"], summary["duplicated"], summary["waiting"]) == (0, 0, 0)
    assert summary["numbered"] == summary["stored"] > summary["alerts"]
    assert 0 < summary["p50_ms"] <= summary["p99_ms"]


def test_ctrl_c_ends_in_order(tmp_path: Path) -> None:
    """The terminal sends SIGINT to the whole group; the summary still needs the aggregator."""
    tmp_path.chmod(0o755)
    command = [sys.executable, "-m", "shared", "demo", "run", "--port", str(pick_free_port()), "--dir", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        assert demo.stderr is not None
        while (line := demo.stderr.readline()) and " 5 s:" not in line:
            pass
        os.killpg(demo.pid, signal.SIGINT)
        out, err = demo.communicate(timeout=60)
    assert demo.returncode == 0, err
    summary = json.loads(out)
    assert summary["ok"]
    assert summary["alerts"] > 0


def test_port_in_use_is_said(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(hawkline("demo", "run", "--for", 5, "--port", port, "--dir", tmp_path), f"--port = {port}", "listens")
