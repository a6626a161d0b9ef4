"""What is done by hand on the aggregator's own machine is in the audit, too."""

from pathlib import Path

from aggregator.config import AggregatorSettings
from aggregator.embedded.database_access import opened
from aggregator.store.audit import Actor, record
from aggregator.store.migrate import chosen_engine
from shared.errors import HawklineError
from shared.output import say
from shared.user_name import user_name


def note(settings: AggregatorSettings, config: Path, what: str, detail: str) -> None:
    """Write an entry; where no aggregator has run yet there is nothing to write it into, and that is said."""
    actor = Actor(user_name(), "this machine")
    try:
        with opened(settings, config) as database, database.connect("note") as connection:
            if chosen_engine(connection) is not None:
                record(connection, actor, what, "certificate authority", detail)
                return
    except HawklineError as error:
        say(f"not in the audit: {error}")
