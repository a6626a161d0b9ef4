"""What is done by hand on the aggregator's own machine is in the audit, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggregator.config import AggregatorSettings
from aggregator.embedded.database_access import opened
from aggregator.store.audit import Actor, record
from aggregator.store.database import Connection
from aggregator.store.migrate import chosen_engine, pending
from shared.errors import ConfigError, HawklineError
from shared.output import say
from shared.user_name import user_name


def actor() -> Actor:
    """Who sits at this machine."""
    return Actor(user_name(), "this machine")


@contextmanager
def opened_schema(settings: AggregatorSettings, config: Path) -> Iterator[Connection]:
    """A transaction on a database that has all tables of this version.

    Raises:
        HawklineError: no aggregator of this version has run there yet, or the database does not answer.
    """
    with opened(settings, config) as database, database.connect("note") as connection:
        if chosen_engine(connection) is None:
            raise ConfigError(f"{config}: no aggregator has run there yet: start it once")
        if waiting := pending(connection):
            raise ConfigError(
                f"{config}: the database is of an earlier version ({waiting[0]}): start the aggregator once"
            )
        yield connection


@contextmanager
def recorded(settings: AggregatorSettings, config: Path, what: str, detail: str) -> Iterator[Connection]:
    """A transaction with an entry of what is done in it: without the one there is not the other.

    Args:
        settings: of the aggregator.
        config: its file.
        what: in a few words.
        detail: more of it.

    Raises:
        HawklineError: the entry could not be written, such as where no aggregator has run yet.
    """
    with opened_schema(settings, config) as connection, connection.transaction():
        record(connection, actor(), what, "certificate authority", detail)
        yield connection


def note(settings: AggregatorSettings, config: Path, what: str, detail: str) -> None:
    """Write an entry; where no aggregator has run yet there is nothing to write it into, and that is said."""
    try:
        with recorded(settings, config, what, detail):
            pass
    except HawklineError as error:
        say(f"not in the audit: {error}")
