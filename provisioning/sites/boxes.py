"""The files of each box of a plan, as its agent reads them."""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import tomli_w

from edge_agent.address import camera_address
from provisioning.sites.plan import Box, Camera, Line, Partition, Plan, SensorPoint
from provisioning.sites.templates import lines_of
from shared.configuration import MAIN

Key = tuple[str, str]
CameraKey = tuple[str, str, str]
_AWAY_S = 300.0
"""So long a camera that can be steered may look elsewhere before that is told."""


_OWN = "site", "agent", "data_dir", "trust"
"""What makes a box itself, and is not the centre's to say."""


@dataclass(frozen=True, slots=True)
class BoxFiles:
    """What lies on a box.

    Attributes:
        agent: `agent.toml`.
        scenes: of its cameras, by the name of their file.
    """

    agent: str
    scenes: Mapping[str, str]


def sendable(files: BoxFiles) -> dict[str, str]:
    """What the centre sends of them: what is watched."""
    table = tomli_w.dumps({key: value for key, value in tomllib.loads(files.agent).items() if key not in _OWN})
    return {MAIN: table, **files.scenes}


class Configurations:
    """Of all boxes of a plan.

    Args:
        plan: without a fault.
        door: the boxes' door of the centre, `https://HOST:8421`; empty: a trial on one machine.
        passwords: of cameras that have a user.
    """

    def __init__(self, plan: Plan, door: str = "", passwords: Mapping[CameraKey, str] | None = None) -> None:
        self._door, self._passwords = door, passwords or {}
        self._cameras, self._sensors = defaultdict[Key, list[Camera]](list), defaultdict[Key, list[SensorPoint]](list)
        self._partitions, self._lines = (
            defaultdict[Key, list[Partition]](list),
            defaultdict[CameraKey, list[Line]](list),
        )
        for camera in plan.cameras:
            self._cameras[camera.on].append(camera)
        for sensor in plan.sensors:
            self._sensors[sensor.on].append(sensor)
        for partition in plan.partitions:
            self._partitions[partition.on].append(partition)
        for line in lines_of(plan):
            self._lines[line.of].append(line)

    def of(self, box: Box) -> BoxFiles:
        """The files of one box."""
        cameras, table = self._cameras[box.name], dict[str, Any](site=box.site, agent=box.box, data_dir="data")
        if self._door:
            table["trust"] = {"url": self._door}
        if cameras:
            table["cameras"] = [self._camera(camera) for camera in cameras]
        if partitions := self._partitions[box.name]:
            table["partitions"] = [_partition(each) for each in partitions]
        if sensors := self._sensors[box.name]:
            table["sensors"] = [sensor_table(each) for each in sensors]
        scenes = {scene_file(camera.camera): self._scene(camera) for camera in cameras}
        return BoxFiles(tomli_w.dumps(table), scenes)

    def _camera(self, camera: Camera) -> dict[str, Any]:
        source: dict[str, Any] = {"kind": "rtsp", "url": self._url(camera, camera.url)}
        if camera.picture_url:
            source["picture_url"] = self._url(camera, camera.picture_url)
        table: dict[str, Any] = {"name": camera.camera, "scene": scene_file(camera.camera), "source": source}
        if camera.steered:
            table["sight"] = {"away_s": _AWAY_S}
        lanes = [_lane(line) for line in self._lines[camera.name] if line.kind == "lane"]
        if lanes:
            table["checkpoint"] = {"lanes": lanes}
        return table

    def _url(self, camera: Camera, url: str) -> str:
        if not camera.user:
            return url
        plain = camera_address(url).url
        scheme, _, rest = plain.partition("://")
        password = self._passwords.get(camera.name, "")
        known = [quote(each, safe="") for each in (camera.user, password) if each]
        return f"{scheme}://{':'.join(known)}@{rest}"

    def _scene(self, camera: Camera) -> str:
        drawn = self._lines[camera.name]
        tripwires = [watch_table(line) for line in drawn if line.kind == "tripwire"]
        zones = [watch_table(line) for line in drawn if line.kind not in ("tripwire", "lane")]
        return tomli_w.dumps({key: value for key, value in (("tripwires", tripwires), ("zones", zones)) if value})


def scene_file(camera: str) -> str:
    """Beside `agent.toml`: a camera may be called agent."""
    return f"scene-{camera}.toml"


def watch_table(line: Line) -> dict[str, Any]:
    """A line or an area as a scene file has it."""
    table: dict[str, Any] = {
        "name": line.line,
        "points": [list(point) for point in line.points],
        "priority": line.priority,
    }
    if line.kind == "tripwire":
        table["direction"] = line.direction
    else:
        table["kind"] = line.kind
    given: dict[str, Any] = {"schedule": list(line.schedule), "objects": list(line.objects), "dwell_s": line.dwell_s}
    given["heading"] = list(line.heading) if line.heading else None
    return table | {key: value for key, value in given.items() if value not in (None, [])}


def sensor_table(sensor: SensorPoint) -> dict[str, Any]:
    """A sensor as the agent's file has it."""
    table: dict[str, Any] = {"name": sensor.sensor, "type": sensor.type, "wire": dict(sensor.wire)}
    given = {"what": sensor.what, "partition": sensor.partition, "check_in_s": sensor.check_in_s}
    return table | {key: value for key, value in given.items() if value}


def _lane(line: Line) -> dict[str, Any]:
    return {"name": line.line, "line": [list(point) for point in line.points], "direction": line.direction}


def _partition(partition: Partition) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": partition.partition,
        "exit_s": partition.exit_s,
        "entry_s": partition.entry_s,
    }
    given = {"armed": list(partition.schedule), "lines": list(partition.lines)}
    return table | {key: value for key, value in given.items() if value}
