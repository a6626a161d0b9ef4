"""What may stand in a cell: each reader takes its text, and says in both languages what it expected otherwise."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from edge_agent.address import camera_address
from provisioning.sites import codes
from provisioning.sites.coordinates import LONGITUDES
from provisioning.sites.words import Said
from shared.ids import NAME_RULE, WHOLE_NAME
from shared.scene import Point
from shared.schedule import parse_span

T = TypeVar("T")
Reader = Callable[[str], T]
_NAME, _NUMBER = re.compile(WHOLE_NAME), re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_APART = re.compile(r"[\s,;，；、()（）\[\]]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_YES = {"yes", "y", "true", "1", "是", "有", "可", "√", "✓"}
_NO = {"no", "n", "false", "0", "否", "无", "不可", "×", "x", ""}
_DAYS = {"每天": "daily", "工作日": "mon-fri", "周末": "sat,sun", "至": "-", "到": "-"} | {
    f"{week}{day}": english
    for week in ("周", "星期")
    for day, english in zip("一二三四五六日天", ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "sun"), strict=True)
}
_REGION = re.compile(r"\d{6}(\d{2})?\Z", re.ASCII)


SECRET_IN_PATH = re.compile(r"(?i)(?:user(?:name)?|usr|pass(?:word|wd)?|pwd|psw|token|auth)[^&/]*=")
"""Some cameras are told user and password in the path."""


class CellError(ValueError):
    """What stands in a cell cannot be; the argument says what was expected."""

    def __init__(self, expected: Said) -> None:
        super().__init__(expected.en)
        self.expected = expected


def name(text: str) -> str:
    """Of a place, a box or a camera: it stands in topics."""
    if not _NAME.match(text):
        raise CellError(
            Said(f"expected {NAME_RULE}", "应为 1 到 32 个小写字母、数字或连字符，以字母或数字开头；中文名写在“名称”列")
        )
    return text


def words(most: int) -> Reader[str]:
    """Any text of at most so many characters, in one line."""

    def read(text: str) -> str:
        """As it stands, whatever the width of its letters."""
        if len(text) > most or _CONTROL.search(text):
            raise CellError(Said(f"expected one line of at most {most} characters", f"应为一行，最多 {most} 个字"))
        return text

    return read


def sensor_name(text: str) -> str:
    """Of a sensor, a partition, a line: any language."""
    words(48)(text)
    if "/" in text:
        raise CellError(Said("expected no slash", "不能有斜杠 /"))
    return text


def number(least: float, most: float) -> Reader[float]:
    """Within bounds."""

    def read(text: str) -> float:
        if not _NUMBER.match(text) or not least <= float(text) <= most:
            raise CellError(
                Said(f"expected a number from {least:g} to {most:g}", f"应为 {least:g} 到 {most:g} 之间的数")
            )
        return float(text)

    return read


def latitude(text: str) -> float:
    """In degrees; that it is a longitude is noticed."""
    if _NUMBER.match(text) and LONGITUDES[0] <= float(text) <= LONGITUDES[1]:
        raise CellError(Said("this is a longitude: are the two swapped?", "这像是经度：经度和纬度填反了吗？"))
    return number(-90, 90)(text)


def integer(least: int, most: int) -> Reader[int]:
    """Within bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
            raise CellError(
                Said(f"expected a whole number from {least} to {most}", f"应为 {least} 到 {most} 之间的整数")
            )
        return int(text)

    return read


def flag(text: str) -> bool:
    """Yes or no."""
    if text.lower() not in _YES | _NO:
        raise CellError(Said("expected yes or no", "应为 是 或 否"))
    return text.lower() in _YES


def one_of(choices: Mapping[str, str]) -> Reader[str]:
    """One of some words, in either language; gives the English one.

    Args:
        choices: Chinese by English.
    """
    by_word = {each.lower(): english for english, chinese in choices.items() for each in (english, chinese)}

    def read(text: str) -> str:
        found = by_word.get(text.lower())
        if found is None:
            raise CellError(
                Said(f"expected one of: {', '.join(choices)}", f"应为其中之一：{'、'.join(choices.values())}")
            )
        return found

    return read


def code(text: str) -> str:
    """Of GB/T 28181."""
    if "e+" in text.lower():
        raise CellError(
            Said("the spreadsheet has rounded it: make the column text", "已被表格软件舍入：请把这一列设为文本再填")
        )
    if not codes.is_code(text):
        raise CellError(
            Said(
                f"{len(text)} characters: expected twenty digits",
                f"共 {len(text)} 位：国标编码（GB/T 28181）应为 20 位数字",
            )
        )
    return text


