"""Takes the inbox and raises alerts: crash, replay and a second engine change nothing but the time it takes."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from aggregator.alerting import conditions, inbox, maintenance
from aggregator.alerting.alerts import Publishing
from aggregator.alerting.raising import carry_out
from aggregator.signals import alert_policy
from aggregator.signals.alert_policy import RaiseOrJoin
from aggregator.signals.declarations import domains
from aggregator.store import Database, telemetry
from aggregator.store.allowance import Allowance, Spending
from aggregator.store.database import Connection, first_line, tried
from aggregator.store.queries import load_queries
from aggregator.store.waker import FEED, INBOX, POLL_S, Waker, wakes
from shared.threads import start_vital
from shared.topics import Address

log = logging.getLogger(__name__)
SQL = load_queries(__package__)

_BEAT_S = 2.0
_UNMUTE_S = 2.0
"""How often what is still the matter is looked for where maintenance is over."""
ALERTS_A_DAY = 20_000
"""That a box may raise. A line that is crossed every five seconds, day and night, stays below; a busy gate far below.
It is there for the disk: an alert with its member, its message to pages and a delivery takes some kilobytes."""
OPEN_ALERTS = 2000
"""Of one box, that nobody has looked at: no operator works through more. What is beyond joins one alert for each hour
and priority, but for what is most urgent: panic and fire ring whatever lies there."""
_RINGS_ALWAYS = 1
_BATCH = 5
"""Inbox rows (of at most 100 events) in one transaction: it holds the feed's lock, and operators wait behind it."""


_INDIGESTIBLE = (psycopg.DataError, ValueError, OverflowError)
"""What a row may cause by what stands in it. All else may be mended, and then it rings."""


