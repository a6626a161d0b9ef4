"""A plan: what stands where, who answers for it, what is watched. Its sheets and columns; how rows become entries."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from provisioning.sites import values
from provisioning.sites.coordinates import Position
from provisioning.sites.tables import Cell, Fault, Row, Sheet
from provisioning.sites.values import CellError
from provisioning.sites.words import Said
from shared.scene import Point

PLACE_KINDS = {
    "city": "市",
    "district": "区县",
    "station": "派出所",
    "grid": "网格",
    "village": "村",
    "estate": "小区",
    "enterprise": "企业",
    "public": "公共场所",
    "checkpoint": "卡口",
}
MODELS = {"pi4": "树莓派4", "pi5": "树莓派5", "orin-nano": "Orin Nano", "x86": "工控机"}
USES = {"gate": "大门", "fence": "围墙", "yard": "院落", "shop": "商铺", "checkpoint": "卡口"}
MOUNTED = {
    "road": "道路",
    "gate": "出入口",
    "perimeter": "周界",
    "yard": "院落",
    "parking": "停车场",
    "hall": "大厅",
    "corridor": "走廊",
    "stairs": "楼梯",
    "lift": "电梯",
    "shop": "营业场所",
    "warehouse": "仓库",
    "roof": "楼顶",
    "office": "办公区",
    "pole": "立杆",
}
PRIVATE = {
    "room": "房间",
    "guest room": "客房",
    "bedroom": "卧室",
    "dormitory": "宿舍",
    "toilet": "卫生间",
    "washroom": "厕所",
    "bathroom": "浴室",
    "changing room": "更衣室",
    "fitting room": "试衣间",
    "nursing room": "母婴室",
    "ward": "病房",
}
"""Where nobody may watch (decree 799, section 8), and what such places are called."""
LINE_KINDS = {
    "tripwire": "绊线",
    "intrusion": "入侵区域",
    "loitering": "徘徊区域",
    "wrong_way": "逆行区域",
    "lane": "车道",
}
WAYS = {"both": "双向", "left_to_right": "左到右", "right_to_left": "右到左"}
OBJECTS = {"person": "人", "two_wheeler": "两轮车", "animal": "动物", "vehicle": "机动车"}


_LONGEST = 1000
_WORDS = {"title", "person", "phone", "location", "responsible", "line", "lines", "sensor", "partition", "user"}
_IGNORED = {"remark", "remarks", "note", "notes", "no", "no.", "备注", "说明", "序号"}
"""Heads of columns that planners keep for themselves."""


class Column(NamedTuple):
    """A column of a sheet.

    Attributes:
        key: in English.
        zh: its head in a Chinese workbook.
        read: what may stand in it.
        required: whether something must.
        example: for the workbook that is filled in.
    """

    key: str
    zh: str
    read: Callable[[str], Any]
    required: bool = False
    example: str = ""

    @property
    def is_text(self) -> bool:
        """Words of people stay as they were typed; of all else a full-width digit is a digit."""
        return self.key in _WORDS


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of a plan that can be read."""

    row: Row

    def cell(self, key: str) -> Cell:
        """Where something of it stands."""
        return self.row.cells[key]


@dataclass(frozen=True, kw_only=True)
class Unit(Entry):
    """Who answers for something (责任单位)."""

    unit: str
    title: str = ""
    person: str = ""
    phone: str = ""


@dataclass(frozen=True, kw_only=True)
class _Placed(Entry):
    longitude: float | None = None
    latitude: float | None = None

    @property
    def position(self) -> Position | None:
        """Where it stands, as far as that is said."""
        if self.longitude is None or self.latitude is None:
            return None
        return Position(self.longitude, self.latitude)


@dataclass(frozen=True, kw_only=True)
class Place(_Placed):
    """A site, or what lies above sites."""

    place: str
    title: str = ""
    above: str = ""
    kind: str = ""
    region: str = ""
    radius_m: float | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Box(_Placed):
    """An edge box."""

    site: str
    box: str
    serial: str = ""
    model: str = "pi5"
    code: str = ""
    segment: str = ""
    switch: str = ""
    power: str = ""
    unit: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """Site and box."""
        return self.site, self.box


