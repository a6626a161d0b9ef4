"""The database's address, looked at before it is dialled: libpq repeats what it cannot read, passwords included."""

import re

from shared.credentials import PERCENT
from shared.net import is_loopback

_EXPECTED = "expected postgresql://[user:password@]HOST[:PORT]/NAME, or host=… dbname=… user=… password='…'"
_HOST = re.compile(r"/.*|@?[A-Za-z0-9._:%-]*")


def check_dsn(dsn: str) -> None:
    """Look whether an address of a database can be read, and in one way only.

    Raises:
        ValueError: it cannot; nothing of it is repeated.
    """
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    found = re.match(r"postgres(?:ql)?://(?P<place>[^/]*)(?P<path>[^?]*)", dsn)
    if found and (found["place"].count("@") > 1 or "@" in found["path"]):
        raise ValueError(f"dsn: has an @ too many, so that it is not clear which host is meant: {PERCENT}")
    try:
        known = conninfo_to_dict(dsn)
    except Error:
        raise ValueError(f"dsn: cannot be read: {PERCENT}, and quote what holds spaces; {_EXPECTED}") from None
    hosts, ports = str(known.get("host") or "").split(","), str(known.get("port") or "").split(",")
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError(f"dsn: its host is not a host: {PERCENT}; {_EXPECTED}")
    if not all(not port or (port.isdecimal() and 0 < int(port) < 65536) for port in ports):
        raise ValueError(f"dsn: its port is not a port, expected 1 to 65535: {PERCENT}; {_EXPECTED}")
    if known.get("service"):
        raise ValueError("dsn: service names a file that says where the database is; write host and all else here")
    places = [str(place) for place in str(known.get("hostaddr") or known.get("host") or "").split(",")]
    elsewhere = [place for place in places if not (place == "" or place[0] in "/@" or is_loopback(place))]
    if elsewhere and known.get("sslmode") != "verify-full":
        raise ValueError(
            "dsn: a database on another machine needs sslmode=verify-full, and sslrootcert=FILE with the certificate "
            "of its authority (or sslrootcert=system): anything less can be answered by whoever has the cable"
        )


def has_password(dsn: str) -> bool:
    """Whether an address that can be read has one in it."""
    from psycopg.conninfo import conninfo_to_dict

    return bool(dsn) and bool(conninfo_to_dict(dsn).get("password"))
