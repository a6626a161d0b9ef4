"""One aggregator a folder; who is refused leaves everything as it was; a database that ends is started again."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from aggregator.config import AggregatorSettings
from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.store import Database
from aggregator.supervisor import Supervisor
from shared.errors import UnavailableError
from shared.locks import hold


def test_a_lock_is_held_by_one_until_it_is_closed(tmp_path: Path) -> None:
    first = hold(tmp_path / "lock", "no")
    with pytest.raises(UnavailableError, match="taken by somebody"):
        hold(tmp_path / "lock", "taken by somebody")
    first.close()
    hold(tmp_path / "lock", "no").close()


def test_a_second_aggregator_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    first = hold(tmp_path / "aggregator.lock", "no")
    pids = tmp_path / "pids.json"
    pids.write_text("{}")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(UnavailableError, match="another aggregator uses it"):
        Supervisor(AggregatorSettings(data_dir=tmp_path), tmp_path / "aggregator.toml").run()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert pids.read_text() == "{}"
    first.close()


def test_a_database_that_ends_before_it_is_migrated_is_started_again(tmp_path: Path) -> None:
    """As when server and supervisor are killed one after the other."""
    tmp_path.chmod(0o755)
    server = EmbeddedPostgres(tmp_path)
    server.start()
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    Supervisor(AggregatorSettings(data_dir=tmp_path), tmp_path / "aggregator.toml")._migrate(server.dsn, server)
    assert server.is_running()
    server.remove()


def test_a_database_whose_data_dir_was_deleted_is_not_found_again(tmp_path: Path) -> None:
    """As root it lies elsewhere, under a name that only the path of data_dir gives."""
    data_dir = tmp_path / "data"

    def start() -> tuple[EmbeddedPostgres, int]:
        data_dir.mkdir(mode=0o700, exist_ok=True)
        server = EmbeddedPostgres(data_dir)
        server.start()
        with Database(server.dsn).connect("test", autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS lives (id int)")
            connection.execute("INSERT INTO lives VALUES (1)")
            row = connection.execute("SELECT count(*) AS n FROM lives").fetchone()
        assert row
        return server, row["n"]

    server, lives = start()
    assert lives == 1
    server.stop()
    server, lives = start()
    assert lives == 2, "the same data_dir, the same database"
    server.stop()
    shutil.rmtree(data_dir)
    server, lives = start()
    aside = list(server.folder.parent.glob(f"{server.folder.name}.left-*"))
    server.remove()
    for folder in aside:
        shutil.rmtree(folder)
    assert lives == 1, "a new data_dir, a new database"
