"""Questions about availability: for how long boxes and cameras were known to be well, and when they were not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import class_row

from aggregator.domains.boxes.entities import Availability, HealthSample, Uncovered
from aggregator.store.database import Connection
from aggregator.store.errors import TooMuchError
from aggregator.store.places import where
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope
from shared.clock import QUARTER_S
from shared.events import HEALTH_EXPIRES as EXPIRES

SQL = load_queries(__package__, "coverage_queries.sql")

MOST_DAYS = 200_000
"""Of all boxes or cameras together that are looked into for gaps."""
_WRITTEN_S = 30.0
"""Coverage is in the database so long after the heartbeat that tells of it."""
_TOLERANCE_MS = 5_000
"""A quarter-hour that lacks less is whole: the two heartbeats around a restart may be so far apart."""


@dataclass(frozen=True, slots=True)
class CoverageQuestion:
    """Whose availability, and when; None asks for all.

    Attributes:
        begin: taken from the beginning of its quarter-hour.
        end: to the end of the last quarter-hour that is over and of which everything is known.
        cameras: cameras instead of boxes.
    """

    begin: datetime
    end: datetime
    place: str | None = None
    site: str | None = None
    agent: str | None = None
    cameras: bool = False


def availability(connection: Connection, scope: Scope, asked: CoverageQuestion) -> list[Availability]:
    """Answer, by name. A box counts from when it was first seen, a camera that it has no more until its last day.

    Raises:
        UnknownPlaceError: there is no such place.
    """
    values = {
        "from": _quarter(asked.begin),
        "until": _quarter(asked.end),
        "now": datetime.now(UTC),
        "expires": EXPIRES,
        "written_s": _WRITTEN_S,
        **where(connection, scope, asked.place),
        "site": asked.site,
        "agent": asked.agent,
        "cameras": asked.cameras,
    }
    rows = connection.execute(SQL["availability"], values, prepare=False).fetchall()
    return [_availability(row) for row in rows]


def uncovered(connection: Connection, scope: Scope, asked: CoverageQuestion, limit: int) -> list[Uncovered]:
    """Stretches of quarter-hours that are not covered whole, newest first.

    Raises:
        UnknownPlaceError: there is no such place.
        TooMuchError: too many of them over too many days.
    """
    lacking = [each for each in availability(connection, scope, asked) if each.uncovered_s * 1000 > _TOLERANCE_MS]
    days = sum((each.until - each.since).days + 1 for each in lacking)
    if days > MOST_DAYS:
        raise TooMuchError(f"{len(lacking)} were not well at some time: ask for less time, or for one place")
    values: dict[str, Any] = {"tolerance_ms": _TOLERANCE_MS, "limit": limit, **_columns(lacking)}
    with connection.cursor(row_factory=class_row(Uncovered)) as cursor:
        return cursor.execute(SQL["uncovered"], values, prepare=False).fetchall()


def samples(
    connection: Connection, site: str, agent: str, begin: datetime, end: datetime, limit: int
) -> list[HealthSample]:
    """How one box did, a heartbeat of every quarter-hour, newest first."""
    values = {"site": site, "agent": agent, "from": begin, "until": end, "limit": limit}
    with connection.cursor(row_factory=class_row(HealthSample)) as cursor:
        return cursor.execute(SQL["samples"], values).fetchall()


def _availability(row: dict[str, Any]) -> Availability:
    lasted_s = round((row["until"] - row["since"]).total_seconds())
    covered_s = min(row["covered_s"], lasted_s)
    return Availability(**{**row, "covered_s": covered_s}, uncovered_s=lasted_s - covered_s, share=covered_s / lasted_s)


def _columns(rows: Sequence[Availability]) -> dict[str, list[Any]]:
    return {
        "sites": [row.site for row in rows],
        "agents": [row.agent for row in rows],
        "cameras": [row.camera or "" for row in rows],
        "since": [row.since for row in rows],
        "until": [row.until for row in rows],
    }


def _quarter(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() // QUARTER_S * QUARTER_S, tz=UTC)
