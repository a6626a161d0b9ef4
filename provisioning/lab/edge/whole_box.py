"""A whole box at work: several cameras, their looks, the way out. What it takes, and whether it keeps up."""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge_agent.camera.sources.synthetic import SyntheticScene
from provisioning.lab.edge.camera_encoder import CameraEncoder, Picture, pictures_of
from provisioning.lab.edge.rtsp_door import RtspDoor, nal_units
from provisioning.lab.local_site.aggregator import LocalAggregator, children
from provisioning.lab.local_site.processes import PartProcess

SIZE, FPS = (1920, 1080), 10.0
_GOP = 50
_LOOP_S = 40.0
_SETTLE_S = 15.0
_EVERY_S = 2.0
_SCENE = """[[tripwires]]
name = "line"
points = [[0.05, 0.6], [0.95, 0.6]]
"""
_AGENT = """site = "bench"
agent = "{name}"
data_dir = "{name}"

[broker]
port = {broker_port}

[aggregator]
url = "http://127.0.0.1:{api_port}"

[health]
interval_s = 2.0

[looks]
per_second = {looks}
"""
_CAMERA = """
[[cameras]]
name = "c{number}"
scene = "scene.toml"

[cameras.source]
kind = "rtsp"
url = "{url}"
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a box took while it was watched.

    Attributes:
        memory_mb: of all its processes together, what they share counted once (PSS); the most that was seen.
        cores: processors that it kept busy, on average.
        pictures: that its cameras sent in that time.
        dropped: of them, those that analysis was too slow for, or that came too late.
    """

    memory_mb: float
    cores: float
    pictures: int
    dropped: int


class LoopedCamera:
    """Sends a film again and again; clients see what is sent from then on.

    Args:
        film: NAL units of each picture; the first is a key frame.
        fps: pictures a second.
    """

    def __init__(self, film: Sequence[Sequence[bytes]], fps: float) -> None:
        self._film, self._fps = film, fps
        self._door, self._stopping = RtspDoor(), threading.Event()
        self.sent = 0
        threading.Thread(target=self._play, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is seen."""
        return self._door.url

    def close(self) -> None:
        """End all connections and the camera."""
        self._stopping.set()
        self._door.close()

    def _play(self) -> None:
        began_s = time.monotonic()
        while not self._stopping.is_set():
            time_s = self.sent / self._fps
            self._door.send(self._door.packets(self._film[self.sent % len(self._film)], time_s))
            self.sent += 1
            self._stopping.wait(max(0.0, began_s + time_s + 1 / self._fps - time.monotonic()))


def film(video: Path | None) -> list[list[bytes]]:
    """So many seconds of 1080p as a camera encodes it: of a video, or of a drawn gate with a vehicle every 3 s."""
    encoder = CameraEncoder(SIZE, FPS, _GOP)
    pictures = islice(_drawn() if video is None else pictures_of(video)[1], round(_LOOP_S * FPS))
    large = (cv2.resize(picture, SIZE, interpolation=cv2.INTER_CUBIC) for picture in pictures)
    return [
        [unit for packet in encoder.encode(np.asarray(picture, np.uint8), number) for unit in nal_units(packet)]
        for number, picture in enumerate(large)
    ]


def measure(recorded: Sequence[Sequence[bytes]], cameras: int, looks: Sequence[float], seconds: float) -> list[Load]:
    """Watch such cameras with one agent for each rate of looks, one after another, beside an aggregator of its own.

    Args:
        recorded: what each camera sends.
        cameras: how many.
        looks: a second and camera.
        seconds: each, when it has settled.

    Raises:
        UnavailableError: a part ended, or was not ready in time.
    """
    with tempfile.TemporaryDirectory(prefix="hawkline-box-") as folder, contextlib.ExitStack() as ends:
        centre = LocalAggregator(Path(folder))
        ends.callback(centre.remove)
        ends.callback(centre.stop)
        centre.start()
        sending = [LoopedCamera(recorded, FPS) for _ in range(cameras)]
        for camera in sending:
            ends.callback(camera.close)
        (Path(folder) / "scene.toml").write_text(_SCENE, "utf-8")
        return [
            _watched(centre, sending, f"looks-{number}", rate * cameras, seconds) for number, rate in enumerate(looks)
        ]


def _watched(centre: LocalAggregator, sending: Sequence[LoopedCamera], name: str, looks: float, seconds: float) -> Load:
    config = centre.folder / f"{name}.toml"
    text = _AGENT.format(name=name, broker_port=centre.broker_port, api_port=centre.api_port, looks=looks)
    text += "".join(_CAMERA.format(number=number, url=camera.url) for number, camera in enumerate(sending))
    config.write_text(text, "utf-8")
    box = PartProcess(f"agent {name}", ["agent", "run", "--config", str(config)], centre.folder / f"{name}.log")
    box.start()
    try:
        time.sleep(_SETTLE_S)
        box.require_alive()
        assert box.pid is not None  # noqa: S101 - it is alive
        began_s, busy_s = time.monotonic(), _busy_s(box.pid)
        sent, dropped, memory_mb = sum(camera.sent for camera in sending), _dropped(centre, name), 0.0
        while time.monotonic() - began_s < seconds:
            time.sleep(_EVERY_S)
            box.require_alive()
            memory_mb = max(memory_mb, sum(map(_pss_mb, _family(box.pid))))
        took_s = time.monotonic() - began_s
        cores = (_busy_s(box.pid) - busy_s) / took_s
        pictures = sum(camera.sent for camera in sending) - sent
        return Load(memory_mb, cores, pictures, _dropped(centre, name) - dropped)
    finally:
        box.stop()


def _dropped(centre: LocalAggregator, name: str) -> int:
    """As its newest heartbeat says it of all its cameras."""
    boxes = {box["agent"]: box for box in centre.get("/api/v1/boxes")}
    return sum(camera.get("dropped", 0) for camera in boxes[name]["health"]["cameras"])


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        found += children(each)
    return found


def _busy_s(pid: int) -> float:
    """Seconds of processors that a process and those it started have used, those that are over among them."""
    total = 0
    for each in _family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(map(int, fields[11:15] if each == pid else fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def _pss_mb(pid: int) -> float:
    """Its part of the memory in use; what it shares with others counts by its share."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _drawn() -> Iterator[Picture]:
    scene = SyntheticScene("gate", 3, period_s=3.0)
    number = 0
    while True:
        yield np.asarray(scene.draw(number / FPS), np.uint8)
        number += 1
