"""What is done at the machine of the centre, in the database itself: who may read its secrets may do that anyway."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.people.principal import Principal
    from aggregator.store.database import Connection


@dataclass(frozen=True, slots=True)
class AtMachine:
    """A transaction, and who does it in the record."""

    connection: "Connection"
    console: "Principal"

    def note(self, what: str, subject: str) -> None:
        """Write into the audit what was done; the last thing of all."""
        from aggregator.store import audit

        audit.record(self.connection, audit.Actor(self.console.name, ""), what, subject)


@contextmanager
def at_machine(config: Path) -> Iterator[AtMachine]:
    """One transaction in the database of an installation, whether its aggregator runs or not.

    Raises:
        ConfigError: the file is wrong, or no aggregator has run there.
        UnavailableError: the database does not start.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.embedded.database_access import opened
    from aggregator.people.principal import Principal
    from aggregator.store.scope import EVERYWHERE

    settings = load_aggregator_settings(config)
    with opened(settings, config) as database, database.connect("people") as connection:
        yield AtMachine(connection, Principal("console", EVERYWHERE))
