"""Whether an installation's record is whole: schema, settings, numbers, counts, pictures."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from aggregator.alerting.alerts import Publishing
from aggregator.config import AggregatorSettings
from aggregator.domains.lines import counts
from aggregator.domains.operations.alert_probe import prove
from aggregator.domains.record.days import kept_days
from aggregator.embedded.database_access import opened
from aggregator.store.database import Connection, Database
from aggregator.store.describe import described, expected
from aggregator.store.migrate import available, chosen_engine
from aggregator.store.pictures import PictureStore
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE
from aggregator.store.session_settings import ENCODING, OLDEST
from shared.errors import ConfigError, HawklineError

SQL = load_queries(__package__, "check.sql")

_FREE_BYTES = 2 * 2**30
_BOX_FREE_BYTES = 256 * 2**20
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    ok: bool | None
    """None: it could not be looked at."""
    detail: str


def check(settings: AggregatorSettings, config: Path, days: int) -> Iterator[Finding]:
    """Look at everything; nothing is changed.

    Args:
        days: how many of the newest days of events are gone through.

    Raises:
        ConfigError: no aggregator has run there, or its database holds nothing of ours.
        UnavailableError: the database does not answer.
    """
    with (
        opened(settings, config) as database,
        database.connect("check", autocommit=True, writes=False) as connection,
    ):
        database.require_own_sessions()
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET default_transaction_read_only = on")
        yield from _server(connection)
        yield from _schema(connection)
        yield _alert_path(database, Publishing(settings.webhooks))
        yield from _days(connection, days)
        yield _pictures(connection, settings.data_dir / "evidence")
        yield _boxes_disks(connection)
        place = next(place for place in (settings.data_dir, *settings.data_dir.parents) if place.exists())
        free = shutil.disk_usage(place).free
        yield Finding("free disk", free > _FREE_BYTES, f"{free / 2**30:.1f} GiB in {settings.data_dir}")


def _server(connection: Connection) -> Iterator[Finding]:
    row = connection.execute(SQL["settings"]).fetchone()
    if row is None:
        return
    yield Finding("PostgreSQL", row["number"] >= OLDEST and row["encoding"] == ENCODING, row["version"])
    for name, what in (("fsync", "a power cut would lose what was acknowledged"), ("full_page_writes", "torn pages")):
        yield Finding(name, row[name] == "on", "on" if row[name] == "on" else f"{row[name]}: {what}; set it on")
    sums = row["data_checksums"]
    yield Finding("data_checksums", True, sums if sums == "on" else "off: a bad disk would go unnoticed (pg_checksums)")


def _schema(connection: Connection) -> Iterator[Finding]:
    engine = chosen_engine(connection)
    if engine is None:
        raise ConfigError("the database holds no Hawkline: `hawkline aggregator run` or `migrate` sets it up")
    known = {number for number, _, _ in available(engine)}
    done = {row["number"] for row in connection.execute(SQL["applied"])}
    missing = sorted(known - done)
    newest = f"{engine.value}, {len(done)} of {len(known)}"
    yield Finding(
        "migrations", not missing, f"{newest}; `hawkline aggregator run` applies the rest" if missing else newest
    )
    if missing:
        return
    there, should = set(described(connection)), set(expected())
    odd = [f"missing: {line}" for line in sorted(should - there)] + [
        f"not ours: {line}" for line in sorted(there - should)
    ]
    more = f" and {len(odd) - _TOLD} more" if len(odd) > _TOLD else ""
    yield Finding(
        "schema", not odd, "; ".join(odd[:_TOLD]) + more if odd else f"{len(should)} things as they should be"
    )


def _alert_path(database: Database, publishing: Publishing) -> Finding:
    """An alert is raised and taken back."""
    try:
        with database.connect("proof") as connection:
            prove(connection, publishing)
    except HawklineError as error:
        return Finding("alert path", False, str(error))
    return Finding("alert path", True, "an event was stored, raised an alert and was read back; then undone")


def _days(connection: Connection, days: int) -> Iterator[Finding]:
    """The newest days that are over: today's counts change while they are looked at."""
    today = datetime.now(UTC).date()
    kept = [day.day for day in kept_days(connection) if day.day < today][-days:] if days else []
    if not kept:
        yield Finding("events", None, "not looked at: no whole day (UTC) is there, or asked for")
        return
    which = f"{len(kept)} days, {kept[0]} to {kept[-1]}"
    span = {"from": _midnight(kept[0]), "until": _midnight(kept[-1]) + timedelta(days=1)}
    for name, what in (("stray_numbers", "events that no cursor knows"), ("twice_stored", "numbers stored twice")):
        number = _number(connection, name, span)
        yield Finding(what, not number, f"{number} in {which}")
    wrong, crossings = [], 0
    for begin in map(_midnight, kept):
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            stored = _number(connection, "crossings_stored", {"from": begin, "until": begin + timedelta(days=1)})
            counted = sum(row.crossings for row in counts.rows(connection, EVERYWHERE, _whole(begin)))
        crossings += counted
        if counted != stored:
            wrong.append(f"{begin.date()}: {counted} counted, {stored} stored")
    told = "; ".join(wrong[:_TOLD]) + (f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else "")
    yield Finding("counts equal the crossings", not wrong, told or f"{crossings} in {which}")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _whole(begin: datetime) -> counts.CountQuestion:
    return counts.CountQuestion(begin, begin + timedelta(days=1), step=counts.Step.DAY, limit=10**9)


def _number(connection: Connection, query: str, span: dict[str, datetime]) -> int:
    row = connection.execute(SQL[query], span, prepare=False).fetchone()
    return int(row["found"]) if row else 0


def _boxes_disks(connection: Connection) -> Finding:
    """A box whose disk is full goes on watching and loses its oldest events once it has no way to us."""
    boxes = connection.execute(SQL["boxes_disks"]).fetchall()
    full = [row for row in boxes if row["free"] < _BOX_FREE_BYTES]
    said = ", ".join(f"{row['site']}/{row['agent']} has {row['free'] / 2**20:.0f} MiB" for row in full[:_TOLD])
    more = f" and {len(full) - _TOLD} more" if len(full) > _TOLD else ""
    told = f"{said}{more}: make room there" if full else f"{len(boxes)} heard within a week"
    return Finding("boxes' disks", not full, told)


def _pictures(connection: Connection, folder: Path) -> Finding:
    if not folder.is_dir():
        stored = connection.execute(SQL["pictures"]).fetchall()
        return Finding("pictures", not stored, f"{len(stored)} are known, {folder} is not there")
    store = PictureStore(folder)
    missing = known = 0
    for row in connection.execute(SQL["pictures"]):
        known += 1
        missing += not store.path(bytes(row["sha256"])).is_file()
    return Finding("pictures", not missing, f"{known} known, {missing} of them not in {folder}")
