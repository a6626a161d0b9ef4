"""A database and an API process of a bench's own."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
from psycopg.conninfo import make_conninfo

from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.services import DSN_VARIABLE
from aggregator.store import Database
from aggregator.store.migrate import migrate
from shared.child_process import Child
from shared.errors import UnavailableError
from shared.net import pick_free_port

_READY_S = 60.0
_CONFIG = """data_dir = "data"
[api]
port = {port}
"""


class BenchServer:
    """A database that can be restarted, where it is ours."""

    def __init__(self, dsn: str, embedded: EmbeddedPostgres | None) -> None:
        self.database = Database(dsn)
        self._embedded = embedded

    @property
    def restarts(self) -> bool:
        """Whether `restart` can be asked for."""
        return self._embedded is not None

    def restart(self) -> None:
        """Stop and start the database."""
        if self._embedded is None:
            raise UnavailableError("a server named by --dsn is not restarted")
        self._embedded.stop()
        self._embedded.start()

    def version(self) -> str:
        """What it is."""
        with self.database.connect("bench", autocommit=True) as connection:
            row = connection.execute("SHOW server_version").fetchone()
            engine = connection.execute("SELECT engine FROM storage").fetchone()
            more = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
        said = f"PostgreSQL {row['server_version'] if row else '?'}"
        if engine and engine["engine"] == "timescale" and more:
            return f"{said} with TimescaleDB {more['extversion']}"
        return f"{said}, native partitions"


@contextmanager
def bench_server(folder: Path, dsn: str | None) -> Iterator[BenchServer]:
    """An embedded server in `folder`, or a database of its own on the server of `dsn`; gone at the end.

    Raises:
        UnavailableError: it does not start, or does not answer.
    """
    if dsn is None:
        embedded = EmbeddedPostgres(folder)
        embedded.start()
        try:
            migrate(Database(embedded.dsn))
            yield BenchServer(embedded.dsn, embedded)
        finally:
            embedded.remove()
        return
    name = f"hawkline_bench_{uuid4().hex[:12]}"
    try:
        admin = psycopg.connect(dsn, autocommit=True)
    except psycopg.Error as error:
        raise UnavailableError(f"--dsn: {error}") from None
    with admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            own = make_conninfo(dsn, dbname=name)
            migrate(Database(own))
            yield BenchServer(own, None)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def api_of(server: BenchServer, folder: Path) -> Iterator[httpx.Client]:
    """The API as a process beside it, as the supervisor starts it."""
    port = pick_free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "aggregator.toml"
    config.write_text(_CONFIG.format(port=port), encoding="utf-8")
    child = Child(
        [sys.executable, "-m", "aggregator.service_main", "api", str(config)], {DSN_VARIABLE: server.database.dsn}
    )
    child.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            deadline_s = time.monotonic() + _READY_S
            while not _answers(client):
                if time.monotonic() > deadline_s:
                    raise UnavailableError(f"the API did not answer within {_READY_S:.0f} s")
                time.sleep(0.1)
            yield client
    finally:
        child.stop()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/v1/places").status_code == 200
    except httpx.HTTPError:
        return False
