"""Conditions that clear themselves: what is the matter now, and since when. One open alert a subject and condition."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from psycopg.rows import class_row

from aggregator.alerting import maintenance
from aggregator.alerting.alerts import SQL as ALERTS
from aggregator.alerting.alerts import Publishing, end, get
from aggregator.alerting.entities import AffectedSubject
from aggregator.feed import log as feed_log
from aggregator.signals.alert_policy import Ailing, Cause, in_order
from aggregator.signals.declarations import Condition, domains
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope

SQL = load_queries(__package__, "conditions.sql")
_FRESH = timedelta(minutes=1)
_PATIENCE = timedelta(minutes=1)
"""So long a box that fails waits for others that hang on the same: they are missed one after another."""
_AT_ONCE = 200
"""Conditions that ring or end in one transaction: it holds the feed's lock."""


@dataclass(slots=True)
class Due:
    """What was due: conditions that ring now, in this order."""

    ringing: list[Ailing] = field(default_factory=list)
    keys: list[dict[str, object]] = field(default_factory=list)
    """Of each the row."""
    count: int = 0


def note(connection: Connection, said: Sequence[tuple[Signal, Condition]]) -> None:
    """Write down what judges say; older words than what is known change nothing.

    Args:
        connection: in a transaction.
    """
    now = datetime.now(UTC)
    for wave in in_order(said):
        # In one order everywhere, so that two that note the same do not wait for each other.
        values: dict[str, list[object]] = {name: [] for name in _COLUMNS}
        for signal, condition in sorted(wave, key=lambda each: (*_path(each[0].subject), each[0].condition)):
            for name, value in zip(_COLUMNS, _row(signal, condition, now), strict=True):
                values[name].append(value)
        connection.execute(SQL["renew_conditions"], values)
        connection.execute(SQL["note_conditions"], values)


def _row(signal: Signal, condition: Condition, now: datetime) -> tuple[object, ...]:
    at = min(signal.at, now)  # a clock may be ahead of ours
    waits = timedelta(seconds=condition.rings_after_s if signal.active else condition.ends_after_s)
    # Of a backlog the word that it is over may follow at once.
    fresh = signal.active and now - at < _FRESH
    due_at = max(now, at + waits) if fresh else now + waits
    told = signal.origin or (None, None, None)
    priority, detail = signal.priority or condition.priority, msgspec.json.encode(signal.detail).decode()
    return (
        *(*_path(signal.subject), signal.condition, signal.active, at, due_at, not condition.rings_after_s),
        *(*told, priority, detail),
    )


def any_due(connection: Connection) -> bool:
    """Whether anything rings or ends now."""
    row = connection.execute(SQL["any_due"]).fetchone()
    connection.commit()
    return bool(row and row["due"])


def take_due(connection: Connection, publishing: Publishing) -> Due:
    """End alerts of what is over, and say what rings.

    Args:
        connection: in a transaction, which holds the feed's lock from here on.
    """
    feed_log.lock(connection)
    rows = connection.execute(SQL["take_due"], {"limit": _AT_ONCE, "patience": _PATIENCE}).fetchall()
    due, over = Due(count=len(rows)), list[int]()
    known = domains().conditions
    for row in rows:
        key = {name: row[name] for name in _KEY}
        if row["undecided"]:
            connection.execute(SQL["wait_for_others"], key)
        elif row["alert_id"] is None:
            subject = Subject(row["subject"], row["site"], row["agent"], row["camera"], row["name"])
            condition = known.get(row["condition"]) or Condition(row["condition"], row["priority"], clears_itself=True)
            since, others, worked_on = row["since"], row["others"], row["maintenance"] or ""
            cause = None
            if row["nearly_all"]:
                cause = Cause(row["cause_kind"], row["cause_name"], row["cause_site"], row["cause_ailing"])
            here = row["others_here"]
            ailing = Ailing(subject, condition, row["priority"], since, row["detail"], others, worked_on, here, cause)
            due.ringing.append(ailing)
            told = {name: row[name] for name in _TOLD}
            due.keys.append({**key, **told, "ends_after_s": float(condition.ends_after_s)})
        else:
            connection.execute(SQL["forget_alert"], key)
            if not row["active"]:
                over.append(row["alert_id"])
    end(connection, sorted(set(over)), publishing)
    return due


def end_maintenance(connection: Connection, publishing: Publishing) -> None:
    """Where maintenance is over, what is still the matter is due to ring; the quiet alert of it is over.

    Args:
        connection: in a transaction.
    """
    row = connection.execute(SQL["any_quiet"]).fetchone()
    if row and row["quiet"]:
        feed_log.lock(connection)
        end(connection, maintenance.over(connection), publishing)


def rang(connection: Connection, due: Due, alerts: Sequence[int | None]) -> None:
    """Remember which alert each condition has."""
    if due.keys:
        columns = {name: [key[name] for key in due.keys] for name in (*_KEY, "ends_after_s")}
        connection.execute(SQL["rang"], {**columns, "alert_ids": list(alerts)})
        _add_origins(connection, due, alerts)


def _add_origins(connection: Connection, due: Due, alerts: Sequence[int | None]) -> None:
    """Pictures of the event that a condition was read from are its alert's: those that have come, and others."""
    told = [
        (*(key[name] for name in _TOLD), alert)
        for key, alert in zip(due.keys, alerts, strict=True)
        if alert is not None and key["told_producer"] is not None
    ]
    if told:
        producers, lanes, numbers, ids = zip(*told, strict=True)
        origins = {
            "producer_ids": list(producers),
            "lanes": list(lanes),
            "seqs": list(numbers),
            "alert_ids": list(ids),
        }
        added = connection.execute(SQL["add_origins"], origins).fetchall()
        columns = {"producer_ids": "producer_id", "lanes": "lane", "seqs": "seq", "alert_ids": "alert_id"}
        of_one = {name: [row[column] for row in added] for name, column in columns.items()}
        connection.execute(ALERTS["add_pictures"], of_one)


def subjects(connection: Connection, scope: Scope, alert_id: int, limit: int) -> list[AffectedSubject]:
    """Whom of a scope an alert is about.

    Raises:
        AlertNotFoundError: no such alert there.
    """
    alert = get(connection, scope, alert_id)
    with connection.cursor(row_factory=class_row(AffectedSubject)) as cursor:
        mine = scope.of_kinds({alert.subject, alert.condition})
        asked = {"alert_id": alert_id, "scope": mine.cut, "limit": limit}
        return cursor.execute(SQL["subjects_of_alert"], asked).fetchall()


def _path(subject: Subject) -> tuple[str, str, str, str, str]:
    return subject.kind, subject.site, subject.agent, subject.camera, subject.name


_TOLD = "told_producer", "told_lane", "told_seq"
_KEY = "subject", "site", "agent", "camera", "name", "condition"
_COLUMNS = (
    *(*_KEY, "active", "at", "due_at", "at_once", "told_producer", "told_lane", "told_seq", "priority", "detail"),
)
