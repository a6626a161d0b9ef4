"""Proves that an alarm would reach the operators now, as far as the database goes.

An event goes the whole way, through the same code as one of a box: its bytes are read and committed, alerting takes it
from the inbox, raises an alert and puts it on the feed; alert, feed and event are read back as the API reads them and
compared with what went in. Then all of it is taken back: a proof leaves nothing but a hole in some numbers that nobody
sees. What is wrong with the server, a setting, a table, a right or its disk shows here before an alarm is lost to it.
"""

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg

from aggregator.alerting import alerts, inbox
from aggregator.alerting.alerts import Publishing
from aggregator.alerting.entities import Alert
from aggregator.alerting.raising import carry_out
from aggregator.domains.record import record
from aggregator.feed import log as feed_log
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.signals import alert_policy
from aggregator.signals.declarations import domains
from aggregator.signals.occurrence import Occurrence, read_occurrence
from aggregator.store.database import Connection, first_line
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE
from shared.clock import to_ms
from shared.envelope import Header, encode_batch, encode_event
from shared.errors import HawklineError
from shared.events import ConfigApplied, Direction, Event, Lane, LineCrossed, LineSpec
from shared.mqtt import Message
from shared.topics import Address, Channel

SQL = load_queries(__package__, "alert_probe.sql")

_BOX = Address("proof", "proof")
_NAME = "proof · 证明"
_PRIORITY = 1
_FRESH_S = 5.0


class ProbeError(HawklineError):
    """No alert could be raised now."""


def prove(connection: Connection, publishing: Publishing) -> None:
    """Send an event the whole way and take it back.

    Args:
        connection: outside of any transaction.
        publishing: to whom alerts go.

    Raises:
        ProbeError: it did not come through; the message says where and why.
    """
    try:
        with connection.transaction(force_rollback=True):
            _walk(connection, publishing)
    except psycopg.Error as error:
        raise ProbeError(f"no alert could be raised: the database says: {first_line(error)}") from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it would keep an alert back
        raise ProbeError(f"no alert could be raised: {first_line(error)}") from None


def _walk(connection: Connection, publishing: Publishing) -> None:
    connection.execute(SQL["patience"])
    connection.execute(SQL["room"])
    row = connection.execute(SQL["may_number"]).fetchone()
    if not row or not row["may"]:
        raise ProbeError("this role may not number alerts (GRANT USAGE ON ALL SEQUENCES)")
    epoch, now_ms = secrets.randbits(32), to_ms(time.time())
    reading = read([Message(_BOX.topic(Channel.ALARM), _payload(epoch, now_ms), False, now_ms / 1000)], Lane.ALARM)
    outcome = Committer("proof").commit(connection, reading)
    if outcome.dead or outcome.stored != len(_events(now_ms)):
        raise ProbeError(f"{outcome.stored} events of a proof were stored: {outcome.dead[:1]}")
    signals = inbox.judged(connection, _taken(connection, now_ms))
    conditions, now = domains().conditions, datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    decided = [alert_policy.decide(signal, conditions[signal.condition], timedelta(), now) for signal in signals]
    number = -1 - epoch
    carry_out(connection, decided, publishing, numbers=iter([number]))
    at = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    _compare("the alert", _shown(alerts.get(connection, EVERYWHERE, number)), at)
    _compare("the feed", _shown(_on_feed(connection)), at)
    page = record.events(
        connection, EVERYWHERE, record.EventQuestion(site=_BOX.site, agent=_BOX.agent, line=_NAME, limit=1)
    )
    stored = [(event.at, event.site, event.camera, event.line) for event in page.events]
    if stored != [(at, _BOX.site, _NAME, _NAME)]:
        raise ProbeError(f"the record answers {stored}, and the event was of {at}")


