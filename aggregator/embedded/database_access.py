"""The database of an installation, whether its aggregator runs or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggregator.config import AggregatorSettings
from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.store import Database
from shared.errors import ConfigError, UnavailableError
from shared.files import DATA_MODE, make_folder
from shared.locks import hold

LOCK = "aggregator.lock"


@contextmanager
def opened(settings: AggregatorSettings, config: Path) -> Iterator[Database]:
    """An embedded database is started where no aggregator keeps it running, and stopped again.

    Raises:
        ConfigError: no aggregator has run there.
        UnavailableError: the database does not start.
    """
    if settings.database.dsn:
        yield Database(settings.database.dsn)
        return
    folder = settings.data_dir
    embedded = EmbeddedPostgres(folder)
    if not (folder / LOCK).is_file() or not embedded.exists:
        raise ConfigError(f"{config}: data_dir = {str(folder)!r}: no aggregator has run there")
    try:
        lock = hold(folder / LOCK, "")
    except UnavailableError:  # its aggregator runs
        yield Database(embedded.dsn)
        return
    with lock, _running(embedded):
        yield Database(embedded.dsn)


@contextmanager
def stopped(settings: AggregatorSettings, config: Path) -> Iterator[Database]:
    """As `opened`, but with no aggregator beside us; its data_dir need not be there yet.

    Raises:
        UnavailableError: an aggregator uses it, or the database does not start.
    """
    folder = settings.data_dir
    make_folder(folder, DATA_MODE)
    with hold(folder / LOCK, f"{config}: data_dir = {str(folder)!r}: an aggregator uses it; stop it first"):
        if settings.database.dsn:
            yield Database(settings.database.dsn)
            return
        embedded = EmbeddedPostgres(folder)
        with _running(embedded):
            yield Database(embedded.dsn)


@contextmanager
def _running(embedded: EmbeddedPostgres) -> Iterator[None]:
    embedded.start()
    try:
        yield
    finally:
        embedded.stop()
