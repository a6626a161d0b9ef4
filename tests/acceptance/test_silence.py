"""Nothing of ours, and nothing below us, speaks to the outside or leaves traces in the home folder."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.net import pick_free_port
from tests.conftest import skip_or_fail

HAWKLINE = [sys.executable, "-m", "shared"]
MODEL = "from models.registry import Registry; Registry().open('plate_recogniser'); import time; time.sleep(12)"
_OUTSIDE = re.compile(r'(?:inet_addr\("(?!127\.)(?P<v4>[0-9.]+)"\)|inet_pton\(AF_INET6, "(?!::1")(?P<v6>[0-9a-f:]+)")')
_RUNS_S = 20.0


def traced(folder: Path, name: str, command: list[str], seconds: float) -> tuple[Path, "subprocess.Popen[bytes]"]:
    """Start a command under strace, with a home of its own and none of our variables."""
    home, trace = folder / f"{name}-home", folder / f"{name}.trace"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    strace = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-s", "120", "-o", str(trace)]
    process = subprocess.Popen(
        ["timeout", "-s", "INT", f"{seconds:g}", *strace, *command],
        env={**environment, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return trace, process


def spoken_to(trace: Path) -> set[str]:
    """Addresses beyond this machine that were connected or sent to."""
    found = _OUTSIDE.finditer(trace.read_text(errors="replace"))
    return {match["v4"] or match["v6"] for match in found} - {"0.0.0.0", "::"}


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, list[str]]:
    (tmp_path / "line.toml").write_text('[[tripwires]]\nname = "line"\npoints = [[0.1, 0.5], [0.9, 0.5]]\n')
    (tmp_path / "agent.toml").write_text(
        f'site = "north"\nagent = "g1"\ndata_dir = "box"\n[broker]\nport = {pick_free_port()}\n'
        '[[cameras]]\nname = "cam"\nscene = "line.toml"\n[cameras.source]\nkind = "synthetic"\nscene = "gate"\n'
    )
    (tmp_path / "aggregator.toml").write_text(
        f'data_dir = "data"\n[api]\nport = {pick_free_port()}\n[broker]\nport = {pick_free_port()}\n'
    )
    return {
        "model": [sys.executable, "-c", MODEL],
        "agent": [*HAWKLINE, "agent", "run", "--config", str(tmp_path / "agent.toml")],
        "aggregator": [*HAWKLINE, "aggregator", "run", "--config", str(tmp_path / "aggregator.toml")],
    }


def test_nothing_phones_home(commands: dict[str, list[str]], tmp_path: Path) -> None:
    if not shutil.which("strace"):
        skip_or_fail("strace is missing (Debian: strace)")
    began_s = time.monotonic()
    runs = {name: traced(tmp_path, name, command, _RUNS_S) for name, command in commands.items()}
    try:
        for _, process in runs.values():
            process.wait(_RUNS_S * 3)
    finally:
        subprocess.run(
            [*HAWKLINE, "aggregator", "remove", "--config", str(tmp_path / "aggregator.toml"), "--yes"],
            capture_output=True,
            check=False,
        )
    assert time.monotonic() - began_s > 10, "they ran"
    assert {name: spoken_to(trace) for name, (trace, _) in runs.items()} == {name: set() for name in runs}
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.glob("*-home/**/*") if path.is_file()]
    assert left == []
