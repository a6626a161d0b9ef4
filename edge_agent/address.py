"""Camera addresses: taken apart by ourselves before anything is dialled, and told without their credentials."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

from shared.credentials import PERCENT

_EXPECTED = "expected rtsp://[user:password@]HOST[:PORT]/PATH"
_PORTS = {"rtsp": 554, "rtsps": 322}
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_KEPT = "!$&'()*+,;=-._~"
"""Letters that may stand in user and password as they are (RFC 3986)."""
_ODD = re.compile(r"[@\[\]\"<>^`{|}\\ ]|%(?![0-9A-Fa-f]{2})")
_TELLING = re.compile(r"[=@&;?]|pass|pwd|token|auth|user", re.IGNORECASE)
_FULL_WIDTH = {"：": ":", "／": "/", "＠": "@", "．": ".", "。": ".", "？": "?", "＃": "#"}


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A camera's address.

    Attributes:
        url: as it is dialled: user and password percent-encoded, so that everybody splits it as we do.
        host: name or IP address, an IPv6 address without brackets.
        port: where RTSP is spoken.
        path: with its slash, to be shown: empty where it may hold credentials.
        has_user: whether user or password stand before the host.
        odd: whether letters that have a meaning in an address stand in user or password as they are.
    """

    url: str
    host: str
    port: int
    path: str
    has_user: bool
    odd: bool

    @property
    def secret(self) -> bool:
        """Whether it holds, or may hold, a password."""
        return self.has_user or not self.path

    @property
    def shown(self) -> str:
        """Host, port and path, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}{self.path}"


def camera_address(url: str) -> CameraAddress:
    """Take a camera's address apart, at the last @ of what stands before the path.

    Raises:
        ValueError: it is not an address, or may be read in two ways. The message repeats nothing of it: it may hold a
            password.
    """
    _refuse_odd_letters(url)
    scheme, sign, rest = url.partition("://")
    if scheme.lower() not in _PORTS or not sign:
        raise ValueError(f"not a camera address, {_EXPECTED}")
    cut = min((rest.find(letter) for letter in "/?#" if letter in rest), default=len(rest))
    before, path = rest[:cut], rest[cut:]
    user, at, place = before.rpartition("@")
    if "#" in path:
        raise ValueError(f"has a #, where an address ends: {PERCENT}; {_EXPECTED}")
    if "@" in path and (at or not _is_number(place)):
        raise ValueError(f"has an @ behind / or ?, so the host is not clear: {PERCENT}; {_EXPECTED}")
    host, port = _host_and_port(place, _PORTS[scheme.lower()])
    coded = _coded(user) + at
    return CameraAddress(
        url=f"{scheme.lower()}://{coded}{place.removesuffix(':')}{path}",
        host=host,
        port=port,
        path="" if _TELLING.search(path) else path[:100] or "/",
        has_user=bool(at),
        odd=bool(_ODD.search(user)),
    )


def _refuse_odd_letters(url: str) -> None:
    for letter in url:
        if letter in _FULL_WIDTH:
            raise ValueError(f"holds a full-width {letter}, expected {_FULL_WIDTH[letter]}; {_EXPECTED}")
        if ord(letter) < 32 or ord(letter) == 127:
            raise ValueError(f"holds a line break or another letter that is not seen; {_EXPECTED}")
    if url != url.strip():
        raise ValueError(f"begins or ends with a space; {_EXPECTED}")


def _host_and_port(place: str, default: int) -> tuple[str, int]:
    """Of what stands behind user and password.

    Raises:
        ValueError: it is no host, or no port.
    """
    found = re.fullmatch(r"(?:\[(?P<six>[^\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>\d*))?", place, re.ASCII)
    if not found:
        raise ValueError(f"host and port cannot be told in it: {PERCENT}; {_EXPECTED}")
    host, port = found["six"] or found["name"] or "", int(found["port"] or default)
    fits = _is_number(f"[{host}]") if found["six"] is not None else bool(_NAME.fullmatch(host))
    if not fits:
        raise ValueError(f"the host in it is neither a name nor an IP address: {PERCENT}; {_EXPECTED}")
    if not 1 <= port <= 65535:
        raise ValueError(f"the port in it is not a port, expected 1 to 65535: {PERCENT}; {_EXPECTED}")
    return host, port


def _is_number(place: str) -> bool:
    """Whether a place is an IP address, perhaps with a port: no user is called that."""
    six = re.fullmatch(r"\[([^\]]*)\](?::\d*)?", place, re.ASCII)
    host = six[1] if six else place.partition(":")[0]
    try:
        return ipaddress.ip_address(host).version == (6 if six else 4)
    except ValueError:
        return False


def _coded(user: str) -> str:
    """User and password as an address holds them; what is percent-encoded already stays so."""
    name, colon, password = user.partition(":")
    parts = (quote(part, safe=_KEPT + "%") for part in ((name, password) if colon else (name,)))
    return colon.join(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", part) for part in parts)
