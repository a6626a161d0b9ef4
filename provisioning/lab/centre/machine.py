"""What a bench sets up: a broker of its own, an aggregator, and who uses how much of the machine."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from provisioning.lab.cpu_steal import Stolen
from provisioning.lab.local_site.aggregator import LocalAggregator, children
from shared.errors import UnavailableError
from shared.net import is_listening, pick_free_port

_CONFIG = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 0
max_queued_messages 2000000
set_tcp_nodelay true
"""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Mosquitto:
    """The broker of production, on loopback."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
        if program is None:
            raise UnavailableError("mosquitto is missing (Debian: apt install mosquitto); the bench measures with it")
        said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"mosquitto version (\S+)", said)
        self.version = f"mosquitto {found[1] if found else '?'}"
        self.port = pick_free_port()
        config = folder / "mosquitto.conf"
        config.write_text(_CONFIG.format(port=self.port), encoding="utf-8")
        with (folder / "mosquitto.log").open("wb") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        while not is_listening("127.0.0.1", self.port):
            if self._process.poll() is not None:
                raise UnavailableError("mosquitto did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def bench_site(more: str = "") -> Iterator[tuple[Mosquitto, LocalAggregator]]:
    """Mosquitto and an aggregator that is ready, in a folder of their own; gone at the end.

    Args:
        more: what follows in the aggregator's configuration.

    Raises:
        UnavailableError: a part is missing or did not start.
    """
    with bench_folder() as folder, Mosquitto(folder) as broker:
        aggregator = LocalAggregator(folder / "site", more=more, broker_port=broker.port)
        try:
            aggregator.start()
            yield broker, aggregator
        finally:
            aggregator.stop()
            aggregator.remove()


@contextmanager
def bench_folder() -> Iterator[Path]:
    """A folder that the database's user may enter too."""
    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        yield folder


class Usage:
    """Processor time and memory of processes, by component.

    Args:
        aggregator: whose parts are counted.
        others: process ids by name.
    """

    def __init__(self, aggregator: LocalAggregator, parts: list[str], **others: int) -> None:
        self._aggregator, self._parts, self._others = aggregator, parts, others
        self._since = self._ticks()
        self._since_s, self._stolen = time.monotonic(), Stolen()

    def cores(self) -> dict[str, float]:
        """Cores used since the beginning, by component."""
        seconds = time.monotonic() - self._since_s
        return {
            name: round((ticks - self._since.get(name, 0)) / _TICKS / seconds, 3)
            for name, ticks in self._ticks().items()
            if ticks >= self._since.get(name, 0)  # else it is gone
        }

    def stolen(self) -> float:
        """Part of the machine's time that others had since the beginning, 0 to 1."""
        return self._stolen.part()

    def memory_mb(self, part: str) -> float:
        """Resident memory of one part."""
        pid = self._aggregator.pid(part)
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) if pid else 0
        return round(pages * _PAGE / 2**20, 1)

    def _ticks(self) -> dict[str, int]:
        found = {}
        for part in self._parts:
            pid = self._aggregator.pid(part)
            if pid:
                found[part] = _used(pid) + sum(_used(child) for child in children(pid))
        return {**found, **{name: _used(pid) for name, pid in self._others.items()}}


def _used(pid: int) -> int:
    """User and system time of a process and of those that it has buried, in ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])
