"""The aggregator's processes. Each ends when its standard input closes."""

import gc
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

from aggregator.config import AggregatorSettings
from shared.clock import SystemClock
from shared.events import Lane
from shared.leash import wait_for_end
from shared.threads import start_vital


def presence(settings: AggregatorSettings, dsn: str) -> None:
    """Record who is there, tell the boxes that somebody listens, and bring them their orders."""
    from aggregator.ingest.orders import OrderSender
    from aggregator.ingest.presence import PresenceWorker
    from aggregator.store import Database

    database, broker = Database(dsn), (settings.broker.host, settings.broker.port)
    worker = PresenceWorker(database, broker)
    worker.start()
    orders = OrderSender(database, broker)
    orders.start()
    _settle()
    wait_for_end()
    orders.stop()
    worker.stop()


def ingest(lane: Lane, settings: AggregatorSettings, dsn: str) -> None:
    """Receive, commit, acknowledge: one of the workers of one lane."""
    from aggregator.ingest.worker import IngestWorker
    from aggregator.store import Database
    from aggregator.store.waker import INBOX, Waker

    database = Database(dsn)
    name = f"ingest-{lane.label}-{uuid4().hex[:8]}"
    broker = settings.broker.host, settings.broker.port
    retention = timedelta(days=settings.retention.events_days)
    worker = IngestWorker(name, lane, database, broker, Waker(database, INBOX).wake, retention)
    worker.start()
    _settle()
    wait_for_end()
    worker.stop()


def alerting(settings: AggregatorSettings, dsn: str) -> None:
    """Raise alerts, judge presence, deliver webhooks."""
    from aggregator.alerting.alerts import Publishing
    from aggregator.alerting.engine import AlertingEngine
    from aggregator.alerting.presence import PresenceJudge
    from aggregator.feed import log as feed_log
    from aggregator.notify.webhook import WebhookSender
    from aggregator.store import Database
    from aggregator.store.retention import RetentionKeeper

    database = Database(dsn)
    AlertingEngine(database, Publishing(settings.webhooks), timedelta(seconds=settings.alerts.join_window_s)).start()
    PresenceJudge(database).start()
    start_vital("retention", RetentionKeeper(database, settings.retention.keep).run)
    start_vital("feed-prune", lambda: feed_log.keep_pruned(database))
    for webhook in settings.webhooks:
        WebhookSender(database, webhook, SystemClock()).start()
    _settle()
    wait_for_end()


def api(settings: AggregatorSettings, dsn: str) -> None:
    """Serve console, API and feed."""
    import socket

    import uvicorn

    from aggregator.alerting.alerts import Publishing
    from aggregator.api.app import build
    from aggregator.store import Database
    from aggregator.store.pictures import PictureStore

    app = build(Database(dsn), PictureStore(settings.data_dir / "evidence"), Publishing(settings.webhooks))
    config = uvicorn.Config(
        app,
        host=settings.api.host,
        port=settings.api.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)

    def leave() -> None:
        wait_for_end()
        server.should_exit = True

    start_vital("leash", leave)
    _settle()
    server.run(sockets=[listener])


def _settle() -> None:
    """What is loaded now stays. Looking through it for garbage again and again would stop everything for 0.1 s."""
    gc.collect()
    gc.freeze()


_UNSENT_BYTES = 128 * 1024
"""Of one connection, in the kernel, which takes twice as much. Left alone, a page that stalls costs megabytes there."""

DSN_VARIABLE = "HAWKLINE_DSN"
"""The database's address travels in the environment: a command line is for everybody to read."""

Service = Callable[[AggregatorSettings, str], None]
SERVICES: dict[str, Service] = {
    "ingest-alarm": partial(ingest, Lane.ALARM),
    "ingest-bulk": partial(ingest, Lane.BULK),
    "presence": presence,
    "alerting": alerting,
    "api": api,
}
"""Started in this order and stopped in the other: the boxes are told to send once somebody listens."""

YIELDING = {"ingest-bulk": 5}
"""Who gives way when processors are short, and by how much: a backlog can wait, an alarm cannot."""


def processes(settings: AggregatorSettings) -> dict[str, str]:
    """Names of all processes, each with its service: the workers of a lane are as many as configured."""
    found: dict[str, str] = {}
    workers = {"ingest-alarm": settings.ingest.alarm_workers, "ingest-bulk": settings.ingest.bulk_workers}
    for service in SERVICES:
        for number in range(1, workers.get(service, 1) + 1):
            found[service if number == 1 else f"{service}-{number}"] = service
    return found
