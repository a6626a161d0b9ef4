"""Addresses hold passwords, before the host or behind it. Nothing that is logged, shown or sent does."""

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?:(?:(?![a-zA-Z][a-zA-Z0-9+.-]*://).)*@)?(?P<host>[^/\s'\"?#]*)[^\s'\"]*"
)
"""To the last @ of the line, whatever stands before it: a password may hold slashes, quotes and spaces."""
_NAMED = re.compile(
    r"\b(?P<name>passw(?:or)?d|pwd|secret|token)(?P<sign>\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s'\"&,;]+)", re.IGNORECASE
)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.%A-Za-z]+\])(?::\d{1,5})?")
HIDDEN = "…"


def without_credentials(text: str) -> str:
    """The text with every URL in it cut down to scheme, host and port, and every `password=…` without its value."""
    return _NAMED.sub(rf"\g<name>\g<sign>{HIDDEN}", _URL.sub(_plain, text))


def _plain(found: re.Match[str]) -> str:
    # A host that is not a host is perhaps the half of a password.
    host = found["host"] if _HOST.fullmatch(found["host"]) or not found["host"] else HIDDEN
    return f"{found['scheme']}://{host}"


def http_address(url: str, expected: str, schemes: tuple[str, ...] = ("http", "https")) -> SplitResult:
    """Take an HTTP address apart.

    Args:
        expected: how it should look, such as `https://HOST:PORT`.

    Raises:
        ValueError: it is not an address; the message repeats nothing of it, for it may hold a password.
    """
    if any(letter.isspace() for letter in url) or "\\" in url:
        raise ValueError(f"holds a space, a line break or a backslash; expected {expected}")
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in schemes:
        raise ValueError(f"expected {expected}")
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    behind = rest[len(place) :]
    user, _, host = place.rpartition("@")
    if "@" in user or ("@" in behind.partition("?")[0]) or "#" in behind:
        raise ValueError(f"{PERCENT}; expected {expected}")
    if not _HOST.fullmatch(host):
        raise ValueError(f"behind :// stands no host with an optional port. {PERCENT}; expected {expected}")
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"{PERCENT}; expected {expected}") from None
    return parts


PERCENT = "in user and password write @ as %40, : as %3A, / %2F, # %23, ? %3F, [ %5B, ] %5D, % %25"
"""What to do with a password that an address cannot hold as it is."""


_STREAM = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/")


def is_stream(path: Path | str) -> bool:
    """Whether what should name a file is an address, which may hold a password. A path has lost one of its slashes."""
    return bool(_STREAM.match(str(path))) and not Path(path).exists()