def _events(now_ms: int) -> tuple[Event, ...]:
    spec = LineSpec(0, _NAME, ((0.0, 0.5), (1.0, 0.5)), "both", _PRIORITY)
    return (
        ConfigApplied(now_ms, 1, (_NAME,), (spec,)),
        LineCrossed(now_ms, 1, 0, Direction.LEFT_TO_RIGHT, 1, 1, _PRIORITY, 0),
    )


def _payload(epoch: int, now_ms: int) -> bytes:
    rows = [encode_event(event) for event in _events(now_ms)]
    return encode_batch(Header(Lane.ALARM, epoch, 1, len(rows), 1, now_ms), rows)


def _taken(connection: Connection, now_ms: int) -> list[Occurrence]:
    """The events of the proof's own row of the inbox, as alerting takes it."""
    for row in connection.execute(SQL["newest_inbox"]).fetchall():
        parts = msgspec.msgpack.decode(row["body"], type=list[msgspec.Raw])
        occurrences = [read_occurrence(part) for part in parts]
        if any(_is_ours(connection, occurrence) for occurrence in occurrences):
            connection.execute(SQL["take_this"], {"id": row["id"]})
            if wrong := [each for each in occurrences if to_ms(each.event_at.timestamp()) != now_ms]:
                raise ProbeError(f"the inbox says {wrong[0].event_at}")
            return occurrences
    raise ProbeError("the inbox does not hold the event")


def _is_ours(connection: Connection, occurrence: Occurrence) -> bool:
    row = connection.execute(record.SQL["producer"], {"id": occurrence.producer_id}).fetchone()
    return row is not None and (row["site"], row["agent"]) == (_BOX.site, _BOX.agent)


def _on_feed(connection: Connection) -> Alert:
    """The newest message, which is the proof's: it holds the feed's lock."""
    bounds = connection.execute(feed_log.SQL["feed_bounds"]).fetchone()
    after = {"after": bounds["newest"] - 1 if bounds else 0, "limit": 1}
    row = connection.execute(feed_log.SQL["feed_after"], after).fetchone()
    if row is None:
        raise ProbeError("the feed does not hold the alert")
    return Alert.model_validate(msgspec.json.decode(row["message"])["alert"])


def _shown(alert: Alert) -> tuple[object, ...]:
    times = alert.first_at, alert.last_at, alert.confirmed_at
    return (*times, alert.site, alert.agent, alert.camera, alert.name, alert.priority, alert.cleared_at)


def _compare(where: str, shown: tuple[object, ...], at: datetime) -> None:
    wanted = (at, at, at, _BOX.site, _BOX.agent, _NAME, _NAME, _PRIORITY, None)
    for have, want in zip(shown, wanted, strict=True):
        if have != want:
            raise ProbeError(f"{where} says {have}, and what went in was {want}")


class LatestProbe:
    """What the newest proof said. Asked by many, proves every few seconds at most, one at a time.

    Args:
        publishing: to whom alerts go.
        prove: how; raises `ProbeError`.
        now_s: a steady clock.
    """

    def __init__(
        self,
        publishing: Publishing,
        prove: Callable[[Connection, Publishing], None] = prove,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publishing, self._prove, self._now_s = publishing, prove, now_s
        self._lock = threading.Lock()
        self._until_s = float("-inf")
        self._said: str | None = None

    def objection(self, connection: Connection) -> str | None:
        """Why no alert could be raised, if so.

        Args:
            connection: outside of any transaction.
        """
        # While a proof takes long, those who ask meanwhile hear the one before and keep no connection waiting.
        asked_before = self._until_s > float("-inf")
        if not self._lock.acquire(blocking=not asked_before):
            return self._said
        try:
            if self._now_s() >= self._until_s:
                self._said = self._proof(connection)
                self._until_s = self._now_s() + _FRESH_S
            return self._said
        finally:
            self._lock.release()

    def _proof(self, connection: Connection) -> str | None:
        try:
            self._prove(connection, self._publishing)
        except ProbeError as error:
            return str(error)
        return None
