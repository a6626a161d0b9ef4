"""What has expired, told and deleted by hand: where the job will not do it alone."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregator.config import AggregatorSettings
from aggregator.embedded.database_access import opened
from aggregator.retention.expiring import Expired, all_expired, drop
from aggregator.retention.guard import objection
from aggregator.retention.retention_context import RetentionContext, means
from aggregator.store.audit import Actor, record
from aggregator.store.database import Connection
from aggregator.store.migrate import chosen_engine
from shared.errors import ConfigError
from shared.user_name import user_name


def expiry(settings: AggregatorSettings, config: Path, *, sure: bool) -> list[dict[str, Any]]:
    """A row of each kind: what has expired, what speaks against deleting it, and what was deleted.

    Args:
        sure: delete it, whatever speaks against it.

    Raises:
        ConfigError: no aggregator has run there, or its database holds nothing of ours.
        UnavailableError: the database does not answer.
    """
    now = datetime.now(UTC)
    with opened(settings, config) as database, database.connect("expiry", autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        if chosen_engine(connection) is None:
            raise ConfigError(f"{config}: the database holds no Hawkline: nothing can have expired")
        rows = [
            _row(connection, what, now, means(settings) if sure else None)
            for what in all_expired(connection, settings.retention.periods, now)
        ]
        if any(row["deleted_days"] for row in rows):
            told = ", ".join(f"{row['what']}: {row['deleted_days']} days" for row in rows)
            with connection.transaction():
                record(connection, Actor(user_name(), "this machine"), "deleted by hand", "retention", told)
        return rows


def _row(connection: Connection, what: Expired, now: datetime, sure: RetentionContext | None) -> dict[str, Any]:
    return {
        "what": what.what.name,
        "kept_days": what.keep.days,
        "expired_days": len(what.days),
        "oldest": what.days[0].isoformat() if what.days else None,
        "deleted_days": len(drop(connection, what, sure)) if sure else 0,
        "against": (objection(what.days, now, what.newest, 0.0) or "") if what.days else "",
    }
