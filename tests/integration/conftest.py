"""A real PostgreSQL and real brokers."""

import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import argon2
import httpx
import psycopg
import pytest
import uvicorn

from aggregator.alerting.alerts import Publishing
from aggregator.console_api import build
from aggregator.embedded.broker import EmbeddedBroker
from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.people import passwords
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.migrate import migrate
from aggregator.store.pictures import PictureStore
from shared.net import is_listening, pick_free_port

NO_ROOTS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak in plain text."""


@pytest.fixture(autouse=True)
def _now_of_each_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's NOW_S is when its test begins, not when a suite read the file: after a quarter of an hour it is late.

    That of test_ingest.py goes with it, for other modules use its helpers beside a NOW_S of their own.
    """
    now_s = time.time()
    for module in {request.module, sys.modules.get("tests.integration.test_ingest", request.module)}:
        if hasattr(module, "NOW_S"):
            monkeypatch.setattr(module, "NOW_S", now_s)


@pytest.fixture
def dear_passwords() -> None:
    """For tests of what passwords cost: they are kept as they are for people, at 64 MiB and 0.2 s each."""


@pytest.fixture(autouse=True)
def _cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Elsewhere they cost next to nothing: accounts are made in hundreds of tests."""
    if "dear_passwords" in request.fixturenames:
        yield
        return
    monkeypatch.setattr(passwords, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords.nobodys.cache_clear()
    yield
    passwords.nobodys.cache_clear()


@pytest.fixture(scope="session")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server named by HAWKLINE_TEST_DSN, else an embedded one."""
    named = os.environ.get("HAWKLINE_TEST_DSN")
    if named:
        yield named
        return
    folder = tmp_path_factory.mktemp("postgres")
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    server.start()
    # Each test drops its database, and a drop waits until all of the server is on the disk. No test cuts this server's
    # power: tests of what survives that have servers of their own.
    _set_fsync(server.dsn, "off")
    yield server.dsn
    server.remove()


def _set_fsync(dsn: str, to: str) -> None:
    """For all sessions that begin from now on."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"ALTER SYSTEM SET fsync = {to}")
        admin.execute("SELECT pg_reload_conf()")
    while True:
        with psycopg.connect(dsn) as fresh:
            row = fresh.execute("SHOW fsync").fetchone()
        if row and row[0] == to:
            return
        time.sleep(0.02)


@pytest.fixture
def durable(server_dsn: str) -> Iterator[None]:
    """The server as we demand it: for tests that look whether it is so."""
    if os.environ.get("HAWKLINE_TEST_DSN"):
        yield  # which is left as it is
        return
    _set_fsync(server_dsn, "on")
    yield
    _set_fsync(server_dsn, "off")


@contextmanager
def _a_database(server_dsn: str, more: str = "") -> Iterator[Database]:
    name = f"hawkline_test_{uuid4().hex[:12]}"
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} {more}")
    yield Database(psycopg.conninfo.make_conninfo(server_dsn, dbname=name))
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated(server_dsn: str) -> Iterator[str | None]:
    """Name of a database with our schema that others are copied from; None where an extension may be at work in it."""
    if os.environ.get("HAWKLINE_TEST_DSN"):
        yield None
        return
    with _a_database(server_dsn) as database:
        migrate(database)
        yield str(psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"])


@pytest.fixture
def empty_database(server_dsn: str) -> Iterator[Database]:
    """A database of this test's own, without our schema."""
    with _a_database(server_dsn) as database:
        yield database


@pytest.fixture
def database(server_dsn: str, migrated: str | None) -> Iterator[Database]:
    """A database of this test's own with our schema."""
    with _a_database(server_dsn, f"TEMPLATE {migrated} STRATEGY file_copy" if migrated else "") as database:
        if not migrated:
            migrate(database)
        yield database


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect("test", autocommit=True) as connection:
        yield connection


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[httpx.Client]:
    """Talks to a real server on loopback."""
    with served(database, PictureStore(tmp_path / "evidence"), tmp_path) as client:
        yield client


@pytest.fixture
def bounded(database: Database, tmp_path: Path, pictures: tuple[int, int]) -> Iterator[httpx.Client]:
    """Likewise, where a box may bring so many bytes of pictures a day, and so many are kept."""
    with served(database, PictureStore(tmp_path / "evidence", *pictures), tmp_path) as client:
        yield client


@contextmanager
def served(database: Database, pictures: PictureStore, console: Path) -> Iterator[httpx.Client]:
    port = pick_free_port()
    app = build(database, pictures, Publishing(), console=console)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    # Nothing is encrypted here: reading the public roots for each client would cost more than many a test.
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False, verify=NO_ROOTS) as client:
        yield client
    server.should_exit = True
    thread.join(10)


@pytest.fixture(params=["embedded", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Each broker that we promise to work with; host and port."""
    port = pick_free_port()
    if request.param == "embedded":
        embedded = EmbeddedBroker("127.0.0.1", port, tmp_path)
        embedded.start()
        yield "127.0.0.1", port
        embedded.stop()
        return
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        reason = "mosquitto is missing (Debian: mosquitto)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with subprocess.Popen(
        [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not is_listening("127.0.0.1", port):
            time.sleep(0.05)
        yield "127.0.0.1", port
        process.terminate()
