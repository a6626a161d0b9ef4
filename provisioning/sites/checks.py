"""What cannot be right about a plan, before anybody drives there. Each fault is told once, where it was made."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from edge_agent.config import AgentSettings
from edge_agent.wiring.settings import GpioWire, MqttWire, SensorSettings
from provisioning.sites import codes
from provisioning.sites.boxes import Configurations, sensor_table, watch_table
from provisioning.sites.coordinates import Position, distance_m, wgs_of
from provisioning.sites.plan import (
    PRIVATE,
    SHEETS,
    Box,
    Camera,
    Entry,
    Line,
    Place,
    Plan,
)
from provisioning.sites.tables import Cell, Fault
from provisioning.sites.templates import lines_of
from provisioning.sites.values import known
from provisioning.sites.words import Said
from shared.errors import ConfigError
from shared.scene import Lane, Scene, Tripwire, Zone
from shared.settings import parse_toml

CARRIES = {"pi4": 4, "pi5": 8, "orin-nano": 12, "x86": 16}
"""Cameras; one that reads plates counts twice. An estimate: measured is a seventh of a core of x86 for a camera by
motion (docs/benchmarks.md), and nothing on a Raspberry Pi."""
_ARMED_TYPES = {"instant", "entry_exit", "follower", "key_switch"}


def check(plan: Plan) -> list[Fault]:
    """All faults of a plan that could be read, in the order of sheets and rows."""
    world = _World(plan)
    found = [
        *world.twice(),
        *world.references(),
        *world.units(),
        *world.loops(),
        *world.codes(),
        *world.positions(),
        *world.cameras(),
        *world.lines(),
        *world.sensors(),
        *world.boxes(),
    ]
    if not found and not plan.unread:
        found = list(_refused(plan))
    return in_order(found)


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """By sheet, row and column."""
    return sorted(faults, key=_order)


_TITLES = {title: number for number, sheet in enumerate(SHEETS) for title in (sheet.key, sheet.zh)}


def _order(fault: Fault) -> tuple[int, int, int]:
    return _TITLES.get(fault.cell.sheet, len(SHEETS)), fault.cell.row, fault.cell.column


class _World:
    """A plan with what its entries are called."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._places = {each.place: each for each in reversed(plan.places)}
        self._boxes = {each.name: each for each in reversed(plan.boxes)}
        self._cameras = {each.name: each for each in reversed(plan.cameras)}
        self._units = {each.unit for each in plan.units}
        self._stray = {each.box for each in plan.boxes if not self._is_there("places", each.site)}
        """Boxes at a place that is not there: what hangs on them is not told as well."""

    def _is_there(self, sheet: str, *names: str) -> bool:
        """In the plan, or in a row that could not be read."""
        there: Any = {"places": self._places, "boxes": self._boxes, "cameras": self._cameras, "units": self._units}[
            sheet
        ]
        key = names if len(names) > 1 else names[0]
        return key in there or any(
            each[0] == sheet and each[1:-1] == names[:-1] and _may_mean(each[-1], names[-1])
            for each in self.plan.unread
        )

    def twice(self) -> Iterator[Fault]:
        """Names, serial numbers, addresses that are there twice: the later one is wrong."""
        plan = self.plan
        yield from _twice((each.cell("unit"), each.unit) for each in plan.units)
        yield from _twice((each.cell("place"), each.place) for each in plan.places)
        yield from _twice((each.cell("box"), each.name) for each in plan.boxes)
        yield from _twice((each.cell("serial"), each.serial.lower()) for each in plan.boxes if each.serial)
        yield from _twice((each.cell("camera"), each.name) for each in plan.cameras)
        # Channels of one recorder differ behind the host only, and two villages may have the same addresses.
        yield from _twice((each.cell("url"), (*each.on, each.url.lower())) for each in plan.cameras)
        yield from _twice((each.cell("line"), (*each.of, each.line)) for each in plan.lines)
        yield from _twice((each.cell("partition"), (*each.on, each.partition)) for each in plan.partitions)
        yield from _twice((each.cell("sensor"), (*each.on, each.sensor)) for each in plan.sensors)

    def references(self) -> Iterator[Fault]:
        """What names something that is not there."""
        plan = self.plan
        for place in plan.places:
            if place.above and not self._is_there("places", place.above):
                yield Fault(place.cell("above"), _nowhere("places", "区域", self._places))
        for box in plan.boxes:
            if not self._is_there("places", box.site):
                yield Fault(box.cell("site"), _nowhere("places", "区域", self._places))
        for each in (*plan.cameras, *plan.partitions, *plan.sensors):
            if not self._is_there("boxes", *each.on) and each.box not in self._stray:
                here = [box for site, box in self._boxes if site == each.site]
                yield Fault(each.cell("box"), _nowhere("boxes", "设备", here))
        for line in plan.lines:
            if not self._is_there("cameras", *line.of) and line.box not in self._stray:
                here = [camera for *on, camera in self._cameras if tuple(on) == line.on]
                yield Fault(line.cell("camera"), _nowhere("cameras", "摄像机", here))

    def units(self) -> Iterator[Fault]:
        """Responsible units that are not there, and cameras that have none (decree 799, section 14)."""
        plan = self.plan
        answering: list[Place | Box | Camera] = [*plan.places, *plan.boxes, *plan.cameras]
        for each in answering:
            if each.unit and not self._is_there("units", each.unit):
                yield Fault(each.cell("unit"), _nowhere("units", "责任单位", self._units))
        for camera in plan.cameras:
            box = self._boxes.get(camera.on)
            above = [place.unit for place in self._chain(camera.site)]
            if box and not any((camera.unit, box.unit, *above)):
                yield Fault(
                    camera.cell("unit"),
                    Said(
                        "no responsible unit, of the camera, its box or its place: filing asks for it",
                        "没有责任单位（摄像机、设备、区域都没有填）：备案需要",
                    ),
                )

    def loops(self) -> Iterator[Fault]:
        """Places that lie in themselves."""
        told = set[str]()
        for place in self.plan.places:
            seen, at = [place.place], place
            while at.above in self._places and at.above not in seen:
                at = self._places[at.above]
                seen.append(at.place)
            if at.above in seen and not told & set(seen):
                told |= set(seen)
                way = " → ".join([*seen, at.above])
                yield Fault(at.cell("above"), Said(f"it lies in itself: {way}", f"绕回了自己：{way}"))

    def codes(self) -> Iterator[Fault]:
        """Codes that are there twice, of another kind of thing, of another region."""
        coded: list[tuple[Entry, str, str, tuple[str, ...], str]] = [
            *((each, each.code, each.site, codes.OF_BOXES, "an edge box (505)") for each in self.plan.boxes),
            *((each, each.code, each.site, codes.OF_CAMERAS, "a camera (131, 132) or a checkpoint (121)")
              for each in self.plan.cameras),
            *((each, each.code, each.site, (codes.ALARM_INPUT,), "an alarm input (134)") for each in self.plan.sensors),
        ]  # fmt: skip
        yield from _twice((entry.cell("code"), code) for entry, code, *_ in coded if code)
        for entry, code, site, kinds, what in coded:
            if not code:
                continue
            region = next((place.region for place in self._chain(site) if place.region), "")
            if codes.type_of(code) not in kinds:
                yield Fault(
                    entry.cell("code"),
                    Said(
                        f"digits 11 to 13 are {codes.type_of(code)}: expected those of {what}",
                        f"第 11–13 位是 {codes.type_of(code)}：这里应为 {'、'.join(kinds)}",
                    ),
                )
            elif region and not code.startswith(_wide(region)):
                yield Fault(
                    entry.cell("code"),
                    Said(
                        f"begins with {code[:6]}, and its place lies in {region[:6]}",
                        f"以 {code[:6]} 开头，而所属区域的行政区划代码是 {region[:6]}",
                    ),
                )

    def positions(self) -> Iterator[Fault]:
        """Halves of positions, and positions outside their place."""
        for each in (*self.plan.places, *self.plan.boxes, *self.plan.cameras):
            if (each.longitude is None) is not (each.latitude is None):
                # One that could not be read is told already.
                lacks = "longitude" if each.longitude is None else "latitude"
                if not each.cell(lacks).text:
                    yield Fault(each.cell(lacks), Said("longitude and latitude go together", "经度和纬度要一起填"))
        standing: list[Box | Camera] = [*self.plan.boxes, *self.plan.cameras]
        for at in standing:
            if at.position:
                yield from self._outside(at, at.position)
        for camera in self.plan.cameras:
            box, chain = self._boxes.get(camera.on), list(self._chain(camera.site))
            told = [camera, *([box] if box else []), *chain]
            unread = any(each.cell(key).text for each in told for key in ("longitude", "latitude"))
            if box and chain and not unread and not any((box.position, *(place.position for place in chain))):
                yield Fault(
                    camera.cell("longitude"),
                    Said(
                        "no position, of the camera, its box or its place: filing asks for it",
                        "没有经纬度（摄像机、设备、区域都没有填）：备案需要",
                    ),
                )

    def _outside(self, each: Box | Camera, position: Position) -> Iterator[Fault]:
        within = next((place for place in self._chain(each.site) if place.position and place.radius_m), None)
        if within is None or within.position is None or within.radius_m is None:
            return
        away_m = distance_m(position, within.position)
        if away_m <= within.radius_m:
            return
        if distance_m(wgs_of(position), within.position) <= within.radius_m:
            yield Fault(
                each.cell("longitude"),
                Said(
                    f"looks like GCJ-02, as Chinese maps show it: in WGS-84 it would lie within {within.place}",
                    f"像是火星坐标（GCJ-02）：换算成 WGS-84 就在 {within.title or within.place} 之内，请改用 WGS-84",
                ),
            )
            return
        yield Fault(
            each.cell("longitude"),
            Said(
                f"lies {away_m:.0f} m from the middle of {within.place}, which reaches {within.radius_m:.0f} m",
                f"距 {within.title or within.place} 中心 {away_m:.0f} 米，超出其范围 {within.radius_m:.0f} 米",
            ),
        )

    def cameras(self) -> Iterator[Fault]:
        """Cameras where nobody may watch, that watch nothing, and more than a box carries."""
        drawn = {line.of for line in self.plan.lines}
        lanes = {line.of for line in self.plan.lines if line.kind == "lane"}
        unread_of = {key[1:4] for key in self.plan.unread if key[0] == "lines"}
        for camera in self.plan.cameras:
            if camera.mounted in PRIVATE:
                yield Fault(
                    camera.cell("mounted"),
                    Said(
                        "nobody may watch there: cameras in private places are forbidden (decree 799, section 8)",
                        "禁止在此安装：私密空间不得安装摄像机（国务院令第 799 号第八条）",
                    ),
                )
            unread = camera.name in unread_of
            if camera.use == "checkpoint" and camera.name in drawn and camera.name not in lanes and not unread:
                yield Fault(
                    camera.cell("use"),
                    Said(
                        "lines are drawn for it and no lane: without one it reads no plate",
                        "已画了线但没有车道：没有车道就不识别车牌",
                    ),
                )
            if not camera.use and camera.name not in drawn and not unread and not camera.cell("use").text:
                yield Fault(
                    camera.cell("use"),
                    Said(
                        "it watches nothing: give it a use, whose lines it gets, or lines of its own",
                        "它什么也不看：填用途（按用途生成警戒线），或在“警戒线”表中画线",
                    ),
                )

    def lines(self) -> Iterator[Fault]:
        """Lines that cannot be drawn."""
        for line in self.plan.lines:
            camera = self._cameras.get(line.of)
            if line.kind == "lane" and camera and camera.use != "checkpoint":
                yield Fault(
                    line.cell("kind"),
                    Said("a lane belongs to a camera whose use is checkpoint", "车道只能画在用途为“卡口”的摄像机上"),
                )
            elif wrong := _wrong_line(line):
                key, said = wrong
                yield Fault(line.cell(key), said)

    def sensors(self) -> Iterator[Fault]:
        """Sensors that cannot be wired, or armed, so."""
        partitions = {(*each.on, each.partition) for each in self.plan.partitions}
        unread = {key[1:3] for key in self.plan.unread if key[0] == "partitions"}
        yield from self._lines_of_partitions()
        number = Counter(each.on for each in self.plan.partitions)
        terminals = list[tuple[Cell, object]]()
        for sensor in self.plan.sensors:
            if sensor.on in unread:
                pass  # it may be the one that is meant
            elif sensor.partition and (*sensor.on, sensor.partition) not in partitions:
                here = [each.partition for each in self.plan.partitions if each.on == sensor.on]
                yield Fault(sensor.cell("partition"), _nowhere("partitions", "分区", here))
            elif not sensor.partition and sensor.type in _ARMED_TYPES and number[sensor.on] != 1:
                yield Fault(
                    sensor.cell("partition"),
                    Said(
                        "say with which partition it is armed: this box has "
                        + ("several" if number[sensor.on] else "none, add one to the sheet partitions"),
                        "要写明随哪个分区布防：本设备"
                        + ("有多个分区" if number[sensor.on] else "没有分区，请在“分区”表中添加"),
                    ),
                )
            try:
                wired = msgspec.convert(sensor_table(sensor), SensorSettings)
            except msgspec.ValidationError as error:
                said = str(error)
                key = "what" if said.startswith("what of") else "wire"
                yield Fault(sensor.cell(key), Said(said, f"填写有误：{said}"))
                continue
            if not isinstance(wired.wire, GpioWire | MqttWire):
                yield Fault(
                    sensor.cell("wire"),
                    Said(
                        "a plan can say gpio and mqtt as yet: buses and converters stand in the box's own file",
                        "规划目前只支持 gpio 和 mqtt；总线、采集模块和摄像机的输入写在设备自己的文件里",
                    ),
                )
            terminals.append((sensor.cell("wire"), (*sensor.on, wired.wire.terminal)))
        yield from _twice(terminals)

    def _lines_of_partitions(self) -> Iterator[Fault]:
        there = {(*line.of, line.line) for line in lines_of(self.plan)}
        unread = {key[1:3] for key in self.plan.unread if key[0] in ("cameras", "lines")}
        for partition in self.plan.partitions:
            for name in partition.lines:
                camera, _, line = name.partition("/")
                if (*partition.on, camera, line) not in there and partition.on not in unread:
                    here = [f"{each[2]}/{each[3]}" for each in there if each[:2] == partition.on]
                    yield Fault(partition.cell("lines"), _nowhere("lines", "警戒线", sorted(here)))

    def boxes(self) -> Iterator[Fault]:
        """Boxes that carry too much, or nothing."""
        carried, wired = Counter[tuple[str, str]](), {each.on for each in self.plan.sensors}
        for camera in self.plan.cameras:
            carried[camera.on] += 2 if camera.use == "checkpoint" else 1
        unread = {key[1:3] for key in self.plan.unread if key[0] in ("cameras", "sensors")}
        for box in self.plan.boxes:
            most = CARRIES[box.model]
            if carried[box.name] > most:
                yield Fault(
                    box.cell("model"),
                    Said(
                        f"its cameras count {carried[box.name]}, plate readers twice; a {box.model} carries {most}",
                        f"摄像机折算 {carried[box.name]} 路（卡口算两路），{box.model} 最多带 {most} 路",
                    ),
                )
            idle = not carried[box.name] and box.name not in wired and box.name not in unread
            if idle and box.box not in self._stray:
                yield Fault(
                    box.cell("box"), Said("no camera and no sensor hangs on it", "这台设备下没有摄像机，也没有探测器")
                )

    def _chain(self, site: str) -> Iterator[Place]:
        """A place, and what it lies in, upwards."""
        seen = set[str]()
        while site in self._places and site not in seen:
            seen.add(site)
            yield self._places[site]
            site = self._places[site].above