class AlertingEngine:
    """Runs on a thread of its own until the process ends.

    Args:
        join_window: for so long the same joins an alert.
        alerts_a_day: of one box.
        now: the wall clock.
    """

    def __init__(
        self,
        database: Database,
        publishing: Publishing,
        join_window: timedelta,
        alerts_a_day: int = ALERTS_A_DAY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._publishing, self._window, self._now = database, publishing, join_window, now
        self._allowance = Allowance(alerts_a_day)
        self._boxes = inbox.Boxes()
        self._feed = Waker(database, FEED)
        self._since = datetime.now(UTC)
        self._unmute_s = 0.0
        self._look_s = 0.0
        """When conditions are looked for that are due; what was noted just now may be at once."""

    def start(self) -> None:
        """Begin."""
        start_vital("alerting", self._run)

    def _run(self) -> None:
        self._database.keep_serving("alerting", self._serve, steady=True)

    def _serve(self, connection: Connection) -> None:
        beat_s = 0.0
        with self._database.connect("alerting-listen", autocommit=True) as listener:
            for _ in wakes(listener, INBOX):
                more = True
                while more:
                    rows = self.take(connection)
                    # A process that leaves a row after this wakes us again.
                    more = rows >= inbox.TURNS
                    if rows:
                        self._feed.wake()  # at once: operators wait for it
                    # Within the loop: a backlog of hours must not keep conditions from ringing.
                    if self._ring_where_due(connection):
                        self._feed.wake()
                    beat_s = self._beat(connection, beat_s)

    def _ring_where_due(self, connection: Connection) -> int:
        """`ring`, but it is not asked for at every wake-up while nothing was noted."""
        if time.monotonic() < self._look_s:
            return 0
        self._look_s = time.monotonic() + POLL_S / 2
        return self.ring(connection)

    def _beat(self, connection: Connection, due_s: float) -> float:
        """Say that alerts are raised, where it is due: only after rows were taken, or none was there to be taken.

        Returns:
            When the next is due.
        """
        if time.monotonic() < due_s:
            return due_s
        with connection.transaction():
            telemetry.beat(connection, "alerting", self._since)
        return time.monotonic() + _BEAT_S

    def take(self, connection: Connection) -> int:
        """Work off some inbox rows in one transaction.

        Returns:
            How many rows were taken; 0 means that none waits.
        """
        try:
            return tried(lambda: self._take(connection, _BATCH))
        except _INDIGESTIBLE as error:
            log.error("alerting: some of %d inbox rows cannot be taken: %s", _BATCH, first_line(error))
        return sum(self._take_or_bury(connection) for _ in range(_BATCH))

    def _take_or_bury(self, connection: Connection) -> int:
        """One row must not keep all that follow from ringing: what cannot be taken becomes a dead letter."""
        noted = list[int]()
        try:
            return tried(lambda: self._take(connection, 1, noted))
        except _INDIGESTIBLE as error:
            with connection.transaction():  # that row, though others may come before it by now
                return inbox.bury(connection, noted[-1], first_line(error)) if noted else 0

    def _take(self, connection: Connection, limit: int, rows: list[int] | None = None) -> int:
        known = domains()
        with Spending() as spending, connection.transaction():
            taken = inbox.take(connection, limit, self._boxes, rows)
            said = [(signal, known.condition(signal)) for signal in taken.signals]
            now = self._now()
            held = [
                alert_policy.decide(signal, condition, self._window, now)
                for signal, condition in said
                if not condition.clears_itself and signal.active
            ]
            if held:
                worked_on = maintenance.now(connection) if taken.worked_on else ()
                held = [alert_policy.under(decision, worked_on) for decision in held]
                self._carry_out(connection, spending, held, now)
            noted = [(signal, condition) for signal, condition in said if condition.clears_itself]
            conditions.note(connection, noted)
        if noted:
            self._look_s = 0.0
        return taken.rows

    def ring(self, connection: Connection) -> int:
        """Ring for conditions that have lasted long enough, and clear alerts of those that are over.

        Returns:
            How many were due.
        """
        return tried(lambda: self._ring(connection))

    def _ring(self, connection: Connection) -> int:
        if time.monotonic() >= self._unmute_s:
            self._unmute_s = time.monotonic() + _UNMUTE_S
            with connection.transaction():
                conditions.end_maintenance(connection, self._publishing)
        if not conditions.any_due(connection):
            return 0
        with Spending() as spending, connection.transaction():
            now = self._now()
            due = conditions.take_due(connection, self._publishing)
            alerts = self._carry_out(
                connection, spending, [alert_policy.ailing(found, now) for found in due.ringing], now
            )
            conditions.rang(connection, due, alerts)
        return due.count

    def _carry_out(
        self, connection: Connection, spending: Spending, decided: list[RaiseOrJoin], now: datetime
    ) -> list[int | None]:
        if not decided:
            return []
        bounds = _Bounds(self._allowance, spending, now, _open_alerts(connection, decided))
        alerts = carry_out(connection, decided, self._publishing, bounds=bounds)
        telemetry.exceeded(connection, bounds.exceeded)
        return alerts


def _open_alerts(connection: Connection, decided: Sequence[RaiseOrJoin]) -> Counter[Address]:
    """How many alerts of the boxes that may raise another are open, up to the ceiling."""
    boxes = sorted({decision.box for decision in decided if decision.box and not decision.asked})
    asked = {"sites": [box.site for box in boxes], "agents": [box.agent for box in boxes], "most": OPEN_ALERTS}
    found = connection.execute(SQL["open_alerts"], asked) if boxes else ()
    return Counter({Address(row["site"], row["agent"]): row["number"] for row in found})


class _Bounds:
    """Of one box so many alerts a day, and so many that are open, whatever outboxes it has; the rest joins a few.

    It shall not fill disk and page with alerts, which stay until an operator clears them.
    """

    def __init__(self, allowance: Allowance, spending: Spending, now: datetime, open_alerts: Counter[Address]) -> None:
        self._allowance, self._spending, self._now, self._open = allowance, spending, now, open_alerts
        self.exceeded = set[tuple[Address, str]]()

    def instead(self, decision: RaiseOrJoin) -> RaiseOrJoin | None:
        box = decision.box
        if box is None or decision.asked:
            return None
        if self._open[box] >= OPEN_ALERTS and decision.priority > _RINGS_ALWAYS:
            self.exceeded.add((box, "open_alerts"))
        elif self._spending.take(self._allowance, box, 1):
            self._open[box] += 1
            return None
        else:
            self.exceeded.add((box, "alerts_per_day"))
        return alert_policy.flooding(decision, self._now)
