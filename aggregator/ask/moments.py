"""Moments as people type them: `90m`, `2d`, `2026-11-20`, `2026-11-20T08:00+08:00`."""

import re
from datetime import datetime, timedelta, tzinfo

from shared.errors import ConfigError
from shared.zones import check_zone, zone_of_machine

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, option: str, now: datetime) -> datetime:
    """Read a moment.

    Args:
        text: a time ago, or an ISO 8601 date or time; without a zone it is in that of `now`.
        option: for the message.
        now: aware.

    Raises:
        ConfigError: it is neither.
    """
    if found := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} {text!r}: expected a time ago such as 90m, 8h or 2d, or such as 2026-11-20T08:00"
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=now.tzinfo)


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
