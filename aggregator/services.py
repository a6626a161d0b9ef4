"""The aggregator's processes. Each ends when its standard input closes."""

import gc
import resource
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from aggregator.config import AggregatorSettings
from shared.child_process import wait_for_end
from shared.events import Lane
from shared.threads import start_vital

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from aggregator.people.identity_provider import ProviderRules


def presence(settings: AggregatorSettings, dsn: str) -> None:
    """Record who is there, and tell the boxes that the aggregator listens."""
    from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
    from aggregator.store import Database

    worker = HeartbeatReceiver(Database(dsn), settings.broker_address, _broker_tls(settings))
    worker.start()
    _settle()
    wait_for_end()
    worker.stop()


def ingest(lane: Lane, settings: AggregatorSettings, dsn: str) -> None:
    """Receive, commit, acknowledge: one of the workers of one lane."""
    from aggregator.ingest.box_quota import BoxQuota
    from aggregator.ingest.worker import IngestWorker
    from aggregator.store import Database
    from aggregator.store.waker import INBOX, Waker

    database = Database(dsn)
    name = f"ingest-{lane.label}-{uuid4().hex[:8]}"
    retention, tls = timedelta(days=settings.retention.events_days), _broker_tls(settings)
    wake = Waker(database, INBOX).wake
    quota = BoxQuota(settings.limits.events_per_day, settings.limits.dead_letters_per_day)
    worker = IngestWorker(name, lane, database, settings.broker_address, wake, retention, tls, quota)
    worker.start()
    _settle()
    wait_for_end()
    worker.stop()


def alerting(settings: AggregatorSettings, dsn: str) -> None:
    """Raise alerts, and nothing else: operators wait for them."""
    from aggregator.alerting.alerts import Publishing
    from aggregator.alerting.engine import AlertingEngine
    from aggregator.store import Database

    window, a_day = timedelta(seconds=settings.alerts.join_window_s), settings.limits.alerts_per_day
    AlertingEngine(Database(dsn), Publishing(settings.webhooks), window, a_day).start()
    _settle()
    wait_for_end()


def jobs(settings: AggregatorSettings, dsn: str) -> None:
    """Do what is done by the clock."""
    from aggregator.jobs.job_context import JobContext
    from aggregator.jobs.runner import JobRunner
    from aggregator.store import Database

    database = Database(dsn)
    runner = JobRunner(database, "jobs")
    with ExitStack() as ending:
        runner.start_declared(
            JobContext(database, settings, partial(_broker_tls, settings), ending), processes(settings)
        )
        _settle()
        wait_for_end()
        runner.stop()


def api(settings: AggregatorSettings, dsn: str) -> None:
    """Serve console, API and feed."""
    from aggregator.alerting.alerts import Publishing
    from aggregator.api.first_token import FirstToken
    from aggregator.console_api import Guarded, build
    from aggregator.people.sealing import Sealer
    from aggregator.store import Database
    from aggregator.trust.vault import SERVER
    from shared.trust import server_context
    from shared.trust.tls import fingerprint

    tls = guarded = None
    if settings.trust:
        tls = server_context(settings.vault.credentials_path(SERVER))
        _keep_shown(tls, settings.vault.credentials_path(SERVER))
        token, sealer = FirstToken(settings.data_dir), Sealer(settings.data_dir)
        door = settings.trust.url, fingerprint(settings.vault.root())
        guarded = Guarded(token, sealer, *door, _provider_rules(settings))
    pictures, publishing = settings.open_pictures(), Publishing(settings.webhooks)
    app = build(Database(dsn), pictures, publishing, guarded=guarded)
    _serve(app, settings.api.host, settings.api.port, tls)


