"""What is done by hand on the aggregator's own machine is in the audit, too."""

from pathlib import Path

from aggregator.config import AggregatorSettings
from aggregator.embedded.database_access import opened
from aggregator.store.audit import Actor, record
from aggregator.store.migrate import chosen_engine
from shared.errors import ConfigError, HawklineError
from shared.output import say
from shared.user_name import user_name


def note(settings: AggregatorSettings, config: Path, what: str, detail: str, *, required: bool = False) -> None:
    """Write an entry; where no aggregator has run yet there is nothing to write it into, and that is said.

    Args:
        settings: of the aggregator.
        config: its file.
        what: in a few words.
        detail: more of it.
        required: without an entry it must not be done.

    Raises:
        HawklineError: it is required, and could not be written.
    """
    actor = Actor(user_name(), "this machine")
    try:
        with opened(settings, config) as database, database.connect("note") as connection:
            if chosen_engine(connection) is not None:
                record(connection, actor, what, "certificate authority", detail)
                return
            raise ConfigError(f"{config}: no aggregator has run there yet: start it once")
    except HawklineError as error:
        if required:
            raise
        say(f"not in the audit: {error}")
