"""What every session with the database works with: set and verified after connecting, whatever the server would do.

Startup options are no way to do it: a pooler may drop them without a word, and so would `options` of the address. Both
are set by statements here, ours last, and read back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from aggregator.store.queries import load_queries
from shared.errors import ConfigError, UnavailableError

SQL = load_queries(__package__, "sql/session.sql")

OLDEST = 140000
"""PostgreSQL 14 has the multiranges that cursors are made of."""
ENCODING = "UTF8"

# An acknowledgement may follow only a commit that is on disk, whatever the server's default is; locks assume that each
# statement sees what was committed before it. How times and bytes are written is what psycopg reads. The value is as
# the server shows it.
SETTINGS: Mapping[str, str] = {
    "client_encoding": ENCODING,
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "statement_timeout": "1min",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "2min",
    "idle_session_timeout": "0",
}
# For a session that does the same few statements all day: they are planned once, for any values, and by indices
# whatever size the tables had in that moment. Else a statement is planned each time, which takes as long as doing it;
# or a plan from the first hour, when a table had a page, walks all of it in a storm.
STEADY: Mapping[str, str] = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}
_SINCE_17: Mapping[str, str] = {"transaction_timeout": "0"}
_SHARING_LOOKS = 4


class UnfitDatabaseError(UnavailableError):
    """The database answers, but Hawkline cannot work with it as it is."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """An address, taken apart.

    Attributes:
        address: for libpq, without `options`.
        options: settings that the address asks for, by name.
    """

    address: str
    options: Mapping[str, str]


def dialled(dsn: str) -> Dialled:
    """Take an address apart.

    Raises:
        ConfigError: it is no address, or its options are no settings.
    """
    try:
        info = conninfo_to_dict(dsn)
    except psycopg.Error as error:
        # libpq's words may hold a piece of the password.
        said = "invalid percent-encoding" if "percent" in str(error) else "expected postgresql://USER@HOST/NAME"
        raise ConfigError(f"key database.dsn: not an address of libpq: {said}") from None
    text = str(info.pop("options", None) or "")
    return Dialled(make_conninfo("", **info), _settings(text))


def _settings(text: str) -> dict[str, str]:
    """`-c name=value --other=value` by name; a backslash takes the next letter as it is, quotes mean nothing."""
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|[^\s\\])+", text)]
    found: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word += words.pop(0)
        head = "-c" if word.startswith("-c") else "--"
        name, equals, value = word.removeprefix(head).partition("=")
        if not word.startswith(head) or not equals or not name:
            raise ConfigError(f"key database.dsn: options: {word!r}: expected settings, such as -csearch_path=NAME")
        found[name.replace("-", "_") if head == "--" else name] = value
    return found


def set_up(
    connection: "psycopg.Connection[Any]", options: Mapping[str, str], *, writes: bool = True, steady: bool = False
) -> None:
    """Set everything, read it back, and leave no transaction open.

    Args:
        options: what the address asks for; ours count where both say something.
        writes: whether the session is going to write.
        steady: whether it does the same few statements all day.

    Raises:
        UnfitDatabaseError: this server, or what stands before it, cannot do it; the message says what to change.
        psycopg.Error: it does not answer.
    """
    number = connection.info.server_version
    if number < OLDEST:
        raise UnfitDatabaseError(f"database.dsn: PostgreSQL {number // 10000} is too old; expected 14 or later")
    ours = {**SETTINGS, **(STEADY if steady else {}), **(_SINCE_17 if number >= 170000 else {})}
    taken = {name.lower() for name in ours}
    wanted = {**{name: value for name, value in options.items() if name.lower() not in taken}, **ours}
    with connection.transaction():
        try:
            values = {"names": list(wanted), "values": list(wanted.values())}
            rows = connection.execute(SQL["set_up"], values, prepare=False).fetchall()
        except (psycopg.DataError, psycopg.ProgrammingError, psycopg.errors.CantChangeRuntimeParam) as error:
            raise UnfitDatabaseError(f"database.dsn: a setting is refused: {str(error).splitlines()[0]}") from None
        found = connection.execute(SQL["found"]).fetchone()
    assert found is not None  # noqa: S101 - it asks for constants
    _require_fit(found, writes=writes)
    wrong = next((row for row in rows if row["name"] in ours and row["now"] != ours[row["name"]]), None)
    if wrong:
        name = wrong["name"]
        raise UnfitDatabaseError(f"database.dsn: the server keeps {name} = {wrong['now']!r}; expected {ours[name]!r}")
    if connection.info.backend_pid != found["backend"]:
        # A pooler stands in between: names of prepared statements may outlive those who gave them.
        connection.prepare_threshold = None
        _require_kept(connection, found["backend"])


def _require_fit(found: Mapping[str, Any], *, writes: bool) -> None:
    if found["encoding"] != ENCODING:
        raise UnfitDatabaseError(
            f"database.dsn: this PostgreSQL database has the encoding {found['encoding']}, which cannot hold all "
            "names; expected UTF8: make another one (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)"
        )
    if writes and found["replica"]:
        raise UnfitDatabaseError("database.dsn: this server is a read-only replica; name the primary, or promote it")
    if writes and found["read_only"] == "on":
        raise UnfitDatabaseError(
            "database.dsn: default_transaction_read_only is on for this server, database or role; "
            "expected off (ALTER ROLE … RESET default_transaction_read_only)"
        )
    if writes and found["schema"] is None:
        raise UnfitDatabaseError(
            "database.dsn: search_path names no schema that is there; make it (CREATE SCHEMA …) or correct it"
        )


def _require_kept(connection: "psycopg.Connection[Any]", backend: int) -> None:
    """The next transaction has to find the same server process in the same state."""
    with connection.transaction():
        row = connection.execute(SQL["backend"]).fetchone()
    if row is None or row["backend"] != backend or row["datestyle"] != SETTINGS["DateStyle"]:
        raise UnfitDatabaseError(SHARED)


SHARED = (
    "database.dsn: a pooler hands the session on between transactions, so settings, locks and LISTEN are lost; "
    "expected one that keeps it (PgBouncer: pool_mode = session), or the server's own address"
)


def require_unshared(one: "psycopg.Connection[Any]", other: "psycopg.Connection[Any]") -> None:
    """Look, from two connections in turn, whether each keeps a server process of its own.

    Args:
        one: in autocommit mode.
        other: likewise.

    Raises:
        UnfitDatabaseError: they share one, or one changes.
    """
    seen: tuple[set[int], set[int]] = (set(), set())
    for _ in range(_SHARING_LOOKS):
        for connection, backends in zip((one, other), seen, strict=True):
            row = connection.execute(SQL["backend"]).fetchone()
            backends.add(row["backend"] if row else 0)
    if any(len(backends) > 1 for backends in seen) or seen[0] & seen[1]:
        raise UnfitDatabaseError(SHARED)
