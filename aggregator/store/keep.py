"""For how long what is kept. Apart, so that whoever reads a configuration loads no database."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long what is kept."""

    events: timedelta
    coverage: timedelta
    health: timedelta
    audit: timedelta
