"""Chaos with a ledger: boxes and every part of the aggregator are killed; every event is stored once."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.embedded.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "shared", "simulate", "--dir", str(folder), "--boxes", "12", "--steady", *more]


def test_chaos_loses_nothing_and_goes_on_after_an_interruption(
    tmp_path: Path, amount: Callable[[int, int], int]
) -> None:
    """Of each part one kill or two; `hawkline simulate --chaos` with hundreds: docs/benchmarks.md."""
    kills = amount(6, 36)
    folder = tmp_path / "chaos"
    tmp_path.chmod(0o755)
    chaos = command(folder, "--chaos", "5", "--kills", str(kills), "--mishaps", "20", "--alarms", "10")
    first = subprocess.Popen(chaos, stdout=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 120
    while not (folder / "progress.json").is_file():
        assert first.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    first.send_signal(signal.SIGINT)
    summary = json.loads(first.communicate(timeout=300)[0])
    assert first.returncode == 3
    assert summary["ok"]
    assert summary["interrupted"]
    assert summary["kills"] < kills

    done = subprocess.run(chaos, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert "goes on after" in done.stderr
    assert summary["kills"] >= kills
    assert (summary["lost"], summary["duplicated"], summary["altered"], summary["waiting"]) == (0, 0, 0, 0)
    assert summary["numbered"] > 50 * kills
    assert summary["faults"]["kill boxes"] >= max(1, kills // 10)
    assert summary["alerts"] > kills // 2
    assert summary["alarms_without_alert"] == 0

    again = subprocess.run(chaos, capture_output=True, text=True, check=False, timeout=300)
    assert again.returncode == 0, "what is finished is compared once more"
    assert json.loads(again.stdout)["stored"] >= summary["stored"]

    other = subprocess.run(command(folder, "--chaos", "6"), capture_output=True, text=True, check=False, timeout=60)
    assert other.returncode == 2
    assert "holds another simulation" in other.stderr
    remove_database(folder)


@pytest.mark.alone("how long alarms take is compared with how long a backlog takes")
def test_alarms_overtake_a_backlog(tmp_path: Path) -> None:
    """All boxes come back at once; every alarm is stored long before the backlog is. Figures: docs/benchmarks.md."""
    tmp_path.chmod(0o755)
    more = ("--alarms", "40", "--bulk", "0", "--backlog", "25000", "--at-once", "--for", "5")
    began_s = time.monotonic()
    done = subprocess.run(command(tmp_path / "sim", *more), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    took_s = time.monotonic() - began_s
    summary = json.loads(done.stdout)
    assert summary["numbered"] > 300_000
    assert (summary["lost"], summary["duplicated"], summary["waiting"]) == (0, 0, 0)
    assert summary["drained_s"] > 5, "the backlog lasts longer than the alarms come"
    assert summary["alarm_p99_ms"] < summary["drained_s"] * 1000 / 3
    assert not (tmp_path / "sim" / "aggregator").exists(), "a good run leaves no database"
    assert took_s < 200


def remove_database(folder: Path) -> None:
    """What the run says that one may do with it."""
    remove = [sys.executable, "-m", "shared", "aggregator", "remove", "--config", str(folder / "aggregator.toml")]
    asked = subprocess.run(remove, capture_output=True, text=True, check=False, timeout=60)
    assert asked.returncode == 2
    assert "--yes deletes for good" in asked.stderr
    database = EmbeddedPostgres(folder / "aggregator").folder
    assert database.is_dir()
    done = subprocess.run([*remove, "--yes"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not database.exists()
    assert not (folder / "aggregator").exists()
    again = subprocess.run([*remove, "--yes"], capture_output=True, text=True, check=False, timeout=60)
    assert again.returncode == 2
    assert "no aggregator has run there" in again.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--kills", "3"], "--kills belongs to --chaos"),
        (["--chaos", "1", "--backlog", "5"], "exclude each other"),
        (["--backlog", "5"], "--backlog wants --for"),
        (["--for", "1"], "not empty (something)"),
        (["--for", "1", "--dir", "/proc/self/nothing"], "give a folder that can be made"),
    ],
)
def test_options_that_make_no_sense_are_refused(more: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    done = subprocess.run(command(tmp_path, *more), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert words in done.stderr