def _provider_rules(settings: AggregatorSettings) -> "ProviderRules | None":
    from aggregator.api.sign_in_page import PROVIDER_BACK_PAGE
    from aggregator.people.identity_provider import ProviderRules
    from aggregator.trust.outside import outside_context

    found = settings.provider
    if found is None:
        return None
    return ProviderRules(
        issuer=found.issuer,
        client_id=found.client_id,
        secret=found.secret,
        label=found.label,
        name_claim=found.name_claim,
        groups_claim=found.groups_claim,
        groups=found.groups,
        back=f"{settings.console_url}{PROVIDER_BACK_PAGE}",
        tls=outside_context(found.ca),
    )


def trust(settings: AggregatorSettings, dsn: str) -> None:
    """The boxes' door, and broker access: it keeps broker and certificates in step with who may come in."""
    from aggregator import box_api
    from aggregator.alerting.alerts import Publishing
    from aggregator.jobs.runner import JobRunner
    from aggregator.signals.declarations import Job
    from aggregator.store import Database
    from aggregator.trust.broker_access import BrokerAccess
    from aggregator.trust.control import BrokerControl
    from aggregator.trust.vault import SERVER
    from shared.trust import server_context

    assert settings.trust  # noqa: S101 - or it would not have been started
    vault, database = settings.vault, Database(dsn)
    control = BrokerControl(*settings.broker_address, _broker_tls(settings, "broker-admin"))
    control.start()
    access = BrokerAccess(vault, control, settings.broker_folder, settings.server_names)
    runner = JobRunner(database, "trust")
    runner.start(Job("broker-access", 1, ""), access.turn)
    pictures, publishing = settings.open_pictures(), Publishing(settings.webhooks)
    app = box_api.build(database, vault, pictures, publishing, settings.data_dir, access.admit)
    credentials = vault.credentials_path(SERVER)
    tls = server_context(credentials, clients=vault.root())
    _keep_shown(tls, credentials)
    _serve(app, settings.trust.host, settings.trust.port, tls)
    runner.stop()
    control.stop()


def _serve(app: "ASGIApp", host: str, port: int, tls: ssl.SSLContext | None) -> None:
    """Until standard input closes."""
    from aggregator.api.server import server

    # More files than the door has connections: a stranger who opens them all shall not keep us from our own.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most) if most > 0 else _FILES, most))
    serving, listener = server(app, host, port, tls, _UNSENT_BYTES)

    def leave() -> None:
        wait_for_end()
        serving.should_exit = True

    start_vital("leave-with-parent", leave)
    _settle()
    serving.run(sockets=[listener])


def _broker_tls(settings: AggregatorSettings, service: str = "aggregator") -> ssl.SSLContext | None:
    """With what a service connects to the broker."""
    if settings.trust is None:
        return None
    context = settings.vault.context(service)
    _keep_shown(context, settings.vault.credentials_path(service))
    return context


def _keep_shown(context: ssl.SSLContext, credentials: Path) -> None:
    """Show the newest certificate with every new connection, for as long as the process lives."""
    from shared.trust.tls import keep_shown

    start_vital(f"certificate-{credentials.stem}", lambda: keep_shown(context, credentials))


def _settle() -> None:
    """What is loaded now stays. Looking through it for garbage again and again would stop everything for 0.1 s."""
    gc.collect()
    gc.freeze()


_FILES = 16_384
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
    "jobs": jobs,
    "api": api,
    "trust": trust,
}
"""Started in this order and stopped in the other: the boxes are told to send once ingest listens."""

YIELDING = {"ingest-bulk": 5}
"""Who gives way when processors are short, and by how much: a backlog can wait, an alarm cannot."""


def processes(settings: AggregatorSettings) -> dict[str, str]:
    """Names of all processes, each with its service: the workers of a lane are as many as configured."""
    found: dict[str, str] = {}
    workers = {"ingest-alarm": settings.ingest.alarm_workers, "ingest-bulk": settings.ingest.bulk_workers}
    for service in SERVICES:
        if service == "trust" and not settings.trust:
            continue
        for number in range(1, workers.get(service, 1) + 1):
            found[service if number == 1 else f"{service}-{number}"] = service
    return found
