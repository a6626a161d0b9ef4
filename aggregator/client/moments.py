"""Moments as people type them: `90m`, `2d`, `02:00`, `yesterday 22:00`, `2026-11-20T08:00+08:00`."""

import re
from datetime import datetime, timedelta, tzinfo

from shared.errors import ConfigError
from shared.time_zones import check_zone, zone_of_machine

_AGO = re.compile(r"(?:\d{1,6}[smhdw])+")
_PART = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "今天": 0, "yesterday": 1, "昨天": 1, "前天": 2}
_OF_DAY = re.compile(r"(?:(?P<day>today|今天|yesterday|昨天|前天)\s*)?(?P<time>\d{1,2}[:：]\d{2}(?:[:：]\d{2})?)?")
_EXPECTED = (
    "expected a time ago such as 90m, 8h or 2d, a time of day such as 02:00 or 'yesterday 22:00' (昨天 22:00), "
    "or such as 2026-11-20T08:00"
)


def moment(text: str, option: str, now: datetime) -> datetime:
    """Read a moment.

    Args:
        text: a time ago (`90m`, `1h30m`); a time of day, the last one that is over (`02:00`), or of a named day
            (`yesterday`, `昨天 22:00`); or an ISO 8601 date or time. Without a zone it is in that of `now`.
        option: for the message.
        now: aware.

    Raises:
        ConfigError: it is not one of them.
    """
    text = text.strip()
    try:
        if _AGO.fullmatch(text):
            parts = (timedelta(**{_UNITS[unit]: int(size)}) for size, unit in _PART.findall(text))
            return now - sum(parts, timedelta())
        if text and (found := _OF_DAY.fullmatch(text.lower())):
            return _of_day(found["day"], found["time"], now)
        read = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigError(f"{option} {text!r}: {_EXPECTED}") from None
    return read if read.tzinfo else read.replace(tzinfo=now.tzinfo)


def duration(text: str, option: str) -> timedelta:
    """Read a span of time such as `90m`, `2h` or `1d12h`.

    Raises:
        ConfigError: it is not a span of time.
    """
    if not _AGO.fullmatch(text.strip()):
        raise ConfigError(f"{option} {text!r}: expected a span of time such as 90m, 2h or 3d")
    return sum((timedelta(**{_UNITS[unit]: int(size)}) for size, unit in _PART.findall(text)), timedelta())


def _of_day(day: str | None, at: str | None, now: datetime) -> datetime:
    """A time of a named day, midnight without one; without a day the last such time that is over.

    Raises:
        ValueError: there is no such time of day.
    """
    hour, minute, second = (*map(int, (at or "0:00").replace("：", ":").split(":")), 0)[:3]
    found = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if day is None:
        return found if found <= now else found - timedelta(days=1)
    return found - timedelta(days=_DAYS[day])


def since_until(since: str | None, until: str | None, now: datetime) -> dict[str, str | None]:
    """The two options as the API reads them."""
    return {
        "since": moment(since, "--since", now).isoformat() if since else None,
        "until": moment(until, "--until", now).isoformat() if until else None,
    }


def local(text: str, zone: tzinfo | None = None) -> str:
    """A time of the API for people and spreadsheets: in local time, or that of a zone, with its offset."""
    return datetime.fromisoformat(text).astimezone(zone).isoformat(sep=" ", timespec="seconds")


def local_zone() -> str:
    """The name of this machine's time zone.

    Raises:
        ConfigError: it has none, as where TZ is one of POSIX such as CST-8.
    """
    try:
        return zone_of_machine()
    except ValueError as error:
        raise ConfigError(str(error)) from None


def zone_named(name: str) -> str:
    """Return the value of `--zone` where it is a time zone's name.

    Raises:
        ConfigError: it is not.
    """
    try:
        return check_zone(name)
    except ValueError as error:
        raise ConfigError(f"--zone {error}") from None
