"""What can happen to an alert. Each function is one change within the caller's transaction.

Locks are taken in one order everywhere: the feed first, then alerts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from aggregator.config import WebhookSettings
from aggregator.feed import log as feed_log
from aggregator.rules.occurrence import Occurrence
from aggregator.rules.watches import RaiseOrJoin
from aggregator.store import load_queries
from aggregator.store.database import Connection
from aggregator.store.entities import Alert, Verdict
from shared.errors import HawklineError
from shared.events import ZoneAlarm

SQL = load_queries("alerting.sql")


class AlertNotFoundError(HawklineError):
    """There is no such alert."""


class AlertClearedError(HawklineError):
    """The alert was cleared before; a cleared alert does not change any more."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """Who hears of changes: the feed always, these webhooks for what they asked for."""

    webhooks: Sequence[WebhookSettings] = ()


def decide(connection: Connection, occurrence: Occurrence, decision: RaiseOrJoin, publishing: Publishing) -> int | None:
    """Carry out a decision once: the same occurrence twice changes nothing. The caller holds the feed's lock.

    Returns:
        The alert's id, or None when the occurrence was a member already.
    """
    member = {"producer_id": occurrence.producer_id, "lane": occurrence.lane, "seq": occurrence.sequence}
    if connection.execute(SQL["is_member"], member).fetchone():
        return None
    values = {
        **member,
        "key": decision.key,
        "kind": decision.kind,
        "priority": decision.priority,
        "at": decision.at,
        "confirmed_at": decision.confirmed_at,
        "window": decision.window,
        "revision": occurrence.event.revision,
        "line": occurrence.event.line,
        "direction": "" if isinstance(occurrence.event, ZoneAlarm) else occurrence.event.direction.label,
    }
    found = connection.execute(SQL["joinable_alert"], values).fetchone()
    if found:
        alert_id, reason = int(found["id"]), decision.join_reason
        connection.execute(SQL["join_alert"], {**values, "alert_id": alert_id})
    else:
        raised = connection.execute(SQL["raise_alert"], values).fetchone()
        assert raised is not None  # noqa: S101 - INSERT ... RETURNING returns
        alert_id, reason = int(raised["id"]), decision.reason
    connection.execute(SQL["add_member"], {**values, "alert_id": alert_id, "reason": reason.value})
    publish(connection, alert_id, "joined" if found else "raised", publishing)
    return alert_id


def acknowledge(connection: Connection, alert_id: int, by: str, publishing: Publishing) -> Alert:
    """Somebody has taken notice. Again changes nothing.

    Raises:
        AlertNotFoundError: no such alert.
    """
    feed_log.lock(connection)
    if connection.execute(SQL["acknowledge"], {"alert_id": alert_id, "by": by}).rowcount:
        return publish(connection, alert_id, "acknowledged", publishing)
    return get(connection, alert_id)


def clear(connection: Connection, alert_id: int, by: str, verdict: Verdict, publishing: Publishing) -> Alert:
    """Close an alert with a verdict; acknowledges it too.

    Raises:
        AlertNotFoundError: no such alert.
        AlertClearedError: it was cleared before with another verdict.
    """
    feed_log.lock(connection)
    if connection.execute(SQL["clear"], {"alert_id": alert_id, "by": by, "verdict": verdict}).rowcount:
        return publish(connection, alert_id, "cleared", publishing)
    alert = get(connection, alert_id)
    if alert.verdict != verdict:
        raise AlertClearedError(f"alert {alert_id} was cleared as {alert.verdict!r} by {alert.cleared_by}")
    return alert


def get(connection: Connection, alert_id: int) -> Alert:
    """One alert.

    Raises:
        AlertNotFoundError: no such alert.
    """
    with connection.cursor(row_factory=class_row(Alert)) as cursor:
        alert = cursor.execute(SQL["alert"], {"alert_id": alert_id}).fetchone()
    if alert is None:
        raise AlertNotFoundError(f"there is no alert {alert_id}")
    return alert


def publish(connection: Connection, alert_id: int, change: str, publishing: Publishing) -> Alert:
    """Put an alert's present state on the feed and into the mail of the webhooks."""
    # Before looking: a picture that is being stored at this moment is seen here, or sees this alert itself.
    feed_log.lock(connection)
    alert = get(connection, alert_id)
    message = f'{{"change":"{change}","alert":{alert.model_dump_json()}}}'
    feed_log.append(connection, feed_log.ALERT, message)
    for webhook in publishing.webhooks:
        if change in webhook.changes and alert.priority <= webhook.max_priority:
            connection.execute(
                SQL["add_delivery"],
                {
                    "webhook": webhook.name,
                    "alert_id": alert_id,
                    "body": message.encode(),
                },
            )
    return alert
