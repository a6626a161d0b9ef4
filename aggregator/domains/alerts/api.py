"""Alerts: list, acknowledge, clear."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.alerting import alert_members, alerts, conditions
from aggregator.alerting.entities import AffectedSubject, Alert, GivenVerdict, MemberPage, PicturePage, Verdict
from aggregator.api.audited import audited
from aggregator.api.dependencies import ConnectionDependency, PartsDependency
from aggregator.api.parameters import ObjectNames, objects
from aggregator.api.principal import Alerts, Corrects, Handles
from aggregator.store.database import Connection
from aggregator.store.entity import Entity

router = APIRouter(prefix="/api/v1", tags=["alerts"])

AlertId = Annotated[int, Path(ge=1, le=2**63 - 1, description="the alert's number")]


class LineVerdicts(Entity):
    """How alerts of one line were judged when they were cleared."""

    site: str
    agent: str
    camera: str
    line: str
    true_alarms: int
    false_alarms: int
    tests: int
    open: int


class Clear(BaseModel):
    """The alert is over: was it a true alarm, a false one, or a test?"""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict


class Correct(BaseModel):
    """The verdict was wrong, as was found out later."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    why: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class AlertPage(BaseModel):
    """Alerts, newest first. `next_before` asks for the page after; null at the end."""

    alerts: list[Alert]
    next_before: int | None


@router.get("/alerts")
def list_alerts(
    who: Alerts,
    connection: ConnectionDependency,
    is_open: Annotated[
        bool | None, Query(alias="open", description="only alerts not yet cleared, or only cleared")
    ] = None,
    names: ObjectNames = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="alerts with a smaller number")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AlertPage:
    """Alerts, newest first, page by page."""
    classes = [each.label for each in objects(names)]
    with connection.cursor(row_factory=class_row(Alert)) as cursor:
        asked = {**alerts.cut(who.scope), "open": is_open, "objects": classes or None, "before": before, "limit": limit}
        found = cursor.execute(alerts.SQL["alerts"], asked).fetchall()
    whole = alerts.covers(connection, who.scope, found)
    found = [alert if alert.id in whole else alert.cut() for alert in found]
    return AlertPage(alerts=found, next_before=found[-1].id if len(found) == limit else None)


@router.get("/alerts/{alert_id}", responses={404: {"description": "no such alert"}})
def get_alert(who: Alerts, alert_id: AlertId, connection: ConnectionDependency) -> Alert:
    """One alert."""
    return alerts.get(connection, who.scope, alert_id)


@router.post("/alerts/{alert_id}/acknowledge", responses={404: {"description": "no such alert"}})
@audited
def acknowledge(who: Handles, alert_id: AlertId, connection: Connection, parts: PartsDependency) -> Alert:
    """Take notice of an alert. Again changes nothing and answers the same."""
    return alerts.acknowledge(connection, who, alert_id, parts.publishing)


@router.post(
    "/alerts/{alert_id}/clear",
    responses={404: {"description": "no such alert"}, 409: {"description": "cleared before with another verdict"}},
)
@audited
def clear(who: Handles, alert_id: AlertId, body: Clear, connection: Connection, parts: PartsDependency) -> Alert:
    """Close an alert with a verdict; acknowledges it too."""
    return alerts.clear(connection, who, alert_id, body.verdict, parts.publishing)


@router.post(
    "/alerts/{alert_id}/reopen",
    responses={404: {"description": "no such alert"}, 409: {"description": "cleared more than a minute ago"}},
)
@audited
def reopen(who: Handles, alert_id: AlertId, connection: Connection, parts: PartsDependency) -> Alert:
    """Take a verdict back, within a minute. Of an open alert it changes nothing."""
    return alerts.reopen(connection, who, alert_id, parts.publishing)


@router.post(
    "/alerts/{alert_id}/correct",
    responses={404: {"description": "no such alert"}, 409: {"description": "not cleared yet"}},
)
@audited
def correct(who: Corrects, alert_id: AlertId, body: Correct, connection: Connection, parts: PartsDependency) -> Alert:
    """Give a cleared alert another verdict, with a reason; the record keeps both."""
    return alerts.correct(connection, who, alert_id, body.verdict, body.why, parts.publishing)


@router.get("/alerts/{alert_id}/verdicts", responses={404: {"description": "no such alert"}})
def given_verdicts(who: Alerts, alert_id: AlertId, connection: ConnectionDependency) -> list[GivenVerdict]:
    """What was said of an alert, in its order: given, taken back, corrected."""
    return alerts.given_verdicts(connection, who.scope, alert_id)


@router.get("/alerts/{alert_id}/members", responses={404: {"description": "no such alert"}})
def list_members(
    who: Alerts,
    alert_id: AlertId,
    connection: ConnectionDependency,
    after: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> MemberPage:
    """All events that an alert is made of, in the order in which they happened, page by page."""
    return alert_members.members(connection, who.scope, alert_id, after, limit)


@router.get("/alerts/{alert_id}/pictures", responses={404: {"description": "no such alert"}})
def list_pictures(
    who: Alerts,
    alert_id: AlertId,
    connection: ConnectionDependency,
    after: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PicturePage:
    """All pictures of an alert that are kept, in the order in which they were taken, page by page."""
    return alert_members.pictures(connection, who.scope, alert_id, after, limit)


@router.get("/alerts/{alert_id}/subjects", responses={404: {"description": "no such alert"}})
def list_subjects(
    who: Alerts,
    alert_id: AlertId,
    connection: ConnectionDependency,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> list[AffectedSubject]:
    """Whom an alert is about, where its condition clears itself: one, or many that have one cause."""
    return conditions.subjects(connection, who.scope, alert_id, limit)


@router.get("/lines/verdicts")
def verdicts(who: Alerts, connection: ConnectionDependency) -> list[LineVerdicts]:
    """How many alerts of each line were true, false, tests, or are still open."""
    with connection.cursor(row_factory=class_row(LineVerdicts)) as cursor:
        return cursor.execute(alerts.SQL["verdicts"], alerts.cut(who.scope)).fetchall()
