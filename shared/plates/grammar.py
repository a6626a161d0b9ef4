"""What a text may be by GA 36. A read that fits nothing is kept and flagged, never dropped."""

import re
from dataclasses import dataclass
from importlib import resources
from typing import Literal, get_args

import msgspec

Layout = Literal["single", "double"]
Colour = Literal["blue", "yellow", "white", "black", "green", "yellow-green"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
COLOURS: tuple[Colour, ...] = get_args(Colour)
"""In the order in which models count them."""


class _Row(msgspec.Struct, rename={"plate_class": "class"}):
    name: str
    plate_class: str
    colour: Colour
    layout: Layout
    size_mm: tuple[int, int]
    text: str
    example: str


class _Table(msgspec.Struct):
    provinces: str
    agency: str
    letters: str
    suffixes: str
    orders: list[str]
    kinds: list[_Row]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plate.

    Attributes:
        name: in words.
        plate_class: its 号牌种类, two digits.
        colour: of its ground.
        layout: one row of characters or two.
        size_mm: width and height.
        pattern: what its text looks like.
        example: a text.
    """

    name: str
    plate_class: str
    colour: Colour
    layout: Layout
    size_mm: tuple[int, int]
    pattern: re.Pattern[str]
    example: str


def _read() -> tuple[_Table, tuple[Kind, ...]]:
    source = resources.files("shared.plates").joinpath("ga36.toml").read_bytes()
    table = msgspec.toml.decode(source, type=_Table)
    places = {
        "P": f"[{table.provinces}]",
        "A": f"[{table.agency}]",
        "L": f"[{table.letters}]",
        "S": f"[0-9{table.letters}]",
        "D": "[0-9]",
    }
    kinds = []
    for row in table.kinds:
        # Letters within brackets are themselves; outside they stand for classes.
        parts = re.split(r"(\[[^\]]*\])", row.text)
        pattern = "".join(
            part if part.startswith("[") else re.sub("[PALSD]", lambda m: places[m[0]], part) for part in parts
        )
        compiled = re.compile(pattern)
        kinds.append(Kind(row.name, row.plate_class, row.colour, row.layout, row.size_mm, compiled, row.example))
    return table, tuple(kinds)


_TABLE, KINDS = _read()
PROVINCES = _TABLE.provinces
ORDERS = tuple(_TABLE.orders)
ALPHABET = PROVINCES + "0123456789" + _TABLE.agency + _TABLE.suffixes
"""Every character of a plate, in the order in which models count them."""


def as_stamped(text: str) -> str:
    """A text with its agency's O as 0: the two are stamped alike, so what is read and compared says 0."""
    return text[:1] + text[1:2].replace("O", "0") + text[2:]


def kinds_of(text: str) -> list[Kind]:
    """The kinds that a text may be; several, where only the colour tells them apart. The agency's O may be a 0."""
    if text[:1] in PROVINCES and text[1:2] == "0":
        text = f"{text[0]}O{text[2:]}"
    return [kind for kind in KINDS if kind.pattern.fullmatch(text)]


def valid(text: str) -> bool:
    """Whether a text fits any kind."""
    return bool(kinds_of(text))
