"""For how long what is kept. Apart, so that a program that reads a configuration loads no database."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetentionPeriods:
    """For how long what is kept."""

    events: timedelta
    """Events, and numbers that hold none."""
    coverage: timedelta
    health: timedelta
    audit: timedelta
    alerts: timedelta = timedelta(days=365)
    """After they were cleared; with their members. An open one always."""
    pictures: timedelta = timedelta(days=30)
    """After their last alert was cleared, or they came."""
    dead_letters: timedelta = timedelta(days=30)
    deliveries: timedelta = timedelta(days=30)
    """After they were delivered or given up."""