def _refused(plan: Plan) -> Iterator[Fault]:
    """What the box's own agent would refuse to read, though no check above has found it."""
    configurations = Configurations(plan)
    for box in plan.boxes:
        files, what = configurations.of(box), f"{box.site}/{box.box}"
        try:
            parse_toml(files.agent, AgentSettings, what)
            for name, scene in files.scenes.items():
                parse_toml(scene, Scene, f"{what} {name}")
        except ConfigError as error:
            yield Fault(box.cell("box"), Said(f"the box would refuse it: {error}", f"设备会拒绝：{error}"))


def _wrong_line(line: Line) -> tuple[str, Said] | None:
    """What of it cannot be, by the rules of scenes."""
    try:
        if line.kind == "lane":
            msgspec.convert({"name": line.line, "line": line.points, "direction": line.direction}, Lane)
        else:
            msgspec.convert(watch_table(line), Tripwire if line.kind == "tripwire" else Zone)
    except msgspec.ValidationError as error:
        said = str(error)
        key = "heading" if "heading" in said else "dwell_s" if "dwell_s" in said else "points"
        return key, Said(said, _LINE_ZH[key])
    return None


_LINE_ZH = {
    "points": "画不成：绊线至少两个不同的点；区域至少三个角，依次给出，边不能交叉，首尾不重复",
    "heading": "逆行区域要写允许方向（如 1,0），别的种类不写",
    "dwell_s": "停留秒只用于区域，不用于绊线",
}


def _wide(region: str) -> str:
    """What codes within a region begin with: of a city four digits, of a province two (GB/T 2260)."""
    return region[:2] if region[2:6] == "0000" else region[:4] if region[4:6] == "00" else region[:6]


def _may_mean(unread: str, name: str) -> bool:
    """Whether a name that cannot be one may be meant for another: `Box 1` for box-1, and 北门 for anything."""
    plain = re.sub(r"[^a-z0-9]+", "-", unread.lower()).strip("-")
    return plain == name or not unread.isascii()


def _twice(named: Iterable[tuple[Cell, object]]) -> Iterator[Fault]:
    first = dict[object, Cell]()
    for cell, name in named:
        if name in first:
            before = first[name]
            yield Fault(
                cell,
                Said(f"is there already: {before.sheet} {before.where}", f"重复：{before.sheet} {before.where} 已有"),
            )
        else:
            first[name] = cell


def _nowhere(sheet: str, zh: str, there: Iterable[object]) -> Said:
    names = known([str(each) for each in there])
    return Said(f"is not in the sheet {sheet}; there are: {names}", f"“{zh}”表里没有；现有：{names}")
