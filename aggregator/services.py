"""The aggregator's processes: `ingest`, `alerting`, `api`. Each ends when its standard input closes."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from aggregator.config import AggregatorSettings
from shared.clock import SystemClock
from shared.events import Lane
from shared.leash import wait_for_end
from shared.threads import start_vital


def ingest(settings: AggregatorSettings, dsn: str) -> None:
    """Receive, commit, acknowledge; record who is there."""
    from aggregator.ingest.orders import OrderSender
    from aggregator.ingest.presence import PresenceWorker
    from aggregator.ingest.worker import IngestWorker
    from aggregator.store import Database
    from aggregator.store.waker import INBOX, Waker

    database, broker = Database(dsn), (settings.broker.host, settings.broker.port)
    inbox = Waker(database, INBOX)
    name = uuid4().hex[:8]
    # Presence last to come and first to go: its marker tells the boxes that somebody listens.
    workers = [IngestWorker(f"ingest-{lane.label}-{name}", lane, database, broker, inbox.wake) for lane in Lane]
    presence = PresenceWorker(database, broker)
    for worker in workers:
        worker.start()
    presence.start()
    orders = OrderSender(database, broker)
    orders.start()
    wait_for_end()
    orders.stop()
    presence.stop()
    for worker in workers:
        worker.stop()


def alerting(settings: AggregatorSettings, dsn: str) -> None:
    """Raise alerts, judge presence, deliver webhooks."""
    from aggregator.alerting.alerts import Publishing
    from aggregator.alerting.engine import AlertingEngine
    from aggregator.alerting.presence import PresenceJudge
    from aggregator.feed import log as feed_log
    from aggregator.notify.webhook import WebhookSender
    from aggregator.store import Database

    database = Database(dsn)
    AlertingEngine(database, Publishing(settings.webhooks), timedelta(seconds=settings.alerts.join_window_s)).start()
    PresenceJudge(database).start()
    start_vital("feed-prune", lambda: feed_log.keep_pruned(database))
    for webhook in settings.webhooks:
        WebhookSender(database, webhook, SystemClock()).start()
    wait_for_end()


def api(settings: AggregatorSettings, dsn: str) -> None:
    """Serve console, API and feed."""
    import uvicorn

    from aggregator.alerting.alerts import Publishing
    from aggregator.api.app import build
    from aggregator.store import Database
    from aggregator.store.pictures import PictureStore

    app = build(Database(dsn), PictureStore(settings.data_dir / "evidence"), Publishing(settings.webhooks))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.api.host,
            port=settings.api.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
        )
    )

    def leave() -> None:
        wait_for_end()
        server.should_exit = True

    start_vital("leash", leave)
    server.run()


DSN_VARIABLE = "HAWKLINE_DSN"
"""The database's address travels in the environment: a command line is for everybody to read."""

SERVICES: dict[str, Callable[[AggregatorSettings, str], None]] = {"ingest": ingest, "alerting": alerting, "api": api}
