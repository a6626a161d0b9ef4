"""Peers, each in an environment of its own: what they need would replace our OpenCV."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.output import say

LINEZONE = "supervision==0.31.2"
BYTETRACK = "trackers==2.6.1"
_NEEDS = ("numpy", "scipy", "matplotlib", "pillow", "defusedxml", "requests", "tqdm", "pyyaml", "rich")
_OLD = "pydeprecate<0.14"
_OPENCV = "opencv-python-headless"


class Peer:
    """An environment with them."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._python, self._folder = python, folder

    @classmethod
    @contextmanager
    def installed(cls) -> "Iterator[Peer | None]":
        """Install them for a while; None, and a word why, where that is not possible."""
        with TemporaryDirectory(prefix="hawkline-peer-") as work:
            folder = Path(work)
            python = folder / "venv" / "bin" / "python"
            install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            steps = [
                [sys.executable, "-m", "venv", str(folder / "venv")],
                [*install, "--no-deps", LINEZONE, BYTETRACK],
                [*install, *_NEEDS, _OLD, _OPENCV],
            ]
            for step in steps:
                done = subprocess.run(step, capture_output=True, text=True, check=False)
                if done.returncode:
                    say(f"{LINEZONE} and {BYTETRACK} cannot be installed: {done.stderr[-300:]}")
                    yield None
                    return
            yield cls(python, folder)

    def run(self, script: str, jobs: Sequence[Any]) -> list[Any] | None:
        """Run one of our scripts there.

        Args:
            script: its name; it lies beside this file.
            jobs: what it gets, as JSON.

        Returns:
            What it says of each job; None where it fails.
        """
        path = self._folder / "jobs.json"
        path.write_text(json.dumps(jobs))
        command = [str(self._python), str(Path(__file__).with_name(script)), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"{script} failed: {done.stderr[-300:]}")
            return None
        found: list[Any] = json.loads(done.stdout)
        return found
