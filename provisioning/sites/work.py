"""What the commands of `hawkline site` do; apart from them, for a workbook's library takes half a second to load."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from aggregator.client.tables import rows_of
from provisioning.sites import codes
from provisioning.sites.boxes import CameraKey, Configurations
from provisioning.sites.centre import note_beside, version_beside
from provisioning.sites.checks import check, in_order
from provisioning.sites.plan import SHEETS, Box, Camera, Entry, Plan, SensorPoint, plan_of
from provisioning.sites.tables import Fault, read_sheets
from provisioning.sites.values import SECRET_IN_PATH
from provisioning.sites.words import Language, Said
from provisioning.sites.workbook import texts_of, write_plan
from shared.credentials import without_credentials
from shared.errors import ConfigError
from shared.files import write_secret

_PASSWORDS = ("site", "box", "camera", "password")


def read(path: Path) -> tuple[Plan, list[Fault]]:
    """A plan, and all that is wrong with it.

    Raises:
        ConfigError: it cannot be read, or is no plan.
    """
    found, faults = plan_of(read_sheets(path))
    return found, in_order([*faults, *check(found)])


def sound(path: Path, language: Language) -> Plan:
    """A plan without a fault.

    Raises:
        ConfigError: there is one; the message has the first.
    """
    found, faults = read(path)
    if faults:
        first, *others = faults
        more = Said(f", and {len(others)} more", f"，另有 {len(others)} 处") if others else Said("", "")
        end = Said(
            f"{more.en}; `hawkline site check` lists all, nothing was written",
            f"{more.zh}；`hawkline site check` 列出全部，没有写入任何内容",
        )
        said = f"{first.cell.sheet} {first.cell.where} {shown(first.cell.text)!r}: {first.expected.of(language)}"
        raise ConfigError(f"{path}: {said}{end.of(language)}")
    return found


def told(faults: Iterable[Fault], language: Language) -> Iterator[dict[str, str]]:
    """Faults as rows."""
    for fault in faults:
        cell = fault.cell
        yield {
            "sheet": cell.sheet,
            "cell": cell.where,
            "value": shown(cell.text),
            "expected": fault.expected.of(language),
        }


def shown(text: str) -> str:
    """A value as it is told: an address that somebody wrote with a password loses it."""
    return without_credentials(text) if "@" in text or _telling(text) else text


def _telling(text: str) -> bool:
    return "://" in text and SECRET_IN_PATH.search(text) is not None


def size(plan: Plan) -> Said:
    """What a plan has, for people."""
    counted = {sheet.key: len(plan.entries(sheet)) for sheet in SHEETS}
    english = ", ".join(f"{number} {key}" for key, number in counted.items() if number)
    chinese = "，".join(f"{sheet.zh} {counted[sheet.key]}" for sheet in SHEETS if counted[sheet.key])
    return Said(f"nothing is wrong: {english}", f"没有发现错误：{chinese}")


def example(to: Path, language: Language, *, empty: bool) -> None:
    """Write a workbook to fill in."""
    write_plan(to, {} if empty else _EXAMPLE, language, room=2_000)


def give_codes(path: Path, to: Path, language: Language) -> int:
    """Write a plan anew, with a code for everything that has none.

    Returns:
        How many were given out.
    """
    found = sound(path, language)
    given, lacking = _coded(found)
    if lacking:
        raise ConfigError(
            f"{path}: these places have no region, nor has what they lie in: {', '.join(sorted(lacking))}"
        )
    sheets = {
        sheet.key: [
            texts_of(each.row.cells) | ({"code": given[id(each)]} if id(each) in given else {})
            for each in found.entries(sheet)
        ]
        for sheet in SHEETS
    }
    write_plan(to, sheets, language)
    if (version := version_beside(path)) is not None:
        note_beside(to, version)
    return len(given)


def build(path: Path, to: Path, door: str, passwords: Path | None, language: Language) -> tuple[int, int]:
    """Write the files of all boxes.

    Returns:
        How many boxes there are, and how many cameras have a user and no password.
    """
    found = sound(path, language)
    known = passwords_of(passwords, found)
    configurations, part = Configurations(found, door, known), to.resolve().with_name(f"{to.resolve().name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        for box in found.boxes:
            folder, files = part / box.site / box.box, configurations.of(box)
            folder.mkdir(parents=True)
            write_secret(folder / "agent.toml", files.agent.encode())
            for name, scene in files.scenes.items():
                write_secret(folder / name, scene.encode())
        part.rename(to)
    except OSError as error:
        raise ConfigError(f"--to {to}: cannot be written ({error.strerror}); nothing is there") from None
    return len(found.boxes), sum(bool(camera.user) and camera.name not in known for camera in found.cameras)


def passwords_of(file: Path | None, plan: Plan) -> dict[CameraKey, str]:
    """Passwords of cameras, from a CSV file with a head: site,box,camera,password.

    Raises:
        ConfigError: a line is not of a camera of the plan; naming file and line.
    """
    if file is None:
        return {}
    cameras, found = {camera.name: camera.user for camera in plan.cameras}, dict[CameraKey, str]()
    for line, row in rows_of(file, _PASSWORDS):
        name = row["site"], row["box"], row["camera"]
        if name in found:
            raise ConfigError(f"{file}: line {line}: {'/'.join(name)} is there twice; nothing was written")
        if name in cameras and not (row["password"] and cameras[name]):
            lacks = "the password is empty" if cameras[name] else "the plan gives it no user"
            raise ConfigError(f"{file}: line {line}: {'/'.join(name)}: {lacks}; nothing was written")
        if name not in cameras:
            raise ConfigError(f"{file}: line {line}: the plan has no camera {'/'.join(name)}; nothing was written")
        found[name] = row["password"]
    return found


def _coded(plan: Plan) -> tuple[dict[int, str], set[str]]:
    """Codes for entries that have none, and the sites for which there are none."""
    regions, above = {p.place: p.region for p in plan.places}, {p.place: p.above for p in plan.places}
    coded: list[Box | Camera | SensorPoint] = [*plan.boxes, *plan.cameras, *plan.sensors]
    taken = {each.code for each in coded if each.code}
    given, lacking = dict[int, str](), set[str]()
    free = dict[tuple[str, str], Iterator[str]]()
    wanted: list[tuple[Entry, str, str, str]] = [
        *((each, each.code, each.site, codes.BOX) for each in plan.boxes),
        *((each, each.code, each.site, codes.CHECKPOINT if each.use == "checkpoint" else codes.CAMERA)
          for each in plan.cameras),
        *((each, each.code, each.site, codes.ALARM_INPUT) for each in plan.sensors),
    ]  # fmt: skip
    for entry, code, site, kind in wanted:
        if code:
            continue
        at = site
        while at and not regions.get(at):
            at = above.get(at, "")
        if not at:
            lacking.add(site)
            continue
        region = f"{regions[at]:0<8}"
        if (region, kind) not in free:
            free[region, kind] = codes.codes_from(region, kind, taken)
        given[id(entry)] = next(free[region, kind])
    return given, lacking


_EXAMPLE = {
    "units": [{"unit": "estate-office", "title": "物业公司", "person": "", "phone": ""}],
    "places": [
        {"place": "station-1", "title": "城东派出所", "kind": "派出所", "region": "110101"},
        {
            "place": "north", "title": "北苑小区", "above": "station-1", "kind": "小区", "longitude": "116.39127",
            "latitude": "39.90736", "radius_m": "400", "unit": "estate-office",
        },
    ],
    "boxes": [{"site": "north", "box": "gate-1", "serial": "10000000a1b2c3d4", "model": "pi5"}],
    "cameras": [
        {
            "site": "north", "box": "gate-1", "camera": "gate", "title": "北门", "url": "rtsp://10.1.2.3/small",
            "user": "hawkline", "use": "大门", "mounted": "出入口",
        },
        {
            "site": "north", "box": "gate-1", "camera": "fence", "title": "东围墙", "url": "rtsp://10.1.2.4/small",
            "user": "hawkline", "use": "围墙", "mounted": "周界",
        },
    ],
    "partitions": [{"site": "north", "box": "gate-1", "partition": "house", "schedule": "daily 22:00-06:00"}],
    "sensors": [
        {
            "site": "north", "box": "gate-1", "sensor": "front door", "what": "door", "type": "延时",
            "wire": 'kind = "gpio", line = 17', "location": "门岗",
        },
    ],
}  # fmt: skip
