"""A centre of its own on loopback, and the boxes of a plan, which wait there for what the planner's commands send.

All of it is real but for the cameras: commands, console, broker, database, agents. So what is rehearsed is what will be
done, before anybody drives out.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from provisioning.lab.local_site.aggregator import LocalAggregator
from provisioning.lab.local_site.processes import PartProcess
from provisioning.sites.plan import Box, Plan
from provisioning.sites.words import Language, Said
from shared.errors import ConfigError
from shared.files import write_secret
from shared.locks import hold
from shared.net import require_free_port
from shared.output import say
from shared.stop_signals import set_by_signals

_LOOK_S = 2.0
_OF_LINES = "tripwire", "intrusion", "wrong_way", "loitering"
_AGENT = """# Written by the rehearsal of a plan: this box waits for what the centre sends.
site = "{site}"
agent = "{box}"
data_dir = "data"

[broker]
port = {broker_port}

[aggregator]
url = "{url}"

[health]
interval_s = 5.0
trial_s = 60.0

[rehearsal]
fps = {fps}
"""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the command was asked.

    Attributes:
        plan: without a fault.
        path: of its file, as the planner names it.
        folder: of data and logs.
        port: of console and API.
        most: boxes that run, at most.
        fps: of each generated camera.
        for_s: seconds until it ends; None: until it is stopped.
        language: of what is said.
    """

    plan: Plan
    path: Path
    folder: Path
    port: int
    most: int
    fps: float
    for_s: float | None
    language: Language


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the boxes have got."""

    online: int
    obeying: int
    events: int
    """Alerts of lines and zones."""

    def said(self, seconds: float) -> Said:
        """For the planner."""
        return Said(
            f"{seconds:5.0f} s: {self.online} boxes online, {self.obeying} obey what was sent, {self.events} alerts",
            f"{seconds:5.0f} 秒：在线 {self.online} 台，已按配置值守 {self.obeying} 台，告警 {self.events} 条",
        )


def rehearse(asked: Rehearsal) -> Standing:
    """Run until stopped; what is in the folder is gone on with the next time.

    Returns:
        How far the boxes had got.

    Raises:
        ConfigError: the folder cannot be used, or another rehearsal does.
        UnavailableError: the centre did not start, or a box ended.
    """
    require_free_port("127.0.0.1", asked.port, "--port")
    try:
        asked.folder.mkdir(parents=True, exist_ok=True)
        claim = hold(asked.folder / "rehearsal.lock", f"--dir {str(asked.folder)!r}: a rehearsal runs in it already")
    except OSError as error:
        raise ConfigError(f"--dir {str(asked.folder)!r}: {error.strerror}; give a folder that can be made") from None
    stop = threading.Event()
    try:
        with set_by_signals(stop):
            return _run(asked, LocalAggregator(asked.folder, asked.port), stop)
    finally:
        claim.close()


def _run(asked: Rehearsal, centre: LocalAggregator, stop: threading.Event) -> Standing:
    boxes = asked.plan.boxes[: asked.most]
    agents = [_agent(asked, centre, box) for box in boxes]
    try:
        _tell(asked, Said("starting the centre …", "正在启动中心……"))
        centre.start(stop)
        for agent in agents:
            agent.start()
        _tell(asked, _what_to_do(asked, centre.url, boxes))
        return _watch(asked, centre, agents, stop)
    finally:
        with ThreadPoolExecutor(len(agents) or 1) as pool:
            list(pool.map(PartProcess.stop, agents))
        _tell(asked, Said("stopping the centre …", "正在停止中心……"))
        centre.stop()


def _agent(asked: Rehearsal, centre: LocalAggregator, box: Box) -> PartProcess:
    name = f"{box.site}.{box.box}"
    path = asked.folder / "boxes" / name / "agent.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"site": box.site, "box": box.box, "broker_port": centre.broker_port, "url": centre.url, "fps": asked.fps}
    write_secret(path, _AGENT.format(**values).encode())
    return PartProcess(f"box {name}", ["agent", "run", "--config", str(path)], asked.folder / "logs" / f"{name}.log")


def _what_to_do(asked: Rehearsal, url: str, boxes: Sequence[Box]) -> Said:
    left, port = len(asked.plan.boxes) - len(boxes), "" if asked.port == 8420 else f"HAWKLINE_URL={url} "
    more = (f"; {left} more of the plan are awaited (--boxes)", f"；规划中还有 {left} 台未启动（--boxes）")
    return Said(
        f"{len(boxes)} boxes run, and wait for a configuration{more[0] if left else ''}. Now, in another terminal:\n"
        f"  {port}hawkline site apply {asked.path}\n  {port}hawkline site send\n  {port}hawkline configuration list\n"
        f"Console: {url}/ (Roll-out: draw lines). Cameras show generated scenes. Ctrl+C ends it.",
        f"已启动 {len(boxes)} 台设备，等待配置{more[1] if left else ''}。现在另开一个终端，依次执行：\n"
        f"  {port}hawkline site apply {asked.path}\n  {port}hawkline site send\n  {port}hawkline configuration list\n"
        f"页面：{url}/ （“开通进度”里可以画线）。摄像机画面是生成的。按 Ctrl+C 结束。",
    )


def _watch(asked: Rehearsal, centre: LocalAggregator, agents: Sequence[PartProcess], stop: threading.Event) -> Standing:
    began_s, told = time.monotonic(), Standing(0, 0, 0)
    while not stop.wait(_LOOK_S):
        seconds = time.monotonic() - began_s
        for part in (centre.process, *agents):
            part.require_alive()
        now = _standing(centre) or told
        if (now.online, now.obeying, now.events > 0) != (told.online, told.obeying, told.events > 0):
            _tell(asked, now.said(seconds))
        told = now
        if asked.for_s is not None and seconds >= asked.for_s:
            break
    return told


def _standing(centre: LocalAggregator) -> Standing | None:
    """None where the centre is busy."""
    try:
        rows: list[dict[str, Any]] = centre.get("/api/v1/rollout")
        alerts = centre.get("/api/v1/alerts?limit=200")["alerts"]
    except httpx.HTTPError:
        return None
    online = [row for row in rows if row["state"] == "online"]
    seen = sum(each["condition"] in _OF_LINES for each in alerts)
    return Standing(len(online), sum(row["configuration"] == "kept" for row in online), seen)


def _tell(asked: Rehearsal, said: Said) -> None:
    say(said.of(asked.language))
