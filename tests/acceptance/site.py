"""A whole site of real processes for acceptance tests: written, started, killed, looked into."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
from psycopg.rows import dict_row

from aggregator.embedded.postgres import EmbeddedPostgres
from provisioning.lab.local_site.aggregator import LocalAggregator
from provisioning.lab.local_site.processes import PartProcess

T = TypeVar("T")

AGENT = """
site = "test"
agent = "{name}"
data_dir = "{name}"

[broker]
port = {broker_port}

[aggregator]
url = "http://127.0.0.1:{api_port}"

[health]
interval_s = 1.0
"""
CAMERA = """
[[cameras]]
name = "{name}"
scene = "{scene}"

[cameras.source]
{source}
"""


def await_true(what: str, look: Callable[[], T], timeout_s: float = 30.0) -> T:
    """Look until the answer is true; a service that does not answer yet counts as false."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            found = look()
        except (httpx.HTTPError, psycopg.Error, OSError):
            found = None
        if found:
            return found  # type: ignore[return-value]
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.1)


class Site:
    """One aggregator with embedded servers, and agents beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._local = LocalAggregator(folder)
        self.aggregator, self.url, self.http = self._local.process, self._local.url, self._local.http
        self.api_port, self.broker_port = self._local.api_port, self._local.broker_port
        self.agents: dict[str, PartProcess] = {}

    def start_aggregator(self, more: str = "") -> None:
        """Begin; `more` follows in its configuration."""
        self._local.more = more
        self._local.start()

    def await_ready(self) -> None:
        self._local.await_ready()

    def add_agent(self, name: str, cameras: dict[str, tuple[str, str]]) -> PartProcess:
        """Write an agent; `cameras` maps a name to its scene file's text and its source section."""
        text = AGENT.format(name=name, broker_port=self.broker_port, api_port=self.api_port)
        for camera, (scene, source) in cameras.items():
            (self.folder / f"{name}-{camera}.toml").write_text(scene)
            text += CAMERA.format(name=camera, scene=f"{name}-{camera}.toml", source=source)
        self.config(name).write_text(text)
        self.agents[name] = PartProcess(
            f"agent {name}", ["agent", "run", "--config", str(self.config(name))], self.folder / f"{name}.log"
        )
        return self.agents[name]

    def config(self, name: str) -> Path:
        return self.folder / f"{name}.toml"

    def outbox(self, name: str) -> Path:
        return self.folder / name / "outbox.db"

    def kill(self, part: str) -> None:
        """SIGKILL one of the aggregator's parts and wait until it is another process."""
        pid = await_true(f"{part} runs", lambda: self._local.pid(part))
        assert self._local.signal(part, signal.SIGKILL)
        await_true(f"{part} is started again", lambda: self._local.pid(part) not in (None, pid), 60)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask the database itself."""
        dsn = EmbeddedPostgres(self.folder / "aggregator").dsn
        with psycopg.connect(dsn, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def get(self, path: str) -> Any:
        return self._local.get(path)

    def close(self) -> None:
        for agent in self.agents.values():
            agent.stop()
        self._local.stop()
        EmbeddedPostgres(self.folder / "aggregator").remove()
