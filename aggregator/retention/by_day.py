"""What two statements are enough for: which days there are, and delete one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, LiteralString

from aggregator.signals.declarations import Retained
from aggregator.store.database import Connection
from aggregator.store.retention_periods import RetentionPeriods

if TYPE_CHECKING:
    from aggregator.retention.retention_context import RetentionContext


def by_day(name: str, keep: Callable[[RetentionPeriods], timedelta], sql: Mapping[str, LiteralString]) -> Retained:
    """Of statements `old_days_of_NAME` (rows of `day`, oldest first, of those before `before`) and `drop_day_of_NAME`.

    Args:
        name: blanks of it are `_` in the statements' names.
    """
    named = name.replace(" ", "_")

    def drop(connection: Connection, day: date, _means: "RetentionContext") -> bool:
        connection.execute(sql[f"drop_day_of_{named}"], {"day": day})
        return True

    return Retained(name, keep, old_days(sql[f"old_days_of_{named}"]), drop)


def old_days(statement: LiteralString) -> Callable[[Connection, date], Sequence[date]]:
    """Asks a statement for rows of `day`, given a day `before`."""

    def found(connection: Connection, before: date) -> Sequence[date]:
        return [row["day"] for row in connection.execute(statement, {"before": before})]

    return found