def region(text: str) -> str:
    """Of GB/T 2260."""
    if not _REGION.match(text):
        raise CellError(Said("expected six or eight digits (GB/T 2260)", "应为 6 或 8 位行政区划代码（GB/T 2260）"))
    return text


def address(text: str) -> str:
    """Of a camera, without a password."""
    try:
        found = camera_address(text)
    except ValueError as error:
        said = str(error).split(", expected")[0]
        raise CellError(
            Said(f"{said}; expected rtsp://HOST[:PORT]/PATH", f"不是摄像机地址（{said}）：应为 rtsp://主机[:端口]/路径")
        ) from None
    if found.has_user:
        raise CellError(
            Said(
                "user and password stand in it: leave them out, the user has a column, passwords a file of their own",
                "地址里有用户名和密码：请删去。用户名另有一列，密码放在单独的文件里",
            )
        )
    if SECRET_IN_PATH.search(text.partition("://")[2].partition("/")[2]):
        raise CellError(
            Said(
                "a user or a password stands behind the host: a plan has none; take a stream that has them in front",
                "主机后面带有用户名或密码：规划里不写密码，请用把密码写在前面的取流地址",
            )
        )
    return text


def points(text: str) -> tuple[Point, ...]:
    """Of a line or an area: `0.1,0.7 0.9,0.7`."""
    parts = [part for part in _APART.split(text) if part]
    if not parts or len(parts) % 2 or not all(map(_NUMBER.match, parts)):
        raise CellError(Said("expected points as 0.1,0.7 0.9,0.7", "应为成对的坐标，如 0.1,0.7 0.9,0.7"))
    found = [float(part) for part in parts]
    if any(part > 1 for part in found):
        raise CellError(
            Said(
                "pixels? expected parts of the picture, 0 to 1 from its upper left corner",
                "是像素吗？应为占画面的比例，0 到 1，左上角为原点",
            )
        )
    if any(part < 0 for part in found):
        raise CellError(Said("expected parts of the picture, 0 to 1", "应为占画面的比例，0 到 1"))
    return tuple(zip(found[::2], found[1::2], strict=True))


def heading(text: str) -> tuple[float, float]:
    """A way in the picture: `1,0` is to the right."""
    parts = [part for part in _APART.split(text) if part]
    if len(parts) != 2 or not all(map(_NUMBER.match, parts)) or not any(map(float, parts)):
        raise CellError(Said("expected a way as x,y: 1,0 is to the right", "应为方向 x,y：1,0 表示向右"))
    return float(parts[0]), float(parts[1])


def schedule(text: str) -> tuple[str, ...]:
    """When something is armed: `mon-fri 18:00-07:00; sat,sun 00:00-24:00`."""
    for word, english in _DAYS.items():
        text = text.replace(word, english)
    spans = tuple(part.strip() for part in re.split(r"[;；\n]", text) if part.strip())
    for span in spans:
        try:
            parse_span(span)
        except ValueError as error:
            raise CellError(
                Said(str(error), f"布防时间 {span!r} 无法识别：应如 mon-fri 18:00-07:00；多段之间用分号隔开")
            ) from None
    return spans


def several(choices: Mapping[str, str]) -> Reader[tuple[str, ...]]:
    """Some of the words, apart from each other."""
    one = one_of(choices)
    return lambda text: tuple(one(part) for part in _APART.split(text) if part)


def names(text: str) -> tuple[str, ...]:
    """Several, apart by commas; names may have spaces."""
    return tuple(part.strip() for part in re.split(r"[,，、;；\n]", text) if part.strip())


def wire(text: str) -> dict[str, Any]:
    """Where a sensor is read, as the box's file has it: `kind = "gpio", line = 17`."""
    inner = text.strip().removeprefix("{").removesuffix("}").translate(str.maketrans("“”，", '"",'))
    try:
        found: dict[str, Any] = msgspec.toml.decode(f"wire = {{ {inner} }}")["wire"]
    except (msgspec.DecodeError, RecursionError):
        raise CellError(
            Said(
                'expected such as kind = "gpio", line = 17',
                '应如 kind = "gpio", line = 17（接线方式见 configuration.md）',
            )
        ) from None
    return found


def known(values: Sequence[str]) -> str:
    """Some of what is there, for messages."""
    shown = ", ".join(values[:8])
    return f"{shown} …" if len(values) > 8 else shown or "-"
