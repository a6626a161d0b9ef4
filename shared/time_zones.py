"""Names of time zones, as IANA has them; POSIX's are refused: in them UTC+8 lies west of Greenwich."""

import difflib
import os
import re
import time
from functools import cache
from pathlib import Path
from zoneinfo import available_timezones

_OFFSET = re.compile(r"(?:UTC|GMT|[A-Z]{3,5})?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?00)?", re.IGNORECASE)
_UTC = re.compile(r"(?:UTC|GMT|UCT|Z)?[+-]?0?", re.IGNORECASE)
EXPECTED = "expected a name of IANA's, such as Asia/Shanghai or UTC"


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def check_zone(name: str) -> str:
    """Return `name` where it is a time zone's, written as IANA writes it.

    Raises:
        ValueError: it is not; with what is expected, and a guess at what was meant.
    """
    if name == "UTC" or name in _known():
        return name
    if not _known():
        raise ValueError(f"{name!r}: this machine knows no time zones; install tzdata (Debian: apt install tzdata)")
    raise ValueError(f"{name!r} is no time zone, {EXPECTED}{_guess(name)}")


def _guess(name: str) -> str:
    known = {zone.casefold(): zone for zone in _known()}
    found = known.get(name.casefold()) or next(iter(difflib.get_close_matches(name, _known(), 1, 0.85)), None)
    if found:
        return f"; did you mean {found}?"
    if _OFFSET.fullmatch(name):
        return "; an offset has no name: it says nothing of summer time, and POSIX counts it the other way round"
    return ""


def zone_of_machine() -> str:
    """The name of this machine's time zone: of the variable TZ, else of its settings.

    Raises:
        ValueError: it has none; with what to do.
    """
    said = os.environ.get("TZ")
    if said is not None:
        name = said.removeprefix(":").rpartition("/zoneinfo/")[2] if "/zoneinfo/" in said else said.removeprefix(":")
        if _UTC.fullmatch(name):
            return "UTC"
        try:
            return check_zone(name)
        except ValueError as error:
            raise ValueError(f"TZ={said}: {error}; set TZ, or give --zone") from None
    for name in _settings():
        if name in _known():
            return name
    if time.timezone == 0 and not time.daylight:
        return "UTC"
    raise ValueError("the name of this machine's time zone is not known; set TZ=Asia/Shanghai, or give --zone")


def _settings() -> list[str]:
    linked = str(Path("/etc/localtime").resolve()).rpartition("/zoneinfo/")[2]
    try:
        return [linked, Path("/etc/timezone").read_text("utf-8").strip()]
    except (OSError, UnicodeDecodeError):
        return [linked]