@dataclass(frozen=True, kw_only=True)
class _OnBox(Entry):
    site: str
    box: str

    @property
    def on(self) -> tuple[str, str]:
        """The box that it hangs on."""
        return self.site, self.box


@dataclass(frozen=True, kw_only=True)
class Camera(_OnBox, _Placed):
    """A camera."""

    camera: str
    title: str = ""
    url: str
    picture_url: str = ""
    user: str = ""
    use: str = ""
    mounted: str = ""
    steered: bool = False
    code: str = ""
    unit: str = ""

    @property
    def name(self) -> tuple[str, str, str]:
        """Site, box and camera."""
        return self.site, self.box, self.camera


@dataclass(frozen=True, kw_only=True)
class Line(_OnBox):
    """A line, an area or a lane in a camera's picture."""

    camera: str
    line: str
    kind: str = "tripwire"
    points: tuple[Point, ...]
    direction: str = "both"
    priority: int = 2
    schedule: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    dwell_s: float | None = None
    heading: tuple[float, float] | None = None

    @property
    def of(self) -> tuple[str, str, str]:
        """The camera in whose picture it lies."""
        return self.site, self.box, self.camera


@dataclass(frozen=True, kw_only=True)
class Partition(_OnBox):
    """Sensors and lines that are armed together."""

    partition: str
    exit_s: float = 45.0
    entry_s: float = 30.0
    schedule: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SensorPoint(_OnBox):
    """An alarm sensor on a wire or a radio of a box."""

    sensor: str
    what: str = ""
    type: str = "instant"
    partition: str = ""
    check_in_s: int = 0
    wire: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    location: str = ""
    responsible: str = ""


class SheetPlan(NamedTuple):
    """A sheet that a plan may have.

    Attributes:
        key: in English.
        zh: its title in a Chinese workbook.
        kind: what each row is.
        columns: of it.
        needed: a plan is none without it.
    """

    key: str
    zh: str
    kind: type[Entry]
    columns: tuple[Column, ...]
    needed: bool = False


