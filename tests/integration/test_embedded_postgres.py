"""The embedded PostgreSQL after what a crash leaves."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from aggregator.embedded.leftover import disown, works_in
from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.store import Database
from aggregator.store.migrate import migrate
from aggregator.store.session_settings import UnfitDatabaseError
from shared.errors import UnavailableError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    tmp_path.chmod(0o755)
    server = EmbeddedPostgres(tmp_path)
    server.start()
    yield server
    server.remove()


def kill(server: EmbeddedPostgres) -> None:
    """As a power cut does: its children end a moment later, for they see that it is gone."""
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    if server._process:
        server._process.wait(10)
    while server.is_running():
        time.sleep(0.05)


def test_a_lock_whose_number_is_another_process_now_hinders_nothing(server: EmbeddedPostgres, tmp_path: Path) -> None:
    data = server.folder / "data"
    kill(server)
    owner = (data / "postmaster.pid").stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None) as stranger:
        try:
            for lock in (data / "postmaster.pid", Path(server.dsn.split()[0][5:]) / ".s.PGSQL.5432.lock"):
                _, _, rest = lock.read_text().partition("\n")
                lock.write_text(f"{stranger.pid}\n{rest}")
            again = EmbeddedPostgres(tmp_path)
            again.start()
            assert again.pid != stranger.pid
            assert works_in(again.pid or 0, data)
            assert stranger.poll() is None
            again.stop()
        finally:
            stranger.kill()


def test_a_server_that_runs_keeps_its_lock(server: EmbeddedPostgres) -> None:
    lock = server.folder / "data" / "postmaster.pid"
    before = lock.read_text()
    disown([lock], server.folder / "data")
    assert lock.read_text() == before


def test_children_of_an_old_server_are_not_locked_out_of_their_memory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    lock = data / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{data}\n1\n5432\n\n\n  1 2\nready\n")
    with subprocess.Popen(["sleep", "60"], cwd=data) as child:
        while not works_in(child.pid, data):
            time.sleep(0.02)
        with pytest.raises(UnavailableError, match=f"still work there \\({child.pid}"):
            disown([lock], data, patience_s=0.1)
        child.kill()
    disown([lock], data)
    assert lock.read_text() == f"{2**31 - 1}\n{data}\n1\n5432\n\n\n  1 2\nready\n"
    disown([data / "none"], data)


def test_a_replica_is_refused_and_told_apart(server: EmbeddedPostgres) -> None:
    migrate(Database(server.dsn))
    server.stop()
    signal_file = server.folder / "data" / "standby.signal"
    signal_file.touch()
    shutil.chown(signal_file, (server.folder / "data").stat().st_uid)
    server.start()
    with pytest.raises(UnfitDatabaseError, match="read-only replica; name the primary"):
        migrate(Database(server.dsn))
    with Database(server.dsn).connect("test", writes=False) as connection:
        assert connection.execute("SELECT count(*) AS n FROM migrations").fetchone() != {"n": 0}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_database_starts_whatever_the_umask_and_nobody_else_may_write_beside_it(tmp_path: Path, umask: int) -> None:
    tmp_path.chmod(0o755)
    before = os.umask(umask)
    embedded = EmbeddedPostgres(tmp_path / "site")
    try:
        embedded.start()
        with psycopg.connect(embedded.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        folders = [embedded.folder, *(path for path in embedded.folder.rglob("*") if path.is_dir())]
        assert [path for path in folders if path.stat().st_mode & 0o022] == []
    finally:
        os.umask(before)
        embedded.remove()
