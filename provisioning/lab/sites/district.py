"""A district as a plan of sheets, and mistakes as planners make them: for tests and for `hawkline bench plan`."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from provisioning.sites.coordinates import Position, gcj_of

GRIDS, BOXES, CAMERAS, CHECKPOINTS, SENSORS = 171, 1100, 6000, 276, 1200
_MIDDLE = Position(104.7696, 29.3377)
"""Somewhere in a district of six hundred thousand people."""
_REGION = "510302"
_UNITS = ("police", "estate-office", "village-committee", "enterprise")


@dataclass
class Sheets:
    """Rows by the key of their sheet; a row is a dictionary by the key of its column."""

    units: list[dict[str, str]] = field(default_factory=list)
    places: list[dict[str, str]] = field(default_factory=list)
    boxes: list[dict[str, str]] = field(default_factory=list)
    cameras: list[dict[str, str]] = field(default_factory=list)
    lines: list[dict[str, str]] = field(default_factory=list)
    partitions: list[dict[str, str]] = field(default_factory=list)
    sensors: list[dict[str, str]] = field(default_factory=list)

    def by_key(self) -> dict[str, list[dict[str, str]]]:
        """As a workbook is written."""
        return dict(vars(self))


def district(seed: int = 1, part: float = 1.0) -> Sheets:
    """A district in which nothing is wrong.

    Args:
        seed: the same gives the same.
        part: of its size, for tests.
    """
    rng, plan = random.Random(seed), Sheets()
    plan.units += [{"unit": unit, "title": unit.replace("-", " "), "phone": "110"} for unit in _UNITS]
    plan.places.append({"place": "district", "title": "区", "kind": "district", "region": _REGION})
    grids = max(3, round(GRIDS * part))
    for station in range(max(1, grids // 12)):
        plan.places.append(
            {"place": f"station-{station}", "above": "district", "kind": "station", "title": f"派出所{station}"}
        )
    for grid in range(grids):
        at = Position(_MIDDLE.longitude + rng.uniform(-0.15, 0.15), _MIDDLE.latitude + rng.uniform(-0.12, 0.12))
        plan.places.append(
            {
                "place": f"grid-{grid}", "title": f"网格{grid}", "above": f"station-{grid % max(1, grids // 12)}",
                "kind": rng.choice(("village", "estate", "enterprise")), "unit": rng.choice(_UNITS),
                "longitude": f"{at.longitude:.5f}", "latitude": f"{at.latitude:.5f}", "radius_m": "300",
            }
        )  # fmt: skip
    _boxes(plan, rng, part, grids)
    return plan


def _boxes(plan: Sheets, rng: random.Random, part: float, grids: int) -> None:
    sites = plan.places[-grids:]
    boxes, cameras, checkpoints = (max(6, round(number * part)) for number in (BOXES, CAMERAS, CHECKPOINTS))
    sensors, address = round(SENSORS * part), 0
    for number in range(boxes):
        site = sites[number % grids]
        on, reads = {"site": site["place"], "box": f"box-{number}"}, number < checkpoints
        here = _near(site, rng)
        model = "orin-nano" if number % 3 == 0 else "pi5"
        plan.boxes.append(
            {**on, **here, "serial": f"10000000{number:08x}", "model": model, "segment": f"net-{number % 40}"}
        )
        mine = cameras // boxes + (number < cameras % boxes)
        for camera in range(mine):
            address += 1
            is_lane = reads and camera == 0
            use = "checkpoint" if is_lane else ("gate", "fence", "yard", "shop")[address % 4]
            plan.cameras.append(
                {
                    **on, "camera": f"cam-{camera}", "title": f"{site['title']}-{address}",
                    "url": f"rtsp://10.{address // 62500}.{address // 250 % 250}.{address % 250 + 1}/small",
                    "user": "hawkline", "use": use, "mounted": "road" if is_lane else "perimeter", **_near(site, rng),
                }
            )  # fmt: skip
        if number % 2 == 0:
            line = {
                **on,
                "camera": f"cam-{mine - 1}",
                "line": "围墙",
                "points": "0.1,0.7 0.5,0.72 0.9,0.7",
                "priority": "2",
            }
            if not (reads and mine == 1):
                plan.lines.append({**line, "schedule": "daily 20:00-06:00"})
        of_box = sensors // boxes + (number < sensors % boxes)
        if of_box:
            plan.partitions.append({**on, "partition": "house", "schedule": "daily 22:00-06:00"})
        for sensor in range(of_box):
            plan.sensors.append(
                {
                    **on, "sensor": f"红外{sensor}", "what": "infrared", "type": "instant", "partition": "house",
                    "wire": f'kind = "gpio", line = {4 + sensor}', "location": f"{site['title']}围墙",
                }
            )  # fmt: skip


def _near(site: dict[str, str], rng: random.Random) -> dict[str, str]:
    longitude, latitude = float(site["longitude"]), float(site["latitude"])
    return {
        "longitude": f"{longitude + rng.uniform(-0.0015, 0.0015):.5f}",
        "latitude": f"{latitude + rng.uniform(-0.0015, 0.0015):.5f}",
    }


@dataclass(frozen=True)
class Mistake:
    """What a planner does wrong, and where it is found.

    Attributes:
        what: in words.
        sheet: of the cell that is wrong.
        column: likewise.
        make: does it to some row, and gives that row's index, from 0.
    """

    what: str
    sheet: str
    column: str
    make: Callable[[Sheets], int]


def _set(sheet: str, at: int, column: str, value: str) -> Mistake:
    def make(plan: Sheets) -> int:
        getattr(plan, sheet)[at][column] = value
        return at

    return Mistake(f"{sheet}.{column} = {value!r}", sheet, column, make)


def _same(sheet: str, at: int, as_: int, column: str) -> Mistake:
    """What stands in another row, too."""

    def make(plan: Sheets) -> int:
        rows = getattr(plan, sheet)
        rows[at][column] = rows[as_][column]
        return at

    return Mistake(f"{sheet}.{column} twice", sheet, column, make)


def _grid(plan: Sheets) -> int:
    """The index of the first grid."""
    return next(number for number, row in enumerate(plan.places) if row["place"] == "grid-0")


def _of_grid(column: str, value: str) -> Mistake:
    def make(plan: Sheets) -> int:
        at = _grid(plan) + 1
        plan.places[at][column] = value
        return at

    return Mistake(f"places.{column} = {value!r}", "places", column, make)


def _twice_on_box() -> Mistake:
    def make(plan: Sheets) -> int:
        plan.cameras[21].update(
            site=plan.cameras[20]["site"], box=plan.cameras[20]["box"], camera=plan.cameras[20]["camera"]
        )
        plan.cameras[21].update(longitude=plan.cameras[20]["longitude"], latitude=plan.cameras[20]["latitude"])
        return 21

    return Mistake("a camera's name twice on its box", "cameras", "camera", make)


def _gcj() -> Mistake:
    def make(plan: Sheets) -> int:
        site = next(row for row in plan.places if row["place"] == plan.cameras[30]["site"])
        shown = gcj_of(Position(float(site["longitude"]), float(site["latitude"])))  # 410 m away, and it reaches 300
        plan.cameras[30].update(longitude=f"{shown.longitude:.5f}", latitude=f"{shown.latitude:.5f}")
        return 30

    return Mistake("GCJ-02 pasted as WGS-84", "cameras", "longitude", make)


def _loop() -> Mistake:
    def make(plan: Sheets) -> int:
        plan.places[0]["above"] = plan.places[1]["place"]
        return 1

    return Mistake("a place that lies in itself", "places", "above", make)


def _codes_twice() -> Mistake:
    def make(plan: Sheets) -> int:
        plan.cameras[40]["code"] = plan.cameras[41]["code"] = f"{_REGION}00001322000041"
        return 41

    return Mistake("a code twice", "cameras", "code", make)


def _too_many() -> Mistake:
    def make(plan: Sheets) -> int:
        at = next(number for number, box in enumerate(plan.boxes) if number > 10 and box["model"] == "pi5")
        plan.boxes[at]["model"] = "pi4"
        return at

    return Mistake("more cameras than the box carries", "boxes", "model", make)


def _nothing_on_it() -> Mistake:
    def make(plan: Sheets) -> int:
        plan.boxes.append({**plan.boxes[0], "box": "box-idle", "serial": "10000000ffffffff"})
        return len(plan.boxes) - 1

    return Mistake("a box on which nothing hangs", "boxes", "box", make)


def _wire_twice() -> Mistake:
    def make(plan: Sheets) -> int:
        plan.sensors[1].update(
            site=plan.sensors[0]["site"], box=plan.sensors[0]["box"], wire=plan.sensors[0]["wire"], sensor="门"
        )
        return 1

    return Mistake("two sensors on one terminal", "sensors", "wire", make)


def _no_unit() -> Mistake:
    def make(plan: Sheets) -> int:
        site = plan.cameras[60]["site"]
        next(row for row in plan.places if row["place"] == site)["unit"] = ""
        others = [row for row in plan.cameras if row["site"] == site]
        for row in others[1:]:
            row["unit"] = "police"
        return plan.cameras.index(others[0])

    return Mistake("nobody answers for a camera", "cameras", "unit", make)


def _tripwire_of_one_point() -> Mistake:
    return _set("lines", 2, "points", "0.1,0.7")


MISTAKES = (
    _set("boxes", 1, "box", "Box 1"),
    _set("boxes", 2, "site", "nowhere"),
    _same("boxes", 4, 3, "serial"),
    _set("boxes", 5, "model", "pi9"),
    _set("boxes", 6, "latitude", "104.76"),
    _set("boxes", 7, "longitude", "one hundred"),
    _set("boxes", 8, "code", "5103020000132200004"),
    _set("boxes", 9, "unit", "nobody"),
    _too_many(),
    _nothing_on_it(),
    _set("cameras", 1, "url", "http://10.0.0.9/small"),
    _set("cameras", 2, "url", "rtsp://admin:secret@10.9.9.9/small"),
    _set("cameras", 3, "url", ""),
    _same("cameras", 5, 4, "url"),
    _set("cameras", 6, "camera", "北门"),
    _set("cameras", 7, "use", "garden"),
    _set("cameras", 8, "mounted", "更衣室"),
    _set("cameras", 9, "mounted", "moon"),
    _set("cameras", 10, "box", "box-99999"),
    _set("cameras", 11, "longitude", ""),
    _set("cameras", 12, "longitude", "105.7"),
    _set("cameras", 13, "steered", "maybe"),
    _set("cameras", 14, "code", f"{_REGION}00001342000001"),
    _set("cameras", 15, "code", "11010100001322000002"),
    _set("cameras", 16, "title", "x" * 65),
    _twice_on_box(),
    _gcj(),
    _codes_twice(),
    _no_unit(),
    _of_grid("region", "5103"),
    _of_grid("kind", "castle"),
    _loop(),
    _tripwire_of_one_point(),
    _set("lines", 3, "points", "100,700 900,700"),
    _set("lines", 4, "points", "0.1;0.7;0.9"),
    _set("lines", 5, "camera", "cam-77"),
    _set("lines", 6, "priority", "5"),
    _set("lines", 7, "schedule", "每天 20点"),
    _set("lines", 8, "kind", "lane"),
    _set("lines", 9, "heading", "1,0"),
    _wire_twice(),
    _set("sensors", 3, "wire", "GPIO 17"),
    _set("sensors", 4, "wire", 'kind = "gpio", line = 5000'),
    _set("sensors", 5, "partition", "garden"),
    _set("sensors", 6, "type", "sometimes"),
    _set("partitions", 7, "exit_s", "-3"),
)  # fmt: skip


def planted(plan: Sheets) -> Iterator[tuple[str, str, int]]:
    """Make all mistakes in a plan; gives sheet, column and row (from 1, the head's) of each."""
    for mistake in MISTAKES:
        yield mistake.sheet, mistake.column, mistake.make(plan) + 2
