"""What was tried of a site before it was handed over, and is tried again when it has changed.

Nothing is accepted that was not heard: who accepts a line walks over it, who accepts a door opens it. Records stay; the
newest of each line counts, as long as that is drawn as it was.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aggregator.people.principal import Principal
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError, SenselessError
from aggregator.store.places import is_ours
from aggregator.store.queries import load_queries
from shared.events import LineCrossed, LineRule, ListHit, VehiclePassed, ZoneAlarm, number_of

SQL = load_queries(__package__)

HEARD = timedelta(minutes=30)
"""What is accepted must have answered within this time."""
_KINDS = [number_of(kind) for kind in (LineCrossed, ZoneAlarm, VehiclePassed, ListHit)]
Kind = Literal["line", "lane", "sensor"]


class AcceptancePoint(Entity):
    """A line or zone, a lane or a sensor of a site, and what was recorded of it last."""

    site: str
    agent: str
    kind: Kind
    camera: str
    name: str
    what: str
    """Of a sensor, such as infrared or door."""
    answered_at: datetime | None
    """It was heard within the last half hour, and may be accepted."""
    state: Literal["open", "accepted", "refused", "changed"]
    """`changed`: it is drawn otherwise since, and has to be tried again."""
    heard_at: datetime | None
    """When it was heard as it was accepted."""
    sha256: str | None
    """The picture of that."""
    note: str
    made_by: str
    made_at: datetime | None

    @property
    def audit_subject(self) -> str:
        """What the audit says that it was about."""
        return "/".join(part for part in (self.site, self.agent, self.camera, self.name) if part)

    @property
    def audit_detail(self) -> str:
        """What the audit says of it."""
        return f"{self.kind} {self.state}" + (f": {self.note}" if self.note else "")


def points(connection: Connection, who: Principal, site: str) -> list[AcceptancePoint]:
    """Of a site; none where it is not theirs."""
    if not is_ours(connection, who.scope, site):
        return []
    return [_point(row) for row in _asked(connection, site)]


def record(
    connection: Connection,
    who: Principal,
    of: tuple[str, str, Kind, str, str],
    *,
    passed: bool,
    note: str,
) -> AcceptancePoint:
    """Record that one was accepted, or what is wrong with it.

    Args:
        of: site, box, kind, camera (empty for a sensor) and name.

    Raises:
        MissingError: there is none such of theirs.
        ConflictError: it shall be accepted, and was not heard.
        SenselessError: it is refused, and nothing says why.
    """
    site, agent, kind, camera, name = of
    asked = {"agent": agent, "kind": kind, "camera": camera, "name": name}
    row = next(iter(_asked(connection, site, asked)), None) if is_ours(connection, who.scope, site) else None
    if row is None:
        raise MissingError(f"there is no {kind} {'/'.join(part for part in (site, agent, camera, name) if part)}")
    if passed and row["answered_at"] is None:
        raise ConflictError(
            f"{name} was not heard within {HEARD.seconds // 60} minutes: walk over it, or open it, then accept it"
        )
    if not passed and len(note.strip()) < 2:
        raise SenselessError(f"{name}: say what is wrong with it")
    heard = {"heard_at": row["answered_at"] if passed else None, "picture": row["picture"] if passed else None}
    values = {"site": site, **asked, "drawn": row["drawn"], "passed": passed, "note": note.strip(), "by": who.name}
    connection.execute(SQL["record"], {**values, **heard})
    return _point(_asked(connection, site, asked)[0])


def _asked(connection: Connection, site: str, one: dict[str, Any] | None = None) -> Sequence[dict[str, Any]]:
    values = {"site": site, "since": datetime.now(UTC) - HEARD, "kinds": _KINDS, "lane": LineRule.LANE.value}
    return connection.execute(
        SQL["points"], {**values, **(one or dict.fromkeys(("agent", "kind", "camera", "name")))}
    ).fetchall()


def _point(row: dict[str, Any]) -> AcceptancePoint:
    return AcceptancePoint(**{key: value for key, value in row.items() if key in AcceptancePoint.model_fields})
