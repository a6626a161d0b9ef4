"""One aggregator of our own on loopback, with its embedded servers, and its processes by name."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from provisioning.lab.local_site.processes import PartProcess
from shared.errors import UnavailableError
from shared.net import is_listening, pick_free_port

_READY_S = 180.0
_LEAVE_S = 30.0
_TEXT = """data_dir = "aggregator"

[broker]
kind = "{kind}"
port = {broker_port}

[api]
port = {api_port}
"""


class LocalAggregator:
    """Written into a folder, started as a process.

    Args:
        folder: of configuration, data and log.
        api_port: where it listens; None picks one.
        more: what follows in its configuration.
        broker_port: of a broker that runs; None starts the embedded one.
    """

    def __init__(
        self, folder: Path, api_port: int | None = None, more: str = "", broker_port: int | None = None
    ) -> None:
        self.folder, self.more, self._embedded = folder, more, broker_port is None
        self.api_port, self.broker_port = api_port or pick_free_port(), broker_port or pick_free_port()
        self.url = f"http://127.0.0.1:{self.api_port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        config = folder / "aggregator.toml"
        self.process = PartProcess(
            "aggregator", ["aggregator", "run", "--config", str(config)], folder / "logs" / "aggregator.log"
        )

    def start(self, stop: threading.Event | None = None) -> None:
        """Write, start, and wait until it takes events.

        Raises:
            UnavailableError: it ended, or was not ready in time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        places = {"broker_port": self.broker_port, "api_port": self.api_port}
        text = _TEXT.format(kind="embedded" if self._embedded else "other", **places) + self.more
        (self.folder / "aggregator.toml").write_text(text, encoding="utf-8")
        self.process.start()
        self.await_ready(stop)

    def await_ready(self, stop: threading.Event | None = None) -> None:
        """Wait until database, ingest and broker are all there.

        Raises:
            UnavailableError: it ended, or was not ready in time.
        """
        stop = stop or threading.Event()
        deadline_s = time.monotonic() + _READY_S
        while time.monotonic() < deadline_s and not stop.is_set():
            self.process.require_alive()
            with contextlib.suppress(httpx.HTTPError):
                if self.http.get("/readyz").status_code == 200:
                    return
            stop.wait(0.1)
        if not stop.is_set():
            raise UnavailableError(f"the aggregator was not ready after {_READY_S:.0f} s; see {self.process.log}")

    def get(self, path: str) -> Any:
        """JSON of the API.

        Raises:
            httpx.HTTPError: it does not answer, or not with this.
        """
        response = self.http.get(path)
        response.raise_for_status()
        return response.json()

    def pid(self, part: str) -> int | None:
        """Process id of one of its parts while that lives."""
        try:
            pid = json.loads((self.folder / "aggregator" / "pids.json").read_text()).get(part)
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, ValueError):
            return None
        return None if state == "Z" else pid

    def signal(self, part: str, what: signal.Signals, *, with_children: bool = False) -> list[int]:
        """Send a signal to one of its parts; returns the processes that got it: none where it does not live now."""
        pid = self.pid(part)
        if pid is None:
            return []
        return send([pid, *(children(pid) if with_children else ())], what)

    def limit_files(self, part: str, max_bytes: int | None) -> bool:
        """Have one of its parts fail to write any file beyond so many bytes, as on a full disk; None: no more.

        Returns:
            Whether it lives and is limited so.
        """
        pid = self.pid(part)
        return pid is not None and limit_with_children(pid, max_bytes)

    def restart(self) -> None:
        """Kill it and start it again, as soon as its parts have left their ports."""
        self.process.kill()
        deadline_s = time.monotonic() + _LEAVE_S
        while any(is_listening("127.0.0.1", port) for port in (self.api_port, self.broker_port)):
            if time.monotonic() > deadline_s:
                raise UnavailableError("the aggregator's parts do not leave after it was killed")
            time.sleep(0.05)
        self.process.start()

    def stop(self) -> None:
        """End it and its parts."""
        self.process.stop()
        self.http.close()

    def has_data(self) -> bool:
        """Whether an aggregator has run here and was not removed."""
        return (self.folder / "aggregator" / "aggregator.lock").is_file()

    def remove(self) -> bool:
        """Delete what it stored, wherever that lies; of a stopped one. Returns whether all of it is gone."""
        config = str(self.folder / "aggregator.toml")
        command = [sys.executable, "-m", "shared", "aggregator", "remove", "--config", config, "--yes"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def send(pids: Sequence[int], what: signal.Signals) -> list[int]:
    """Send a signal to processes; returns those that were there."""
    reached = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)
            reached.append(pid)
    return reached


def limit_with_children(pid: int, max_bytes: int | None) -> bool:
    """Let a process and those that it has started write no file beyond so many bytes; None: as far as they may.

    Returns:
        Whether the process itself is limited so.
    """
    done = _limit_file_size(pid, max_bytes)  # it first: whom it starts from now on is as it is
    for child in children(pid):
        _limit_file_size(child, max_bytes)
    return done


def _limit_file_size(pid: int, max_bytes: int | None) -> bool:
    try:
        owner = Path(f"/proc/{pid}").stat()
    except FileNotFoundError:
        return False
    soft = "unlimited" if max_bytes is None else max_bytes
    # As its owner: PostgreSQL has a user of its own, and not every root may do this to others.
    other: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if owner.st_uid != os.geteuid() else {}
    command = ["prlimit", "--pid", str(pid), f"--fsize={soft}:"]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL, **other).returncode == 0


def children(pid: int) -> list[int]:
    """Processes that it has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found
