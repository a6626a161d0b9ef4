"""`hawkline aggregator run`: starts database, broker and services, and starts again what ends."""

import json
import logging
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO

import psycopg

from aggregator.config import AggregatorSettings
from aggregator.embedded.broker import EmbeddedBroker
from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.installation.init import write_environment
from aggregator.services import DSN_VARIABLE, processes
from aggregator.store import Database
from aggregator.store.migrate import migrate
from aggregator.trust.broker_access import admitted_boxes
from aggregator.trust.mosquitto import Listeners, Mosquitto
from shared.child_process import Child
from shared.errors import HawklineError, UnavailableError
from shared.files import DATA_MODE, make_folder
from shared.locks import hold
from shared.net import is_listening, require_free_port
from shared.stop_signals import set_by_signals
from shared.topics import Address

log = logging.getLogger(__name__)

_LOOK_S = 0.2
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 30.0
_GOOD_S = 30.0
_MIGRATE_S = 60.0


class Part(Protocol):
    """Something that runs and can be started again."""

    @property
    def pid(self) -> int | None: ...
    def is_running(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


def service(name: str, config: Path, dsn: str) -> Child:
    """One of our own processes."""
    return Child([sys.executable, "-m", "aggregator.service_main", name, str(config)], {DSN_VARIABLE: dsn})


@dataclass(slots=True)
class _Kept:
    part: Part
    started_s: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    due_s: float = field(default=0.0)


class Supervisor:
    """Owner of all parts of one aggregator."""

    def __init__(self, settings: AggregatorSettings, config: Path) -> None:
        self._settings, self._config = settings, config
        self._parts: dict[str, _Kept] = {}
        self._stopping = threading.Event()
        self._lock: TextIO | None = None

    def run(self) -> None:
        """Start everything, keep it running, end it on SIGTERM or SIGINT.

        Raises:
            HawklineError: something that is needed at the start is not there.
        """
        with set_by_signals(self._stopping):
            self._run()

    def _run(self) -> None:
        try:
            self._start()
            self._write_pids()
            while not self._stopping.wait(_LOOK_S):
                self._look()
        finally:
            for name in reversed(self._parts):
                log.info("stopping %s", name)
                self._parts[name].part.stop()
            if self._lock:
                (self._settings.data_dir / "pids.json").unlink(missing_ok=True)
                self._lock.close()

    def _start(self) -> None:
        settings = self._settings
        _prepare_directory(settings.data_dir)
        refusal = f"data_dir = {str(settings.data_dir)!r}: another aggregator uses it; give each its own"
        self._lock = hold(settings.data_dir / "aggregator.lock", refusal)
        require_free_port(settings.api.host, settings.api.port, "api.port")
        if settings.trust:
            require_free_port(settings.trust.host, settings.trust.port, "trust.port")
        dsn, postgres = settings.database.dsn, None
        if not dsn:
            postgres = EmbeddedPostgres(settings.data_dir)
            self._keep("postgres", postgres)
            dsn = postgres.dsn
        self._migrate(dsn, postgres)
        host, port = settings.broker_address
        if settings.trust:
            settings.vault.renew_services(settings.server_names, datetime.now(UTC))
            write_environment(settings)
        if settings.broker.kind == "embedded":
            self._keep("broker", EmbeddedBroker(host, port, settings.data_dir))
        elif settings.broker.kind == "mosquitto":
            listeners = Listeners(host, port, settings.broker.box_host, settings.broker.box_port)
            self._keep("broker", Mosquitto(settings.vault, settings.broker_folder, listeners, lambda: _welcome(dsn)))
        elif not is_listening(host, port, timeout_s=5):
            raise UnavailableError(
                f"{self._config}: broker.host, broker.port: no broker answers on {host}:{port}; "
                "start it or correct the address"
            )
        for name, kind in processes(settings).items():
            self._keep(name, service(kind, self._config, dsn))

    def _migrate(self, dsn: str, postgres: EmbeddedPostgres | None) -> None:
        """Bring the schema up to date; an embedded server that ends in between is started again."""
        deadline_s = time.monotonic() + _MIGRATE_S
        while True:
            try:
                for name in migrate(Database(dsn)):
                    log.info("database: applied %s", name)
            except (UnavailableError, psycopg.OperationalError) as error:
                if postgres is None or time.monotonic() > deadline_s or self._stopping.is_set():
                    raise
                log.warning("database: %s; starting it again", error)
                time.sleep(_LOOK_S)
                postgres.start()
            else:
                return

    def _keep(self, name: str, part: Part) -> None:
        if self._stopping.is_set():
            return
        log.info("starting %s", name)
        kept = _Kept(part, started_s=time.monotonic())
        self._parts[name] = kept
        part.start()

    def _look(self) -> None:
        changed = False
        for name, kept in self._parts.items():
            if kept.part.is_running():
                continue
            now_s = time.monotonic()
            if not kept.due_s:
                kept.pause_s = (
                    _FIRST_PAUSE_S if now_s - kept.started_s > _GOOD_S else min(_LAST_PAUSE_S, kept.pause_s * 2)
                )
                kept.due_s = now_s + kept.pause_s
                log.error("%s ended; starting it again in %.1f s", name, kept.pause_s)
            elif now_s >= kept.due_s:
                kept.due_s, kept.started_s = 0.0, now_s
                try:
                    kept.part.start()
                except (HawklineError, OSError) as error:
                    log.error("%s: %s", name, error)
                changed = True
        if changed:
            self._write_pids()

    def _write_pids(self) -> None:
        """Which process is which, for people with `kill` and `top`."""
        pids = {name: kept.part.pid for name, kept in self._parts.items()}
        part = self._settings.data_dir / "pids.json.part"
        try:
            part.write_text(json.dumps(pids))
            part.replace(self._settings.data_dir / "pids.json")
        except OSError as error:
            log.error("%s: %s", part, error)


def _welcome(dsn: str) -> list[Address]:
    """Whom the broker lets in from its first moment on."""
    with Database(dsn).connect("broker") as connection:
        return list(admitted_boxes(connection))


def _prepare_directory(data_dir: Path) -> None:
    try:
        make_folder(data_dir, DATA_MODE)
    except OSError as error:
        raise UnavailableError(f"data_dir = {str(data_dir)!r}: cannot be created ({error.strerror})") from None
