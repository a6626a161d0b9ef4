"""Device codes of GB/T 28181-2022: twenty digits (../shared/STANDARDS.md, 2)."""

from collections.abc import Collection, Iterator

DIGITS = 20
CAMERA, CHECKPOINT, ALARM_INPUT, BOX = "132", "121", "134", "505"
"""Types that we give out: an IP camera, a checkpoint, an alarm input, an analysis device (an edge box)."""
OF_CAMERAS, OF_BOXES = ("131", "132", CHECKPOINT), (BOX, "111", "118", "209")
"""Types that cameras and boxes may have: a box may stand in the place of a recorder or a gateway."""
_INDUSTRY = "00"
_NETWORK = "2"
_CENTRE, _TYPE = slice(0, 8), slice(10, 13)


def is_code(text: str) -> bool:
    """Whether it has the form of one."""
    return len(text) == DIGITS and text.isascii() and text.isdecimal()


def centre_of(code: str) -> str:
    """The eight digits of the centre: a code of GB/T 2260 in front."""
    return code[_CENTRE]


def type_of(code: str) -> str:
    """What it is the code of."""
    return code[_TYPE]


def codes_from(region: str, kind: str, taken: Collection[str]) -> Iterator[str]:
    """Codes that are free, from the lowest serial number on.

    Args:
        region: code of GB/T 2260, six to eight digits.
        kind: three digits.
        taken: that are in use.
    """
    head = f"{region:0<8}{_INDUSTRY}{kind}{_NETWORK}"
    for serial in range(1, 1_000_000):
        code = f"{head}{serial:06}"
        if code not in taken:
            yield code