_SITE = Column("site", "所属区域", values.name, True, "north")
_BOX = Column("box", "设备", values.name, True, "gate-1")
_CAMERA = Column("camera", "摄像机", values.name, True, "gate")
_TITLE = Column("title", "名称", values.words(64), False, "北门")
_UNIT = Column("unit", "责任单位", values.name, False, "estate-office")
_CODE = Column("code", "国标编码", values.code)
_WHERE = (
    Column("longitude", "经度", values.number(-180, 180), False, "116.39127"),
    Column("latitude", "纬度", values.latitude, False, "39.90736"),
)
_SCHEDULE = Column("schedule", "布防时间", values.schedule, False, "daily 22:00-06:00")
TYPES = {
    "instant": "即时",
    "entry_exit": "延时",
    "follower": "跟随",
    "always": "24小时",
    "panic": "紧急",
    "silent_panic": "静音紧急",
    "fire": "火警",
    "tamper": "防拆",
    "key_switch": "钥匙",
}
SHEETS = (
    SheetPlan(
        "units",
        "责任单位",
        Unit,
        (
            Column("unit", "标识", values.name, True, "estate-office"),
            _TITLE,
            Column("person", "负责人", values.words(32)),
            Column("phone", "电话", values.words(32)),
        ),
    ),
    SheetPlan(
        "places",
        "区域",
        Place,
        (
            Column("place", "标识", values.name, True, "north"),
            _TITLE,
            Column("above", "上级", values.name, False, "station-1"),
            Column("kind", "类别", values.one_of(PLACE_KINDS), False, "estate"),
            Column("region", "行政区划代码", values.region, False, "110101"),
            *_WHERE,
            Column("radius_m", "范围米", values.number(1, 200_000), False, "400"),
            _UNIT,
        ),
        needed=True,
    ),
    SheetPlan(
        "boxes",
        "设备",
        Box,
        (
            _SITE,
            _BOX,
            Column("serial", "序列号", values.words(64), False, "10000000a1b2c3d4"),
            Column("model", "型号", values.one_of(MODELS), False, "pi5"),
            *_WHERE,
            _CODE,
            Column("segment", "网段", values.words(32)),
            Column("switch", "交换机", values.words(32)),
            Column("power", "供电", values.words(32)),
            _UNIT,
        ),
        needed=True,
    ),
    SheetPlan(
        "cameras",
        "摄像机",
        Camera,
        (
            _SITE,
            _BOX,
            _CAMERA,
            _TITLE,
            Column("url", "视频地址", values.address, True, "rtsp://10.1.2.3/small"),
            Column("picture_url", "大图地址", values.address),
            Column("user", "用户名", values.words(64), False, "hawkline"),
            Column("use", "用途", values.one_of(USES), False, "gate"),
            Column("mounted", "安装位置", values.one_of(MOUNTED | PRIVATE), False, "gate"),
            Column("steered", "可控云台", values.flag),
            *_WHERE,
            _CODE,
            _UNIT,
        ),
    ),
    SheetPlan(
        "lines",
        "警戒线",
        Line,
        (
            _SITE,
            _BOX,
            _CAMERA,
            Column("line", "名称", values.words(64), True, "大门"),
            Column("kind", "种类", values.one_of(LINE_KINDS), False, "tripwire"),
            Column("points", "坐标", values.points, True, "0.1,0.7 0.9,0.7"),
            Column("direction", "方向", values.one_of(WAYS), False, "both"),
            Column("priority", "级别", values.integer(1, 4), False, "2"),
            _SCHEDULE,
            Column("objects", "目标", values.several(OBJECTS)),
            Column("dwell_s", "停留秒", values.number(0, 3600)),
            Column("heading", "允许方向", values.heading),
        ),
    ),
    SheetPlan(
        "partitions",
        "分区",
        Partition,
        (
            _SITE,
            _BOX,
            Column("partition", "分区", values.sensor_name, True, "house"),
            Column("exit_s", "退出延时秒", values.number(0, 3600), False, "45"),
            Column("entry_s", "进入延时秒", values.number(0, 3600), False, "30"),
            _SCHEDULE,
            Column("lines", "警戒线", values.names, False, "gate/大门"),
        ),
    ),
    SheetPlan(
        "sensors",
        "探测器",
        SensorPoint,
        (
            _SITE,
            _BOX,
            Column("sensor", "名称", values.sensor_name, True, "front door"),
            Column("what", "是什么", values.words(32), False, "door"),
            Column("type", "类型", values.one_of(TYPES), False, "entry_exit"),
            Column("partition", "分区", values.sensor_name, False, "house"),
            Column("check_in_s", "失联秒", values.integer(0, 604_800)),
            Column("wire", "接线", values.wire, True, 'kind = "gpio", line = 17'),
            _CODE,
            Column("location", "位置", values.words(64), False, "东门"),
            Column("responsible", "责任人", values.words(64)),
        ),
    ),
)
_BY_TITLE = {title.lower(): sheet for sheet in SHEETS for title in (sheet.key, sheet.zh)}


@dataclass(frozen=True)
class Plan:
    """All entries of a plan, in the order of their rows."""

    units: list[Unit] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    cameras: list[Camera] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    partitions: list[Partition] = field(default_factory=list)
    sensors: list[SensorPoint] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    """Keys of sheets that the file has, with rows or without."""
    unread: set[tuple[str, ...]] = field(default_factory=set)
    """Keys of rows that are there and could not be read: what refers to them is not told as well."""

    def entries(self, sheet: SheetPlan) -> list[Any]:
        """Of one sheet."""
        found: list[Any] = getattr(self, sheet.key)
        return found


def plan_of(sheets: Sequence[Sheet]) -> tuple[Plan, list[Fault]]:
    """Read a plan.

    Args:
        sheets: as they lie in the file; those that a plan does not know are left alone.

    Returns:
        What could be read, and what is wrong with the rest.
    """
    plan, faults = Plan(), list[Fault]()
    for sheet in sheets:
        known = _BY_TITLE.get(sheet.title.strip().lower())
        if known is None:
            continue
        if known.key in plan.there:
            faults.append(Fault(Cell(sheet.title, 1, 1), Said("this sheet is there twice", "这张表出现了两次")))
            continue
        plan.there.add(known.key)
        faults += _read(known, sheet, plan)
    missing = [each for each in SHEETS if each.needed and each.key not in plan.there]
    faults += [
        Fault(
            Cell(each.key, 1, 1),
            Said(f"this sheet is missing: {each.key}", f"缺少这张表：{each.zh}（{each.key}）"),
        )
        for each in missing
    ]
    return plan, faults


