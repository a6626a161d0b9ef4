"""Nothing of ours, and nothing below us, speaks to the outside or leaves traces in the home folder."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from shared.net import pick_free_port
from tests.acceptance.site import await_true
from tests.conftest import skip_or_fail

HAWKLINE = [sys.executable, "-m", "shared"]
MODEL = """
import pathlib, sys, time
from models.registry import Registry
session = Registry().open("plate-recogniser")
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""
_OUTSIDE = re.compile(r'(?:inet_addr\("(?!127\.)(?P<v4>[0-9.]+)"\)|inet_pton\(AF_INET6, "(?!::1")(?P<v6>[0-9a-f:]+)")')
_LISTENED_S = 15.0
"""So long we listen to them when all are at work."""

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Traced:
    trace: Path
    process: "subprocess.Popen[bytes]"

    def end(self) -> None:
        if self.process.poll() is None:
            # Not SIGINT: a suite that a shell started in the background hands it on as ignored, and Python keeps that.
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)


def traced(folder: Path, name: str, command: list[str]) -> Traced:
    """Start a command under strace, with a home of its own and none of our variables."""
    home, trace = folder / f"{name}-home", folder / f"{name}.trace"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    strace = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-s", "120", "-o", str(trace)]
    process = subprocess.Popen(
        [*strace, *command],
        env={**environment, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Traced(trace, process)


def spoken_to(trace: Path) -> set[str]:
    """Addresses beyond this machine that were connected or sent to."""
    found = _OUTSIDE.finditer(trace.read_text(errors="replace"))
    return {match["v4"] or match["v6"] for match in found} - {"0.0.0.0", "::"}


def test_nothing_phones_home(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        skip_or_fail("strace is missing (Debian: strace)")
    port = pick_free_port()
    (tmp_path / "line.toml").write_text('[[tripwires]]\nname = "line"\npoints = [[0.1, 0.5], [0.9, 0.5]]\n')
    (tmp_path / "agent.toml").write_text(
        f'site = "north"\nagent = "g1"\ndata_dir = "box"\n[broker]\nport = {pick_free_port()}\n'
        '[[cameras]]\nname = "cam"\nscene = "line.toml"\n[cameras.source]\nkind = "synthetic"\nscene = "gate"\n'
    )
    (tmp_path / "aggregator.toml").write_text(
        f'data_dir = "data"\n[api]\nport = {port}\n[broker]\nport = {pick_free_port()}\n'
    )
    opened, outbox = tmp_path / "opened", tmp_path / "box" / "outbox.db"
    commands = {
        "model": [sys.executable, "-c", MODEL, str(opened)],
        "agent": [*HAWKLINE, "agent", "run", "--config", str(tmp_path / "agent.toml")],
        "aggregator": [*HAWKLINE, "aggregator", "run", "--config", str(tmp_path / "aggregator.toml")],
    }
    runs = {name: traced(tmp_path, name, command) for name, command in commands.items()}
    try:
        ready = f"http://127.0.0.1:{port}/readyz"
        await_true("the aggregator is ready", lambda: httpx.get(ready, trust_env=False).status_code == 200, 120)
        await_true("the model is open", opened.exists, 60)
        await_true("the agent is at work", outbox.exists, 60)
        time.sleep(_LISTENED_S)
        assert [name for name, run in runs.items() if run.process.poll() is not None] == [], "they still run"
    finally:
        for run in runs.values():
            run.end()
        subprocess.run(
            [*HAWKLINE, "aggregator", "remove", "--config", str(tmp_path / "aggregator.toml"), "--yes"],
            capture_output=True,
            check=False,
        )
    assert {name: spoken_to(run.trace) for name, run in runs.items()} == {name: set() for name in runs}
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.glob("*-home/**/*") if path.is_file()]
    assert left == []
