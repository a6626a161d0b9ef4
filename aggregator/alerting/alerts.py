"""What can happen to an alert. Each function is one change within the caller's transaction.

Locks are taken in one order everywhere: the feed first, then alerts, the audit last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from psycopg.rows import class_row

from aggregator.alerting.entities import Alert, GivenVerdict, Verdict
from aggregator.config import WebhookSettings
from aggregator.feed import log as feed_log
from aggregator.feed.log import Told
from aggregator.people.principal import Principal
from aggregator.store import load_queries
from aggregator.store.database import Connection
from aggregator.store.errors import ConflictError, MissingError, NotYoursError
from aggregator.store.scope import Scope

SQL = load_queries(__package__)
TAKEN_BACK_WITHIN = timedelta(seconds=60)
_RINGS_AS = {"escalated": "raised"}
"""A receiver that hears of alerts only down to some priority hears of one that came to it later."""


class AlertNotFoundError(MissingError):
    """There is no such alert."""


class AlertClearedError(ConflictError):
    """The alert was cleared before, with another verdict or too long ago."""


class AlertOpenError(ConflictError):
    """The alert is open: there is no verdict yet."""


class AlertOfOthersError(NotYoursError):
    """The alert is of places of others, too."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """Who hears of changes: the feed always, these webhooks for what they asked for."""

    webhooks: Sequence[WebhookSettings] = ()


def acknowledge(connection: Connection, who: Principal, alert_id: int, publishing: Publishing) -> Alert:
    """An operator has taken notice. Again changes nothing.

    Raises:
        AlertNotFoundError: no such alert of theirs.
        AlertOfOthersError: it is of places of others, too.
    """
    before = _whole(connection, who, alert_id)
    if connection.execute(SQL["acknowledge"], {"alert_id": alert_id, "by": who.name}).rowcount:
        return publish(connection, {alert_id: "acknowledged"}, publishing)[0]
    return before


def clear(connection: Connection, who: Principal, alert_id: int, verdict: Verdict, publishing: Publishing) -> Alert:
    """Close an alert with a verdict; acknowledges it too.

    Raises:
        AlertNotFoundError: no such alert of theirs.
        AlertOfOthersError: it is of places of others, too.
        AlertClearedError: it was cleared before with another verdict.
        AlertOpenError: it waits for something else than a verdict.
    """
    alert = _whole(connection, who, alert_id)
    if alert.over_when:
        raise AlertOpenError(f"alert {alert_id} is over when {alert.over_when}, and by no verdict")
    if connection.execute(SQL["clear"], {"alert_id": alert_id, "by": who.name, "verdict": verdict}).rowcount:
        return publish(connection, {alert_id: "cleared"}, publishing)[0]
    if alert.verdict != verdict:
        raise AlertClearedError(f"alert {alert_id} was cleared as {alert.verdict!r} by {alert.cleared_by}")
    return alert


def reopen(connection: Connection, who: Principal, alert_id: int, publishing: Publishing) -> Alert:
    """Take a verdict back that was given just now; the alert is open again, and the record keeps that it was not.

    Raises:
        AlertNotFoundError: no such alert of theirs.
        AlertOfOthersError: it is of places of others, too.
        AlertClearedError: it was cleared too long ago.
    """
    alert = _whole(connection, who, alert_id)
    values = {"alert_id": alert_id, "by": who.name, "within": TAKEN_BACK_WITHIN}
    if connection.execute(SQL["reopen"], values).rowcount:
        return publish(connection, {alert_id: "reopened"}, publishing)[0]
    if alert.cleared_at:
        within = f"{TAKEN_BACK_WITHIN.seconds} s"
        raise AlertClearedError(
            f"alert {alert_id} was cleared more than {within} ago: correct its verdict, with a reason"
        )
    return alert


def correct(
    connection: Connection, who: Principal, alert_id: int, verdict: Verdict, why: str, publishing: Publishing
) -> Alert:
    """Give a cleared alert another verdict; the record keeps both.

    Args:
        why: in words, for the operator who reads the record.

    Raises:
        AlertNotFoundError: no such alert of theirs.
        AlertOfOthersError: it is of places of others, too.
        AlertOpenError: it has no verdict yet.
    """
    alert = _whole(connection, who, alert_id)
    values = {"alert_id": alert_id, "by": who.name, "verdict": verdict, "why": why}
    if connection.execute(SQL["correct"], values).rowcount:
        return publish(connection, {alert_id: "corrected"}, publishing)[0]
    if not alert.cleared_at:
        raise AlertOpenError(f"alert {alert_id} is open: clear it with a verdict")
    return alert


def _whole(connection: Connection, who: Principal, alert_id: int) -> Alert:
    """The alert as it is now, and stays until the commit but for what is done here.

    Raises:
        AlertNotFoundError: no such alert of theirs.
        AlertOfOthersError: it is of places of others, too: who silences it, silences it for them.
    """
    feed_log.lock(connection)
    alert = get(connection, who.scope, alert_id)
    if not covers(connection, who.scope, [alert]):
        raise AlertOfOthersError(f"alert {alert_id} is of places of others, too: who has all of them has to do it")
    return alert


def given_verdicts(connection: Connection, scope: Scope, alert_id: int) -> list[GivenVerdict]:
    """What was said of an alert, the first first.

    Raises:
        AlertNotFoundError: no such alert there.
    """
    get(connection, scope, alert_id)
    with connection.cursor(row_factory=class_row(GivenVerdict)) as cursor:
        return cursor.execute(SQL["given_verdicts"], {"alert_id": alert_id}).fetchall()


def get(connection: Connection, scope: Scope, alert_id: int) -> Alert:
    """One alert.

    Raises:
        AlertNotFoundError: no such alert there.
    """
    with connection.cursor(row_factory=class_row(Alert)) as cursor:
        alert = cursor.execute(SQL["alert"], {"alert_id": alert_id, **cut(scope)}).fetchone()
    if alert is None:
        raise AlertNotFoundError(f"there is no alert {alert_id}")
    return alert if covers(connection, scope, [alert]) else alert.cut()


def cut(scope: Scope) -> dict[str, list[str] | None]:
    """What a statement about alerts is told of a scope."""
    return {"scope": scope.cut, "narrow": scope.narrow_cut}


def covers(connection: Connection, scope: Scope, alerts: Sequence[Alert]) -> set[int]:
    """Those of alerts that are of places of a scope only, by their numbers."""
    of_many = [
        alert.id
        for alert in alerts
        if not alert.site and not scope.of_kinds({alert.subject, alert.condition}).is_everywhere
    ]
    if not of_many:
        return {alert.id for alert in alerts}
    asked = {"alert_ids": of_many, **cut(scope)}
    whole = {row["alert_id"] for row in connection.execute(SQL["covered_alerts"], asked)}
    return {alert.id for alert in alerts if alert.id not in of_many or alert.id in whole}


def end(connection: Connection, alert_ids: Sequence[int], publishing: Publishing) -> None:
    """What alerts told of is over, unless one of several conditions that share it is there still.

    It clears an alert that was acknowledged, or needs no operator (priority 3 and 4); others wait for one to see them.

    Args:
        connection: holds the feed's lock.
        alert_ids: in their order.
    """
    if alert_ids:
        rows = connection.execute(SQL["end_alerts"], {"alert_ids": list(alert_ids)}).fetchall()
        publish(connection, {row["id"]: "ended" for row in rows}, publishing)


def publish(connection: Connection, changes: Mapping[int, str], publishing: Publishing) -> list[Alert]:
    """Put the present state of alerts on the feed and into the mail of the webhooks, in the order of their numbers.

    Args:
        connection: holds the feed's lock, since before the change: a picture that is being stored at this moment is
            seen here, or sees these alerts itself.
        changes: by the alert's number, what happened to it.
    """
    if not changes:
        return []
    with connection.cursor(row_factory=class_row(Alert)) as cursor:
        alerts = cursor.execute(SQL["alerts_of"], {"alert_ids": list(changes)}).fetchall()
    messages = [_message(changes[alert.id], alert) for alert in alerts]
    of_many = _sites_of(connection, [alert.id for alert in alerts if not alert.site])
    told = [
        Told(message, [alert.site], kinds=(alert.subject, alert.condition))
        if alert.site
        else Told(
            message,
            of_many.get(alert.id),
            _message(changes[alert.id], alert.cut()),
            kinds=(alert.subject, alert.condition),
        )
        for alert, message in zip(alerts, messages, strict=True)
    ]
    feed_log.add(connection, feed_log.ALERT, told)
    mail = [
        (webhook.name, alert.id, message.encode())
        for alert, message in zip(alerts, messages, strict=True)
        for webhook in publishing.webhooks
        if _RINGS_AS.get(changes[alert.id], changes[alert.id]) in webhook.changes
        and alert.priority <= webhook.max_priority
    ]
    if mail:
        names, ids, bodies = zip(*mail, strict=True)
        connection.execute(
            SQL["add_deliveries"], {"webhooks": list(names), "alert_ids": list(ids), "bodies": list(bodies)}
        )
    return alerts


def _message(change: str, alert: Alert) -> str:
    return f'{{"change":"{change}","alert":{alert.model_dump_json()}}}'


def _sites_of(connection: Connection, alert_ids: Sequence[int]) -> dict[int, list[str]]:
    """Sites of alerts that name none; of the centre's own there are none."""
    if not alert_ids:
        return {}
    rows = connection.execute(SQL["sites_of_alerts"], {"alert_ids": alert_ids}).fetchall()
    return {row["alert_id"]: row["sites"] for row in rows}
