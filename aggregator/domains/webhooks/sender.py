"""Works off the deliveries table: the row was written with the alert, so a crash between forgets nothing."""

import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx

from aggregator.alerting import inbox
from aggregator.config import WebhookSettings
from aggregator.domains.webhooks.signing import sign
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.signals.signal import Signal, Subject
from aggregator.store import load_queries
from aggregator.store.database import Connection, Row
from aggregator.trust.outside import outside_context
from shared.clock import Clock, SystemClock
from shared.errors import UnavailableError
from shared.retry_after import STATUSES, retry_after_s

log = logging.getLogger(__name__)
SQL = load_queries(__package__)

_TURN_S = 60.0
_TIMEOUT_S = 10.0
_MAX_ATTEMPTS = 20
_LAST_WAIT_S = 3600.0


def retry_wait_s(attempts: int, rng: random.Random) -> float:
    """Two seconds, doubling to an hour, with a fifth of jitter."""
    return min(_LAST_WAIT_S, 2.0 * float(1 << min(attempts - 1, 20))) * rng.uniform(0.8, 1.2)


class WebhookSender:
    """Delivers to one receiver."""

    def __init__(self, webhook: WebhookSettings, clock: Clock) -> None:
        self._webhook, self._clock = webhook, clock
        self._rng = random.Random()
        self._well: bool | None = None
        """Whether the newest delivery was taken rather than given up; None: not known since we started."""
        self._left_alone_until_s = 0.0
        """The receiver asked to be left alone until this monotonic time, with whatever it is."""
        self._client: httpx.Client | None = None

    def turn(self, connection: Connection) -> None:
        """Deliver what is due, for some time at most.

        Raises:
            UnavailableError: the file of the receiver's authority cannot be read any more.
        """
        if self._client is None:
            try:
                tls = outside_context(self._webhook.ca)
            except OSError as error:
                raise UnavailableError(f"ca {self._webhook.ca} cannot be read ({error})") from None
            self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False, verify=tls)
        until_s = self._clock.monotonic_s() + _TURN_S
        while self.deliver_one(connection, self._client) and self._clock.monotonic_s() < until_s:
            pass

    def deliver_one(self, connection: Connection, client: httpx.Client) -> bool:
        """Try the delivery that has been due longest; False when none is due, or the receiver is to be left alone."""
        if self._clock.monotonic_s() < self._left_alone_until_s:
            return False
        row = connection.execute(SQL["take_delivery"], {"webhook": self._webhook.name}).fetchone()
        if row is None:
            return False
        try:
            status, asked_s = self._post(client, row["id"], bytes(row["body"]))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            self._fail(connection, row, f"{type(error).__name__}: {error}")
            return True
        if 200 <= status < 300:
            with connection.transaction():
                connection.execute(SQL["delivery_done"], {"id": row["id"]})
                self._tell(connection, well=True)
            self._well = True
        else:
            self._left_alone_until_s = self._clock.monotonic_s() + asked_s
            asks = f", asks to be left alone for {asked_s:.0f} s" if asked_s else ""
            self._fail(connection, row, f"HTTP {status}{asks}", final=status == 410, least_s=asked_s)
        return True

    def _post(self, client: httpx.Client, message_id: str, body: bytes) -> tuple[int, float]:
        """The answer's status, and for how many seconds the receiver wants no more."""
        headers = sign(self._webhook.secret, message_id, int(self._clock.now_s()), body)
        headers["content-type"] = "application/json"
        # Streamed: the answer's body does not concern us, however long it is.
        with client.stream("POST", self._webhook.url, content=body, headers=headers) as response:
            status = response.status_code
            return status, retry_after_s(response.headers, self._clock.now_s()) if status in STATUSES else 0.0

    def _fail(self, connection: Connection, row: Row, error: str, *, final: bool = False, least_s: float = 0.0) -> None:
        give_up = final or row["attempts"] >= _MAX_ATTEMPTS
        log.warning(
            "webhook %s, alert %s, try %d: %s%s",
            row["webhook"],
            row["alert_id"],
            row["attempts"],
            error,
            "; given up" if give_up else "",
        )
        failed = {
            "id": row["id"],
            "error": error[:500],
            "give_up": give_up,
            "wait_s": max(least_s, retry_wait_s(row["attempts"], self._rng)),
        }
        with connection.transaction():
            connection.execute(SQL["delivery_failed"], failed)
            if give_up:
                self._tell(connection, well=False, why=error)
        self._well = False if give_up else self._well

    def _tell(self, connection: Connection, *, well: bool, why: str = "") -> None:
        """Say in the inbox whether the receiver takes what is sent, where that has changed."""
        if well is not self._well:
            at = datetime.fromtimestamp(self._clock.now_s(), tz=UTC)
            inbox.put(connection, [_word(self._webhook.name, well=well, at=at, why=why)])


def turns(work: JobContext) -> Mapping[str, Turn]:
    """The job: a slow receiver holds up no other."""
    return {webhook.name: WebhookSender(webhook, SystemClock()).turn for webhook in work.settings.webhooks}


def forgetting(work: JobContext) -> Turn:
    """The job that ends the alerts of receivers that are configured no more."""
    names = [webhook.name for webhook in work.settings.webhooks]

    def turn(connection: Connection) -> None:
        with connection.transaction():
            gone = connection.execute(SQL["gone_receivers"], {"names": names}).fetchall()
            now = datetime.now(UTC)
            inbox.put(connection, [_word(row["name"], well=True, at=now) for row in gone])

    return turn


def _word(receiver: str, *, well: bool, at: datetime, why: str = "") -> Signal:
    detail = {} if well else {"why": why[:200]}
    return Signal(Subject("webhook", name=receiver), "webhook_gave_up", not well, at, detail=detail)
