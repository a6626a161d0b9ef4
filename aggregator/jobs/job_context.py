"""What jobs are made from."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from aggregator.config import AggregatorSettings
from aggregator.store.database import Connection, Database

Turn = Callable[[Connection], None]
"""What is done each time; the connection is in autocommit mode, and the job's own."""
Turns = Turn | Mapping[str, Turn]
"""A job's, or several by name, such as one for each receiver."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """Given to the function that makes a job's turns.

    Attributes:
        settings: the whole configuration.
        broker_tls: with what our services connect to the broker; None in plain text.
        ending: what has to be closed when the process ends is pushed here.
    """

    database: Database
    settings: AggregatorSettings
    broker_tls: Callable[[], ssl.SSLContext | None]
    ending: ExitStack