def _read(known: SheetPlan, sheet: Sheet, plan: Plan) -> Iterator[Fault]:
    if not sheet.rows:
        yield Fault(Cell(sheet.title, 1, 1), Said("the sheet is empty, expected a head", "表是空的，应有表头"))
        return
    (_, head), *rows = sheet.rows
    columns = dict[int, Column]()
    for cell in head:
        column = _column(known, cell.text)
        if column is None and cell.text.strip().lower() in _IGNORED:
            continue
        if column is None and cell.text:
            heads = values.known([each.key for each in known.columns])
            yield Fault(cell, Said(f"unknown column; this sheet has {heads}", f"没有这一列；本表的列：{_heads(known)}"))
        elif column in columns.values():
            yield Fault(cell, Said("this column is there twice", "这一列出现了两次"))
        elif column is not None:
            columns[cell.column] = column
    lacks = [each for each in known.columns if each.required and each not in columns.values()]
    if lacks:
        cell = Cell(
            sheet.title, max((each.column for each in head if each.text), default=0) + 1, head[0].row if head else 1
        )
        keys, heads = ", ".join(each.key for each in lacks), "、".join(each.zh for each in lacks)
        yield Fault(cell, Said(f"columns are missing: {keys}", f"缺少列：{heads}"))
        return
    for number, cells in rows:
        at = {columns[cell.column].key: cell for cell in cells if cell.column in columns}
        outside = [cell for cell in cells if cell.column not in columns and cell.text and not _has_head(head, cell)]
        for cell in outside:
            yield Fault(cell, Said("stands below no head", "这一列没有表头"))
        row = Row(sheet.title, number, _whole(known, sheet.title, number, at, columns))
        faults = list(_entry(known, row, plan))
        yield from faults


def _entry(known: SheetPlan, row: Row, plan: Plan) -> Iterator[Fault]:
    found, faults = dict[str, Any](), list[Fault]()
    for column in known.columns:
        cell = row.cells[column.key]
        if not cell.text:
            if column.required:
                faults.append(Fault(cell, Said("must not be empty", "不能为空")))
            continue
        if cell.odd:
            faults.append(Fault(cell, cell.odd.value))
            continue
        if len(cell.text) > _LONGEST:
            faults.append(Fault(cell, Said(f"expected {_LONGEST} characters at most", f"最多 {_LONGEST} 个字符")))
            continue
        try:
            found[column.key] = column.read(cell.text if column.is_text else unicodedata.normalize("NFKC", cell.text))
        except CellError as error:
            faults.append(Fault(cell, error.expected))
    lacking = [column for column in known.columns if column.required and column.key not in found]
    if lacking:
        plan.unread.add((known.key, *(row.cells[key].text for key in _keys(known))))
    else:
        plan.entries(known).append(known.kind(row=row, **found))
    yield from faults


def _keys(known: SheetPlan) -> list[str]:
    """The columns by which its rows are called."""
    return [key for key in ("site", "box", "camera", "place", "unit", "partition") if _is_key(known, key)]


def _is_key(known: SheetPlan, key: str) -> bool:
    return any(column.key == key and column.required for column in known.columns)


def _column(known: SheetPlan, head: str) -> Column | None:
    said = head.split("（")[0].split("(")[0].strip().strip("* ").lower()
    return next((each for each in known.columns if said in (each.key, each.zh.lower())), None)


def _has_head(head: Sequence[Cell], cell: Cell) -> bool:
    return any(each.column == cell.column and each.text for each in head)


def _heads(known: SheetPlan) -> str:
    return "、".join(each.zh for each in known.columns)


def _whole(
    known: SheetPlan, title: str, number: int, at: Mapping[str, Cell], columns: Mapping[int, Column]
) -> dict[str, Cell]:
    """A cell for each column: where it would stand, though the file has none."""
    places = {column.key: place for place, column in columns.items()}
    return {each.key: at.get(each.key, Cell(title, places.get(each.key, 1), number)) for each in known.columns}
